"""The figures of 04: what a label buys, and what it costs."""

from coursekit.plots.conditional.numbers import (
    asked_and_seen,
    equilibria,
    obedience_and_diversity,
    over_time,
    per_class,
    prices,
    truncation,
    twice,
    wrong_labels,
)
from coursekit.plots.conditional.pictures import chooser, class_grid, class_grids

__all__ = [
    "asked_and_seen",
    "chooser",
    "class_grid",
    "class_grids",
    "equilibria",
    "obedience_and_diversity",
    "over_time",
    "per_class",
    "prices",
    "truncation",
    "twice",
    "wrong_labels",
]
