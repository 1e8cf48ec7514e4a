"""The figures of 07 and of the other lectures that attack classifiers."""

from coursekit.plots.attacks.curves import (
    margins,
    queries,
    radii,
    surfaces,
    sweep,
    target_matrix,
    trade_off,
)
from coursekit.plots.attacks.pictures import (
    attention,
    before_after,
    captions,
    playground,
    variants,
)

__all__ = [
    "attention",
    "before_after",
    "captions",
    "margins",
    "playground",
    "queries",
    "radii",
    "surfaces",
    "sweep",
    "target_matrix",
    "trade_off",
    "variants",
]
