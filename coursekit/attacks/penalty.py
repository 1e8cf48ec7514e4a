"""Attacks that minimise the perturbation itself: Szegedy et al. 2014 and Carlini & Wagner 2017."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from coursekit.attacks.goals import Goal, Target, Truth, attack, choose_rows, labels
from coursekit.attacks.lbfgs import minimise
from coursekit.errors import require
from coursekit.types import Images, PerExample

Attempt = Callable[[Tensor], tuple[Tensor, Tensor]]  # weights on the loss -> x_adv, reached


@attack
def penalty_attack(
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
