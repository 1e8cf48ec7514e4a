"""The figures of 08: who fools whom."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from coursekit.plots import array, canvas, curves, label, picture, standard_error, tile
from coursekit.plots.colours import BLACK, BLUE, GREEN, PALETTE, VERMILION


def crafts(
    x: Tensor, examples: Mapping[str, Tensor], captions: Mapping[str, str], title: str
) -> Figure:
    """One image and what each source makes of it: the example, and below it the perturbation.

    Args:
        x: the image, (c, h, w).
        examples: source → its example, (c, h, w).
        captions: source → a line or two about its perturbation.
        title: of the figure.
    """
    figure, axes = canvas(2, 1 + len(examples), 1.7, 2.0, title)
    picture(axes[0], x, "image")
    axes[1 + len(examples)].set_axis_off()
    for column, (name, x_adv) in enumerate(examples.items(), start=1):
        picture(axes[column], x_adv, name)
        below = axes[1 + len(examples) + column]
        picture(below, (0.5 + (x_adv - x)).clamp(0, 1))
        below.set_title(captions[name], loc="left", fontsize=9)
    return figure


def leaf_moves(winner: Tensor, points: Tensor, moves: Mapping[str, Tensor], title: str) -> Figure:
    """A tree over two features: its regions, some points, and where each attack moves them.

    Args:
        winner: class on a grid of [0, 1]², rows are the second feature, (m, m).
        points: (n, 2).
        moves: attack → (n, 2).
        title: of the figure.
    """
    figure, axes = canvas(1, len(moves), width=3.9, height=3.7, title=title)
    for ax, (name, arrived) in zip(axes, moves.items(), strict=True):
        ax.imshow(array(winner), extent=(0, 1, 0, 1), origin="lower", cmap="Pastel1", vmax=8)
        start, end = array(points), array(arrived)
        for a, b in zip(start, end, strict=True):
            arrow = {"arrowstyle": "->", "color": VERMILION, "shrinkA": 0, "shrinkB": 0}
            ax.annotate("", b, a, arrowprops=arrow)
        ax.plot(*start.T, "o", color="black", markersize=4)
        ax.grid(False)
        mean = np.linalg.norm(end - start, axis=1).mean()
        label(ax, f"{name}, mean length {mean:.2f}", "feature 1", "feature 2")
    return figure


def cell(
    x: Tensor,
    x_adv: Tensor,
    answers: Mapping[str, tuple[int, int]],
    classes: Sequence[str],
    true: int,
    title: str,
) -> Figure:
    """One example of one cell: image, perturbation, example, and what both models say.

    Args:
        x, x_adv: (c, h, w).
        answers: "source …" and "target …" → class for the image and for the example.
        classes: names.
        true: the image's class.
        title: of the figure.
    """
    figure, axes = canvas(1, 4, width=2.1, height=2.5, title=title)
    picture(axes[0], x, f"image: {classes[true][:12]}")
    picture(axes[1], (0.5 + (x_adv - x)).clamp(0, 1), "perturbation")
    picture(axes[2], x_adv, "example")
    _verdicts(axes[3], answers, classes, true)
    return figure


def _verdicts(
    axes: Axes, answers: Mapping[str, tuple[int, int]], classes: Sequence[str], true: int
) -> None:
    axes.set_axis_off()
    for row, (name, (before, after)) in enumerate(answers.items()):
        top = 0.92 - 0.46 * row
        axes.text(0, top, name, fontweight="bold", fontsize=10, transform=axes.transAxes)
        for line, (when, said) in enumerate((("image", before), ("example", after)), start=1):
            axes.text(
                0.04,
                top - 0.14 * line,
                f"{when}: {classes[said][:12]}",
                color=GREEN if said == true else VERMILION,
                fontsize=10,
                transform=axes.transAxes,
            )


Names = Sequence[str]


def matrices(
    panels: Mapping[str, Tensor],
    sources: Names,
    targets: Names,
    controls: Mapping[str, Tensor] | None = None,
    title: str = "",
) -> Figure:
    """Heat maps side by side: sources are rows, targets columns.

    Args:
        panels: title → shares (sources, targets).
        sources, targets: names of the rows and columns.
        controls: name → shares (targets,), shown as further rows below a gap in the first panel.
        title: of the whole figure.
    """
    controls = controls or {}
    wide = 1.5 + 0.62 * len(targets)
    high = 1.2 + 0.5 * (len(sources) + len(controls) + bool(controls) * 0.4)
    figure, axes = canvas(1, len(panels), wide, high, title)
    places = [*range(len(sources)), *(len(sources) + 0.4 + r for r in range(len(controls)))]
    steep = 30 if max(map(len, targets)) > 7 else 0
    for number, (ax, (name, rates)) in enumerate(zip(axes, panels.items(), strict=True)):
        _heat(ax, array(rates), 0.0)
        below = {} if number else controls
        for row, values in enumerate(below.values()):
            _heat(ax, array(values)[None], len(sources) + 0.4 + row)
        shown = [*sources, *below]
        ax.set_yticks(places[: len(shown)], shown)
        ax.set_xticks(range(len(targets)), list(targets), rotation=steep)
        ax.set_ylim(places[-1] + 0.5, -0.5)
        ax.set_xlim(-0.5, len(targets) - 0.5)
        label(ax, name, "target", "source")
        ax.yaxis.set_label_coords(*(-0.3, 1 - len(sources) / 2 / (places[-1] + 1)))
        if number:
            ax.tick_params(labelbottom=False, labeltop=False)
            for column, target in enumerate(targets):
                ax.text(column, len(sources) - 0.3, target, ha="center", va="top")
            ax.xaxis.set_label_coords(0.5, 1 - (len(sources) + 0.5) / (places[-1] + 1))
    return figure


def _heat(axes: Axes, values: np.ndarray, top: float, size: int = 10) -> None:
    """Coloured cells with their per cent, the first row centred at `top`."""
    rows, columns = values.shape
    extent = (-0.5, columns - 0.5, top + rows - 0.5, top - 0.5)
    axes.imshow(values, vmin=0, vmax=1, cmap="Blues", extent=extent, aspect="auto")
    for i, j in np.ndindex(rows, columns):
        if np.isfinite(values[i, j]):
            colour = "white" if values[i, j] > 0.6 else "black"
            text = f"{100 * values[i, j]:.0f}"
            axes.text(j, top + i, text, ha="center", va="center", color=colour, fontsize=size)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


PERCENT = PercentFormatter(1.0)
GREY = "#777777"


def against_eps(
    eps: Sequence[float], panels: Mapping[str, Mapping[str, tuple[Tensor, Tensor]]], what: str
) -> Figure:
    """One panel a target: named curves over ε, with bands.

    Args:
        eps: the ε of each column, in units of pixels.
        panels: title → name → (share, half the width of its band) at each ε.
        what: the y axis in words.
    """
    figure, axes = canvas(1, len(panels), width=4.6, height=3.4)
    for ax, (title, series) in zip(axes, panels.items(), strict=True):
        means = {name: array(values) for name, (values, _) in series.items()}
        curves(ax, eps, means, {name: array(band) for name, (_, band) in series.items()})
        _grey_noise(ax)
        ax.legend(frameon=False, fontsize=9)
        ax.yaxis.set_major_formatter(PERCENT)
        ax.set_ylim(-0.03, 1.03)
        label(ax, title, "ε (pixel values from 0 to 1)", what)
    return figure


def _grey_noise(axes: Axes) -> None:
    """The controls are grey, dashed and dotted, without bands."""
    styles = iter(("--", ":"))
    for line, band in zip(axes.get_lines(), axes.collections, strict=False):
        if "noise" in str(line.get_label()):
            line.set(color=GREY, linestyle=next(styles))
            band.set_alpha(0)


def against_queries(
    queries: Sequence[int],
    agree: Mapping[str, Tensor],
    fooled: Mapping[str, Tensor],
    decisions: tuple[Sequence[int], Sequence[float]],
    lines: Mapping[str, float],
    title: str,
    images: int = 1,
) -> Figure:
    """Surrogates against labels asked: how they agree with the black box, and fool it.

    Args:
        queries: labels asked by each column, in all.
        agree, fooled: way of asking → (repeats, len(queries)).
        decisions: labels in all and share fooled, of an attack that asks about each image anew.
        lines: name → a share that needs no label.
        title: of the right panel.
        images: how many `decisions` are shares of; their bars are one standard error.
    """
    figure, (left, right) = canvas(1, 2, width=4.6, height=3.7)
    for ax, shown in ((left, agree), (right, fooled)):
        means = {name: array(values).mean(0) for name, values in shown.items()}
        errors = {name: standard_error(array(values)) for name, values in shown.items()}
        curves(ax, queries, means, errors)
        for line in ax.get_lines():
            line.set_marker("o")
        ax.set_xscale("log")
        ax.yaxis.set_major_formatter(PERCENT)
        ax.set_ylim(-0.03, 1.03)
        ax.legend().remove()
    left.set_xticks(list(queries), [f"{q:,}" for q in queries])
    left.minorticks_off()
    shares, name = np.array(decisions[1]), f"HopSkipJump, each image anew (of {images})"
    error = np.sqrt(shares * (1 - shares) / images)
    right.errorbar(decisions[0], shares, error, color=BLACK, marker="s", capsize=3, label=name)
    for (name, share), style in zip(lines.items(), ("--", ":", "-."), strict=False):
        right.axhline(share, color=GREY, linestyle=style, linewidth=1.4, label=name)
    right.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.01, 0.5))
    label(
        left,
        "Agrees (± 1 s.e. of tries)",
        "labels asked in all (log scale)",
        "test images",
    )
    label(right, title, "labels asked in all (log scale)", "fooled")
    return figure


def answer_table(
    examples: Mapping[str, tuple[Tensor, Sequence[int]]],
    models: Names,
    classes: Names,
    true: int,
    title: str,
) -> Figure:
    """Versions of one image in a row, and below each what every model answers.

    Args:
        examples: name → (image (c, h, w), the models' classes); the name may have two lines.
        models: names of the models.
        classes: names of the classes.
        true: the image's class; other answers are coloured as errors.
        title: of the figure.
    """
    wide = len(examples)
    figure, (axes,) = canvas(width=1.2 * wide + 1.2, height=0.42 * len(models) + 2.0, title=title)
    for column, (name, (image, answers)) in enumerate(examples.items()):
        left, middle = column + 0.03, column + 0.5
        where = (left, column + 0.97, 3.1, 0)
        pixels = tile(image[None], 1)
        axes.imshow(pixels, vmin=0, vmax=1, cmap="gray", extent=where, interpolation="nearest")
        axes.text(middle, -0.15, name, ha="center", va="bottom", fontsize=10)
        for row, answer in enumerate(answers):
            top, right = 3.25 + row, answer == true
            colour, weight = ("#d5efe5", "normal") if right else ("#f6cdb3", "bold")
            axes.add_patch(Rectangle((left, top + 0.05), 0.94, 0.9, color=colour, linewidth=0))
            said = axes.text(middle, top + 0.5, classes[answer][:9], fontsize=10)
            said.set(ha="center", va="center", fontweight=weight)
    for row, name in enumerate(models):
        axes.text(-0.08, 3.75 + row, name, ha="right", va="center", fontsize=10)
    axes.text(-0.08, 3.05, "answers of", ha="right", va="bottom", fontsize=10, color=GREY)
    axes.set_xlim(-1.0, wide)
    axes.set_ylim(3.25 + len(models), -0.6)
    axes.set_aspect("auto")
    axes.set_axis_off()
    return figure


def gains(
    rows: Mapping[str, tuple[float, float, float]], base: str, title: str, level: float
) -> Figure:
    """Horizontal bars: the gain over one way of attacking, in points, and the share at home.

    Args:
        rows: way → (gain, its standard error, share of its own source fooled), as shares of 1.
        base: the way that the gain is over.
        title: of the figure.
        level: the share that `base` fools.
    """
    figure, (left, right) = canvas(1, 2, width=4.9, height=0.9 + 0.42 * len(rows), title=title)
    names, places = list(rows), np.arange(len(rows))
    gain, error, home = (100 * np.array(column) for column in zip(*rows.values(), strict=True))
    colours = [
        GREEN if g > 2 * e else VERMILION if g < -2 * e else GREY
        for g, e in zip(gain, error, strict=True)
    ]
    left.barh(places, gain, xerr=2 * error, color=colours, ecolor=BLACK, capsize=2)
    left.axvline(0, color=BLACK, linewidth=1)
    left.set_yticks(places, names)
    right.barh(places, home, color=BLUE)
    right.set_yticks(places, [""] * len(rows))
    for place, value in zip(places, home, strict=True):
        right.text(value + 1, float(place), f"{value:.0f}", va="center", fontsize=10)
    right.set_xlim(0, 113)
    for ax in (left, right):
        ax.invert_yaxis()
        ax.grid(axis="y", visible=False)
    what = f"points gained over {base!r} ({100 * level:.0f} %), ± 2 s.e."
    label(left, "Other kinds of network", what)
    label(right, "The source itself", "% of images fooled")
    return figure


def alignment(
    cosine: Tensor, beyond: Tensor, kinds: Sequence[tuple[str, Tensor]], title: str
) -> Figure:
    """The share fooled beyond noise against the mean cosine of two networks' gradients.

    Args:
        cosine, beyond: (sources, targets).
        kinds: (name, mask of the pairs) of each colour.
        title: of the figure.
    """
    figure, (axes,) = canvas(width=6.4, height=3.8)
    for (name, mask), colour in zip(kinds, PALETTE, strict=False):
        axes.scatter(array(cosine[mask]), array(beyond[mask]), color=colour, label=name, s=40)
    axes.yaxis.set_major_formatter(PERCENT)
    axes.legend(
        frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5), title="source → target"
    )
    axes.set_ylim(bottom=0)
    what = "mean cosine of the two input gradients at the clean images"
    return label(axes, title, what, "fooled beyond noise").get_figure()  # type: ignore[return-value]


def bars(groups: Mapping[str, Tensor], names: Sequence[str], what: str, title: str) -> Figure:
    """Bars side by side for each name, mean ± standard error over the rows of each group."""
    wide = max(1.15, 0.1 * max(map(len, names)) + 0.2)  # a name has room below its bars
    figure, (ax,) = canvas(width=3.6 + wide * len(names), height=3.4)
    width, places = 0.8 / len(groups), np.arange(len(names))
    for number, (group, values) in enumerate(groups.items()):
        heights = array(values).reshape(-1, len(names))
        colour = GREY if "noise" in group or "random" in group else PALETTE[number]
        ax.bar(
            places + (number - (len(groups) - 1) / 2) * width,
            heights.mean(0),
            0.92 * width,
            yerr=standard_error(heights) if len(heights) > 1 else None,
            color=colour,
            ecolor=BLACK,
            label=group,
            capsize=2,
        )
    ax.set_xticks(places, list(names))
    ax.grid(axis="x", visible=False)
    ax.yaxis.set_major_formatter(PERCENT)
    ax.set_ylim(0, 1.03)
    ax.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return label(ax, title, "", what).get_figure()  # type: ignore[return-value]
