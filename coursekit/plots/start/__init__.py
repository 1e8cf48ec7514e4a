"""Figures of the first page: the map of the course, and three kinds of model in one picture."""

from coursekit.plots.start.maps import lecture_map
from coursekit.plots.start.models import refusal, sure_and_strange, three_models

__all__ = ["lecture_map", "refusal", "sure_and_strange", "three_models"]
