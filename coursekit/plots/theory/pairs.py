"""Two densities beside each other, and what tells them apart."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from coursekit.plots.base import (
    BLACK,
    BLUE,
    GREEN,
    PALETTE,
    VERMILION,
    array,
    canvas,
    label,
)

Curve = Any  # a tensor, an array or a list of numbers
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
