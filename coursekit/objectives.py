"""What a classifier is trained on, for `fit`: (model, x, y) -> scalar loss.

Objectives that attack while they train take (model, x, y, rng, progress): the run's generator and
how much of the run is done, in [0, 1).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.errors import require
from coursekit.gradients import undisturbed


def cross_entropy(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """−log p(y | x), averaged over the batch. The model returns logits, not probabilities."""
    return F.cross_entropy(model(x), y)


def squared_error(
    model: Any, x: Tensor, y: Tensor, rng: torch.Generator, progress: float
) -> Tensor:
    """‖G(z, y) − x‖², the mean over pixels, for a generator that is given a part y of x.

    Its best answer is the mean of all x that agree with y, whatever z is.
    """
    return F.mse_loss(model(model.noise(len(x), rng), y), x)


def absolute_error(
    model: Any, x: Tensor, y: Tensor, rng: torch.Generator, progress: float
) -> Tensor:
    """‖G(z, y) − x‖₁, the mean over pixels: as `squared_error`, but the best answer is the median.

    For pix2pix without a discriminator (Isola et al. 2017, §4.2, "L1").
    """
    return F.l1_loss(model(model.noise(len(x), rng), y), x)


@dataclass(frozen=True)
class augmented:  # reads as an adjective, as `adversarial` does
    """Cross-entropy on images that `augment` has changed, with smoothed labels if asked for.

    Label smoothing: Szegedy et al. 2016 ("Rethinking the Inception Architecture", §7).

    Args:
        augment: (x, rng, progress) -> images of the same classes, e.g. `nets.FlipAndShift(4)`.
        smoothing: the share of the target spread evenly over all classes, in [0, 1].

    Raises:
        CourseError: `smoothing` outside [0, 1].
    """

    augment: Callable[[Tensor, torch.Generator, float], Tensor]
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        inside = 0 <= self.smoothing <= 1
        require(inside, f"smoothing was {self.smoothing}; it must lie in [0, 1].")

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, rng: torch.Generator, progress: float
    ) -> Tensor:
        logits = model(self.augment(x, rng, progress))
        return F.cross_entropy(logits, y, label_smoothing=self.smoothing)


# (model, x, y, rng, progress) -> x_adv: an attack inside training, e.g. `training_pgd(0.3, 4)`
TrainingAttack = Callable[[nn.Module, Tensor, Tensor, torch.Generator | None, float], Tensor]


@dataclass(frozen=True)
class adversarial:  # reads as an adjective in `fit(model, batches, adversarial(attack), ...)`
    """α·J(x) + (1 − α)·J(x_adv).

    α = 0 is the inner maximum of Madry et al. 2018 (eq. 2.1), α = ½ the mix of Goodfellow,
    Shlens & Szegedy 2015 (§6).

    Args:
        attack: (model, x, y, rng, progress) -> x_adv in [0, 1]; run in eval mode, without a graph
            to the weights.
        alpha: weight of the clean loss, in [0, 1].

    Raises:
        CourseError: `alpha` outside [0, 1].
    """

    attack: TrainingAttack
    alpha: float = 0.0

    def __post_init__(self) -> None:
        require(0 <= self.alpha <= 1, f"alpha was {self.alpha}; it must lie in [0, 1].")

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, rng: torch.Generator | None, progress: float
    ) -> Tensor:
        attacked = cross_entropy(model, self.attack(model, x, y, rng, progress), y)
        if self.alpha == 0:
            return attacked
        return self.alpha * cross_entropy(model, x, y) + (1 - self.alpha) * attacked


@dataclass(frozen=True)
class trades:
    """J(x) + β·KL(f(x) ‖ f(x_adv)) (Zhang et al. 2019, eq. 5).

    The attack is given the clean probabilities as soft labels: cross-entropy against them differs
    from the KL divergence only by a constant, so ascending one is ascending the other. They are
    taken in eval mode, in which the attack runs too, as in the authors' code. At x itself the
    divergence is 0 and so is its gradient: the attack must begin beside it, e.g.
    `training_pgd(0.3, 10, random_start=False, noise=0.001)` as in their algorithm 1.

    Args:
        attack: (model, x, p, rng, progress) -> x_adv, where p are probabilities of shape (n, k).
        beta: weight of the regulariser, at least 0.

    Raises:
        CourseError: `beta` is negative, or the attack would begin at x.
    """

    attack: TrainingAttack
    beta: float = 6.0

    def __post_init__(self) -> None:
        require(self.beta >= 0, f"beta was {self.beta}; it must be at least 0.")
        self._refuse_start_at_x(getattr(self.attack, "random_start", True))

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, rng: torch.Generator | None, progress: float
    ) -> Tensor:
        self._refuse_start_at_x(rng is not None)
        with torch.no_grad(), undisturbed(model):
            p = model(x).softmax(1)
        x_adv = self.attack(model, x, p, rng, progress)
        logits = model(x)
        gap = F.kl_div(model(x_adv).log_softmax(1), logits.softmax(1), reduction="batchmean")
        return F.cross_entropy(logits, y) + self.beta * gap

    def _refuse_start_at_x(self, random_start: bool) -> None:
        """An attack of another kind, without the attribute `noise`, is taken at its word."""
        require(
            random_start or getattr(self.attack, "noise", None) != 0,
            "the attack begins at x, where the gradient of KL is zero; give it noise=0.001, or "
            "random_start=True and rng.",
        )
