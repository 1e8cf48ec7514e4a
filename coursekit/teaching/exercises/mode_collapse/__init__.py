"""Exercises of 05: each attempt is graded by what it must do on fresh inputs."""

from coursekit.teaching.exercises.mode_collapse.modes import MODES_COVERED, REVERSE_KL
from coursekit.teaching.exercises.mode_collapse.remedies import MINIBATCH_STD, OVERLAP, PACK

__all__ = ["MINIBATCH_STD", "MODES_COVERED", "OVERLAP", "PACK", "REVERSE_KL"]
