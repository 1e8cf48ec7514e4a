"""Arrays in, `Figure` out. One room a lecture; `base` holds the look they share."""

from coursekit.plots.base import canvas, curves, gallery, label, picture

__all__ = ["canvas", "curves", "gallery", "label", "picture"]
