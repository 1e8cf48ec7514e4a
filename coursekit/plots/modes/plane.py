"""Samples on a plane whose modes are known, and what D thinks of every place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from coursekit.plots.base import BLACK, BLUE, GREEN, STYLE, VERMILION, array, canvas, label

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


def desk(
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
