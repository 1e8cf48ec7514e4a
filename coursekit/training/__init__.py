"""The two loops of the course, and what keeps them going.

`fit` trains every model with a loss of its own, `train_gan` plays every two-player game.
"""

from coursekit.training.checkpoint import describe
from coursekit.training.loops import (
    fit,
    frozen,
    no_augment,
    no_penalty,
    no_unroll,
    optimizer_step,
    train_gan,
    unrolled,
)
from coursekit.training.optim import Ema, adam, linear_decay, rmsprop, triangle
from coursekit.training.pool import ImagePool
from coursekit.training.trainer import History, Trainer

__all__ = [
    "Ema",
    "History",
    "ImagePool",
    "Trainer",
    "adam",
    "optimizer_step",
    "describe",
    "fit",
    "frozen",
    "no_unroll",
    "linear_decay",
    "rmsprop",
    "no_augment",
    "no_penalty",
    "train_gan",
    "triangle",
    "unrolled",
]
