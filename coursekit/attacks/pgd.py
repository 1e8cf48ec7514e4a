"""Attacks that follow the gradient: one step (FGSM), many (PGD), and PGD inside training."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from coursekit.attacks.common import Goal, Target, Truth, attack, keep_stronger
from coursekit.errors import CourseError, require
from coursekit.gradients import input_gradient, scale_to_mean
from coursekit.threats import Linf, Threat
from coursekit.types import Images


@attack
def fgsm(model: nn.Module, x: Images, y: Truth, eps: float, target: Target = None) -> Images:
    """x + ε·sign(∇ₓ J(x, y)), in [0, 1] (Goodfellow, Shlens & Szegedy 2015, §4).

    Args:
        model: returns logits; run in eval mode and left as it was found.
        x: pixels in [0, 1].
        y: true classes (n,), or class probabilities (n, k).
        eps: size of the step, in units of pixels: 8 / 255, not 8.
        target: if given, descend on J(x, target) instead.

    Raises:
        CourseError: `eps` outside [0, 1].
    """
    if not 0 <= eps <= 1:
        raise CourseError(f"eps was {eps}; pixels lie in [0, 1], and so must it (8/255, not 8).")
    goal = Goal(y, target)
    gradient = input_gradient(lambda x: goal.loss(model(x)), x)
    return (x + eps * gradient.sign()).clamp(0, 1)


LOSSES = ("cross_entropy", "margin")


@attack
def pgd(
    model: nn.Module,
    x: Images,
    y: Truth,
    threat: Threat,
    steps: int,
    step_size: float | None = None,
    restarts: int = 1,
    target: Target = None,
    momentum: float = 0.0,
    rng: torch.Generator | None = None,
    loss: str = "cross_entropy",
) -> Images:
    """Projected gradient ascent on the loss within a threat's ball (Madry et al. 2018, §2.1).

    Without `rng` it starts at `x`, so that one step of size ε in an L∞ ball is FGSM; with `rng`
    every start is a random point of the ball. Of several restarts the one that fools is kept, and
    between equals the one with the higher loss.

    The cross-entropy of a confident model is flat, p − onehot(y) ≈ 0, and to multiply the logits
    makes it flat to the last bit. The gradient of the margin max_{k≠y} z_k − z_y only scales with
    the logits, and a direction has no scale (Carlini & Wagner 2017, §5.3: f₆).

    Args:
        model, x, y, target: as for `fgsm`.
        threat: `Linf(eps)` or `L2(eps)`.
        steps: gradient steps for each start, at least 1.
        step_size: length of a step in the threat's norm; by default 2.5 ε / steps.
        restarts: random starts, at least 1; more than one needs `rng`.
        momentum: μ of Dong et al. 2018 (eq. 6); 0 for plain PGD, 1 in their paper.
        rng: draws the random starts.
        loss: what is raised, "cross_entropy" or "margin".

    Raises:
        CourseError: `steps` or `restarts` below 1, several restarts without `rng`, or another loss.
    """
    if steps < 1:
        raise CourseError(f"steps was {steps}; it must be at least 1.")
    if restarts < 1:
        raise CourseError(f"restarts was {restarts}; it must be at least 1.")
    if restarts > 1 and rng is None:
        raise CourseError(
            f"restarts was {restarts} without rng; several starts differ only if they are random."
        )
    if loss not in LOSSES:
        raise CourseError(f"loss was {loss!r}; choose one of: {', '.join(LOSSES)}.")
    goal = Goal(y, target, loss)
    step_size = 2.5 * threat.eps / steps if step_size is None else step_size
    best = x
    for restart in range(restarts):
        x_adv = x if rng is None else threat.random_start(x, rng)
        velocity = torch.zeros_like(x)
        for _ in range(steps):
            # Project first, then differentiate: a pixel that clamp() holds at 0 has no gradient.
            gradient = input_gradient(lambda x: goal.loss(model(x)), x_adv)
            velocity = momentum * velocity + scale_to_mean(gradient)
            x_adv = threat.project(x_adv + step_size * threat.steepest(velocity), x)
        best = x_adv if restart == 0 else keep_stronger(goal, model, best, x_adv)
    return best


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
