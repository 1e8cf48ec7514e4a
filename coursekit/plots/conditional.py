"""The figures of 04: what a label buys, and what it costs."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray
from torch import Tensor

from coursekit.plots import (
    BLACK,
    BLUE,
    GREEN,
    PALETTE,
    STYLE,
    VERMILION,
    array,
    canvas,
    label,
    picture,
    standard_error,
    tile,
)

INCH = 0.42  # of one small image


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
            va="bottom", fontsize=8, **turned,
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
    sheets: Mapping[str, Tensor], classes: Sequence[str], across: int = 2, scale: float = 0.36
) -> Figure:
    """Several class grids, `across` to a row, each under its title."""
    across = min(across, len(sheets))
    down = -(-len(sheets) // across)
    rows = max(-(-len(images) // len(classes)) for images in sheets.values())
    title = (_room(classes) + 14) / 72
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
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 3.5), layout="constrained")
        large, all_classes = figure.subplots(2, 1, height_ratios=(5, 1.3))
    picture(large, image)
    large.set_title(f"asked for {classes[chosen]}, the judge sees {seen}", loc="center")
    picture(all_classes, tile(row, len(row)))
    side = row.shape[-1]
    frame = Rectangle(
        (chosen * side - 0.5, -0.5), side, row.shape[-2], fill=False, color=VERMILION, linewidth=2
    )
    all_classes.add_patch(frame)
    middle = np.arange(len(row)) * side + side / 2
    for at, name in zip(middle, classes, strict=True):
        all_classes.text(
            at, 1.12 * row.shape[-2], name, ha="center", va="top", fontsize=7, clip_on=False
        )
    return figure


Floats = NDArray[np.float64]
PERCENT = PercentFormatter(1, decimals=0)


def _runs(values: Any) -> Floats:
    return np.atleast_2d(np.asarray(array(values), dtype=float))


def _line(ax: Axes, x: Sequence[float], values: Any, colour: str, name: str) -> None:
    runs = _runs(values)
    ax.errorbar(
        x,
        runs.mean(0),
        standard_error(runs),
        color=colour,
        marker="o",
        markersize=4,
        capsize=3,
        label=name,
    )


def twice(confidence: Any, once: Any, doubled: Any) -> Figure:
    """The loss of the right class against the share it is given, softmax taken once and twice."""
    figure, (ax,) = canvas(width=5.4, height=3.0)
    ax.plot(confidence, array(once), color=BLUE, label="softmax once")
    ax.plot(confidence, array(doubled), color=VERMILION, label="softmax twice")
    ax.set_ylim(0, 4)
    ax.xaxis.set_major_formatter(PERCENT)
    label(ax, "A softmax too many", "probability given to the right class", "cross-entropy, nats")
    ax.legend(frameon=False)
    return figure


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


def prices(weights: Sequence[float], lines: Mapping[str, Any], reference: float) -> Figure:
    """How unclear the class is at the optimum, against the weight of the auxiliary loss."""
    figure, (ax,) = canvas(width=5.8, height=3.0)
    for colour, (name, values) in zip((VERMILION, GREEN, BLUE), lines.items(), strict=False):
        ax.plot(weights, array(values), marker="o", markersize=4, color=colour, label=name)
    ax.axhline(reference, color=BLACK, linestyle=":", linewidth=1.2, label="H(y|x) of the data")
    ax.set_xscale("log")
    label(ax, "The price of being named right", "weight λ of the auxiliary loss", "nats")
    ax.legend(frameon=False)
    return figure


def accuracy_and_diversity(
    accuracy: Mapping[str, Sequence[float]],
    spread: Mapping[str, Sequence[float]],
    real: tuple[float, float],
) -> Figure:
    """Each variant: diversity within its classes against how often it does as it was asked."""
    figure, (ax,) = canvas(width=6.6, height=3.8)
    for colour, name in zip(PALETTE, accuracy, strict=False):
        x, y = np.asarray(spread[name]), np.asarray(accuracy[name])
        ax.plot(x, y, "o", color=colour, alpha=0.35, markersize=5)
        ax.plot(x.mean(), y.mean(), "D", color=colour, markersize=9, label=name)
    ax.plot(*real, "*", color=BLACK, markersize=15, label="real images")
    ax.yaxis.set_major_formatter(PERCENT)
    ax.set_xlim(left=0)
    what = "spread of features within a class (1: as varied as real images)"
    label(ax, "Obedience and diversity", what, "conditional accuracy")
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def per_class(
    values: Mapping[str, Any], classes: Sequence[str], title: str, what: str, first: int = 0
) -> Figure:
    """A row of dots for each class: mean over the seeds of each variant, ± standard error.

    `first` is the place in the palette of the first variant, so that it keeps its colour.
    """
    figure, (ax,) = canvas(width=8.2, height=3.4)
    at = np.arange(len(classes))
    for i, (colour, (name, runs)) in enumerate(zip(PALETTE[first:], values.items(), strict=False)):
        shift = 0.13 * (i - (len(values) - 1) / 2)
        r = _runs(runs)
        ax.errorbar(
            at + shift,
            r.mean(0),
            standard_error(r),
            fmt="o",
            markersize=4,
            color=colour,
            label=name,
        )
    long = max(len(name) for name in classes) > 3
    ax.set_xticks(at, classes, rotation=30 if long else 0, ha="right" if long else "center")
    ax.set_yscale("log")
    label(ax, title, "class", what)
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def wrong_labels(rates: Sequence[float], accuracy: Any, predicted: Any, fid: Any) -> Figure:
    """Accuracy and FID within class against the share of wrong labels, theory dashed."""
    figure, (left, right) = canvas(1, 2, width=4.2, height=3.0)
    _line(left, rates, accuracy, BLUE, "measured")
    left.plot(rates, predicted, color=BLACK, linestyle="--", label="predicted")
    left.set_ylim(0, 1)
    left.yaxis.set_major_formatter(PERCENT)
    label(left, "It learns the labels it is given", "share of wrong labels", "conditional accuracy")
    left.legend(frameon=False, loc="upper right")
    _line(right, rates, fid, VERMILION, "FID")
    right.set_ylim(bottom=0)
    label(right, "Quality", "share of wrong labels", "FID within class")
    for ax in (left, right):
        ax.xaxis.set_major_formatter(PERCENT)
    return figure


def truncation(bounds: Sequence[float], panels: Mapping[str, Any]) -> Figure:
    """One panel a measure, against the bound on |z|."""
    figure, axes = canvas(1, len(panels), width=3.4, height=2.7)
    for ax, colour, (name, values) in zip(axes, PALETTE, panels.items(), strict=False):
        _line(ax, bounds, values, colour, name)
        ax.set_xscale("log")
        ax.set_xticks(bounds, [f"{b:g}" for b in bounds])
        ax.minorticks_off()
        label(ax, name, "bound on each coordinate of z")
    return figure


def over_time(steps: Sequence[int], lines: Mapping[str, Any], title: str, what: str) -> Figure:
    """Shares between 0 and 1 against the step of one game."""
    figure, (ax,) = canvas(width=6.4, height=3.0)
    for colour, (name, values) in zip((BLUE, VERMILION, GREEN), lines.items(), strict=False):
        ax.plot(steps, array(values), color=colour, marker="o", markersize=4, label=name)
    ax.set_ylim(0, 1.02)
    ax.set_yticks(np.linspace(0, 1, 6))
    ax.yaxis.set_major_formatter(PERCENT)
    label(ax, title, "step", what)
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(0, -0.22))
    return figure


def asked_and_seen(matrix: Any, classes: Sequence[str]) -> Figure:
    """Rows: what was asked for; columns: what the judge saw; shares of each row."""
    shares = array(matrix)
    long = max(len(name) for name in classes) > 3
    figure, (ax,) = canvas(width=4.6 + long, height=4.0 + long)
    image = ax.imshow(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1)
    for row, column in zip(*np.nonzero(np.round(100 * shares) >= 1), strict=True):
        tone = "white" if shares[row, column] > 0.4 else "black"
        text = f"{100 * shares[row, column]:.0f}"
        ax.text(column, row, text, ha="center", va="center", color=tone, fontsize=8)
    ax.set_xticks(range(len(classes)), classes, rotation=60 if long else 0)
    ax.set_yticks(range(len(classes)), classes)
    ax.grid(False)
    image.set_clim(0, 1)
    label(ax, "Asked for, and seen (%)", "the judge sees", "asked for")
    return figure
