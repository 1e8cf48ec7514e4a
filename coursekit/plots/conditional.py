"""The figures of 04: samples by class, and what a label buys and costs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator
from torch import Tensor

from coursekit.plots import array, canvas, label, picture, tile
from coursekit.plots.colours import BLACK, BLUE, GREEN, PALETTE, VERMILION

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
    sheets: Mapping[str, Tensor], classes: Sequence[str], across: int = 2, scale: float = 0.44
) -> Figure:
    """Several class grids, `across` to a row, each under its title."""
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
        _columns(ax, images, classes, name)
    return figure


def class_widget(
    image: Tensor, row: Tensor, chosen: int, classes: Sequence[str], seen: str
) -> Figure:
    """One image large; below it the same z in every class, the chosen one framed."""
    figure, (large, all_classes) = canvas(2, 1, 6.4, 1.75, height_ratios=(5, 1.3))
    picture(large, image)
    large.set_title(f"asked for {classes[chosen]}, read as {seen}", loc="center")
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


def equilibria(x: Any, p: Any, games: Mapping[str, Any]) -> Figure:
    """Two classes on a line: the data dashed, what each game makes of them filled."""
    figure, axes = canvas(1, len(games), width=3.5, height=2.7)
    places, data = array(x), array(p)
    top = 1.15 * max(float(array(q).max()) for q in games.values())
    for ax, (name, q) in zip(axes, games.items(), strict=True):
        for c, colour in enumerate((BLUE, VERMILION)):
            ax.fill_between(places, array(q)[c], color=colour, alpha=0.45, linewidth=0)
            ax.plot(places, data[c], color=colour, linestyle="--", linewidth=1.2)
        ax.set_ylim(0, top)
        label(ax, name, "x", "share of all samples" if ax is axes[0] else "")
    return figure


def asked_and_read(matrix: Any, classes: Sequence[str]) -> Figure:
    """Rows: what was asked for; columns: what was read; shares of each row."""
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
    label(ax, "Asked for, and read (%)", "read by the classifier", "asked for")
    return figure


def _line(ax: Axes, x: Sequence[float], values: Any, colour: str, name: str) -> None:
    ax.plot(x, array(values), color=colour, marker="o", markersize=4, label=name)


def prices(weights: Sequence[float], lines: Mapping[str, Any], reference: float) -> Figure:
    """How unclear the class is at the optimum, against the weight of the auxiliary loss."""
    figure, (ax,) = canvas(width=6.4, height=3.0)
    for colour, (name, values) in zip((VERMILION, GREEN, BLUE), lines.items(), strict=False):
        _line(ax, weights, values, colour, name)
    ax.axhline(reference, color=BLACK, linestyle=":", linewidth=1.2, label="H(y|x) of the data")
    ax.set_xscale("log")
    label(ax, "What the class loss costs", "weight λ of the class loss", "nats")
    ax.legend(frameon=False)
    return figure


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
        perfect: measures whose dotted line is that of perfect samples, by a formula; their panels
            say so.
    """
    figure, axes = canvas(1, len(panels), width=3.9, height=3.4, title=title)
    for ax, (measure, ways) in zip(axes, panels.items(), strict=True):
        for colour, (name, (steps, values)) in zip(PALETTE, ways.items(), strict=False):
            for i, row in enumerate(np.atleast_2d(array(values))):
                ax.plot(steps, row, color=colour, linewidth=1.4, label=name if i == 0 else None)
        if measure in real:
            name = "perfect samples" if measure in perfect else "real images"
            ax.axhline(real[measure], color=BLACK, linestyle=":", linewidth=1.4, label=name)
            if measure in perfect:
                ax.legend(handles=ax.lines[-1:], frameon=False, loc="lower right")
        if measure in log:
            ax.set_yscale("log")
        else:
            ax.set_ylim(0, 1.02)
            _percent(ax.yaxis)
        label(ax, measure, "updates")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=5, frameon=False)
    return figure


def accuracy_and_coverage(
    accuracy: Mapping[str, Any], coverage: Mapping[str, Any], real: tuple[float, float]
) -> Figure:
    """Each way, a dot a seed: how often the class asked for is read, against coverage within it.

    `real` is (coverage, accuracy) of real images.
    """
    figure, (ax,) = canvas(width=6.8, height=4.0)
    for colour, name in zip(PALETTE, accuracy, strict=False):
        ax.plot(
            np.atleast_1d(array(coverage[name])), np.atleast_1d(array(accuracy[name])), "o",
            color=colour, markersize=9, alpha=0.8, label=name,
        )  # fmt: skip
    ax.plot(*real, "*", color=BLACK, markersize=16, label="real images")
    ax.axhline(real[1], color=BLACK, linestyle=":", linewidth=1)
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))  # room for labels like 60.0%
    for axis in (ax.xaxis, ax.yaxis):
        _percent(axis)
    label(
        ax,
        "Read as asked, and varied?",
        "coverage within classes, 5 neighbours",
        "class accuracy",
    )
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def wrong_labels(rates: Sequence[float], read: Any, other: Any) -> Figure:
    """Samples read as asked, and as the most frequent other class, against the wrong labels."""
    figure, (ax,) = canvas(width=7.6, height=3.2)
    line = np.linspace(0, max(rates), 50)
    ax.plot(line, 1 - line, color=BLACK, linestyle="--", label="1 − ϱ: the labels as they are")
    _line(ax, rates, read, BLUE, "read as the class asked for")
    _line(ax, rates, other, VERMILION, "read as the most frequent other class")
    ax.set_ylim(0, 1.02)
    for axis in (ax.xaxis, ax.yaxis):
        _percent(axis)
    label(ax, "G learns the labels that it is given", "share ϱ of wrong labels", "samples")
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def truncation(bounds: Sequence[float], panels: Mapping[str, Any]) -> Figure:
    """One panel a measure, against the bound on |z|."""
    figure, axes = canvas(1, len(panels), width=3.1, height=2.7)
    for ax, colour, (name, values) in zip(axes, PALETTE, panels.items(), strict=False):
        _line(ax, bounds, values, colour, name)
        ax.set_xscale("log")
        ax.set_xticks(bounds, [f"{b:g}" for b in bounds])
        ax.minorticks_off()
        if max(values) <= 1:
            ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
            _percent(ax.yaxis)
        label(ax, name, "bound on each coordinate of z")
    return figure
