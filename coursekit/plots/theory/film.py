"""A GAN on the line, moment by moment, and the desk on which a reader moves q about."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coursekit.plots.base import BLACK, BLUE, GREEN, ORANGE, VERMILION, array, canvas, label

Curve = Any  # a tensor, an array or a list of numbers


@dataclass(frozen=True)
class Scene:
    """One moment of a GAN on the line.

    Attributes:
        title: what happens.
        samples: density of G's samples, one height for each pair of neighbouring edges.
        critic: D on the grid x.
        arrows: pairs (z, G(z)), shape (k, 2).
    """

    title: str
    samples: Curve
    critic: Curve
    arrows: Curve


@dataclass(frozen=True)
class Stage:
    """What stays the same from scene to scene: the grid, the data's density on it, the bins."""

    x: Curve
    p: Curve
    edges: Curve


def strip(stage: Stage, scenes: Sequence[Scene], columns: int = 2) -> Figure:
    """Several scenes as panels, as in Goodfellow et al. 2014, figure 1."""
    figure, axes = canvas(-(-len(scenes) // columns), columns, width=5.0, height=3.3)
    for panel, scene in zip(axes, scenes, strict=False):
        draw(panel, stage, scene)
    axes[0].legend(frameon=False, fontsize=9, loc="upper left", ncols=3)
    return figure


def frames(stage: Stage, scenes: Sequence[Scene]) -> list[Figure]:
    """One figure a scene, for a film."""
    pictures = []
    for scene in scenes:
        figure, (axes,) = canvas(width=6.0, height=3.6)
        draw(axes, stage, scene).legend(frameon=False, fontsize=9, loc="upper left", ncols=3)
        pictures.append(figure)
    return pictures


def draw(axes: Axes, stage: Stage, scene: Scene) -> Axes:
    """Densities and D above the axis; below it the map from the noise line to the data line."""
    x, low = array(stage.x), float(array(stage.x).min())
    axes.fill_between(x, array(stage.p), color=BLUE, alpha=0.3, linewidth=0, label="p")
    axes.stairs(array(scene.samples), array(stage.edges), color=VERMILION, label="q")
    axes.plot(x, array(scene.critic), color=GREEN, label="D")
    axes.axhline(0.5, color=GREEN, linestyle=":", linewidth=1)
    for z, image in array(scene.arrows):
        axes.plot([z, image], [-0.28, -0.04], color=BLACK, linewidth=0.5)
    axes.text(low + 0.1, -0.29, "z", va="bottom")
    axes.text(low + 0.1, -0.13, "G(z)", va="bottom")
    axes.set_xlim(x.min(), x.max())
    axes.set_ylim(-0.3, 1.12)
    axes.set_yticks([0, 0.5, 1])
    return label(axes, scene.title, "x", "density; D")


def desk(
    x: Curve,
    densities: tuple[Curve, Curve],
    best: Curve,
    means: Curve,
    curves: dict[str, Curve],
    here: float,
    numbers: dict[str, float],
) -> Figure:
    """The widget's picture: p and q, D*, and JS and W₁ over every mean that q could have."""
    figure, (left, middle, right) = canvas(1, 3, width=4.1, height=3.2)
    for curve, colour, name in zip(densities, (BLUE, VERMILION), ("p", "q"), strict=True):
        left.fill_between(array(x), array(curve), color=colour, alpha=0.3, linewidth=0, label=name)
    label(left, "Densities", "x", "density").legend(frameon=False)
    middle.plot(array(x), array(best), color=GREEN)
    middle.axhline(0.5, color=GREEN, linestyle=":", linewidth=1)
    middle.set_ylim(-0.03, 1.03)
    label(middle, "D* = p/(p + q)", "x", "D*")
    for colour, (name, values) in zip((ORANGE, BLACK), curves.items(), strict=True):
        right.plot(array(means), array(values), color=colour, label=name)
        right.plot(here, np.interp(here, array(means), array(values)), "o", color=colour)
    text = ", ".join(f"{name} = {value:.3f}" for name, value in numbers.items())
    label(right, text, "mean μ of q", "nats; units of x").legend(frameon=False)
    right.title.set_fontsize(10)
    return figure
