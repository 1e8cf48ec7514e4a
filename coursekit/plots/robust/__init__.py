"""The figures of 09: training against an adversary, and what withstands which attack."""

from coursekit.plots.robust.curves import carried, four_curves, frontier, overfitting, slices
from coursekit.plots.robust.pictures import gradients, playground
from coursekit.plots.robust.tables import ladder_table

__all__ = [
    "carried",
    "four_curves",
    "frontier",
    "gradients",
    "ladder_table",
    "overfitting",
    "playground",
    "slices",
]
