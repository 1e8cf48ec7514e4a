"""The attack inside training: it must be cheap, it begins at random, and its ε grows."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from coursekit.attacks.gradient import pgd
from coursekit.errors import require
from coursekit.threats import Linf
from coursekit.types import Attack


@dataclass
class growing(Iterator[float]):  # reads as a phrase: inner(growing(0.3, over=400), steps=4, ...)
    """The ε of each training step: a straight line from 0 up to `eps`, then level.

    At full ε from the first step on, a network that knows nothing yet often learns nothing: it
    settles at giving every class the same probability, where no attack can do further harm.

    Args:
        eps: the ε to arrive at, in units of pixels.
        over: training steps until then; 0 for full size at once.

    Raises:
        CourseError: `eps` outside [0, 1] or a negative `over`.
    """

    eps: float
    over: int = 0
    done: int = 0

    def __post_init__(self) -> None:
        require(0 <= self.eps <= 1, f"eps was {self.eps}; it must lie in [0, 1] (8/255, not 8).")
        require(self.over >= 0, f"over was {self.over}; it must be at least 0 steps.")

    def __next__(self) -> float:
        self.done += 1
        return self.eps * min(1.0, self.done / max(1, self.over))


def inner(
    eps: Iterator[float], steps: int, rng: torch.Generator | None = None, reach: float = 2.5
) -> Attack:
    """A few steps of PGD in the L∞ ball: the inner maximum, nearly.

    Four steps with `reach` 2.5 are a cheap form of Madry et al. 2018 (who take 40 on MNIST); one
    step with `reach` 1.25 is the fast FGSM of Wong, Rice & Kolter 2020 (algorithm 3); one with
    `reach` 1 and without `rng` is FGSM, as Goodfellow, Shlens & Szegedy 2015 train with it (§6).

    Args:
        eps: gives the radius of each training step, e.g. `growing(0.3, over=400)`.
        steps: gradient steps on each batch, at least 1.
        rng: draws the starts; None: every start is the image itself.
        reach: how far the steps lead together, in units of ε; each is reach·ε / steps long.

    Raises:
        CourseError: `steps` below 1, or `reach` not above 0.
    """
    require(steps >= 1, f"steps was {steps}; it must be at least 1.")
    require(reach > 0, f"reach was {reach}; it must be above 0.")

    def attack(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        radius = next(eps)
        return pgd(model, x, y, Linf(radius), steps, reach * radius / steps, rng=rng)

    return attack
