"""The figures of 02 and 02a. Data p in blue, generator q in vermilion, discriminator D in green.

Of divergences KL is black, JS orange, TV sky blue and W₁ purple.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from coursekit.plots import STYLE, array, canvas, label, picture, standard_error, tile
from coursekit.plots.colours import BLACK, BLUE, GREEN, ORANGE, PALETTE, PURPLE, SKY, VERMILION

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


TOP = 1.3  # of a scene: room for the legend above D = 1


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
    axes.set_ylim(-0.3, TOP)
    axes.set_yticks([0, 0.5, 1])
    height, edges = array(scene.samples), array(stage.edges)
    if (
        height.max() > TOP
    ):  # a spike that the panel cuts off: its height in words, right of D's rise
        there = edges[height.argmax() + 1]
        axes.text(there + 0.9, 0.8, f"q up to {height.max():.1f}", color=VERMILION, va="center")
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
    for colour, (name, values) in zip((ORANGE, PURPLE), curves.items(), strict=True):
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
        styles = zip((BLACK, ORANGE, BLACK), ("-", "-", "--"), fits.items(), strict=True)
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
    figure, axes = canvas(1, len(panels), width=4.0, height=3.2)
    for panel, (title, (x, p, q, best)) in zip(axes, panels.items(), strict=True):
        top = max(float(array(curve).max()) for curve in (p, q))
        for curve, colour, name in ((p, BLUE, "p"), (q, VERMILION, "q")):
            height = array(curve) / top
            panel.fill_between(array(x), height, color=colour, alpha=0.25, linewidth=0, label=name)
        panel.plot(array(x), array(best), color=GREEN, label="D*")
        panel.set_ylim(0, 1.35)
        panel.set_yticks([0, 0.5, 1])
        label(panel, title, "x", "D*; p, q scaled")
        panel.legend(frameon=False, loc="upper right", ncols=3, fontsize=10)
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
    label(left, "Learnt from samples, and the exact D*", "x", "density; D")
    left.set_ylim(top=0.95)
    left.legend(frameon=False, ncols=4, fontsize=9, loc="upper left")
    label(right, "Error, a line for each seed", "x", "D − D*")
    return figure


def far_apart(shifts: Curve, panels: Mapping[str, Mapping[str, Curve]]) -> Figure:
    """Divergences against the shift θ. Infinite values have a line of their own, at the top."""
    figure, axes = canvas(1, len(panels), width=5.2, height=3.8)
    top, infinity, height = 4.0, 4.5, 4.8
    for panel, (title, curves) in zip(axes, panels.items(), strict=True):
        for i, (name, values) in enumerate(curves.items()):
            y = array(values).astype(float)
            colour = (BLACK, BLACK, ORANGE, SKY, PURPLE)[i]
            style: dict[str, Any] = {"color": colour, "linestyle": "--" if i == 1 else "-"}
            (line,) = panel.plot(
                array(shifts), np.where(np.isfinite(y), y, np.nan), label=name, **style
            )
            line.set_clip_path(Rectangle((0, 0), 1, top / height, transform=panel.transAxes))
            endless = np.where(np.isinf(y), infinity, np.nan)
            panel.plot(array(shifts), endless, marker="o" if i == 0 else "x", ms=5, **style)
        panel.axhline(np.log(2), color=GREY, linestyle=":", linewidth=1)
        panel.set_ylim(0, height)
        panel.set_yticks([0, np.log(2), 1, 2, 3, 4, infinity], ["0", "log 2", *"1234", "∞"])
        label(panel, title, "shift θ", "KL, JS in nats; TV; W₁ in units of x")
    axes[0].legend(frameon=False, fontsize=10, loc="upper left")
    return figure


def f_divergences(u: Curve, curves: Mapping[str, Curve], shares: Mapping[str, float]) -> Figure:
    """The functions f of f-divergences, and how much of each a trained discriminator reaches.

    Args:
        u: values of the ratio p/q.
        curves: name → f(u).
        shares: name → the lower bound by the discriminator, divided by the divergence.
    """
    figure, (left, right) = canvas(1, 2, width=5.2)
    colours, styles = (BLACK, BLACK, ORANGE, GREY, SKY), ("-", "--", "-", ":", "-")
    for colour, style, (name, values) in zip(colours, styles, curves.items(), strict=True):
        left.plot(array(u), array(values), color=colour, linestyle=style, label=name)
    left.set_ylim(-1, 4)
    label(left, "f of five f-divergences", "u = p/q", "f(u), in nats for KL and JS")
    left.legend(frameon=False, fontsize=10, loc="upper left", bbox_to_anchor=(0.15, 1))
    for row, (colour, share) in enumerate(zip(colours, shares.values(), strict=True)):
        right.plot(share, row, "o", color=colour, mfc="white" if row == 1 else colour)
        right.text(share - 0.003, row, f"{share:.3f}", ha="right", va="center", fontsize=10)
    right.axvline(1, color=GREY, linestyle=":", linewidth=1)
    right.set_yticks(range(len(shares)), list(shares))
    right.set_xlim(min(0.9, min(shares.values()) - 0.03), 1.01)
    right.invert_yaxis()
    label(right, "Bound by one trained D, one seed", "share of the divergence", "divergence")
    return figure


def with_error(axes: Axes, x: Sequence[float], runs: Any, **style: Any) -> None:
    """Mean of several runs (rows) at each x with its standard error (none for a single run)."""
    values = np.asarray(runs, dtype=float)
    axes.errorbar(
        x, values.mean(0), standard_error(values), capsize=3, marker="o", markersize=4, **style
    )


def slopes(
    d: Curve, per_logit: Mapping[str, Curve], shifts: Curve, pulls: Mapping[str, Curve]
) -> Figure:
    """Left: |dL/ds| against D(G(z)). Right: the pull on the generator against its distance."""
    figure, (left, right) = canvas(1, 2, width=5.0)
    for colour, (name, values) in zip((ORANGE, BLACK), per_logit.items(), strict=True):
        left.plot(array(d), array(values), color=colour, label=name)
    label(left, "Slope in the score", "D(G(z))", "|dL/ds|").legend(frameon=False)
    for colour, (name, values) in zip((ORANGE, BLACK, PURPLE), pulls.items(), strict=False):
        right.plot(array(shifts), array(values), color=colour, label=name)
    right.set_yscale("log")
    label(right, "Gradient towards the data, D optimal", "distance θ", "|dL/dθ|")
    right.legend(frameon=False)
    return figure


def small_critics(n: Sequence[int], seen: Mapping[int, Any]) -> Figure:
    """What discriminators on k fixed features see between two samples of one distribution.

    Args:
        n: sizes of the two samples.
        seen: k → runs × n, at the supremum.
    """
    figure, (axes,) = canvas(width=8.4, height=3.6)
    for colour, (k, runs) in zip(PALETTE, seen.items(), strict=False):
        with_error(axes, n, runs, color=colour, linestyle="", label=f"k = {k} features")
        axes.plot(n, [k / (2 * size) for size in n], color=colour, linestyle="--", linewidth=1)
    axes.plot([], [], color=BLACK, linestyle="--", linewidth=1, label="k/2n, for each k")
    axes.axhline(2 * np.log(2), color=BLACK, label="unlimited: 2 JS of the samples")
    axes.loglog()
    axes.set_ylim(top=12)
    pairs = len(next(iter(seen.values())))
    title = f"Two samples of one Gaussian: mean of {pairs} pairs ± standard error"
    label(axes, title, "points n in each sample", "distance (nats)")
    axes.legend(frameon=False, fontsize=10, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def circles(
    side: Curve,
    maps: Mapping[str, Curve],
    lines: Mapping[str, tuple[Sequence[int], Sequence[float]]],
    radius: float = 0.7,
) -> Figure:
    """Data on the unit circle, samples on a smaller one: what D learns, and what G feels.

    Args:
        side: coordinates of the square grid.
        maps: title → D on the grid.
        lines: name → (updates of D, |dL/dρ|).
        radius: of the samples' circle.
    """
    figure, axes = canvas(1, 3, width=4.2, height=3.8)
    turn, ends = np.linspace(0, 2 * np.pi, 200), array(side)[[0, -1]]
    circle = np.stack([np.cos(turn), np.sin(turn)])
    for panel, (title, values) in zip(axes, maps.items(), strict=False):
        options: Any = {"cmap": "PiYG", "vmin": 0, "vmax": 1, "origin": "lower"}
        shown = panel.imshow(array(values), extent=(*ends, *ends), **options)
        panel.plot(*circle, color=BLUE, label="data, ρ = 1")
        panel.plot(*(radius * circle), color=VERMILION, label=f"samples, ρ = {radius:g}")
        panel.grid(visible=False)
        label(panel, title, "x₁", "x₂")
        figure.colorbar(shown, ax=panel, ticks=[0, 0.5, 1], shrink=0.8)
    axes[0].legend(fontsize=9, loc="upper left")
    for style, (name, (steps, values)) in zip((".-", "o--"), lines.items(), strict=True):
        axes[2].plot(steps, values, style, color=BLACK, ms=5, mfc="white", label=name)
    axes[2].set_xscale("symlog", linthresh=1)
    axes[2].set_yscale("log")
    label(axes[2], "Saturating gradient, G waits", "updates of D", "|dL/dρ|")
    axes[2].legend(frameon=False, fontsize=10)
    return figure


def perfect_discriminator(
    sheets: Mapping[str, Tensor], curves: Mapping[str, Sequence[Mapping[str, float]]]
) -> Figure:
    """Arjovsky & Bottou 2017, figure 2: frozen generators, new discriminators.

    Args:
        sheets: name → some samples (n, c, h, w) of each generator.
        curves: name → rows with the step, D's error, and the norm of G's saturating gradient.
    """
    figure = Figure(figsize=(10.5, 5.6), layout="constrained")
    with mpl.rc_context(STYLE):
        parts = figure.subfigures(2, 1, height_ratios=(1, 2.6), squeeze=False)
        above, below = parts[:, 0]
        for panel, (name, images) in zip(
            above.subplots(1, len(sheets), squeeze=False)[0], sheets.items(), strict=True
        ):
            picture(panel, tile(images, len(images)), name)
        left, right = below.subplots(1, 2)
    for colour, (name, rows) in zip((VERMILION, BLUE, GREEN), curves.items(), strict=False):
        steps = [row["step"] for row in rows]
        left.plot(steps, [row["error"] for row in rows], ".-", color=colour, label=name)
        right.plot(steps, [row["gradient"] for row in rows], ".-", color=colour, label=name)
    for panel in (left, right):
        panel.set_xscale("symlog", linthresh=1)
    left.axhline(0.01, color=BLACK, linestyle=":", linewidth=1, label="1 %")
    left.set_yscale("symlog", linthresh=1e-3)  # an error may be 0
    left.set_ylim(-1e-4, 1)
    right.set_yscale("log")
    label(left, "Error of a new D", "updates of D", "share misclassified")
    label(right, "Gradient of log(1 − D)", "updates of D", "‖∇L‖ over the weights of G")
    left.legend(frameon=False, fontsize=10, loc="lower left")
    return figure


def orbits(
    paths: Mapping[str, Curve],
    spectra: Mapping[str, Curve],
    averages: Mapping[str, Curve],
    rate: float,
) -> Figure:
    """The game xy under each rule: path, eigenvalues as the rate grows from 0, averaged iterate.

    Args:
        paths: rule → points (x, y), one after the other.
        spectra: rule → complex eigenvalues, rates × 2.
        averages: rule → the mean of the first n points.
        rate: at which the paths were played.
    """
    figure, (left, middle, right) = canvas(1, 3, width=4.3, height=4.0)
    for colour, (name, path) in zip((VERMILION, BLUE, GREEN), paths.items(), strict=True):
        points, roots, mean = array(path), array(spectra[name]), array(averages[name])
        left.plot(points[:, 0], points[:, 1], ".-", color=colour, linewidth=1, ms=3, label=name)
        middle.scatter(roots.real, roots.imag, 12, color=colour, label=name)
        size = np.linalg.norm(mean, axis=1)
        right.plot(np.arange(1, len(mean) + 1), size, color=colour, label=name)
    left.plot(0, 0, "+", color=BLACK)
    label(left, f"min over x, max over y of xy, η = {rate:g}", "x", "y").set_aspect("equal")
    turn = np.linspace(0, 2 * np.pi, 200)
    middle.plot(np.cos(turn), np.sin(turn), color=GREY, linewidth=1)
    middle.set_xlim(-0.8, 1.5)
    middle.set_ylim(-1.15, 1.15)
    label(middle, "Eigenvalues, η from 0 to 1", "Re λ", "Im λ").set_aspect("equal")
    middle.legend(frameon=False, fontsize=10, loc="center left")
    n = np.array([4, 1000])
    right.plot(n, 20 / n, color=GREY, linestyle=":", label="∝ 1/n")
    right.loglog()
    right.set_ylim(1e-3, 1e2)
    label(right, "Mean of the first n iterates", "n", "distance from (0, 0)")
    right.legend(frameon=False, fontsize=10, loc="lower left")
    return figure
