"""What is wrong with scores: arrays in, `Figure` out."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from coursekit.plots.base import BLACK, BLUE, PALETTE, VERMILION, canvas, label


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
