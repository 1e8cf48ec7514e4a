"""The figures of 03 and of the other lectures that train GANs."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axis import Axis, XAxis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from coursekit.plots import canvas, label, picture, standard_error, tile
from coursekit.plots.colours import BLACK, BLUE, GREEN, ORANGE, PALETTE, VERMILION

INCH = 0.5  # of one small image
GAMES = {  # the ablations of 03: recipe → its name in figures
    "baseline": "baseline DCGAN", "pooling": "max pooling in D", "relu-in-D": "ReLU in D",
    "no-batchnorm-in-D": "no BatchNorm in D", "no-batchnorm-in-G": "no BatchNorm in G",
    "no-sigmoid": "unbounded output", "beta1-0.9": "β₁ = 0.9", "rates-2e-4": "both rates 2e-4",
    "equal-rates": "both rates 1e-3", "k-2": "k = 2", "k-5": "k = 5", "saturating": "saturating",
    "least-squares": "least squares", "hinge": "hinge", "r1": "R1 recipe",
}  # fmt: skip


def strips(rows: Mapping[str, Tensor], title: str = "", scale: float = INCH) -> Figure:
    """One row of images (n, c, h, w) in [0, 1] per name, the name to its left."""
    longest = max(len(images) for images in rows.values())
    names = 0.2 + 0.085 * max(map(len, rows))  # inches, to the left
    width = max(longest * scale + names, 0.12 * len(title))
    figure, axes = canvas(len(rows), 1, width=width, height=scale + 0.08)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=12)
    for ax, (name, images) in zip(axes, rows.items(), strict=True):
        picture(ax, tile(images, longest))
        ax.set_anchor("W")
        ax.text(-0.01, 0.5, name, transform=ax.transAxes, ha="right", va="center", fontsize=9)
    figure.set_size_inches(width, len(rows) * (scale + 0.08) + 0.4 * bool(title))
    return figure


def album(sheets: Mapping[str, Tensor], columns: int = 8, scale: float = 0.36) -> Figure:
    """Square sheets of samples side by side, each under its name."""
    rows = -(-max(len(images) for images in sheets.values()) // columns)
    size = columns * scale
    above = 0.45 + 0.17 * max(name.count("\n") for name in sheets)  # inches, for the names
    figure, axes = canvas(1, len(sheets), width=size + 0.15, height=rows * scale + above)
    for ax, (name, images) in zip(axes, sheets.items(), strict=True):
        picture(ax, tile(images, columns), name)
    return figure


def frames(moments: Sequence[Tensor], captions: Sequence[str], columns: int = 8) -> list[Figure]:
    """The pictures of a film: one sheet of samples per moment, under its caption."""
    pictures = []
    for images, caption in zip(moments, captions, strict=True):
        rows = -(-len(images) // columns)
        figure, (ax,) = canvas(width=max(2.6, columns * INCH), height=rows * INCH + 0.45)
        picture(ax, tile(images, columns), caption)
        pictures.append(figure)
    return pictures


def latent_widget(image: Tensor, path: Tensor, position: float) -> Figure:
    """One image large, and below it the way through latent space, with the place marked."""
    figure, (large, way) = canvas(2, 1, 6.4, 1.7, height_ratios=(5, 1))
    picture(large, image)
    picture(way, tile(path, len(path)))
    side = path.shape[-1]
    at = position * (len(path) - 1) * side + side / 2 - 0.5
    way.plot([at], [-0.12 * side], marker="v", color=VERMILION, clip_on=False)
    return figure


Floats = NDArray[np.float64]


def moves(moments: Sequence[str], G: Sequence[float], D: Sequence[float]) -> Figure:
    """How far the parameters of each player moved at each moment: one of the two never does."""
    figure, (ax,) = canvas(width=7.2, height=2.6)
    at = np.arange(len(moments))
    ax.bar(at - 0.2, D, 0.4, color=GREEN, label="discriminator D")
    ax.bar(at + 0.2, G, 0.4, color=VERMILION, label="generator G")
    ax.set_xticks(at, moments)
    label(ax, "Who is updated when", "", "‖change of parameters‖₂")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


Curve = tuple[ArrayLike, ArrayLike]  # updates, and values of shape (len(updates),) or (seeds, …)


def quality_and_losses(
    quality: Mapping[str, Curve],
    levels: Mapping[str, float],
    losses: Mapping[str, Curve],
    distance: Curve,
    titles: tuple[str, str],
) -> Figure:
    """Left the Fréchet distance of several games against updates, right the losses of one, and
    beside them its own distance, on a second axis.

    Args:
        quality: game → (updates, one row of distances a seed).
        levels: what is drawn as a dotted line, e.g. the distance of real images.
        losses: name → (updates, values).
        distance: the Fréchet distance of that game, (updates, values).
        titles: of the two panels.
    """
    figure, (left, right) = canvas(1, 2, width=5.2, height=3.6)
    beside = right.twinx()
    beside.plot(*distance, color=BLACK, linestyle="--")
    beside.grid(visible=False)
    _logarithmic(beside.yaxis)
    label(beside, "", "", "Fréchet distance (log), dashed")
    for colour, (name, (steps, values)) in zip(PALETTE, quality.items(), strict=False):
        for i, row in enumerate(np.atleast_2d(np.asarray(values))):
            left.plot(steps, row, color=colour, linewidth=1.3, label=name if i == 0 else None)
    for style, (name, value) in zip((":", "--"), levels.items(), strict=False):
        left.axhline(value, color=BLACK, linestyle=style, linewidth=1.2, label=name)
    for axis in (left.xaxis, left.yaxis):
        _logarithmic(axis)
    for colour, (name, (steps, values)) in zip((GREEN, VERMILION), losses.items(), strict=False):
        right.plot(steps, values, color=colour, label=name)
    right.set_ylim(bottom=0)
    label(left, titles[0], "updates (log)", "Fréchet distance (log)")
    label(right, titles[1], "updates", "loss")
    for ax in (left, right):
        if ax.get_legend_handles_labels()[0]:
            ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=3, frameon=False)
    return figure


def against_count(
    counts: Sequence[int], panels: Mapping[str, Mapping[str, Sequence[float]]]
) -> Figure:
    """Fréchet distances against the number of images, one panel for each feature network."""
    figure, axes = canvas(1, len(panels), width=4.6, height=3.5)
    for ax, (network, lines) in zip(axes, panels.items(), strict=True):
        for colour, (name, values) in zip((BLACK, GREEN, VERMILION), lines.items(), strict=False):
            ax.plot(counts, values, color=colour, marker="o", markersize=4, label=name)
        for axis in (ax.xaxis, ax.yaxis):
            _logarithmic(axis)
        ax.set_xticks(counts, [f"{count:,}" for count in counts])
        ax.minorticks_off()
        label(ax, f"Features: {network}", "images, n (log)", "Fréchet distance (log)")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False)
    return figure


def early_and_late(
    early: Mapping[str, float],
    late: Mapping[str, float],
    when: Sequence[str],
    bold: Sequence[str],
    title: str = "",
) -> Figure:
    """Two rankings, a line from each variant's place in the first to its place in the second."""
    figure, (ax,) = canvas(width=8.4, height=0.9 + 0.3 * len(early), title=title)
    places = [
        {name: i for i, name in enumerate(sorted(d, key=d.__getitem__))} for d in (early, late)
    ]
    colours = dict(zip(bold, (BLUE, VERMILION, GREEN), strict=False))
    for name in early:
        strong = name in colours
        colour, weight = colours.get(name, "#999999"), "bold" if strong else "normal"
        ends = [column[name] for column in places]
        ax.plot([0, 1], ends, color=colour, marker="o", markersize=5, lw=2.6 if strong else 1.2)
        for x, y, value, side in zip(
            (0, 1), ends, (early[name], late[name]), ("right", "left"), strict=True
        ):
            words = f"{name}  {value:,.0f}" if side == "right" else f"{value:,.0f}  {name}"
            at = (-0.04, 1.04)[x]
            ax.text(
                at,
                y,
                words,
                ha=side,
                va="center",
                fontsize=10,
                fontweight=weight,
                color=colour if strong else "#333333",
            )
    ax.set_xlim(-0.95, 1.95)
    ax.set_ylim(len(early) - 0.4, -0.6)
    ax.set_xticks([0, 1], when)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.set_yticks([])
    ax.set_xlabel("order: rank, best on top; number: Fréchet distance")
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return figure


def bands(watched: Mapping[str, Mapping[int, Sequence[float]]], names: Sequence[str]) -> Figure:
    """Error (solid) and power (dashed) in bands of spatial frequency against updates.

    Args:
        watched: twin → updates → errors of all bands, then powers of all bands, as shares of the
            real images' power in each band.
        names: of the bands.
    """
    figure, axes = canvas(1, len(watched), width=4.8, height=3.5)
    highest = max(max(values) for looks in watched.values() for values in looks.values())
    top = max(2.0, 1.05 * highest)
    for ax, (twin, looks) in zip(axes, watched.items(), strict=True):
        values = np.asarray(list(looks.values()), dtype=float)
        for i, (colour, name) in enumerate(zip((BLUE, ORANGE, VERMILION), names, strict=False)):
            ax.plot(list(looks), values[:, i], color=colour, label=f"{name}: error")
            power = values[:, len(names) + i]
            ax.plot(
                list(looks), power, color=colour, linestyle="--", lw=1.3, label=f"{name}: power"
            )
        ax.axhline(1, color=BLACK, linestyle=":", linewidth=1.2)
        ax.set_yscale("symlog", linthresh=1)  # even up to 1, logarithmic above
        ax.set_ylim(0, top)
        ax.set_yticks([mark for mark in (0, 0.25, 0.5, 0.75, 1, 2, 3, 5, 10, 20) if mark <= top])
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_locator(NullLocator())
        label(ax, twin, "updates", "share of real power (log above 1)")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(names), frameon=False)
    return figure


def compared(
    results: Mapping[str, Sequence[float]],
    what: str,
    title: str,
    baseline: str | None = None,
    log: bool = True,
) -> Figure:
    """One row per variant: every seed a dot, mean ± standard error a bar, the baseline a line."""
    figure, (ax,) = canvas(width=7.0, height=0.7 + 0.34 * len(results))
    for row, (name, values) in enumerate(results.items()):
        v = np.asarray(values, dtype=float)
        colour = ORANGE if name == baseline else BLUE
        ax.errorbar(v.mean(), row, xerr=standard_error(v), fmt="o", color=colour, capsize=3)
        ax.plot(v, np.full(len(v), row), "|", color=colour, markersize=9, alpha=0.5)
    if baseline is not None:
        ax.axvline(float(np.mean(results[baseline])), color=ORANGE, linewidth=1, linestyle="--")
    ax.set_yticks(range(len(results)), list(results))
    ax.invert_yaxis()
    if log:
        _logarithmic(ax.xaxis)
    label(ax, title, what)
    return figure


def _logarithmic(axis: Axis) -> None:
    """A log axis whose ticks are plain numbers: 200, 500, 1,000."""
    (axis.axes.set_xscale if isinstance(axis, XAxis) else axis.axes.set_yscale)("log")
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axis.set_minor_formatter(NullFormatter())


def shares(values: Mapping[str, ArrayLike], what: str, title: str) -> Figure:
    """Cumulative shares: how many of each sample lie below each value."""
    figure, (ax,) = canvas(width=6.4, height=3.0)
    for colour, (name, v) in zip((BLUE, VERMILION, GREEN), values.items(), strict=False):
        at = np.sort(np.asarray(v, dtype=float))
        ax.step(at, np.arange(1, len(at) + 1) / len(at), color=colour, label=name)
    ax.set_xlim(left=0)
    label(ax, title, what, "share of images below")
    ax.legend(frameon=False)
    return figure
