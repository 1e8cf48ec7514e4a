"""Exercises of 04: each attempt is graded by what it must do on fresh inputs."""

from coursekit.teaching.exercises.conditional.classes import AUXILIARY_LOSS, CLASS_NORM
from coursekit.teaching.exercises.conditional.labels import BAYES, CORRUPT

__all__ = ["AUXILIARY_LOSS", "BAYES", "CLASS_NORM", "CORRUPT"]
