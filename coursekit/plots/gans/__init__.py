"""The figures of 03 and of the other lectures that train GANs."""

from coursekit.plots.gans.numbers import (
    compared,
    losses_and_quality,
    moves,
    quality_by_seconds,
    shares,
)
from coursekit.plots.gans.pictures import album, beside, explorer, frames, strips

__all__ = [
    "album",
    "beside",
    "compared",
    "explorer",
    "frames",
    "losses_and_quality",
    "moves",
    "quality_by_seconds",
    "shares",
    "strips",
]
