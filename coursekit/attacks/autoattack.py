"""AutoAttack: four attacks that need no tuning, one after another on whatever survives."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.attacks.common import (
    AttackResult,
    Goal,
    Loss,
    Rows,
    Target,
    Truth,
    attack,
    attack_result,
    check_loss,
    choose_rows,
    labels,
    warn_if_masked,
)
from coursekit.attacks.fab import TARGETS, approach, others
from coursekit.attacks.square import Found, search
from coursekit.errors import CourseError, require
from coursekit.gradients import scale_to_mean
from coursekit.threats import L2, Linf, Random, Threat, column
from coursekit.types import Images

STEPS = 100
QUERIES, SHARE, SCHEDULE = 5000, 0.8, 10_000  # Square's; the squares shrink as if it had 10,000
INERTIA = 0.75  # α of the paper's equation 2: the weight of the new step beside the last one
RISES = 0.75  # ρ of condition 1


def auto_attack(
    model: nn.Module,
    x: Images,
    y: Truth,
    threat: Threat,
    rng: torch.Generator | None = None,
    steps: int = STEPS,
    queries: int = QUERIES,
    batch: int | None = None,
) -> AttackResult:
    """The standard AutoAttack (Croce & Hein 2020, "Reliable evaluation of adversarial robustness").

    Four attacks, each on the images that have withstood those before:

    1. APGD on the cross-entropy, 100 steps;
    2. APGD on the targeted difference of logits ratio, 100 steps for each of nine target classes;
    3. FAB, 100 steps for each of nine target classes;
    4. the Square attack, 5,000 queries.

    The target classes are the likeliest but y, of fewer than ten classes all but y. The targeted
    difference of logits ratio needs four logits; for two or three classes the margin takes its
    place. Every one of the four stops at the first point that fools the model: here only whether
    there is one counts.

    Args:
        model: returns logits; run in eval mode and left as it was found.
        x: pixels in [0, 1], shape (n, c, h, w).
        y: true classes (n,), or class probabilities (n, k), of which the largest counts.
        threat: `Linf(eps)` or `L2(eps)`; `eps` may hold one radius for each image.
        rng: draws the random starts and the squares; without it they are the same in every call.
        steps: of each gradient attack, at least 1; 100 in the standard version.
        queries: of the Square attack, at least 1; 5,000 in the standard version.
        batch: images at a time; by default as many as memory allows. It changes no result.

    Returns:
        For an image that the model gets wrong by itself: the image, distance 0, one query. For one
        that withstood all four: Square's point of the largest margin, inside the ball.

    Raises:
        CourseError: `steps` or `queries` below 1, or another threat; images, labels or logits that
            are none, see `common.check_inputs`.

    Warns:
        RobustnessWarning: a model whose answers look wrong, or a gradient that is zero.
    """
    _check(threat, steps=steps, queries=queries)
    rng = torch.Generator().manual_seed(0) if rng is None else rng
    return _standard(model, x, y, threat, rng, steps, queries, batch)


@attack
def apgd(
    model: nn.Module,
    x: Images,
    y: Truth,
    threat: Threat,
    steps: int = STEPS,
    restarts: int = 1,
    loss: Loss = "cross_entropy",
    target: Target = None,
    rng: Random = None,
    batch: int | None = None,
) -> AttackResult:
    """Projected gradient ascent that finds its own step size (Croce & Hein 2020, algorithm 1).

    The step starts at 2ε. At checkpoints it is halved, and the search goes on from the best point,
    where the loss rose in at most three of four steps, or where neither the step nor the best loss
    has changed since the last checkpoint. An image that fools the model leaves the search.

    Args:
        model, x, y, target, batch: as for `fgsm`.
        threat: `Linf(eps)` or `L2(eps)`; `eps` may hold one radius for each image.
        steps: gradient steps for each start, at least 1.
        restarts: starts, at least 1; more than one needs `rng`.
        loss: what is raised, as for `pgd`.
        rng: draws the starts within the ball; without it the search starts at `x`.

    Returns:
        The images; where the attack failed, those of the highest loss in the last start.

    Raises:
        CourseError: `steps` or `restarts` below 1, several restarts without `rng`, an unknown loss
            or threat; images, labels or logits that are none, see `common.check_inputs`.

    Warns:
        RobustnessWarning: a model whose answers look wrong, or a gradient that is zero.
    """
    _check(threat, steps=steps, restarts=restarts)
    require(rng is not None or restarts == 1, "several starts draw random numbers; give rng.")
    check_loss(loss, model, x, target)
    left = _Survivors.of(model, x, Goal(y, target), threat, rng)
    for _ in range(restarts):
        left.face(lambda few: ascend(model, few, Goal(few.aim.y, few.aim.target, loss), steps))
    return left.result()


@attack
def _standard(
    model: nn.Module,
    x: Tensor,
    y: Truth,
    threat: Threat,
    rng: Random,
    steps: int,
    queries: int,
    batch: int | None,
) -> AttackResult:
    """`auto_attack` behind the door."""
    left = _Survivors.of(model, x, Goal(labels(y)), threat, rng)
    if len(x) == 0:
        return left.result()
    classes = left.given.order.shape[1] + 1
    ratio = "dlr" if classes >= 4 else "margin"

    def climb(few: "_Few", loss: Loss, rank: int | None = None) -> Found:
        towards = None if rank is None else few.order[:, rank]
        return ascend(model, few, Goal(few.aim.y, towards, loss), steps)

    def near(few: "_Few", rank: int) -> Found:
        return approach(model, few.x, few.aim, few.order[:, rank], few.threat, steps)

    def squares(few: "_Few") -> Found:
        return search(model, few.x, few.aim, few.threat, few.rng, queries, SHARE, SCHEDULE)

    targets = range(min(TARGETS, classes - 1))
    left.face(partial(climb, loss="cross_entropy"))
    for stage in [partial(climb, loss=ratio, rank=rank) for rank in targets]:
        left.face(stage)
    for stage in [partial(near, rank=rank) for rank in targets]:
        left.face(stage)
    left.face(squares)
    return left.result()


def _check(threat: Threat, **counts: int) -> None:
    for name, value in counts.items():
        require(value >= 1, f"{name} was {value}; it must be at least 1.")
    if not isinstance(threat, Linf | L2):
        raise CourseError(f"threat was {threat!r}; AutoAttack knows Linf and L2.")


@dataclass
class _Few(Rows):
    """Some images, and what belongs to each."""

    x: Tensor
    aim: Goal  # when an image counts as fooling
    threat: Threat
    rng: Any
    order: Tensor  # the other classes, the likeliest first


@dataclass
class _Survivors:
    """All images, and what the attacks have found for each."""

    given: _Few
    x_adv: Tensor
    fooled: Tensor
    queries: Tensor

    @classmethod
    def of(
        cls, model: nn.Module, x: Tensor, aim: Goal, threat: Threat, rng: Random
    ) -> "_Survivors":
        """The images as they are: one query each."""
        with torch.no_grad():
            logits = model(x)
        fooled = aim.reached(logits)
        few = _Few(x, aim, threat, rng, others(logits, labels(aim.y)))
        return cls(few, x.clone(), fooled, torch.ones_like(fooled, dtype=torch.long))

    def face(self, stage: Callable[[_Few], Found]) -> None:
        """Let those that are not fooled yet undergo one more attack."""
        left = (~self.fooled).nonzero()[:, 0]
        if len(left):
            self.x_adv[left], self.fooled[left], queries = stage(self.given.rows(left))
            self.queries[left] += queries

    def result(self) -> AttackResult:
        x, norm = self.given.x, self.given.threat.norm
        return attack_result(x, self.x_adv, self.fooled, self.queries, norm)


def ascend(model: nn.Module, few: _Few, goal: Goal, steps: int) -> Found:
    """One start of APGD (algorithm 1) on images that do not fool the model.

    Args:
        model: in eval mode.
        few: the images; `few.aim` says where the search may end.
        goal: whose loss is raised.
        steps: gradient steps.
    """
    best, spent = few.x.clone(), torch.zeros(len(few.x), dtype=torch.long, device=few.x.device)
    done = torch.zeros_like(spent, dtype=torch.bool)
    now, checks = _Ascent.begin(few, goal), checkpoints(steps)
    for k in range(steps + 1):
        reached = now.look(model)
        spent[now.at] += 1
        if k == 0:
            warn_if_masked(now.gradient)
        if bool(reached.any()):
            best[now.at[reached]], done[now.at[reached]] = now.x_adv[reached], True
            now = now.rows((~reached).nonzero()[:, 0])
        if k in checks:
            now.check(k - max(c for c in [0, *checks] if c < k))
        if k == steps or len(now.at) == 0:
            break
        now.step(1.0 if k == 0 else INERTIA)
    best[now.at] = now.best
    return best, done, spent


def checkpoints(steps: int) -> list[int]:
    """The steps at which APGD looks back: 0.22, 0.41, 0.57, … of them (equation 3).

    The distance between two shrinks from 0.22 by 0.03 each time, and never below 0.06.
    """
    first, less, least = (max(1, int(share * steps)) for share in (0.22, 0.03, 0.06))
    found, gap = [first], first
    while found[-1] < steps:
        gap = max(gap - less, least)
        found.append(found[-1] + gap)
    return [step for step in found if step <= steps]


@dataclass
class _Ascent(Rows):
    """The images that APGD works on, and all that belongs to each."""

    at: Tensor
    x: Tensor
    x_adv: Tensor
    before: Tensor  # the point of one step ago
    gradient: Tensor
    best: Tensor  # the point of the highest loss, its gradient and its loss
    best_gradient: Tensor
    best_loss: Tensor
    loss: Tensor
    rises: Tensor  # how often the loss rose since the last checkpoint
    step_size: Tensor
    checked_loss: Tensor  # the best loss at the last checkpoint
    halved: Tensor  # whether the step was halved there
    goal: Goal
    aim: Goal
    threat: Threat

    @classmethod
    def begin(cls, few: _Few, goal: Goal) -> "_Ascent":
        x = few.x
        start = x if few.rng is None else few.threat.random_start(x, few.rng)
        low, none = torch.full_like(x[:, 0, 0, 0], -torch.inf), torch.zeros_like(x[:, 0, 0, 0])
        steps, yes = 2 * (none + few.threat.eps), torch.ones_like(none, dtype=torch.bool)
        at, flat = torch.arange(len(x), device=x.device), torch.zeros_like(x)
        losses = (low, low, none, steps, low, yes)
        return cls(at, x, start, start, flat, start, flat, *losses, goal, few.aim, few.threat)

    def look(self, model: nn.Module) -> Tensor:
        """Loss and gradient at the present point; returns where it fools the model."""
        x = self.x_adv.detach().requires_grad_(True)
        with torch.enable_grad():
            logits = model(x)
            loss = self.goal.loss(logits)
            gradient = torch.autograd.grad(loss.sum(), x)[0]
        # Only the direction counts; in units of its mean no gradient is too small to have one.
        self.gradient, loss = scale_to_mean(gradient.nan_to_num(0, 0, 0)), loss.detach()
        self.rises = self.rises + ((loss > self.loss) & self.loss.isfinite())
        better = (loss > self.best_loss) | self.best_loss.isneginf()
        self.best = choose_rows(better, self.x_adv, self.best)
        self.best_gradient = choose_rows(better, self.gradient, self.best_gradient)
        self.best_loss, self.loss = torch.where(better, loss, self.best_loss), loss
        return self.aim.reached(logits.detach())

    def step(self, inertia: float) -> None:
        """A gradient step, averaged with the last one (equation 2)."""
        move = column(self.step_size, self.x) * self.threat.steepest(self.gradient)
        ahead = self.threat.project(self.x_adv + move, self.x) - self.x_adv
        drift = self.x_adv - self.before
        new = self.x_adv + inertia * ahead + (1 - inertia) * drift
        self.before, self.x_adv = self.x_adv, self.threat.project(new, self.x)

    def check(self, since: int) -> None:
        """Halve the step and go back to the best point, where condition 1 or condition 2 holds."""
        seldom = self.rises <= RISES * since
        stuck = ~self.halved & (self.checked_loss >= self.best_loss)
        halve = seldom | stuck
        self.step_size = torch.where(halve, self.step_size / 2, self.step_size)
        self.x_adv = choose_rows(halve, self.best, self.x_adv)
        self.gradient = choose_rows(halve, self.best_gradient, self.gradient)
        self.halved, self.checked_loss = halve, self.best_loss
        self.rises = torch.zeros_like(self.rises)
