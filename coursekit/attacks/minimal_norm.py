"""Attacks that look for the smallest perturbation: L-BFGS and Carlini & Wagner."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from coursekit.attacks.common import Goal, Target, Truth, attack, choose_rows, labels
from coursekit.errors import require
from coursekit.types import Examples, Images, PerExample

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


Attempt = Callable[[Tensor], tuple[Tensor, Tensor]]  # weights on the loss -> x_adv, reached


@attack
def lbfgs_attack(
    model: nn.Module,
    x: Images,
    y: Truth,
    target: Target = None,
    c: float | None = None,
    searches: int = 8,
    steps: int = 40,
) -> Images:
    """min over r of J(f(x + r), y′) + c·‖r‖₂ with x + r in [0, 1] (Szegedy et al. 2014, §4.1).

    The box-constrained L-BFGS of the paper. The wanted class y′ is `target`; without one it is the
    most likely wrong class. A larger c asks for a smaller r, so the search seeks, for each image,
    the largest c that still reaches y′. (The paper writes "minimum c", which in its own formula
    would be the *largest* perturbation.)

    Args:
        model, x, y, target: as for `fgsm`.
        c: if given, no search: the minimiser for this c, whether or not it fools.
        searches: values of c tried for each image.
        steps: L-BFGS iterations for each c.

    Returns:
        The nearest adversarial image found; where none was found, the image itself.

    Raises:
        CourseError: `c` is negative.
    """
    require(c is None or c >= 0, f"c was {c}; it must be at least 0.")
    goal = Goal(y, runner_up(model, x, y) if target is None else target)

    def attempt(weight: Tensor) -> tuple[Tensor, Tensor]:
        def penalised(x_adv: Tensor, rows: Tensor) -> Tensor:
            loss = -goal.rows(rows).loss(model(x_adv))
            return loss + length(x_adv - x[rows]) / weight[rows]

        x_adv = minimise(penalised, x, steps)
        return x_adv, _reaches(goal, model, x_adv)

    if c is not None:
        weight = 1 / torch.full((len(x),), c, device=x.device, dtype=x.dtype)
        return attempt(weight)[0]
    return _shortest(attempt, x, searches, weight=10.0)


@attack
def carlini_wagner(
    model: nn.Module,
    x: Images,
    y: Truth,
    target: Target = None,
    kappa: float = 0.0,
    searches: int = 5,
    steps: int = 200,
    lr: float = 0.05,
    c: float = 1.0,
) -> Images:
    """min ‖x′ − x‖₂² + c·max(κ − margin(x′), 0) with x′ = (tanh w + 1)/2 (Carlini & Wagner 2017).

    The margin is by how much the wanted class leads (targeted) or the true class trails; the tanh
    keeps every pixel in [0, 1] without a clamp. The smallest sufficient c is sought for each image.

    Args:
        model, x, y, target: as for `fgsm`.
        kappa: the margin wanted, κ ≥ 0: more makes confident and more transferable examples.
        searches: values of c tried for each image.
        steps: Adam steps for each c.
        lr: Adam's learning rate on w.
        c: the first value tried.

    Returns:
        The nearest adversarial image found; where none was found, the image itself.

    Raises:
        CourseError: `kappa` is negative.
    """
    require(kappa >= 0, f"kappa was {kappa}; it must be at least 0.")
    goal = Goal(y, target)

    def attempt(weight: Tensor) -> tuple[Tensor, Tensor]:
        return _descend(model, x, goal, weight, kappa, steps, lr)

    return _shortest(attempt, x, searches, weight=c)


def runner_up(model: nn.Module, x: Images, y: Truth) -> Tensor:
    """The most likely of the wrong classes."""
    with torch.no_grad():
        return model(x).scatter(1, labels(y)[:, None], -torch.inf).argmax(1)


def length(r: Images) -> PerExample:
    """‖r‖₂, rounded off within 10⁻⁴ of r = 0, where the norm itself has no gradient."""
    return (r.flatten(1).square().sum(1) + 1e-8).sqrt()


def _reaches(goal: Goal, model: nn.Module, x_adv: Images) -> Tensor:
    with torch.no_grad():
        return goal.reached(model(x_adv))


def _descend(
    model: nn.Module,
    x: Tensor,
    goal: Goal,
    weight: Tensor,
    kappa: float,
    steps: int,
    lr: float,
) -> tuple[Tensor, Tensor]:
    """Adam on w; the nearest of all iterates that reach the goal by κ."""
    w = torch.atanh((2 * x - 1) * 0.9999).requires_grad_(True)  # atanh(±1) would be infinite
    optimiser = torch.optim.Adam([w], lr)
    nearest, shortest = x, torch.full_like(weight, torch.inf)
    for _ in range(steps):
        with torch.enable_grad():
            x_adv = (w.tanh() + 1) / 2
            margin = goal.margin(model(x_adv))
            distance = (x_adv - x).flatten(1).square().sum(1)
            loss = distance + weight * (kappa - margin).clamp_min(0)
        found = ((margin > kappa) & (distance < shortest)).detach()
        nearest = choose_rows(found, x_adv.detach(), nearest)
        shortest = torch.where(found, distance.detach(), shortest)
        (w.grad,) = torch.autograd.grad(loss.sum(), w)  # never backward(): weights keep their .grad
        optimiser.step()
    return nearest, shortest.isfinite()


def _shortest(attempt: Attempt, x: Tensor, searches: int, weight: float) -> Tensor:
    """The shortest perturbation over a bisection, for each image, of the weight on the loss."""
    require(searches >= 1, f"searches was {searches}; it must be at least 1.")
    now = torch.full((len(x),), weight, device=x.device, dtype=x.dtype)
    low, high = torch.zeros_like(now), torch.full_like(now, torch.inf)
    best, shortest = x, torch.full_like(now, torch.inf)
    for _ in range(searches):
        x_adv, reached = attempt(now)
        size = (x_adv - x).flatten(1).norm(dim=1)
        found = reached & (size < shortest)
        best, shortest = choose_rows(found, x_adv, best), torch.where(found, size, shortest)
        high, low = torch.where(reached, now, high), torch.where(reached, low, now)
        between = torch.where(low > 0, (low * high).sqrt(), now / 10)
        now = torch.where(high.isinf(), now * 10, between)
    return best
