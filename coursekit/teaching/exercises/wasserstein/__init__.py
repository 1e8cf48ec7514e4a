"""Exercises of 06: each attempt is graded by what it must do on fresh inputs."""

from coursekit.teaching.exercises.wasserstein.critics import CRITIC, PENALTY
from coursekit.teaching.exercises.wasserstein.distances import LINE, SIGMA

__all__ = ["CRITIC", "LINE", "PENALTY", "SIGMA"]
