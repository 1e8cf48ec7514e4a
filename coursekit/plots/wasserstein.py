"""The figures of 06: piles of earth, critics and their slopes, singular values, biased scores."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import ArrayLike, NDArray

from coursekit.plots import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    PALETTE,
    STYLE,
    VERMILION,
    canvas,
    label,
)
from coursekit.plots.gans import _logarithmic, smooth

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


def landscape(
    grid: tuple[ArrayLike, ArrayLike],
    fields: Mapping[str, ArrayLike],
    real: ArrayLike,
    fake: ArrayLike,
) -> Figure:
    """The height of critics over the plane, with the two clouds on top.

    Args:
        grid: the coordinates along each axis.
        fields: name → values, shape (len(y), len(x)).
        real, fake: points, shape (n, 2).
    """
    across, up = (np.asarray(part, dtype=float) for part in grid)
    figure, axes = canvas(1, len(fields), width=4.3, height=3.7)
    for ax, (name, values) in zip(axes, fields.items(), strict=True):
        height = np.asarray(values, dtype=float)
        drawn = ax.contourf(across, up, height - height.mean(), levels=14, cmap="cividis")
        figure.colorbar(drawn, ax=ax, label="f, mean 0", shrink=0.85)
        ax.plot(*np.asarray(real).T, "o", color=BLUE, markersize=3, mec="white", mew=0.4)
        ax.plot(*np.asarray(fake).T, "s", color=VERMILION, markersize=3, mec="white", mew=0.4)
        ax.set_aspect("equal")
        ax.grid(False)
        label(ax, name, "$x_1$", "$x_2$")
    return figure


def values(found: Mapping[str, Sequence[float]], exact: float, title: str) -> Figure:
    """What each critic says W₁ is, over what it is: mean and every seed; 1 is right."""
    figure, (ax,) = canvas(width=6.6, height=0.9 + 0.34 * len(found))
    for row, given in enumerate(found.values()):
        share = np.asarray(given, dtype=float) / exact
        ax.barh(row, share.mean(), 0.6, color=PALETTE[row % 6], alpha=0.75)
        ax.plot(share, np.full(len(share), row), "|", color=BLACK, markersize=9)
        ax.text(share.max() + 0.02, row, f"{share.mean():.2f}", va="center", fontsize=9)
    ax.axvline(1, color=BLACK, linewidth=1.2, linestyle=":")
    ax.set_yticks(range(len(found)), list(found))
    ax.invert_yaxis()
    label(ax, title, "value ÷ exact $W_1$")
    return figure


def weights(held: Mapping[str, ArrayLike], walls: Mapping[str, float]) -> Figure:
    """Histograms of the weights of critics, a panel each; dotted lines where they are clipped."""
    figure, axes = canvas(1, len(held), width=3.1, height=2.7)
    for ax, (name, values_) in zip(axes, held.items(), strict=True):
        w = np.asarray(values_, dtype=float)
        reach = walls.get(name, float(np.quantile(np.abs(w), 0.995))) * 1.08
        ax.hist(w.clip(-reach, reach), bins=41, range=(-reach, reach), color=BLUE)
        for wall in (walls[name], -walls[name]) if name in walls else ():
            ax.axvline(wall, color=VERMILION, linestyle=":", linewidth=1.2)
        ax.locator_params(axis="x", nbins=4)
        label(ax, name, "weight", "weights in the bin" if ax is axes[0] else "")
    return figure


def gradients(norms: Mapping[str, Mapping[str, ArrayLike]]) -> Figure:
    """Slopes at real, fake and interpolated points, a panel per critic: medians and all points."""
    figure, axes = canvas(1, len(norms), width=2.6, height=3.0)
    colours = (BLUE, VERMILION, GREEN)
    for ax, (name, places) in zip(axes, norms.items(), strict=True):
        drawn = ax.violinplot([np.asarray(v, float) for v in places.values()], showmedians=True)
        bodies: Any = drawn["bodies"]
        for part, colour in zip(bodies, colours, strict=False):
            part.set(facecolor=colour, alpha=0.55)
        for part in ("cmedians", "cbars", "cmins", "cmaxes"):
            drawn[part].set(color=BLACK, linewidth=0.9)
        ax.axhline(1, color=BLACK, linestyle=":", linewidth=1)
        ax.set_xticks(range(1, len(places) + 1), list(places), fontsize=9)
        ax.set_ylim(bottom=0)
        label(ax, name, "", "‖∇D‖₂" if ax is axes[0] else "")
    return figure


def games(
    along: Mapping[str, Mapping[str, ArrayLike]], fid: Mapping[str, ArrayLike], floor: float
) -> Figure:
    """FID of every loss, mean over seeds, against each kind of effort (steps, seconds).

    Args:
        along: name of the axis → contestant → (seeds, moments).
        fid: contestant → (seeds, moments).
        floor: real against real.
    """
    figure, axes = canvas(1, len(along), width=4.6, height=3.6)
    marks = "os^Dv<>P"
    for ax, (axis, effort) in zip(axes, along.items(), strict=True):
        for i, (name, v) in enumerate(fid.items()):
            t = np.asarray(effort[name], dtype=float).mean(0)
            colour = (*PALETTE[:6], "#777777", "#8B5A2B")[i % 8]
            mean = np.asarray(v, dtype=float).mean(0)
            ax.plot(t, mean, color=colour, marker=marks[i % 8], markersize=4, label=name)
        ax.axhline(floor, color=BLACK, linestyle=":", linewidth=1.2, label="real against real")
        _logarithmic(ax.yaxis)
        label(ax, f"FID against {axis}", axis, "FID (log scale)" if ax is axes[0] else "")
    axes[-1].legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def opinions(losses: Mapping[str, ArrayLike], nothing: float, window: int) -> Figure:
    """The critic's loss over steps, a running mean over seeds; `nothing`: without an opinion."""
    figure, (ax,) = canvas(width=6.2, height=3.2)
    for colour, (name, values_) in zip(PALETTE, losses.items(), strict=False):
        curve = smooth(np.atleast_2d(np.asarray(values_, dtype=float)).mean(0), window)
        ax.plot(np.arange(1, len(curve) + 1), curve, color=colour, label=name)
    ax.axhline(nothing, color=BLACK, linestyle=":", linewidth=1, label="no opinion")
    label(ax, "How sure the critic is", "step", "critic's loss (running mean)")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def bias(
    counts: Sequence[int],
    measured: Mapping[str, ArrayLike],
    lines: Mapping[str, tuple[float, float]],
    truth: Mapping[str, float],
) -> Figure:
    """FID_n over 1/n with the line that is drawn through it, and where it should end.

    Args:
        counts: the n.
        measured: name → values at each n.
        lines: name → (limit, rate).
        truth: name → the exact value; may be empty.
    """
    figure, (ax,) = canvas(width=6.2, height=3.4)
    inverse = 1 / np.asarray(counts, dtype=float)
    along = np.array([0.0, inverse.max() * 1.05])
    for colour, (name, values) in zip(PALETTE, measured.items(), strict=False):
        limit, rate = lines[name]
        ax.plot(inverse, np.asarray(values, float), "o", color=colour, label=name)
        ax.plot(along, limit + rate * along, color=colour, linewidth=1)
        if name in truth:
            ax.plot(0, truth[name], "*", color=colour, markersize=13, clip_on=False, zorder=5)
    if truth:
        ax.plot([], [], "*", color=BLACK, markersize=10, linestyle="", label="the truth")
    ticks = [0, *inverse]
    ax.set_xticks(ticks, ["∞", *(f"{n:,}" for n in counts)], fontsize=8)
    ax.set_xlim(left=0)
    ax.set_ylim(bottom=0)
    label(ax, "The fewer samples, the higher the score", "n (axis: 1/n)", "Fréchet distance")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def ranking(counts: Sequence[int], drawn: ArrayLike, derived: ArrayLike) -> Figure:
    """The narrowed generator's mean score minus the perfect one's, over n: where the order turns.

    Args:
        counts: the n.
        drawn: differences, one row for each repetition.
        derived: the expected difference at each n.
    """
    figure, (ax,) = canvas(width=6.0, height=3.2)
    rows = np.asarray(drawn, dtype=float)
    ax.axhline(0, color=BLACK, linewidth=1)
    ax.plot(counts, derived, color=BLUE, label="derived, to order 1/n")
    ax.errorbar(counts, rows.mean(0), rows.std(0), fmt="o", color=VERMILION, label="drawn ± s.d.")
    ax.set_xscale("log")
    ax.set_xticks(counts, [f"{n:,}" for n in counts])
    ax.minorticks_off()
    label(ax, "Below 0 the worse generator wins", "n (log scale)", "narrowed − perfect")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def iterations(fresh: ArrayLike, kept: ArrayLike, restarted: ArrayLike) -> Figure:
    """Power iteration: its error round by round; and σ of the normalised weight while it moves."""
    figure, (left, right) = canvas(1, 2, width=4.4, height=3.1)
    curves = np.atleast_2d(np.asarray(fresh, dtype=float))
    left.plot(np.arange(1, curves.shape[1] + 1), curves.T, color=BLUE, alpha=0.4, linewidth=1)
    left.axhline(1, color=BLACK, linestyle=":", linewidth=1)
    label(left, "From a random start", "round", "uᵀWv ÷ σ(W)")
    for name, values, colour in (
        ("u kept", kept, GREEN),
        ("u drawn anew", restarted, VERMILION),
    ):
        right.plot(np.asarray(values, dtype=float), color=colour, label=name)
    right.axhline(1, color=BLACK, linestyle=":", linewidth=1)
    label(right, "One round a pass, while W moves", "pass", "σ of the normalised weight")
    right.legend(frameon=False, loc="center right", bbox_to_anchor=(1, 0.25))
    return figure


def stretches(rows: Mapping[str, tuple[float, float, float]]) -> Figure:
    """Per layer: σ(W), the norm of the operator, and the most that overlap allows."""
    figure, (ax,) = canvas(width=6.6, height=0.9 + 0.42 * len(rows))
    for row, (matrix, operator, most) in enumerate(rows.values()):
        ax.plot([matrix, most], [row, row], color="#bbbbbb", linewidth=3, zorder=1)
        first = row == 0
        ax.plot(matrix, row, "o", color=BLUE, label="σ(W), what SN divides by" if first else None)
        ax.plot(operator, row, "D", color=VERMILION, label="‖A‖, the operator" if first else None)
        ax.plot(
            most, row, "|", color=BLACK, markersize=12, label="overlap · σ(W)" if first else None
        )
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlim(left=0)
    label(ax, "A convolution stretches more than its matrix", "norm")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def spectra(values: Mapping[str, Sequence[ArrayLike]], layers: Sequence[str]) -> Figure:
    """All singular values of each layer above 1e-4, one line per critic."""
    figure, axes = canvas(1, len(layers), width=3.9, height=3.1)
    for k, (ax, name) in enumerate(zip(axes, layers, strict=True)):
        for colour, (critic, sets) in zip(PALETTE, values.items(), strict=False):
            s = np.asarray(sets[k], dtype=float)
            ax.plot(np.arange(1, len(s) + 1), s, color=colour, marker=".", label=critic)
        ax.set_yscale("log")
        ax.set_ylim(bottom=max(1e-4, ax.get_ylim()[0]))
        label(ax, name, "number", "singular value of W" if k == 0 else "")
    axes[-1].legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def bounds(rows: Mapping[str, Mapping[str, float]]) -> Figure:
    """For each critic several numbers on one log axis: products of norms, measured slopes."""
    figure, (ax,) = canvas(width=6.6, height=0.9 + 0.4 * len(rows))
    marks = zip("sDo|", (VERMILION, ORANGE, BLUE, BLACK), strict=True)
    for (mark, colour), kind in zip(marks, next(iter(rows.values())), strict=False):
        numbers = [row[kind] for row in rows.values()]
        ax.plot(numbers, range(len(rows)), mark, color=colour, label=kind, markersize=8)
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set_ylim(len(rows) - 0.5, -0.5)
    label(ax, "Bounds and slopes", "Lipschitz constant, or slope (log scale)")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def margins(scores: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> Figure:
    """Scores of real and fake images, a panel per critic, with the hinge's margins at ±1."""
    figure, axes = canvas(1, len(scores), width=2.9, height=2.7)
    for ax, (name, (real, fake)) in zip(axes, scores.items(), strict=True):
        both = np.concatenate([np.asarray(real, float), np.asarray(fake, float)])
        reach = max(1.3, float(np.quantile(np.abs(both), 0.99)))
        for values, colour, who in ((real, BLUE, "real"), (fake, VERMILION, "fake")):
            drawn = np.asarray(values, float).clip(-reach, reach)
            ax.hist(drawn, bins=40, range=(-reach, reach), color=colour, alpha=0.6, label=who)
        for margin in (-1, 1):
            ax.axvline(margin, color=BLACK, linestyle=":", linewidth=1)
        label(ax, name, "score s(x)", "images in the bin" if ax is axes[0] else "")
    axes[-1].legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure
