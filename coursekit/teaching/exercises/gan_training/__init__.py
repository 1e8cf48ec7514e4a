"""Exercises of 03: each attempt is graded by what it must do on fresh inputs."""

from coursekit.teaching.exercises.gan_training.distances import FRECHET_LINE, SLERP
from coursekit.teaching.exercises.gan_training.losses import CRITIC_LOSS, GENERATOR_LOSS

__all__ = ["CRITIC_LOSS", "FRECHET_LINE", "GENERATOR_LOSS", "SLERP"]
