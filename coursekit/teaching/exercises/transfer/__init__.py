"""Exercises of 08: attempts are graded on models and answers small enough to know the truth."""

from coursekit.teaching.exercises.transfer.answers import AUGMENT, FOOLED
from coursekit.teaching.exercises.transfer.gradients import BOX, GRADIENT

__all__ = ["AUGMENT", "BOX", "FOOLED", "GRADIENT"]
