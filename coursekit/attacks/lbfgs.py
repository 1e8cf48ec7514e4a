"""L-BFGS in a box for many examples at once, each with its own curvature and its own step."""

from collections.abc import Callable

import torch
from torch import Tensor

from coursekit.types import Examples, PerExample

Pairs = list[tuple[Tensor, Tensor]]  # steps s and changes of the gradient y, newest last


def minimise(
    f: Callable[[Tensor], PerExample], x: Examples, steps: int = 40, memory: int = 8
) -> Examples:
    """The minimiser of `f` with every coordinate in [0, 1], found from the start `x`.

    Projected L-BFGS: coordinates that the gradient presses against the box are held, the others
    take a quasi-Newton step (Nocedal & Wright 2006, algorithm 7.4) along the projected path, which
    is halved until f falls enough (Bertsekas 1982).

    Args:
        f: differentiable, one value per example; the examples must not interact.
        x: starts, in [0, 1].
        steps: iterations; each costs one value and gradient, and one more for each halving.
        memory: how many past steps estimate the curvature.
    """
    shape, x = x.shape, x.flatten(1)
    value, gradient = _evaluate(f, x, shape)
    past: Pairs = []
    for _ in range(steps):
        held = ((x <= 0) & (gradient > 0)) | ((x >= 1) & (gradient < 0))
        direction = _quasi_newton(gradient.masked_fill(held, 0), past, ~held)
        x_new, value, gradient_new = _line_search(f, x, value, gradient, direction, shape)
        if torch.equal(x_new, x):
            break
        past = [*past, (x_new - x, gradient_new - gradient)][-memory:]
        x, gradient = x_new, gradient_new
    return x.view(shape)


def _evaluate(f: Callable[[Tensor], Tensor], x: Tensor, shape: torch.Size) -> tuple[Tensor, Tensor]:
    x = x.detach().requires_grad_(True)
    with torch.enable_grad():
        value = f(x.view(shape))
        (gradient,) = torch.autograd.grad(value.sum(), x)
    return value.detach(), gradient


def _quasi_newton(gradient: Tensor, past: Pairs, free: Tensor) -> Tensor:
    """−H·gradient on the free coordinates, by the two-loop recursion; else −gradient."""
    q, trail = gradient, []
    scale = 1 / gradient.abs().sum(1, keepdim=True).clamp_min(1)  # before any curvature is known
    for s, y in reversed(past):
        s, y = s * free, y * free
        curvature = (s * y).sum(1, keepdim=True)
        rho = torch.where(curvature > 1e-12, 1 / curvature, 0)  # 0: this pair tells us nothing
        alpha = rho * (s * q).sum(1, keepdim=True)
        q = q - alpha * y
        trail.append((s, y, rho, alpha))
    for number, (_, y, rho, _) in enumerate(trail):
        if number == 0:
            length = (y * y).sum(1, keepdim=True).clamp_min(1e-30)
            scale = torch.where(rho > 0, 1 / (rho * length), scale)
    q = q * scale
    for s, y, rho, alpha in reversed(trail):
        q = q + s * (alpha - rho * (y * q).sum(1, keepdim=True))
    downhill = (q * gradient).sum(1, keepdim=True) > 0
    return -torch.where(downhill, q * free, gradient * scale)


def _line_search(
    f: Callable[[Tensor], Tensor],
    x: Tensor,
    value: Tensor,
    gradient: Tensor,
    direction: Tensor,
    shape: torch.Size,
    halvings: int = 12,
) -> tuple[Tensor, Tensor, Tensor]:
    """The first of the steps 1, ½, ¼ … that lowers f enough (Armijo); none: the example stays."""
    best, lowest, slope = x, value, gradient
    waiting = (direction != 0).any(1)
    t = 1.0
    for _ in range(halvings):
        if not waiting.any():
            break
        trial = (x + t * direction).clamp(0, 1)
        trial_value, trial_gradient = _evaluate(f, trial, shape)
        enough = trial_value <= value + 1e-4 * (gradient * (trial - x)).sum(1)
        taken = (waiting & enough)[:, None]
        best, slope = torch.where(taken, trial, best), torch.where(taken, trial_gradient, slope)
        lowest = torch.where(taken[:, 0], trial_value, lowest)
        waiting = waiting & ~enough
        t /= 2
    return best, lowest, slope
