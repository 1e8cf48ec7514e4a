"""Piles of earth and what is carried where: arrays in, `Figure` out."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from coursekit.plots.base import BLACK, BLUE, PALETTE, STYLE, VERMILION, canvas, label

Floats = NDArray[np.float64]


def _floats(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype=float)


def piles(x: ArrayLike, a: ArrayLike, y: ArrayLike, b: ArrayLike, plan: ArrayLike) -> Figure:
    """Pile a (up) and pile b (down) on the line, the earth that moves, and the plan as a matrix.

    Args:
        x, a: places and masses of the first pile.
        y, b: of the second.
        plan: mass carried from x_i to y_j.
    """
    x, a, y, b, moved = map(_floats, (x, a, y, b, plan))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.8, 3.4), layout="constrained")
        line, square = figure.subplots(1, 2, width_ratios=(2.2, 1))
    cost = float((moved * np.abs(x[:, None] - y)).sum())
    _ribbons(line, x, y, moved)
    width = 0.8 * np.diff(np.unique(np.concatenate([x, y]))).max()
    line.bar(x, a / a.max(), width, bottom=1.0, color=BLUE, label="from: pile a")
    line.bar(y, -b / b.max(), width, bottom=-1.0, color=VERMILION, label="to: pile b")
    line.set_yticks([])
    line.grid(False)
    line.legend(frameon=False, loc="upper left", fontsize=9, bbox_to_anchor=(0, 1.0))
    label(line, f"What is carried where: $W_1$ = {cost:.3f}", "place")
    square.imshow(moved, origin="lower", cmap="Blues", aspect="auto", extent=_extent(y, x))
    square.grid(False)
    label(square, "The plan π", "place in b", "place in a")
    return figure


def _extent(across: Floats, up: Floats) -> tuple[float, float, float, float]:
    return float(across.min()), float(across.max()), float(up.min()), float(up.max())


def _ribbons(axes: Axes, x: Floats, y: Floats, moved: Floats) -> None:
    """A line from each place to each place that receives from it, as strong as the load."""
    rows, columns = np.nonzero(moved > 1e-4 * moved.max())
    load = moved[rows, columns] / moved.max()
    lines = [[(x[i], 1.0), (y[j], -1.0)] for i, j in zip(rows, columns, strict=True)]
    colours = [(0.35, 0.35, 0.35, 0.08 + 0.5 * share) for share in load]
    axes.add_collection(LineCollection(lines, colors=colours, linewidths=0.4 + 2.2 * load))
    axes.set_ylim(-2.15, 2.15)


def carried(x: ArrayLike, y: ArrayLike, plan: ArrayLike, title: str) -> Figure:
    """Two clouds in the plane and the cheapest way to carry one onto the other."""
    x, y, moved = map(_floats, (x, y, plan))
    figure, (ax,) = canvas(width=4.8, height=4.4)
    rows, columns = np.nonzero(moved > 1e-3 * moved.max())
    lines = [[x[i], y[j]] for i, j in zip(rows, columns, strict=True)]
    ax.add_collection(LineCollection(lines, colors="#999999", linewidths=0.7))
    ax.plot(*x.T, "o", color=BLUE, markersize=4, label="a")
    ax.plot(*y.T, "o", color=VERMILION, markersize=4, label="b")
    ax.set_aspect("equal")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    label(ax, title, "$x_1$", "$x_2$")
    return figure


def potentials(
    at: ArrayLike,
    piles_: Mapping[str, tuple[ArrayLike, ArrayLike]],
    critics: Mapping[str, ArrayLike],
    title: str,
) -> Figure:
    """Densities of two piles, and below them one or more critics, each moved to mean 0.

    Args:
        at: places where the critics are drawn.
        piles_: name → (edges of bins or points, heights).
        critics: name → values at `at`.
    """
    t = _floats(at)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.0, 4.4), layout="constrained")
        top, below = figure.subplots(2, 1, sharex=True, height_ratios=(1, 2.2))
    for colour, (name, (places, heights)) in zip((BLUE, VERMILION), piles_.items(), strict=True):
        top.fill_between(_floats(places), _floats(heights), color=colour, alpha=0.35, label=name)
    styles = ("-", "--", ":", "-.", (0, (5, 1, 1, 1)))
    for i, (name, values) in enumerate(critics.items()):
        f = _floats(values)
        colour = BLACK if i == 0 else PALETTE[(i + 1) % 6]
        below.plot(t, f - f.mean(), color=colour, linestyle=styles[i % 5], label=name)
    label(top, title, "", "density")
    label(below, "", "x", "critic f(x), mean 0")
    for ax in (top, below):
        ax.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
    return figure
