"""The figures of 02. Data p in blue, generator q in vermilion, discriminator D in green."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coursekit.plots import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    PALETTE,
    PURPLE,
    VERMILION,
    array,
    canvas,
    label,
    standard_error,
)

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


def densities_widget(
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


GREY = "#777777"


def fitted(sample: Curve, x: Curve, density: Curve, title: str, unit: str) -> Figure:
    """A histogram of a sample under the density fitted to it."""
    figure, (axes,) = canvas(width=6.0)
    axes.hist(array(sample), bins=60, density=True, color=BLUE, alpha=0.35, label="data")
    axes.plot(array(x), array(density), color=VERMILION, label="maximum likelihood")
    label(axes, title, unit, "density").legend(frameon=False)
    return figure


def compromises(x: Curve, panels: Mapping[str, tuple[Curve, Mapping[str, Curve]]]) -> Figure:
    """What different divergences call the Gaussian nearest to p: title → (p, name → q)."""
    figure, axes = canvas(1, len(panels), width=5.0)
    for panel, (title, (p, fits)) in zip(axes, panels.items(), strict=True):
        panel.fill_between(array(x), array(p), color=BLUE, alpha=0.25, label="p", linewidth=0)
        styles = zip((VERMILION, GREEN, BLACK), ("-", "-", "--"), fits.items(), strict=True)
        for colour, style, (name, q) in styles:
            panel.plot(array(x), array(q), color=colour, linestyle=style, label=name)
        label(panel, title, "x", "density")
    top = 1.5 * max(panel.get_ylim()[1] for panel in axes)  # room for the legend above the curves
    for panel in axes:
        panel.set_ylim(top=top)
    axes[0].legend(frameon=False, fontsize=9, loc="upper left")
    return figure


def best_responses(panels: Mapping[str, tuple[Curve, Curve, Curve, Curve]]) -> Figure:
    """Pairs of densities with the discriminator that tells them apart best.

    Args:
        panels: title → (x, p, q, D*).
    """
    figure, axes = canvas(-(-len(panels) // 3), 3, width=3.7, height=2.5)
    for panel, (title, (x, p, q, best)) in zip(axes, panels.items(), strict=False):
        heights = [array(p), array(q)]
        top = max(float(h.max()) for h in heights)
        for curve, colour, name in zip(heights, (BLUE, VERMILION), "pq", strict=True):
            panel.fill_between(array(x), curve / top, color=colour, alpha=0.25, linewidth=0)
            panel.plot(array(x), curve / top, color=colour, linewidth=1, label=name)
        panel.plot(array(x), array(best), color=GREEN, label="D*")
        label(panel, title, "x", "D*; p, q scaled")
    axes[0].legend(frameon=False, loc="upper right")
    for panel in axes[len(panels) :]:
        panel.set_axis_off()
    return figure


def payoff(y: Curve, cases: Mapping[str, tuple[Curve, float]]) -> Figure:
    """What the discriminator earns at one point against its answer there, with the maximum."""
    figure, (axes,) = canvas(width=6.0)
    for colour, (name, (earned, best)) in zip(PALETTE, cases.items(), strict=False):
        axes.plot(array(y), array(earned), color=colour, label=name)
        axes.axvline(best, color=colour, linestyle=":", linewidth=1)
    label(axes, "Payoff at one point x", "answer y = D(x)", "a log y + b log(1 − y)")
    axes.legend(frameon=False, loc="lower center")
    return figure


def trained(x: Curve, p: Curve, q: Curve, best: Curve, runs: Sequence[Curve]) -> Figure:
    """Trained discriminators over the exact one, and what they miss."""
    figure, (left, right) = canvas(1, 2, width=5.2)
    for curve, colour, name in ((p, BLUE, "p"), (q, VERMILION, "q")):
        left.fill_between(array(x), array(curve), color=colour, alpha=0.25, linewidth=0, label=name)
    for i, run in enumerate(runs):
        left.plot(array(x), array(run), color=GREEN, linewidth=1, label="trained D" * (i == 0))
        right.plot(array(x), array(run) - array(best), color=GREEN, linewidth=1)
    left.plot(array(x), array(best), color=BLACK, linestyle="--", linewidth=1, label="D* exact")
    label(left, "Learnt from samples, held against theory", "x", "density; D")
    left.set_ylim(top=0.95)
    left.legend(frameon=False, ncols=4, fontsize=9, loc="upper left")
    label(right, "Error D − D*", "x", "D − D*")
    return figure


def far_apart(shifts: Curve, panels: Mapping[str, Mapping[str, Curve]]) -> Figure:
    """Divergences against the shift θ; infinite values leave the picture at the top."""
    figure, axes = canvas(1, len(panels), width=5.2, height=3.4)
    for panel, (title, curves) in zip(axes, panels.items(), strict=True):
        for i, (name, values) in enumerate(curves.items()):
            style = "--" if i == 1 else "-"  # the second often lies on the first
            panel.plot(array(shifts), array(values), style, color=PALETTE[i], label=name)
        panel.axhline(np.log(2), color=GREY, linestyle=":", linewidth=1)
        panel.set_ylim(0, 4)
        label(panel, title, "shift θ", "divergence (nats), W₁ (units of x)")
    axes[0].legend(frameon=False, fontsize=9, loc="lower right", bbox_to_anchor=(1, 0.3))
    return figure


def with_error(axes: Axes, x: Sequence[float], runs: Any, **style: Any) -> None:
    """Mean of several runs (rows) at each x with its standard error (none for a single run)."""
    values = np.asarray(runs, dtype=float)
    axes.errorbar(
        x, values.mean(0), standard_error(values), capsize=3, marker="o", markersize=4, **style
    )


def sweeps(panels: Mapping[str, tuple[Sequence[float], Any, str]], y: str) -> Figure:
    """One panel a sweep on double logarithmic axes: title → (x, runs × x, name of x)."""
    figure, axes = canvas(1, len(panels), width=4.6)
    for panel, (title, (x, runs, name)) in zip(axes, panels.items(), strict=True):
        with_error(panel, x, runs, color=GREEN)
        panel.loglog()
        panel.set_xticks(x, [f"{size:,}" for size in x])
        heights = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
        panel.set_yticks(heights, [f"{height:g}" for height in heights])
        panel.minorticks_off()
        panel.set_ylim(0.004, 0.25)
        label(panel, title, name, y)
    return figure


def slopes(
    d: Curve, per_logit: Mapping[str, Curve], shifts: Curve, pulls: Mapping[str, Curve]
) -> Figure:
    """Left: |dL/ds| against D(G(z)). Right: the pull on the generator against its distance."""
    figure, (left, right) = canvas(1, 2, width=5.0)
    for colour, (name, values) in zip((VERMILION, BLUE), per_logit.items(), strict=True):
        left.plot(array(d), array(values), color=colour, label=name)
    label(left, "Slope in the score", "D(G(z))", "|dL/ds|").legend(frameon=False)
    for colour, (name, values) in zip((VERMILION, BLUE, GREEN), pulls.items(), strict=False):
        right.plot(array(shifts), array(values), color=colour, label=name)
    right.set_yscale("log")
    label(right, "Pull towards the data, D at its best", "distance θ", "|dL/dθ|")
    right.legend(frameon=False)
    return figure


def vanishing(steps: Sequence[int], runs: Mapping[str, Sequence[Sequence[float]]]) -> Figure:
    """The pull on a waiting generator while its discriminator learns, every run a line."""
    figure, (axes,) = canvas(width=6.2)
    for colour, (name, many) in zip((VERMILION, BLUE), runs.items(), strict=True):
        for i, values in enumerate(many):
            axes.plot(steps, values, color=colour, linewidth=1.2, label=name * (i == 0))
    axes.set_yscale("log")
    label(axes, "G waits, D learns", "updates of D", "|dL/dθ|").legend(frameon=False)
    return figure


def small_critics(
    n: Sequence[int],
    seen: Mapping[int, Any],
    learnt: Any,
    earth: tuple[Sequence[int], Any],
    dimension: int,
) -> Figure:
    """Left: what critics on k fixed features see between two samples. Right: exact W₁.

    Args:
        n: sizes of the two samples.
        seen: k → runs × n, at the supremum; `learnt`: the same for a trained network.
        earth: sizes, and W₁ as runs × sizes.
        dimension: of the samples.
    """
    figure, (left, right) = canvas(1, 2, width=5.2, height=3.6)
    for colour, (k, runs) in zip(PALETTE, seen.items(), strict=False):
        with_error(left, n, runs, color=colour, linestyle="", label=f"{k} fixed features")
        chance = [k / (2 * size) for size in n]  # Wilks; the bias gains nothing: equal sizes
        left.plot(n, chance, color=colour, linestyle="--", linewidth=1)
    with_error(left, n, learnt, color=ORANGE, linewidth=1, label="8 units, all weights learn")
    left.axhline(2 * np.log(2), color=BLACK, label="2 JS of the samples")
    left.loglog()
    label(left, "Two samples of one distribution", "points n in each sample", "seen (nats)")
    left.legend(frameon=False, fontsize=8)
    with_error(right, earth[0], earth[1], color=PURPLE)
    right.set_xscale("log")
    right.set_xticks(earth[0], [f"{size:,}" for size in earth[0]])
    right.minorticks_off()
    right.set_ylim(bottom=0)
    label(right, f"W₁ of the samples, {dimension} dimensions", "points n in each sample", "W₁")
    return figure


def orbits(paths: Mapping[str, Curve], spectra: Mapping[str, Curve], rate: float) -> Figure:
    """Left: the game's path under each rule. Right: its eigenvalues as the rate grows from 0.

    Args:
        paths: rule → points (x, y), one after the other.
        spectra: rule → complex eigenvalues, rates × 2.
        rate: at which the paths were played.
    """
    figure, (left, right) = canvas(1, 2, width=4.6, height=4.2)
    for colour, (name, path) in zip((VERMILION, BLUE, GREEN), paths.items(), strict=True):
        points, roots = array(path), array(spectra[name])
        left.plot(points[:, 0], points[:, 1], ".-", color=colour, linewidth=1, ms=3, label=name)
        right.scatter(roots.real, roots.imag, 12, color=colour, label=name)
    left.plot(0, 0, "+", color=BLACK)
    label(left, f"min over x, max over y of xy, rate {rate:g}", "x", "y").set_aspect("equal")
    turn = np.linspace(0, 2 * np.pi, 200)
    right.plot(np.cos(turn), np.sin(turn), color=GREY, linewidth=1)
    right.set_xlim(-0.8, 1.5)
    right.set_ylim(-1.15, 1.15)
    name = "Eigenvalues, rate 0 to 1, and unit circle"
    label(right, name, "Re λ", "Im λ").set_aspect("equal")  # or the circle is none
    right.legend(frameon=False, fontsize=9, loc="center left")
    return figure
