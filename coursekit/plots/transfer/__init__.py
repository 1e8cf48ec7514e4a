"""The figures of 08: who fools whom."""

from coursekit.plots.transfer.curves import (
    against_eps,
    against_queries,
    agreement,
    bars,
    intervals,
)
from coursekit.plots.transfer.matrices import matrices, within
from coursekit.plots.transfer.pictures import cell, crafts, leaf_moves

__all__ = [
    "against_eps",
    "against_queries",
    "agreement",
    "bars",
    "cell",
    "crafts",
    "intervals",
    "leaf_moves",
    "matrices",
    "within",
]
