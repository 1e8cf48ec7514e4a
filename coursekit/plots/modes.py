"""The figures of 05: the plane with its modes, tables of remedies, orbits; checkerboards of 03."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from coursekit.plots import array, canvas, label, standard_error
from coursekit.plots.colours import BLACK, BLUE, GREEN, ORANGE, PALETTE, VERMILION

Points = Any  # a tensor or array, shape (n, 2)
Numbers = Any  # a tensor, an array or a list of numbers
Field = Any  # a tensor or array, shape (m, m): rows are y from low to high

# fake is vermilion, real is blue, "cannot tell" is white
OPINION = LinearSegmentedColormap.from_list("opinion", [VERMILION, "#ffffff", BLUE])
FLAT = 0.01  # slopes below it, per unit of the plane, are drawn alike


@dataclass(frozen=True)
class Plane:
    """The square that is shown, and the modes in it.

    Attributes:
        centres: shape (k, 2).
        radius: of the circles drawn round the modes.
        limit: the square reaches from −limit to limit.
    """

    centres: Points
    radius: float
    limit: float


def clouds(
    plane: Plane,
    samples: Mapping[str, Points],
    columns: int = 5,
    fields: Sequence[Field] = (),
    size: float = 2.3,
) -> Figure:
    """One small panel for each cloud of samples, under its name, over D where that is given."""
    rows = -(-len(samples) // columns)
    lines = max(name.count("\n") for name in samples)
    columns = min(columns, len(samples))
    figure, axes = canvas(rows, columns, width=size, height=size + 0.35 + 0.17 * lines)
    for k, (ax, (name, points)) in enumerate(zip(axes, samples.items(), strict=False)):
        if fields:
            opinion(ax, plane, fields[k])
        colour = BLACK if fields else VERMILION
        scatter(ax, plane, points, colour).set_title(name, loc="left", fontsize=10)
    for ax in axes[len(samples) :]:
        ax.set_axis_off()
    return figure


def scatter(ax: Axes, plane: Plane, points: Points, colour: str = VERMILION) -> Axes:
    """Modes as circles, samples as dots; a sample beyond the square is drawn on its edge."""
    edge = 0.98 * plane.limit
    dots, centres = array(points).clip(-edge, edge), array(plane.centres)
    size = [2 * plane.radius] * len(centres)
    rings = EllipseCollection(
        size, size, [0] * len(centres), units="xy", offsets=centres,
        offset_transform=ax.transData, facecolors="none", edgecolors=BLACK, linewidths=0.8,
    )  # fmt: skip
    ax.add_collection(rings)
    ax.plot(*dots.T, ".", color=colour, markersize=3, alpha=0.35, markeredgewidth=0)
    return _square(ax, plane)


def frames(
    plane: Plane,
    moments: Sequence[Points],
    captions: Sequence[str],
    fields: Sequence[Field] = (),
    reach: float = 0.5,
) -> list[Figure]:
    """The pictures of a film: samples at each moment, over D where that is given.

    Args:
        plane: what is shown.
        moments: samples, one cloud a picture.
        captions: one line each.
        fields: D at each moment.
        reach: the colours of D end at ½ ± reach.
    """
    pictures = []
    for k, (points, caption) in enumerate(zip(moments, captions, strict=True)):
        figure, (ax,) = canvas(width=4.3 if fields else 3.4, height=3.6)
        if fields:
            shade = opinion(ax, plane, fields[k], reach)
            figure.colorbar(shade, ax=ax, shrink=0.8, label="D")
        scatter(ax, plane, points, BLACK if fields else VERMILION)
        ax.set_title(caption, loc="left", fontsize=10)
        pictures.append(figure)
    return pictures


def opinion(ax: Axes, plane: Plane, field: Field, reach: float = 0.5) -> Any:
    """D as a colour: blue is real, vermilion fake, white ½; full colour at ½ ± reach."""
    square, scale = (-plane.limit, plane.limit) * 2, Normalize(0.5 - reach, 0.5 + reach)
    return ax.imshow(
        array(field), extent=square, origin="lower", cmap=OPINION, alpha=0.8, norm=scale
    )


def landscape(
    plane: Plane, scenes: Mapping[str, tuple[Points, Field, Field]], top: float | None = None
) -> Figure:
    """For each scene D over the plane, and below it the slope ‖∇D‖ at every place.

    Args:
        plane: what is shown.
        scenes: name -> (samples, D, slope).
        top: end of the slopes' logarithmic colour scale; the steepest unless given.
    """
    figure, axes = canvas(2, len(scenes), width=2.9, height=2.75)
    reach = (-plane.limit, plane.limit) * 2
    steepest = max(float(array(slopes).max()) for *_, slopes in scenes.values())
    scale = LogNorm(FLAT, top or max(steepest, 10 * FLAT))
    for k, (name, (points, field, slopes)) in enumerate(scenes.items()):
        upper, lower = axes[k], axes[k + len(scenes)]
        shade = opinion(upper, plane, field)
        scatter(upper, plane, points, BLACK).set_title(f"{name}: D", loc="left", fontsize=10)
        heat = lower.imshow(
            array(slopes).clip(FLAT), extent=reach, origin="lower", cmap="magma", norm=scale
        )
        said = f"slope ‖∇D‖, at most {array(slopes).max():.2g}"
        _square(lower, plane).set_title(said, loc="left", fontsize=10)
    figure.colorbar(shade, ax=axes[: len(scenes)], shrink=0.8, label="D")
    figure.colorbar(heat, ax=axes[len(scenes) :], shrink=0.8, label="per unit of the plane")
    return figure


def ring_widget(
    plane: Plane,
    points: Points,
    field: Field,
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    here: int,
    title: str,
) -> Figure:
    """The widget's picture: the plane now, and the course of the game with this moment marked."""
    figure, (left, right) = canvas(1, 2, 4.2, 3.6, width_ratios=(1, 1.25))
    opinion(left, plane, field)
    scatter(left, plane, points, BLACK).set_title(title, loc="left", fontsize=10)
    for colour, (name, (steps, values)) in zip((BLUE, GREEN), curves.items(), strict=False):
        right.plot(steps, values, color=colour, label=name)
        right.plot(steps[here], values[here], "o", color=colour)
    right.set_ylim(-0.03, 1.22)
    label(right, "How the game went", "updates of G", "share").legend(loc="upper left", ncols=2)
    return figure


def _square(ax: Axes, plane: Plane) -> Axes:
    ax.set_xlim(-plane.limit, plane.limit)
    ax.set_ylim(-plane.limit, plane.limit)
    ax.set_aspect("equal")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(visible=False)
    ax.spines[:].set(visible=True, color="#bbbbbb")
    return ax


def trials(table: Mapping[str, Sequence[Mapping[str, Any]]], modes: int) -> Figure:
    """Every tuning trial of every entrant: modes and quality in words, their product as colour.

    Args:
        table: entrant -> its trials, each with `modes` and `quality`, and with the `settings` that
            name its rates; the best is bold.
        modes: how many there are.
    """
    worth = np.array([[t["modes"] * t["quality"] / modes for t in row] for row in table.values()])
    figure, (ax,) = canvas(width=2.2 + 1.15 * worth.shape[1], height=1.0 + 0.4 * len(table))
    ax.imshow(worth, cmap="viridis", aspect="auto", vmin=0, vmax=1)
    for i, row in enumerate(table.values()):
        for j, trial in enumerate(row):
            text = f"{trial['modes']:.1f} · {trial['quality']:.0%}"
            tone = "white" if worth[i, j] < 0.6 else BLACK
            bold = "bold" if j == worth[i].argmax() else "normal"
            ax.text(j, i, text, ha="center", va="center", color=tone, fontsize=10, weight=bold)
    rates = {name: tuple(map(_rates, row)) for name, row in table.items()}
    usual = max(rates.values(), key=[*rates.values()].count)
    ticks = [f"{j + 1}{pair}" for j, pair in enumerate(usual)]
    for j in range(len(ticks)):
        ticks[j] += "\nsecond strength*" * bool(usual[j] and usual[j] in usual[:j])
    ax.set_xticks(range(len(ticks)), ticks)
    ax.set_yticks(range(len(table)), [f"{k}{'*' * (rates[k] != usual)}" for k in table])
    ax.grid(visible=False)
    what = f"Six trials: modes of {modes} · quality, means of three seeds; colour: their product"
    below = "trial: rates of G / D (1: the collapsing game with the remedy)"
    for pairs in dict.fromkeys(pairs for pairs in rates.values() if pairs != usual):
        own = [f"{j + 1}{pair}" for j, pair in enumerate(pairs) if usual[j : j + 1] != (pair,)]
        below += f"\n*without a strength, {', '.join(own)}"
    label(ax, what, below)
    return figure


def _rates(trial: Mapping[str, Any]) -> str:
    """Adam's rates of G and D as ": 1e-3/1e-4"; nothing where the trial does not say."""
    pair = trial.get("settings", {}).get("rates", ())
    return ": " * bool(pair) + "/".join(f"{rate:.0e}".replace("e-0", "e-") for rate in pair)


def climbs(curves: Mapping[str, Numbers], real: float, title: str) -> Figure:
    """A count against updates for each game, [step, value] pairs, and that of real images."""
    figure, (ax,) = canvas(width=6.6, height=3.4)
    for colour, (name, pairs) in zip(PALETTE, curves.items(), strict=False):
        steps, values = array(pairs).T
        ax.plot(steps, values, color=colour, marker="o", markersize=4, label=name)
    ax.axhline(real, color=BLACK, linestyle=":", linewidth=1.2, label="real stacks")
    ax.set_ylim(0, 1040)
    label(ax, title, "updates of G", "modes of 1,000")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def league(table: Mapping[str, Mapping[str, Numbers]], best: Mapping[str, float]) -> Figure:
    """One panel a measure, one row a game: every seed a tick, mean ± standard error a bar.

    Args:
        table: game -> measure -> one number per seed.
        best: measure -> what perfect samples score, drawn as a line.
    """
    title = "Every seed a tick, mean ± standard error, dotted: perfect samples"
    height = 1.4 + 0.34 * len(table)
    figure, axes = canvas(1, len(best), width=3.3, height=height, title=title)
    colours = (BLUE, GREEN, VERMILION)
    for ax, colour, (measure, perfect) in zip(axes, colours, best.items(), strict=False):
        for row, scores in enumerate(table.values()):
            v = array(scores[measure]).astype(float)
            v = v[np.isfinite(v)]
            ax.plot(v, np.full(len(v), row), "|", color=colour, markersize=9, alpha=0.45)
            if len(v):
                ax.errorbar(v.mean(), row, xerr=standard_error(v), fmt="o", color=colour, capsize=3)
        ax.axvline(perfect, color=BLACK, linestyle=":", linewidth=1.2)
        ax.set_yticks(range(len(table)), list(table) if ax is axes[0] else [""] * len(table))
        ax.set_ylim(len(table) - 0.5, -0.5)
        whole = measure.startswith("modes")
        ticks: Any = {"integer": True, "min_n_ticks": 1} if whole else {}
        ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], **ticks))
        label(ax, "", measure)
    return figure


def visits(steps: Sequence[int], shares: Numbers, title: str) -> Figure:
    """Where the samples lie over time: one row per mode, darker for more of them.

    Args:
        steps: of the game, one per column.
        shares: shape (steps, modes), the share of samples nearest to each mode.
        title: of the picture.
    """
    table = array(shares).T
    figure, (ax,) = canvas(width=7.4, height=2.6)
    reach = (steps[0], steps[-1], len(table) + 0.5, 0.5)
    shade = ax.imshow(
        table, cmap="Oranges", aspect="auto", extent=reach, vmin=0, vmax=1, interpolation="nearest"
    )
    ax.set_yticks(range(1, len(table) + 1))
    ax.grid(visible=False)
    figure.colorbar(shade, ax=ax, label="share of samples")
    label(ax, title, "updates of G", "mode")
    return figure


def orbits(paths: Mapping[str, Numbers], reach: float = 1.6) -> Figure:
    """The Dirac game from the same start under several rules: θ across, ψ up."""
    figure, axes = canvas(1, len(paths), width=2.15, height=2.5)
    for ax, (name, path) in zip(axes, paths.items(), strict=True):
        theta, psi = array(path).T
        ax.plot(theta, psi, color=BLUE, linewidth=0.9)
        ax.plot(theta[0], psi[0], "o", color=ORANGE, markersize=6)
        ax.plot(theta[-1], psi[-1], "s", color=VERMILION, markersize=6)
        ax.plot(0, 0, "+", color=BLACK, markersize=11)
        ax.set_xlim(-reach, reach)
        ax.set_ylim(-reach, reach)
        ax.set_aspect("equal")
        label(ax, name, "θ", "ψ" if ax is axes[0] else "").title.set_fontsize(10)
    return figure
