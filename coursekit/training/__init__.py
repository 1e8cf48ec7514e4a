"""The two loops of the course, and what keeps them going.

`fit` trains every model with a loss of its own, `train_gan` plays every two-player game.
"""

from coursekit.training.checkpoint import describe
from coursekit.training.loops import (
    descend,
    fit,
    frozen,
    itself,
    no_augment,
    nothing,
    train_gan,
    unrolled,
)
from coursekit.training.optim import Ema, adam, linear_decay, triangle
from coursekit.training.trainer import History, Trainer

__all__ = [
    "Ema",
    "History",
    "Trainer",
    "adam",
    "descend",
    "describe",
    "fit",
    "frozen",
    "itself",
    "linear_decay",
    "no_augment",
    "nothing",
    "train_gan",
    "triangle",
    "unrolled",
]
