"""The figures of 06: piles of earth, critics and their slopes, singular values, learning curves.

`bias` and `ranking` belong to the Fréchet distance of lecture 03.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, SymmetricalLogLocator
from numpy.typing import ArrayLike, NDArray

from coursekit.plots import STYLE, canvas, label
from coursekit.plots.colours import BLACK, BLUE, GREEN, ORANGE, PALETTE, VERMILION
from coursekit.plots.gans import _logarithmic

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
    figure, (line, square) = canvas(1, 2, 4.4, 3.4, width_ratios=(2.2, 1))
    cost = float((moved * np.abs(x[:, None] - y)).sum())
    _ribbons(line, x, y, moved)
    width = 0.8 * np.diff(np.unique(np.concatenate([x, y]))).max()
    top = max(a.max(), b.max())  # one scale: equal masses have equal areas
    line.bar(x, a / top, width, bottom=1.0, color=BLUE, label="from: pile a")
    line.bar(y, -b / top, width, bottom=-1.0, color=VERMILION, label="to: pile b")
    line.set_yticks([])
    line.grid(False)
    line.legend(frameon=False, loc="upper left", fontsize=9, bbox_to_anchor=(0, 1.0))
    label(line, f"What is carried where: $W_1$ = {cost:.3f}", "place")
    extent = (float(y.min()), float(y.max()), float(x.min()), float(x.max()))
    square.imshow(moved, origin="lower", cmap="Blues", aspect="auto", extent=extent)
    square.grid(False)
    label(square, "The plan π", "place in b", "place in a")
    return figure


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
    figure, (ax,) = canvas(width=5.8, height=4.4)
    rows, columns = np.nonzero(moved > 1e-3 * moved.max())
    lines = [[x[i], y[j]] for i, j in zip(rows, columns, strict=True)]
    ax.add_collection(LineCollection(lines, colors="#999999", linewidths=0.7))
    ax.plot(*x.T, "o", color=BLUE, markersize=4, label="a: real")
    ax.plot(*y.T, "o", color=VERMILION, markersize=4, label="b: fake")
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
    figure, (top, below) = canvas(2, 1, 7.0, 2.2, sharex=True, height_ratios=(1, 2.2))
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
    title: str,
) -> Figure:
    """The height of critics over the plane, with the two clouds on top.

    Args:
        grid: the coordinates along each axis.
        fields: name → values, shape (len(y), len(x)).
        real, fake: points, shape (n, 2).
        title: of the whole figure.
    """
    across, up = (np.asarray(part, dtype=float) for part in grid)
    figure, axes = canvas(1, len(fields), width=4.3, height=4.1, title=title)
    heights = [_floats(values) - _floats(values).mean() for values in fields.values()]
    levels = MaxNLocator(14).tick_values(
        min(h.min() for h in heights), max(h.max() for h in heights)
    )
    for ax, name, height in zip(axes, fields, heights, strict=True):
        drawn = ax.contourf(across, up, height, levels=levels, cmap="cividis")
        figure.colorbar(drawn, ax=ax, label="f, mean 0", shrink=0.85)
        ax.plot(
            *np.asarray(real).T, "o", color=BLUE, markersize=3, mec="white", mew=0.4, label="real"
        )
        ax.plot(
            *np.asarray(fake).T, "s", color=VERMILION, markersize=3, mec="white", mew=0.4,
            label="fake",
        )  # fmt: skip
        ax.set_aspect("equal")
        ax.grid(False)
        label(ax, name, "$x_1$", "$x_2$")
    _legend_below(figure, axes[0])
    return figure


def _legend_below(figure: Figure, axes: Axes, scale: float = 1.0) -> None:
    handles, names = axes.get_legend_handles_labels()
    figure.legend(
        handles, names, loc="outside lower center", ncols=len(names), frameon=False,
        markerscale=scale,
    )  # fmt: skip


def values(
    found: Mapping[str, Sequence[float]],
    titles: tuple[str, str],
    by: str,
    held: Mapping[str, ArrayLike],
    walls: Mapping[str, float],
) -> Figure:
    """Above what each critic says of W₁; below the weights of some of them, a histogram each.

    Args:
        found: name → its value ÷ `by`, one for each seed; the bar is their mean, 1 is right.
        titles: of the upper and of the lower part.
        by: what the values were divided by.
        held: name → weights; those beyond the picture stand in its outermost bins.
        walls: name → where the weights are clipped, a dotted line on both sides.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.3, 5.0), layout="constrained")
        grid = figure.add_gridspec(2, len(held), height_ratios=(1, 1.15))
        ax = figure.add_subplot(grid[0, :])
        panels = [figure.add_subplot(grid[1, k]) for k in range(len(held))]
    for row, given in enumerate(found.values()):
        share = np.asarray(given, dtype=float)
        ax.barh(row, share.mean(), 0.6, color=PALETTE[row % 6], alpha=0.75)
        ax.plot(share, np.full(len(share), row), "|", color=BLACK, markersize=9)
        white = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
        ax.text(
            share.max() + 0.012, row, f"{share.mean():.2f}", va="center", fontsize=9, bbox=white
        )
    ax.axvline(1, color=BLACK, linewidth=1.2, linestyle=":")
    ax.set_yticks(range(len(found)), list(found))
    ax.invert_yaxis()
    label(ax, titles[0], f"value ÷ {by}")
    for below, (name, held_by) in zip(panels, held.items(), strict=True):
        weights = _floats(held_by)
        reach = walls.get(name, float(np.quantile(np.abs(weights), 0.995))) * 1.08
        colour = PALETTE[list(found).index(name) % 6]
        below.hist(weights.clip(-reach, reach), bins=41, range=(-reach, reach), color=colour)
        for wall in (walls[name], -walls[name]) if name in walls else ():
            below.axvline(wall, color=BLACK, linestyle=":", linewidth=1.2)
        below.locator_params(axis="x", nbins=4)
        first = below is panels[0]
        lines = name.replace(", ", ",\n")
        above = titles[1] if first else "" if "\n" not in lines else None
        label(below, lines if above is None else f"{above}\n{lines}", "weight")
        below.set_ylabel("weights in the bin" if first else "")
    return figure


def gradients(norms: Mapping[str, Mapping[str, ArrayLike]], title: str) -> Figure:
    """Slopes at real, fake and interpolated points, a panel per critic, all on one scale."""
    rows = -(-len(norms) // 3)
    figure, axes = canvas(rows, -(-len(norms) // rows), width=2.9, height=2.5, title=title)
    colours = (BLUE, VERMILION, GREEN)
    top = max(float(_floats(v).max()) for places in norms.values() for v in places.values())
    for ax in axes[len(norms) :]:
        ax.set_axis_off()
    for k, (ax, (name, places)) in enumerate(zip(axes, norms.items(), strict=False)):
        drawn = ax.violinplot([np.asarray(v, float) for v in places.values()], showmedians=True)
        bodies: Any = drawn["bodies"]
        for part, colour in zip(bodies, colours, strict=False):
            part.set(facecolor=colour, alpha=0.55)
        for part in ("cmedians", "cbars", "cmins", "cmaxes"):
            drawn[part].set(color=BLACK, linewidth=0.9)
        ax.axhline(1, color=BLACK, linestyle=":", linewidth=1)
        ax.set_xticks(range(1, len(places) + 1), list(places), fontsize=9)
        ax.set_ylim(0, max(1.05, 1.05 * top))
        ax.locator_params(axis="y", nbins=5)
        label(ax, name, "", "‖∇D‖₂" if k % -(-len(norms) // rows) == 0 else "")
    return figure


def iterations(fresh: ArrayLike, kept: ArrayLike, restarted: ArrayLike, share: float) -> Figure:
    """Power iteration: its error round by round; and σ of the normalised weight while it moves.

    Args:
        fresh: error after each round, a row for each start.
        kept, restarted: σ of the normalised weight, one value a pass.
        share: by which the error shrinks in a round, by theory: the dashed line.
    """
    figure, (left, right) = canvas(1, 2, width=4.4, height=3.1)
    curves = np.atleast_2d(np.asarray(fresh, dtype=float))
    rounds = np.arange(1, curves.shape[1] + 1)
    left.plot(rounds, curves.T, color=BLUE, alpha=0.4, linewidth=1)
    left.plot(rounds, share ** (rounds - 1.0), "--", color=BLACK, label="∝ (σ₂/σ₁)$^{4k}$")
    left.set_yscale("log")
    left.legend(frameon=False, loc="lower left")
    label(left, f"From {len(curves)} random starts", "round k", "1 − uᵀWv ÷ σ(W) (log)")
    for name, values, colour in (("u kept", kept, GREEN), ("u drawn anew", restarted, VERMILION)):
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
        ax.plot(
            matrix, row, "o", color=BLUE, label="σ(W), the kernel as a matrix" if first else None
        )
        ax.plot(
            operator, row, "D", color=VERMILION, label="‖A‖, the whole layer" if first else None
        )
        ax.plot(
            most,
            row,
            "|",
            color=BLACK,
            markersize=12,
            label="2σ(W), the most it can be" if first else None,
        )
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlim(left=0)
    label(ax, "A convolution stretches more than its matrix", "norm (SN sets σ(W) to 1)")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def spectra(values: Mapping[str, Sequence[ArrayLike]], layers: Sequence[str]) -> Figure:
    """All singular values of each layer above 1e-4, one line per critic; one scale for all layers.

    Lines may cover each other: the wide ones are drawn first, and each has its marks elsewhere.
    """
    figure, axes = canvas(1, len(layers), width=3.9, height=3.3, sharey=True)
    looks = zip(PALETTE, "osD^vX", (4.6, 1.8, 1.8, 2.6, 1.8, 1.0), (0, 0, 1, 1, 0, 2), strict=False)
    for (colour, mark, wide, begin), (critic, sets) in zip(looks, values.items(), strict=False):
        for ax, found in zip(axes, sets, strict=False):
            s = _floats(found)
            ax.plot(
                np.arange(1, len(s) + 1), s, color=colour, linewidth=wide, marker=mark,
                markersize=6, markevery=(begin, 3), label=critic,
            )  # fmt: skip
    for ax, name in zip(axes, layers, strict=True):
        ax.set_yscale("log")
        label(ax, name, "index", "singular value of W (log)" if ax is axes[0] else "")
    top = max(float(_floats(s).max()) for sets in values.values() for s in sets[: len(layers)])
    axes[0].set_ylim(max(1e-4, axes[0].get_ylim()[0]), 2 * top)
    axes[-1].legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def bounds(rows: Mapping[str, Mapping[str, float]]) -> Figure:
    """For each critic several numbers on one log axis: products of norms, measured slopes."""
    figure, (ax,) = canvas(width=7.4, height=0.9 + 0.4 * len(rows))
    marks = zip("sDo|", (VERMILION, ORANGE, BLUE, BLACK), strict=True)
    for (mark, colour), kind in zip(marks, next(iter(rows.values())), strict=False):
        numbers = [row[kind] for row in rows.values()]
        ax.plot(numbers, range(len(rows)), mark, color=colour, label=kind, markersize=8)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))
    ax.xaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.tick_params(axis="x", which="minor", pad=5)  # on one line with the labels of 1 and 10
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set_ylim(len(rows) - 0.5, -0.5)
    label(ax, "A critic's proven ceiling and its steepest slope seen", "slope (log scale)")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def guidance(
    grid: tuple[ArrayLike, ArrayLike],
    outputs: Mapping[str, tuple[ArrayLike, ArrayLike]],
    real: ArrayLike,
    fake: ArrayLike,
) -> Figure:
    """What each critic says over the plane, and the slope that it gives each sample, as an arrow.

    Args:
        grid: the coordinates along each axis.
        outputs: name → (values of shape (len(y), len(x)), slopes at `fake` of shape (n, 2)).
        real, fake: points, shape (n, 2). Arrows are drawn to one scale in all panels.
    """
    across, up = map(_floats, grid)
    figure, axes = canvas(1, len(outputs), width=4.8, height=4.0)
    points, samples = _floats(real), _floats(fake)
    for ax, (name, (values, slopes)) in zip(axes, outputs.items(), strict=True):
        drawn = ax.contourf(across, up, _floats(values), levels=14, cmap="cividis")
        figure.colorbar(drawn, ax=ax, label="D(x)", shrink=0.85)
        ax.plot(
            *points.T, "o", color="white", markersize=5, mec=BLACK, mew=0.7, label="real", ls=""
        )
        arrows = _floats(slopes)
        keep = slice(None, None, max(1, len(samples) // 40))
        ax.quiver(
            *samples[keep].T, *arrows[keep].T, color=VERMILION, angles="xy", scale_units="xy",
            scale=0.75, width=0.006,
        )  # fmt: skip
        ax.plot(
            *samples.T, "s", color=VERMILION, markersize=4, mec="white", mew=0.4,
            label="samples; arrows: the slope ∇D at them",
        )  # fmt: skip
        ax.set_aspect("equal")
        ax.grid(False)
        label(ax, name, "$x_1$", "$x_2$")
    _legend_below(figure, axes[0])
    return figure


def on_the_ring(
    games: Mapping[str, ArrayLike],
    floor: float,
    samples: Mapping[str, ArrayLike],
    points: ArrayLike,
    title: str,
) -> Figure:
    """A column a game: the critic's value and the exact distance over the updates, final samples.

    Args:
        games: name → rows (update, critic's value, exact W₁, ...).
        floor: the distance of two samples of real points.
        samples: name → points of the generator at the end, (n, 2).
        points: real ones, (n, 2).
        title: of the whole figure.
    """
    figure, axes = canvas(2, len(games), width=3.0, height=3.1, title=title)
    reach = 1.5 * float(np.abs(_floats(points)).max())
    farthest = 1.05 * max(float(_floats(rows)[:, 2].max()) for rows in games.values())
    for ax, found in zip(axes[len(games) :], samples.values(), strict=True):
        ax.plot(*_floats(points).T, "o", color=BLUE, markersize=2, alpha=0.25, label="real")
        ax.plot(*_floats(found).T, "o", color=VERMILION, markersize=2, alpha=0.6, label="samples")
        ax.set_aspect("equal")
        ax.set_xlim(-reach, reach)
        ax.set_ylim(-reach, reach)
        label(ax, "", "$x_1$", "$x_2$" if ax is axes[len(games)] else "")
    for ax, (name, found) in zip(axes, games.items(), strict=False):
        rows = _floats(found)
        right = ax.twinx()
        right.spines["right"].set_visible(True)
        right.plot(rows[:, 0], rows[:, 2], color=BLUE, marker="o", markersize=4)
        right.axhline(floor, color=BLUE, linestyle=":", linewidth=1.2)
        right.set_ylim(0, farthest)
        right.tick_params(axis="y", labelcolor=BLUE)
        ax.plot(rows[:, 0], rows[:, 1], color=VERMILION, marker="s", markersize=4)
        ax.tick_params(axis="y", labelcolor=VERMILION)
        ax.set_ylim(bottom=min(0.0, float(rows[:, 1].min())))
        ax.grid(False)
        label(ax, name, "updates of G", "critic's value" if ax is axes[0] else "")
        ax.yaxis.label.set_color(VERMILION)
        if ax is axes[len(games) - 1]:
            right.set_ylabel("exact $W_1$ (dotted: of real from real)", color=BLUE)
    _legend_below(figure, axes[len(games)], 3.0)
    return figure


def values_and_quality(
    games: Mapping[str, tuple[ArrayLike, ArrayLike, ArrayLike]],
    floor: float,
    title: str,
    ranks: Mapping[str, ArrayLike],
) -> Figure:
    """A column for each game: sample quality and the critic's value over the updates, and changes.

    The last row has a point for each two neighbouring measurements: the rank that the change of the
    value has among all changes of its run (1: the largest fall) and that of the Fréchet distance.

    Args:
        games: name → (updates, Fréchet distances (seeds, looks), critic's values (seeds, looks)).
        floor: the Fréchet distance of real images.
        title: of the whole figure: data, n and where the curves come from.
        ranks: name → rank correlation (of the values, of their changes), a row for each seed; the
            means stand above the last row.
    """
    with mpl.rc_context(STYLE):
        width = max(7.5, 3.1 * len(games) + 0.6)
        figure = Figure(figsize=(width, 7.4), layout="constrained")
        axes = figure.subplots(3, len(games), squeeze=False)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=12)
    for above in axes[0, 1:]:
        above.sharey(axes[0, 0])
        above.tick_params(labelleft=False)
    for (above, below, last), (name, (at, quality, value)) in zip(
        axes.T, games.items(), strict=True
    ):
        above.sharex(below)
        above.tick_params(labelbottom=False)
        for marker, fd, gap in zip("os^Dv", *map(np.atleast_2d, (quality, value)), strict=False):
            orders = [np.diff(_floats(run)).argsort().argsort() + 1 for run in (gap, fd)]
            last.plot(*orders, marker, color=BLACK, alpha=0.7)
        level, change = np.atleast_2d(_floats(ranks[name])).mean(0)
        last.set_title(
            f"rank correlation {change:+.2f} (levels {level:+.2f})", fontsize=10, loc="left"
        )
        last.set_xlabel("rank of the change of the value")
        last.set_ylabel("rank of the change\nof the Fréchet distance" if last is axes[2, 0] else "")
        last.locator_params(integer=True)
        for ax, found, colour in ((above, quality, BLUE), (below, value, VERMILION)):
            for row in np.atleast_2d(_floats(found)):
                ax.plot(_floats(at), row, color=colour, marker="o", markersize=3, alpha=0.8)
        above.axhline(floor, color=BLACK, linestyle=":", linewidth=1.2)
        _logarithmic(above.yaxis)
        if _floats(value).max() > 1:  # a game's value has a scale of its own
            below.set_yscale("symlog", linthresh=1.0)
            ticks = SymmetricalLogLocator(base=10, linthresh=1.0, subs=[1, 2, 5])
            below.yaxis.set_major_locator(ticks)
            below.yaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{at:g}"))
        below.axhline(0, color=BLACK, linewidth=0.8)
        label(above, name, "", "Fréchet distance (log)" if above is axes[0, 0] else "")
        label(
            below, "", "updates of G", "critic's value (log above 1)" if below is axes[1, 0] else ""
        )
    return figure
