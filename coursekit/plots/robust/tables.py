"""The attack ladder as a table one can read at a glance."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from coursekit.plots.base import canvas, label


def ladder_table(rows: Mapping[str, Mapping[str, float]], title: str) -> Figure:
    """Accuracy (%) of each network (row) under each attack (column).

    Args:
        rows: network → attack → accuracy; all with the same attacks in the same order. NaN where
            an attack was not run.
        title: of the figure.
    """
    attacks = list(next(iter(rows.values())))
    values = np.array([[row[attack] for attack in attacks] for row in rows.values()])
    width, height = 1.9 + 0.78 * len(attacks), 1.25 + 0.46 * len(rows)
    figure, (axes,) = canvas(width=width, height=height)
    axes.imshow(values, vmin=0, vmax=1, cmap="RdYlBu", aspect="auto")
    for i, j in np.ndindex(*values.shape):
        if np.isfinite(values[i, j]):
            strong = 0.25 < values[i, j] < 0.8
            text, colour = f"{100 * values[i, j]:.0f}", "black" if strong else "white"
            bold = "bold" if attacks[j] == attacks[-1] else "normal"
            axes.text(j, i, text, ha="center", va="center", color=colour, fontweight=bold)
    axes.axvline(len(attacks) - 1.5, color="black", linewidth=1.5)
    axes.set_xticks(range(len(attacks)), [_broken(attack) for attack in attacks], fontsize=9)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.tick_params(length=0)
    axes.grid(False)
    label(axes, title, "attack; images still right, in %")
    return figure


def _broken(name: str) -> str:
    """A column's name on two lines."""
    return name.replace(" ", "\n", 1)
