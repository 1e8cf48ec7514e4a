"""Attacks that look for the smallest perturbation: L-BFGS, Carlini & Wagner, DeepFool."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from coursekit.attacks.common import (
    AttackResult,
    Goal,
    Target,
    Truth,
    attack,
    attack_result,
    choose_rows,
    labels,
    warn_if_masked,
)
from coursekit.errors import require
from coursekit.gradients import input_gradient
from coursekit.threats import L2, column
from coursekit.types import Examples, Images, PerExample

OVERSHOOT, CLASSES = 0.02, 9  # of DeepFool: η, and how many wrong classes are considered

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


Attempt = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]  # weights, rows -> x_adv, reached


@attack
def lbfgs_attack(
    model: nn.Module,
    x: Images,
    y: Truth,
    target: Target = None,
    c: float | None = None,
    searches: int = 8,
    steps: int = 40,
    batch: int | None = None,
) -> AttackResult:
    """min over r of J(f(x + r), y′) + c·‖r‖₂ with x + r in [0, 1] (Szegedy et al. 2014, §4.1).

    The box-constrained L-BFGS of the paper. The wanted class y′ is `target`; without one it is the
    most likely wrong class. A larger c asks for a smaller r, so the search seeks, for each image,
    the largest c that still reaches y′. (The paper writes "minimum c", which in its own formula
    would be the *largest* perturbation.)

    Args:
        model, x, y, target, batch: as for `fgsm`.
        c: if given, no search: the minimiser for this c, whether or not it fools.
        searches: values of c tried for each image, at least 1.
        steps: L-BFGS iterations for each c.

    Returns:
        The nearest adversarial images found; distances are in L2. Where none was found, the image
        itself, or the minimiser for a given `c`.

    Raises:
        CourseError: `c` is negative, or `searches` below 1.

    Warns:
        RobustnessWarning: the gradient is zero on most images.
    """
    require(c is None or c >= 0, f"c was {c}; it must be at least 0.")
    aim = Goal(y, target)
    logits, spent = _first_look(model, x, aim.loss)
    if target is None:  # the most likely of the wrong classes
        target = logits.scatter(1, labels(y)[:, None], -torch.inf).argmax(1)
    goal = Goal(y, target)

    def attempt(weight: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        def penalised(x_adv: Tensor, index: Tensor) -> Tensor:
            spent[rows[index]] += 1
            loss = -goal.rows(rows[index]).loss(model(x_adv))
            return loss + length(x_adv - x[rows[index]]) / weight[index]

        x_adv = minimise(penalised, x[rows], steps)
        spent[rows] += 1
        with torch.no_grad():
            return x_adv, aim.rows(rows).reached(model(x_adv))

    if c is None:
        x_adv, found = _shortest(attempt, x, aim.reached(logits), searches, weight=10.0)
    else:
        weight = 1 / torch.full((len(x),), c, device=x.device, dtype=x.dtype)
        x_adv, found = attempt(weight, torch.arange(len(x), device=x.device))
    return attack_result(x, x_adv, found, spent, L2(0.0).norm)


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
    batch: int | None = None,
) -> AttackResult:
    """min ‖x′ − x‖₂² + c·max(κ − margin(x′), 0) with x′ = (tanh w + 1)/2 (Carlini & Wagner 2017).

    The margin is by how much the wanted class leads (targeted) or the true class trails; the tanh
    keeps every pixel in [0, 1] without a clamp. The smallest sufficient c is sought for each image.

    Args:
        model, x, y, target, batch: as for `fgsm`.
        kappa: the margin wanted, κ ≥ 0: more makes confident and more transferable examples.
        searches: values of c tried for each image, at least 1.
        steps: Adam steps for each c.
        lr: Adam's learning rate on w.
        c: the first value tried, above 0.

    Returns:
        The nearest images found whose margin is above κ; distances are in L2. Where none was
        found, the attack failed and the image itself is returned.

    Raises:
        CourseError: `kappa` is negative, `c` not above 0, or `searches` below 1.

    Warns:
        RobustnessWarning: the gradient is zero on most images.
    """
    require(kappa >= 0, f"kappa was {kappa}; it must be at least 0.")
    require(c > 0, f"c was {c}; it must be above 0.")
    goal = Goal(y, target)
    logits, spent = _first_look(model, x, goal.margin)

    def attempt(weight: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        spent[rows] += steps
        return _descend(model, x[rows], goal.rows(rows), weight, kappa, steps, lr)

    x_adv, found = _shortest(attempt, x, _exceeds(goal, logits, kappa), searches, weight=c)
    return attack_result(x, x_adv, found, spent, L2(0.0).norm)


@attack
def deepfool(
    model: nn.Module, x: Images, y: Truth, steps: int = 50, batch: int | None = None
) -> AttackResult:
    """Steps to the nearest boundary of the linearised model (Moosavi-Dezfooli et al. 2016, alg. 2).

    Each step goes to the nearest of the hyperplanes f_k + ⟨∇f_k, r⟩ = f_y + ⟨∇f_y, r⟩. With
    w = ∇f_k − ∇f_y that is r = |f_k − f_y|·w / ‖w‖₂², for the nine most likely wrong classes k. As
    in the authors' code, the model is looked at, and linearised, at x + (1 + η)·Σr, η = 0.02.

    Args:
        model, x, y, batch: as for `fgsm`.
        steps: the most steps, at least 1.

    Returns:
        The points where the walks first left the true class; distances are in L2. Where a walk
        never did, its last.

    Raises:
        CourseError: `steps` below 1.

    Warns:
        RobustnessWarning: the gradient is zero on most images.
    """
    require(steps >= 1, f"steps was {steps}; it must be at least 1.")
    ball, goal = L2(1.0), Goal(labels(y))
    logits, spent = _first_look(model, x, goal.margin)
    others = logits.scatter(1, goal.y[:, None], -torch.inf)
    likely = others.topk(min(CLASSES, logits.shape[1] - 1)).indices
    x_adv, success = x.clone(), goal.reached(logits)
    at, total = (~success).nonzero()[:, 0], torch.zeros_like(x)
    for _ in range(steps):
        if len(at) == 0:
            break
        distance, w = _nearest_plane(model, x_adv[at], goal.y[at], likely[at])
        r = column(distance, x) * ball.steepest(w)
        total[at] = (x[at] + total[at] + r).clamp(0, 1) - x[at]
        x_adv[at] = (x[at] + (1 + OVERSHOOT) * total[at]).clamp(0, 1)
        with torch.no_grad():
            success[at] = goal.rows(at).reached(model(x_adv[at]))
        spent[at] += 2
        at = at[~success[at]]
    return attack_result(x, x_adv, success, spent, ball.norm)


def _nearest_plane(
    model: nn.Module, x: Tensor, y: Tensor, classes: Tensor
) -> tuple[Tensor, Tensor]:
    """How far the nearest boundary to one of `classes` is, if the model were linear; its normal."""
    x = x.detach().requires_grad_(True)
    with torch.enable_grad():
        logits = model(x)
        gap = logits.gather(1, classes) - logits.gather(1, y[:, None])
        columns = gap.sum(0)
        normals = [torch.autograd.grad(f, x, retain_graph=True)[0] for f in columns]
    w = torch.stack(normals, 1)
    dual = w.flatten(2).norm(dim=2)
    distance = torch.where(dual > 0, gap.detach().abs() / dual, torch.inf)  # flat: no way there
    nearest, k = distance.min(1)
    nearest = torch.where(nearest.isfinite(), nearest.clamp_min(1e-6), 0.0)  # not 0 on a boundary
    return nearest, w[torch.arange(len(x), device=x.device), k]


def _first_look(
    model: nn.Module, x: Tensor, f: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """The logits of the images, and one query each; warns where the gradient of `f` is zero."""
    seen: list[Tensor] = []

    def value(x: Tensor) -> Tensor:
        seen.append(model(x))
        return f(seen[0])

    warn_if_masked(input_gradient(value, x))
    return seen[0].detach(), torch.ones(len(x), dtype=torch.long, device=x.device)


def length(r: Images) -> PerExample:
    """‖r‖₂, rounded off within 10⁻⁴ of r = 0, where the norm itself has no gradient."""
    return (r.flatten(1).square().sum(1) + 1e-8).sqrt()


def _exceeds(goal: Goal, logits: Tensor, kappa: float) -> Tensor:
    """Where the goal is reached by a margin above κ."""
    return goal.reached(logits) & ~(goal.margin(logits) <= kappa)


def _descend(
    model: nn.Module, x: Tensor, goal: Goal, weight: Tensor, kappa: float, steps: int, lr: float
) -> tuple[Tensor, Tensor]:
    """Adam on w; the nearest of all iterates that reach the goal by κ."""
    w = torch.atanh((2 * x - 1) * 0.9999).requires_grad_(True)  # atanh(±1) would be infinite
    optimiser = torch.optim.Adam([w], lr)
    nearest, shortest = x, torch.full_like(weight, torch.inf)
    for _ in range(steps):
        with torch.enable_grad():
            x_adv = (w.tanh() + 1) / 2
            logits = model(x_adv)
            distance = (x_adv - x).flatten(1).square().sum(1)
            loss = distance + weight * (kappa - goal.margin(logits)).clamp_min(0)
        found = _exceeds(goal, logits.detach(), kappa) & (distance.detach() < shortest)
        nearest = choose_rows(found, x_adv.detach(), nearest)
        shortest = torch.where(found, distance.detach(), shortest)
        (w.grad,) = torch.autograd.grad(loss.sum(), w)  # never backward(): weights keep their .grad
        optimiser.step()
    return nearest, shortest.isfinite()


def _shortest(
    attempt: Attempt, x: Tensor, done: Tensor, searches: int, weight: float
) -> tuple[Tensor, Tensor]:
    """The shortest perturbation over a bisection, for each image, of the weight on the loss.

    Returns:
        The images, unchanged where they are `done` or no attempt succeeded, and where they fool.
    """
    require(searches >= 1, f"searches was {searches}; it must be at least 1.")
    rows = (~done).nonzero()[:, 0]
    now = torch.full((len(rows),), weight, device=x.device, dtype=x.dtype)
    low, high = torch.zeros_like(now), torch.full_like(now, torch.inf)
    best, shortest = x.clone(), torch.where(done, 0.0, torch.inf).to(x)
    for _ in range(searches if len(rows) else 0):
        x_adv, reached = attempt(now, rows)
        size = (x_adv - x[rows]).flatten(1).norm(dim=1)
        found = reached & (size < shortest[rows])
        best[rows[found]], shortest[rows[found]] = x_adv[found], size[found]
        high, low = torch.where(reached, now, high), torch.where(reached, low, now)
        between = torch.where(low > 0, (low * high).sqrt(), now / 10)
        now = torch.where(high.isinf(), now * 10, between)
    return best, shortest.isfinite()
