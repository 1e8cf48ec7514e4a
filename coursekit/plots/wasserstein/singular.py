"""Singular values, norms of layers and what they bound: arrays in, `Figure` out."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import ArrayLike

from coursekit.plots.base import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    PALETTE,
    VERMILION,
    canvas,
    label,
)


def iterations(fresh: ArrayLike, kept: ArrayLike, restarted: ArrayLike) -> Figure:
    """Power iteration: its error round by round; and σ of the normalised weight while it moves."""
    figure, (left, right) = canvas(1, 2, width=4.4, height=3.1)
    curves = np.atleast_2d(np.asarray(fresh, dtype=float))
    left.plot(np.arange(1, curves.shape[1] + 1), curves.T, color=BLUE, alpha=0.4, linewidth=1)
    left.axhline(1, color=BLACK, linestyle=":", linewidth=1)
    label(left, "From a random start", "round", "uᵀWv ÷ σ(W)")
    for name, values, colour in (
        ("u kept", kept, GREEN),
        ("u drawn anew", restarted, VERMILION),
    ):
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
        ax.plot(matrix, row, "o", color=BLUE, label="σ(W), what SN divides by" if first else None)
        ax.plot(operator, row, "D", color=VERMILION, label="‖A‖, the operator" if first else None)
        ax.plot(
            most, row, "|", color=BLACK, markersize=12, label="overlap · σ(W)" if first else None
        )
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlim(left=0)
    label(ax, "A convolution stretches more than its matrix", "norm")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def spectra(values: Mapping[str, Sequence[ArrayLike]], layers: Sequence[str]) -> Figure:
    """All singular values of each layer above 1e-4, one line per critic."""
    figure, axes = canvas(1, len(layers), width=3.9, height=3.1)
    for k, (ax, name) in enumerate(zip(axes, layers, strict=True)):
        for colour, (critic, sets) in zip(PALETTE, values.items(), strict=False):
            s = np.asarray(sets[k], dtype=float)
            ax.plot(np.arange(1, len(s) + 1), s, color=colour, marker=".", label=critic)
        ax.set_yscale("log")
        ax.set_ylim(bottom=max(1e-4, ax.get_ylim()[0]))
        label(ax, name, "number", "singular value of W" if k == 0 else "")
    axes[-1].legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def bounds(rows: Mapping[str, Mapping[str, float]]) -> Figure:
    """For each critic several numbers on one log axis: products of norms, measured slopes."""
    figure, (ax,) = canvas(width=6.6, height=0.9 + 0.4 * len(rows))
    marks = zip("sDo|", (VERMILION, ORANGE, BLUE, BLACK), strict=True)
    for (mark, colour), kind in zip(marks, next(iter(rows.values())), strict=False):
        numbers = [row[kind] for row in rows.values()]
        ax.plot(numbers, range(len(rows)), mark, color=colour, label=kind, markersize=8)
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set_ylim(len(rows) - 0.5, -0.5)
    label(ax, "Bounds and slopes", "Lipschitz constant, or slope (log scale)")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def margins(scores: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> Figure:
    """Scores of real and fake images, a panel per critic, with the hinge's margins at ±1."""
    figure, axes = canvas(1, len(scores), width=2.9, height=2.7)
    for ax, (name, (real, fake)) in zip(axes, scores.items(), strict=True):
        both = np.concatenate([np.asarray(real, float), np.asarray(fake, float)])
        reach = max(1.3, float(np.quantile(np.abs(both), 0.99)))
        for values, colour, who in ((real, BLUE, "real"), (fake, VERMILION, "fake")):
            drawn = np.asarray(values, float).clip(-reach, reach)
            ax.hist(drawn, bins=40, range=(-reach, reach), color=colour, alpha=0.6, label=who)
        for margin in (-1, 1):
            ax.axvline(margin, color=BLACK, linestyle=":", linewidth=1)
        label(ax, name, "score s(x)", "images in the bin" if ax is axes[0] else "")
    axes[-1].legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure
