"""The attack inside training: it must be cheap, it begins at random, and its ε grows."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from coursekit.attacks.gradient import pgd
from coursekit.errors import require
from coursekit.threats import Linf


def eps_ramp(eps: float, over: float, progress: float) -> float:
    """The ε of a training step: a straight line from 0 up to `eps`, then level.

    At full ε from the first step on, a network that knows nothing yet often learns nothing: it
    settles at giving every class the same probability, where no attack can do further harm.

    Args:
        eps: the ε to arrive at, in units of pixels.
        over: the share of the run until then; 0 for full size at once.
        progress: the share of the run that is done, in [0, 1].
    """
    return eps if progress >= over else eps * progress / over


@dataclass(frozen=True)
class training_pgd:
    """A few steps of PGD in the L∞ ball: the inner maximum, nearly.

    Four steps with `rel_step` 2.5 are a cheap form of Madry et al. 2018 (who take 40 on MNIST); one
    step with `rel_step` 1.25 is the fast FGSM of Wong, Rice & Kolter 2020 (algorithm 3); one with
    `rel_step` 1 and without `random_start` is FGSM, as Goodfellow, Shlens & Szegedy 2015 train with
    it (§6).

    Args:
        eps: radius of the ball, in units of pixels.
        steps: gradient steps on each batch, at least 1.
        ramp: the share of the run over which ε grows from 0, see `eps_ramp`.
        rel_step: how far the steps lead together, in units of ε; each is rel_step·ε / steps long.
        random_start: begin at a random point of the ball, drawn from the run's generator.

    Raises:
        CourseError: `eps` or `ramp` outside [0, 1], `steps` below 1, or `rel_step` not above 0.
    """

    eps: float
    steps: int
    ramp: float = 0.0
    rel_step: float = 2.5
    random_start: bool = True

    def __post_init__(self) -> None:
        inside = 0 <= self.eps <= 1
        require(inside, f"eps was {self.eps}; it must lie in [0, 1] (8/255, not 8).")
        require(0 <= self.ramp <= 1, f"ramp was {self.ramp}; it is a share, in [0, 1].")
        require(self.steps >= 1, f"steps was {self.steps}; it must be at least 1.")
        require(self.rel_step > 0, f"rel_step was {self.rel_step}; it must be above 0.")

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, rng: torch.Generator | None, progress: float
    ) -> Tensor:
        radius = eps_ramp(self.eps, self.ramp, progress)
        start = rng if self.random_start else None
        step_size = self.rel_step * radius / self.steps
        return pgd(model, x, y, Linf(radius), self.steps, step_size, rng=start)
