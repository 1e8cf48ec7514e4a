"""L-BFGS in a box for many examples at once, each with its own curvature and its own step."""

from collections.abc import Callable

import torch
from torch import Tensor

from coursekit.types import Examples

Function = Callable[[Tensor, Tensor], Tensor]  # examples, their row numbers -> one value each
Evaluate = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]  # the same -> values and gradients
Pairs = list[tuple[Tensor, Tensor]]  # steps s and changes of the gradient y, oldest first
State = tuple[Tensor, Tensor, Tensor]  # x, value, gradient


def minimise(
    f: Function, x: Examples, steps: int = 40, memory: int = 8, tolerance: float = 1e-5
) -> Examples:
    """The minimiser of `f` with every coordinate in [0, 1], found from the start `x`.

    Projected L-BFGS: coordinates that the gradient presses against the box are held, the others
    take a quasi-Newton step (Nocedal & Wright 2006, algorithm 7.4) along the projected path, which
    is halved until f falls enough (Bertsekas 1982). An example that no longer falls is done.

    Args:
        f: differentiable; called with some of the examples and with the rows of `x` they are.
        x: starts, in [0, 1].
        steps: the most iterations; each costs a value and a gradient, and one more for a halving.
        memory: how many past steps estimate the curvature.
        tolerance: an example is done when a step lowers f by less than this share of |f|.
    """
    best, rows = x.flatten(1).clone(), torch.arange(len(x), device=x.device)

    def evaluate(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        points = points.detach().requires_grad_(True)
        with torch.enable_grad():
            value = f(points.view(-1, *x.shape[1:]), rows)
            (gradient,) = torch.autograd.grad(value.sum(), points)
        return value.detach(), gradient

    state, past = (best, *evaluate(best, rows)), Pairs()
    for _ in range(steps):
        new = _step(evaluate, state, past, rows)
        best[rows] = new[0]
        past = [*past, (new[0] - state[0], new[2] - state[2])][-memory:]
        falls = new[1] < state[1] - tolerance * state[1].abs()
        rows, past = rows[falls], [(s[falls], y[falls]) for s, y in past]
        state = (new[0][falls], new[1][falls], new[2][falls])
        if len(rows) == 0:
            break
    return best.view(x.shape)


def _step(evaluate: Evaluate, state: State, past: Pairs, rows: Tensor) -> State:
    """The first of the steps 1, ½, ¼ … that lowers f enough (Armijo); none: the example stays."""
    x, value, gradient = (part.clone() for part in state)
    held = ((x <= 0) & (gradient > 0)) | ((x >= 1) & (gradient < 0))
    direction = _quasi_newton(gradient.masked_fill(held, 0), past, ~held)
    waiting, t = torch.arange(len(x), device=x.device), 1.0
    while len(waiting) and t > 1e-4:
        trial = (state[0][waiting] + t * direction[waiting]).clamp(0, 1)
        now, slope = evaluate(trial, rows[waiting])
        fall = (state[2][waiting] * (trial - state[0][waiting])).sum(1)
        enough = now <= state[1][waiting] + 1e-4 * fall
        taken = waiting[enough]
        x[taken], value[taken], gradient[taken] = trial[enough], now[enough], slope[enough]
        waiting, t = waiting[~enough], t / 2
    return x, value, gradient


def _quasi_newton(gradient: Tensor, past: Pairs, free: Tensor) -> Tensor:
    """−H·gradient on the free coordinates, by the two-loop recursion; else −gradient."""
    q, trail = gradient, []
    scale = 1 / gradient.abs().sum(1, keepdim=True).clamp_min(1)  # before any curvature is known
    for s, y in past:
        s, y = s * free, y * free
        bend = (s * y).sum(1, keepdim=True)
        trail.append((s, y, torch.where(bend > 1e-12, 1 / bend, 0)))  # 0: the pair says nothing
        newest = bend / (y * y).sum(1, keepdim=True).clamp_min(1e-30)
        scale = torch.where(bend > 1e-12, newest, scale)
    alphas = []
    for s, y, rho in reversed(trail):
        alphas.append(rho * (s * q).sum(1, keepdim=True))
        q = q - alphas[-1] * y
    q = q * scale
    for (s, y, rho), alpha in zip(trail, reversed(alphas), strict=True):
        q = q + s * (alpha - rho * (y * q).sum(1, keepdim=True))
    downhill = (q * gradient).sum(1, keepdim=True) > 0
    return -torch.where(downhill, q * free, gradient * scale)
