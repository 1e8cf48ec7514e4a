"""The figures of 04: samples by class, and what a label buys and costs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from torch import Tensor

from coursekit.plots import array, canvas, label, picture, tile
from coursekit.plots.colours import BLACK, BLUE, GREEN, ORANGE, PALETTE, PURPLE, VERMILION

INCH = 0.62  # of one small image


def _columns(ax: Axes, images: Tensor, classes: Sequence[str], title: str) -> None:
    """Images in rows of one per class, the names of the classes above."""
    picture(ax, tile(images, len(classes)))
    side = images.shape[-1]
    for c, name in enumerate(classes):
        at = ((c + 0.5) / len(classes), 1.0)
        longest = max(len(n) for n in classes)
        turned = {"rotation": 35, "ha": "left"} if longest > 2 else {"ha": "center"}
        ax.annotate(
            name, at, (0, 3), xycoords="axes fraction", textcoords="offset points",
            va="bottom", fontsize=9, **turned,
        )  # fmt: skip
        if c:
            ax.axvline(c * side - 0.5, color="white", linewidth=1)
    ax.set_title(title, loc="left", fontsize=10, fontweight="bold", pad=_room(classes))


def _room(classes: Sequence[str]) -> float:
    """Points between a title and the picture, so that turned names fit."""
    longest = max(len(name) for name in classes)
    return 16 if longest <= 2 else 14 + 3.6 * longest


def class_grid(images: Tensor, classes: Sequence[str], title: str = "") -> Figure:
    """Images (rows × classes, c, h, w): a column for each class, a row for each z."""
    return class_grids({title: images}, classes, scale=INCH)


def class_grids(
    sheets: Mapping[str, Tensor],
    classes: Sequence[str],
    across: int = 2,
    scale: float = 0.44,
    unnamed: Sequence[str] = (),
) -> Figure:
    """Several class grids, `across` to a row, each under its title.

    The sheets in `unnamed` have no names above their columns, which are not classes.
    """
    across = min(across, len(sheets))
    down = -(-len(sheets) // across)
    rows = max(-(-len(images) // len(classes)) for images in sheets.values())
    title = (_room(classes) + 34) / 72
    figure, axes = canvas(
        down, across, width=len(classes) * scale + 0.2, height=rows * scale + title
    )
    for ax in axes:
        ax.set_axis_off()
    for ax, (name, images) in zip(axes, sheets.items(), strict=False):
        heads = [""] * len(classes) if name in unnamed else classes
        _columns(ax, images, heads, name)
    return figure


def class_widget(
    image: Tensor, row: Tensor, chosen: int, classes: Sequence[str], seen: str
) -> Figure:
    """One image large; below it the same z in every class, the chosen one framed."""
    figure, (large, all_classes) = canvas(2, 1, 6.4, 1.75, height_ratios=(5, 1.3))
    picture(large, image)
    large.set_title(f"asked for {classes[chosen]}, classified as {seen}", loc="center")
    picture(all_classes, tile(row, len(row)))
    side = row.shape[-1]
    frame = Rectangle(
        (chosen * side - 0.5, -0.5), side, row.shape[-2], fill=False, color=VERMILION, linewidth=2
    )
    all_classes.add_patch(frame)
    middle = np.arange(len(row)) * side + side / 2
    for at, name in zip(middle, classes, strict=True):
        all_classes.text(
            at, 1.12 * row.shape[-2], name, ha="center", va="top", fontsize=9, clip_on=False
        )
    return figure


def _percent(axis: Axis) -> None:
    """Shares as percentages, each with no more digits than it needs."""
    axis.set_major_formatter(FuncFormatter(lambda share, _: f"{round(100 * share, 2) + 0:g}%"))


def equilibria(
    at: Any,
    p: Any,
    games: Mapping[str, Any],
    weights: Sequence[float],
    lines: Mapping[str, Any],
    reference: float,
) -> Figure:
    """Two classes on a line: what each of three games makes of them, and what the class loss costs.

    Args:
        at, p: the points, and the data at them, dashed in each panel.
        games: game → its best generator, filled, a step for each point.
        weights, lines: of the last panel: weights λ; name → values at them, in nats.
        reference: H(y|x) of the data, in the last panel.
    """
    figure, (*axes, last) = canvas(2, 2, width=4.4, height=2.7)
    places, data = array(at), array(p)
    top = 1.15 * max(float(array(q).max()) for q in games.values())
    for ax, (name, q) in zip(axes, games.items(), strict=True):
        for c, colour in enumerate((BLUE, VERMILION)):
            ax.fill_between(
                places, array(q)[c], step="mid", color=colour, alpha=0.45, linewidth=0,
                label=f"generator, y = {c + 1}",
            )  # fmt: skip
            ax.plot(
                places, data[c], color=colour, linestyle="--", linewidth=1.2,
                label=f"data, y = {c + 1}",
            )  # fmt: skip
        ax.set_ylim(0, top)
        label(ax, name, "x", "share of all samples")
    axes[0].legend(frameon=False, loc="upper center", ncols=2)
    for colour, (name, values) in zip((GREEN, ORANGE, PURPLE), lines.items(), strict=False):
        _line(last, weights, values, colour, name)
    last.axhline(reference, color=BLACK, linestyle=":", linewidth=1.2, label="H(y|x) of the data")
    last.set_xscale("log")
    label(last, "What the class loss costs", "weight λ of the class loss (log)", "nats")
    last.legend(frameon=False, loc="center left", bbox_to_anchor=(0, 0.64))
    return figure


def confusion(matrix: Any, classes: Sequence[str]) -> Figure:
    """Rows: the class asked for; columns: the class predicted; shares of each row."""
    shares = array(matrix)
    long = max(len(name) for name in classes) > 3
    figure, (ax,) = canvas(width=4.6 + long, height=4.0 + long)
    image = ax.imshow(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1)
    for row, column in zip(*np.nonzero(np.round(100 * shares) >= 1), strict=True):
        tone = "white" if shares[row, column] > 0.4 else "black"
        text = f"{100 * shares[row, column]:.0f}"
        ax.text(column, row, text, ha="center", va="center", color=tone, fontsize=9)
    ax.set_xticks(range(len(classes)), classes, rotation=60 if long else 0)
    ax.set_yticks(range(len(classes)), classes)
    ax.grid(False)
    image.set_clim(0, 1)
    label(ax, "Confusion matrix (%)", "class predicted", "class asked for")
    return figure


def _line(ax: Axes, x: Sequence[float], values: Any, colour: str, name: str) -> None:
    ax.plot(x, array(values), color=colour, marker="o", markersize=4, label=name)


Curve = tuple[Sequence[float], Any]  # steps, and one row of values a seed


def against_steps(
    panels: Mapping[str, Mapping[str, Curve]],
    real: Mapping[str, float],
    log: Sequence[str] = (),
    title: str = "",
    perfect: Sequence[str] = (),
) -> Figure:
    """One panel a measure: a colour for each way of conditioning, a line for each seed.

    Args:
        panels: measure → way → (steps, values of shape (seeds, steps)).
        real: measure → its value on real images, drawn as a dotted line.
        log: measures with a logarithmic axis.
        title: of the whole figure.
        perfect: measures whose value in `real` is that of perfect samples, by a formula; it is
            drawn dashed.
    """
    figure, axes = canvas(1, len(panels), width=3.9, height=3.4, title=title)
    handles: dict[str, Artist] = {}
    for ax, (measure, ways) in zip(axes, panels.items(), strict=True):
        for colour, (name, (steps, values)) in zip(PALETTE, ways.items(), strict=False):
            for i, row in enumerate(np.atleast_2d(array(values))):
                ax.plot(steps, row, color=colour, linewidth=1.4, label=name if i == 0 else None)
        if measure in real:
            name = "perfect samples" if measure in perfect else "real images"
            style = "--" if measure in perfect else ":"
            ax.axhline(real[measure], color=BLACK, linestyle=style, linewidth=1.4, label=name)
        shares = max((array(v).max() for _, v in ways.values()), default=0) <= 1
        if measure in log:
            _logarithmic(ax.yaxis)
        else:
            ax.set_ylim(0, 1.02)
        if shares:
            _percent(ax.yaxis)
        label(ax, measure + " (log)" * (measure in log), "updates")
        handles |= {name: line for line, name in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(
        list(handles.values()), list(handles), loc="outside lower center", ncols=6, frameon=False
    )
    return figure


def _logarithmic(axis: Axis) -> None:
    """A log axis of y with plain numbers: 10, 20, 50, 100."""
    axis.axes.set_yscale("log")
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def accuracy_and_coverage(
    accuracy: Mapping[str, Any], coverage: Mapping[str, Any], real: tuple[float, float]
) -> Figure:
    """Each way, a hollow mark of another shape a seed: class accuracy against coverage.

    `real` is (coverage, accuracy) of real images.
    """
    figure, (ax,) = canvas(width=6.8, height=4.0)
    for colour, name in zip(PALETTE, accuracy, strict=False):
        dots = np.atleast_1d(array(coverage[name])), np.atleast_1d(array(accuracy[name]))
        for seed, (x, y) in enumerate(zip(*dots, strict=True)):
            ax.plot(
                x, y, "os^"[seed % 3], color=colour, markersize=10, markerfacecolor="none",
                markeredgewidth=1.8, label=name if seed == 0 else None,
            )  # fmt: skip
    ax.plot(*real, "*", color=BLACK, markersize=16, label="real images")
    ax.axhline(real[1], color=BLACK, linestyle=":", linewidth=1)
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))  # room for labels like 60.0%
    for axis in (ax.xaxis, ax.yaxis):
        _percent(axis)
    label(
        ax,
        "Class accuracy and coverage, a shape for each seed",
        "coverage within classes, 5 neighbours",
        "class accuracy",
    )
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def wrong_labels(
    rates: Sequence[float],
    measured: Sequence[tuple[Any, Any]],
    expected: Sequence[tuple[Any, Any]],
) -> Figure:
    """Class accuracy, and the most frequent other class, against the share of wrong labels.

    Args:
        rates: the shares ϱ.
        measured, expected: both shares for each ϱ, of the samples and of a perfect mixture.
    """
    figure, (ax,) = canvas(width=8.0, height=3.2)
    names = ("class asked for", "most frequent other class")
    for i, (colour, name) in enumerate(zip((BLUE, VERMILION), names, strict=True)):
        ideal = [float(pair[i]) for pair in expected]
        ax.plot(rates, ideal, color=colour, linestyle="--", label=f"{name}: expected")
        _line(ax, rates, [float(pair[i]) for pair in measured], colour, f"{name}: measured")
    ax.set_ylim(0, 1.02)
    for axis in (ax.xaxis, ax.yaxis):
        _percent(axis)
    label(ax, "What wrong labels do", "share ϱ of wrong labels", "samples classified as")
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def truncation(
    bounds: Sequence[float], panels: Mapping[str, tuple[Any, float]], title: str = ""
) -> Figure:
    """One panel a measure, against the bound on |z|; one above 10 has a log axis.

    Args:
        bounds: on each coordinate of z.
        panels: measure → (its values, that of real images, which is dotted).
        title: of the whole figure.
    """
    figure, axes = canvas(-(-len(panels) // 2), 2, width=4.3, height=2.6, title=title)
    for ax, (name, (values, real)) in zip(axes, panels.items(), strict=True):
        _line(ax, bounds, values, PURPLE, "samples of the long run")
        ax.axhline(real, color=BLACK, linestyle=":", linewidth=1.4, label="real images")
        ax.set_xscale("log")
        ax.set_xticks(bounds, [f"{b:g}" for b in bounds])
        ax.minorticks_off()
        log = max(values) > 10
        if log:
            _logarithmic(ax.yaxis)
        elif max(values) <= 1:
            ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
            _percent(ax.yaxis)
        label(ax, name + " (log)" * log, "bound on each coordinate of z")
    axes[0].legend(frameon=False)
    return figure
