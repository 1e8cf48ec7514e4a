"""The figures of 05: the plane with its modes, tables of remedies, orbits and spectra."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from coursekit.plots import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
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

Points = Any  # a tensor or array, shape (n, 2)
Field = Any  # a tensor or array, shape (m, m): rows are y from low to high

# fake is vermilion, real is blue, "cannot tell" is white
OPINION = LinearSegmentedColormap.from_list("opinion", [VERMILION, "#ffffff", BLUE])


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


def clouds(plane: Plane, samples: Mapping[str, Points], columns: int = 5) -> Figure:
    """One small panel for each cloud of samples, under its name."""
    rows = -(-len(samples) // columns)
    figure, axes = canvas(rows, min(columns, len(samples)), width=2.1, height=2.35)
    for ax, (name, points) in zip(axes, samples.items(), strict=False):
        scatter(ax, plane, points).set_title(name, loc="left", fontsize=9)
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
    plane: Plane, moments: Sequence[Points], captions: Sequence[str], fields: Sequence[Field] = ()
) -> list[Figure]:
    """The pictures of a film: samples at each moment, over what D thinks where that is given."""
    pictures = []
    for k, (points, caption) in enumerate(zip(moments, captions, strict=True)):
        figure, (ax,) = canvas(width=3.4, height=3.6)
        if fields:
            opinion(ax, plane, fields[k])
        scatter(ax, plane, points, BLACK if fields else VERMILION)
        ax.set_title(caption, loc="left", fontsize=10)
        pictures.append(figure)
    return pictures


def opinion(ax: Axes, plane: Plane, field: Field) -> Any:
    """D as a colour: blue is real, vermilion fake, white ½."""
    reach = (-plane.limit, plane.limit) * 2
    return ax.imshow(
        array(field), extent=reach, origin="lower", cmap=OPINION, vmin=0, vmax=1, alpha=0.8
    )


def landscape(
    plane: Plane, scenes: Mapping[str, tuple[Points, Field, Field]], top: float | None = None
) -> Figure:
    """For each scene D over the plane, and below it the slope ‖∇D‖ at every place.

    Args:
        plane: what is shown.
        scenes: name -> (samples, D, slope).
        top: end of the slopes' colour scale.
    """
    figure, axes = canvas(2, len(scenes), width=2.9, height=2.75)
    reach = (-plane.limit, plane.limit) * 2
    for k, (name, (points, field, slopes)) in enumerate(scenes.items()):
        upper, lower = axes[k], axes[k + len(scenes)]
        shade = opinion(upper, plane, field)
        scatter(upper, plane, points, BLACK).set_title(f"{name}: D", loc="left", fontsize=10)
        heat = lower.imshow(
            array(slopes), extent=reach, origin="lower", cmap="magma", vmin=0, vmax=top
        )
        _square(lower, plane).set_title("slope ‖∇D‖", loc="left", fontsize=10)
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
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
    opinion(left, plane, field)
    scatter(left, plane, points, BLACK).set_title(title, loc="left", fontsize=10)
    for colour, (name, (steps, values)) in zip((BLUE, GREEN), curves.items(), strict=False):
        right.plot(steps, values, color=colour, label=name)
        right.plot(steps[here], values[here], "o", color=colour)
    right.set_ylim(-0.03, 1.05)
    label(right, "The course of the game", "step", "share").legend(loc="best")
    return figure


def _square(ax: Axes, plane: Plane) -> Axes:
    ax.set_xlim(-plane.limit, plane.limit)
    ax.set_ylim(-plane.limit, plane.limit)
    ax.set_aspect("equal")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(visible=False)
    return ax


def overlaps(counts: Mapping[str, Any]) -> Figure:
    """How many kernel entries land on each pixel of a line, for several kernels."""
    figure, axes = canvas(1, len(counts), width=3.5, height=2.1)
    for ax, (name, values) in zip(axes, counts.items(), strict=True):
        bars = array(values)
        even = bars[2:-2].min() == bars[2:-2].max()
        ax.bar(range(len(bars)), bars, color=BLUE if even else VERMILION)
        label(ax, name, "output pixel", "contributions")
    return figure


def spectra(rows: Mapping[str, tuple[Tensor, Tensor]]) -> Figure:
    """A sheet of samples for each network, and below it their power spectrum in decibels.

    Args:
        rows: name -> (images (n, c, h, w), spectrum (h, w) with zero in the middle).
    """
    figure, axes = canvas(2, len(rows), width=2.2, height=2.0)
    for k, (name, (images, power)) in enumerate(rows.items()):
        picture(axes[k], tile(images[:16], 4), name)
        values = array(power)
        decibels = 10 * np.log10(values / values.max() + 1e-12)
        ax = axes[k + len(rows)]
        shade = ax.imshow(decibels, cmap="magma", extent=(-0.5, 0.5, 0.5, -0.5), vmin=-70, vmax=0)
        ax.set_xticks([-0.5, 0, 0.5])
        ax.set_yticks([-0.5, 0, 0.5])
        ax.grid(visible=False)
        label(ax, "", "cycles per pixel", "cycles per pixel" if k == 0 else "")
    figure.colorbar(shade, ax=axes[len(rows) :], label="power in dB", shrink=0.8)
    return figure


Numbers = Any  # a tensor, an array or a list of numbers


def coupons(samples: Sequence[int], seen: Mapping[str, Numbers], floor: Numbers) -> Figure:
    """How many modes of 1,000 samples hit, against their number; a perfect generator for scale."""
    figure, (ax,) = canvas(width=6.2, height=3.2)
    ax.plot(samples, array(floor), color=BLACK, linestyle=":", label="1,000 even modes, expected")
    for colour, (name, values) in zip(PALETTE, seen.items(), strict=False):
        ax.plot(samples, array(values), color=colour, marker="o", markersize=4, label=name)
    ax.set_xscale("log")
    ax.set_ylim(0, 1040)
    label(ax, "A count of modes needs its number of samples", "samples", "modes seen")
    ax.legend(frameon=False)
    return figure


def heat(
    values: Numbers, rows: Sequence[str], columns: Sequence[str], what: tuple[str, str, str]
) -> Figure:
    """A table of colours with its numbers written in.

    Args:
        values: shape (rows, columns).
        rows, columns: names of the settings.
        what: the title, and the names of the horizontal and the vertical axis.
    """
    table, (title, across, down) = array(values), what
    figure, (ax,) = canvas(width=1.6 + 0.85 * len(columns), height=1.1 + 0.5 * len(rows))
    ax.imshow(table, cmap="viridis", aspect="auto", vmin=0)
    for (i, j), value in np.ndenumerate(table):
        dark = value < 0.6 * table.max()
        ax.text(j, i, f"{value:.1f}", ha="center", va="center", color="white" if dark else BLACK)
    ax.set_xticks(range(len(columns)), list(columns))
    ax.set_yticks(range(len(rows)), list(rows))
    ax.grid(visible=False)
    label(ax, title, across, down)
    return figure


def league(table: Mapping[str, Mapping[str, Numbers]], best: Mapping[str, float]) -> Figure:
    """One panel a measure, one row a game: every seed a tick, mean ± standard error a bar.

    Args:
        table: game -> measure -> one number per seed.
        best: measure -> what perfect samples score, drawn as a line.
    """
    figure, axes = canvas(1, len(best), width=3.3, height=1.0 + 0.34 * len(table))
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
        ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
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
    label(ax, title, "step", "nearest mode")
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
