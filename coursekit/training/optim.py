"""Optimisers are functions of the parameters; schedules are functions of progress."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import nn

from coursekit.errors import require

Optimizer = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]
Schedule = Callable[[float], float]  # progress in [0, 1) -> factor on the learning rate


@dataclass(frozen=True)
class adam:  # a factory that reads as a verb: optimizer=adam(1e-3)
    """Adam (Kingma & Ba 2015). `adam(lr, betas)(parameters)` builds the optimiser."""

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        require(self.lr > 0, f"lr was {self.lr}; a learning rate is above 0.")

    def __call__(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(
            parameters, self.lr, self.betas, weight_decay=self.weight_decay, fused=True
        )


@dataclass(frozen=True)
class linear_decay:
    """Full rate until `start` (a share of the steps, in [0, 1]), then a straight line to 0."""

    start: float = 0.5

    def __post_init__(self) -> None:
        require(0 <= self.start <= 1, f"start was {self.start}; it is a share, in [0, 1].")

    def __call__(self, progress: float) -> float:
        return 1.0 if progress <= self.start else (1 - progress) / (1 - self.start)


@dataclass(frozen=True)
class triangle:
    """From 0 up to the full rate at `peak` (a share of the steps, in [0, 1]), and down again."""

    peak: float = 0.3

    def __post_init__(self) -> None:
        require(0 <= self.peak <= 1, f"peak was {self.peak}; it is a share, in [0, 1].")

    def __call__(self, progress: float) -> float:
        if progress <= self.peak:
            return (progress + 1e-3) / (self.peak + 1e-3)
        return (1 - progress) / (1 - self.peak)
