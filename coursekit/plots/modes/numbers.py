"""What was counted: arrays in, `Figure` out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from coursekit.plots.base import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    PALETTE,
    VERMILION,
    array,
    canvas,
    label,
)

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
            error = v.std(ddof=1) / len(v) ** 0.5 if len(v) > 1 else 0.0
            ax.plot(v, np.full(len(v), row), "|", color=colour, markersize=9, alpha=0.45)
            if len(v):
                ax.errorbar(v.mean(), row, xerr=error, fmt="o", color=colour, capsize=3)
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
