"""Floor 2. The two loops of the course, and what keeps them going.

`fit` trains every model with a loss of its own, `train_gan` plays every two-player game.
"""

from coursekit.training.checkpoint import cache_file, configuration_hash, remember
from coursekit.training.ema import Ema
from coursekit.training.history import History
from coursekit.training.loops import descend, fit, frozen, itself, nothing, train_gan
from coursekit.training.optimizers import adam, linear_decay, triangle
from coursekit.training.unrolled import unrolled

__all__ = [
    "Ema",
    "History",
    "adam",
    "cache_file",
    "configuration_hash",
    "descend",
    "fit",
    "frozen",
    "itself",
    "linear_decay",
    "nothing",
    "remember",
    "train_gan",
    "triangle",
    "unrolled",
]
