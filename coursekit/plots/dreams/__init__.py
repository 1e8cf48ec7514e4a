"""The figures of 01."""

from coursekit.plots.dreams.numbers import ablation, depth, fields, seams
from coursekit.plots.dreams.pictures import before_after, frame, playground, sheet

__all__ = [
    "ablation",
    "before_after",
    "depth",
    "fields",
    "frame",
    "playground",
    "seams",
    "sheet",
]
