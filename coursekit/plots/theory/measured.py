"""What was measured: sweeps, slopes, small critics, orbits."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coursekit.plots.base import (
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
)

Curve = Any  # a tensor, an array or a list of numbers
GREY = "#777777"


def with_error(axes: Axes, x: Sequence[float], runs: Any, **style: Any) -> None:
    """Mean of several runs (rows) at each x with its standard error (none for a single run)."""
    values = np.asarray(runs, dtype=float)
    error = values.std(0, ddof=1) / len(values) ** 0.5 if len(values) > 1 else None
    axes.errorbar(x, values.mean(0), error, capsize=3, marker="o", markersize=4, **style)


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
