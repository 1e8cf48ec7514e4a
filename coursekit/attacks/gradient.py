"""Attacks that follow the gradient: one step (FGSM) and many (PGD)."""

import torch
from torch import Tensor, nn

from coursekit.attacks.goals import Goal, Target, Truth, attack, better
from coursekit.errors import require
from coursekit.gradients import input_gradient
from coursekit.threats import Threat
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
    require(0 <= eps <= 1, f"eps was {eps}; pixels lie in [0, 1], and so must it (8/255, not 8).")
    goal = Goal(y, target)
    gradient = input_gradient(lambda x: goal.loss(model(x)), x)
    return (x + eps * gradient.sign()).clamp(0, 1)


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
) -> Images:
    """Projected gradient ascent on the loss within a threat's ball (Madry et al. 2018, §2.1).

    Without `rng` it starts at `x`, so that one step of size ε in an L∞ ball is FGSM; with `rng`
    every start is a random point of the ball. Of several restarts the one that fools is kept, and
    between equals the one with the higher loss.

    Args:
        model, x, y, target: as for `fgsm`.
        threat: `Linf(eps)` or `L2(eps)`.
        steps: gradient steps for each start, at least 1.
        step_size: length of a step in the threat's norm; by default 2.5 ε / steps.
        restarts: random starts, at least 1; more than one needs `rng`.
        momentum: μ of Dong et al. 2018 (eq. 6); 0 for plain PGD, 1 in their paper.
        rng: draws the random starts.

    Raises:
        CourseError: `steps` or `restarts` below 1, or several restarts without `rng`.
    """
    require(steps >= 1, f"steps was {steps}; it must be at least 1.")
    require(restarts >= 1, f"restarts was {restarts}; it must be at least 1.")
    require(
        restarts == 1 or rng is not None,
        f"restarts was {restarts} without rng; several starts differ only if they are random.",
    )
    goal = Goal(y, target)
    step_size = 2.5 * threat.eps / steps if step_size is None else step_size
    best = climb(model, x, goal, threat, steps, step_size, momentum, rng)
    for _ in range(restarts - 1):
        again = climb(model, x, goal, threat, steps, step_size, momentum, rng)
        best = better(goal, model, best, again)
    return best


def climb(
    model: nn.Module,
    x: Tensor,
    goal: Goal,
    threat: Threat,
    steps: int,
    step_size: float,
    momentum: float,
    rng: torch.Generator | None,
) -> Tensor:
    """One run of PGD: `steps` times uphill in the steepest direction, back into the ball."""
    x_adv = x if rng is None else threat.random_start(x, rng)
    velocity = torch.zeros_like(x)
    for _ in range(steps):
        # Project first, then differentiate: a pixel that clamp() holds at 0 has no gradient left.
        gradient = input_gradient(lambda x: goal.loss(model(x)), x_adv)
        velocity = momentum * velocity + _per_mean(gradient)
        x_adv = threat.project(x_adv + step_size * threat.steepest(velocity), x)
    return x_adv


def _per_mean(gradient: Tensor) -> Tensor:
    """The gradient in units of its own mean size, so that early steps do not drown later ones."""
    size = gradient.flatten(1).abs().mean(1).clamp_min(1e-30)
    return gradient / size.view(-1, *[1] * (gradient.dim() - 1))
