"""What an attack wants, and what every attack does for the model it attacks."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar, cast

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.errors import CourseError
from coursekit.gradients import undisturbed
from coursekit.types import Examples, Images, Labels, Logits, PerExample, Probabilities

Counts = Int[Tensor, " n"]
Target = Labels | int | None  # the class the attack wants; None: any but the true one
Truth = Labels | Probabilities
Mask = Bool[Tensor, " n"]
PIXELS_AT_ONCE = 2**19  # 10,000 images fit into memory so, and 600 small ones into the cache

Function = TypeVar("Function", bound=Callable[..., Any])


class AttackResult(NamedTuple):
    """What a black-box attack found, and what it cost: model evaluations for each example."""

    x_adv: Images
    queries: Counts


@dataclass(frozen=True)
class Goal:
    """Away from `y` (labels, or probabilities of shape (n, k)), or towards `target` if given.

    Attributes:
        kind: the loss that is raised, "cross_entropy" or "margin".
    """

    y: Truth
    target: Target = None
    kind: str = "cross_entropy"

    @property
    def wanted(self) -> Tensor | None:
        """The target as one class for each example; None where any wrong class will do."""
        if isinstance(self.target, int):
            return torch.full_like(labels(self.y), self.target)
        return self.target

    def loss(self, logits: Logits) -> PerExample:
        """What the attack raises: −log p(y | x), or log p(target | x); or the margin."""
        if self.kind == "margin":
            return self.margin(logits)
        if self.wanted is None:
            return F.cross_entropy(logits, self.y, reduction="none")
        return -F.cross_entropy(logits, self.wanted, reduction="none")

    def margin(self, logits: Logits) -> PerExample:
        """By how much the goal's logit leads; above 0 exactly where the goal is reached."""
        mine = (labels(self.y) if self.wanted is None else self.wanted)[:, None]
        others = logits.scatter(1, mine, -torch.inf).amax(1)
        lead = logits.gather(1, mine)[:, 0] - others
        return -lead if self.wanted is None else lead

    def reached(self, logits: Logits) -> Mask:
        """Where the goal's class wins."""
        return self.margin(logits) > 0

    def rows(self, index: Tensor) -> "Goal":
        """The same goal for some of the examples."""
        wanted = self.wanted
        return Goal(self.y[index], None if wanted is None else wanted[index], self.kind)


def labels(y: Truth) -> Labels:
    """Class numbers, also where probabilities were given."""
    return y if y.dim() == 1 else y.argmax(1)


def attack(function: Function) -> Function:
    """Decorates an attack with what all of them share.

    Arguments are checked, the model is left `undisturbed`, a target given as one number becomes one
    per example, and many images are worked through in batches that fit into memory.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def careful(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        settings = bound.arguments
        goal = _goal(settings["x"], settings["y"], settings["target"])
        size = max(1, PIXELS_AT_ONCE // max(1, settings["x"][:1].numel()))
        with undisturbed(settings["model"]):
            parts = []
            for rows in torch.arange(len(settings["x"])).to(settings["x"].device).split(size):
                part = goal.rows(rows)
                mine = {"x": settings["x"][rows].detach(), "y": part.y, "target": part.target}
                parts.append(function(**settings | mine))
        return _join(parts)

    return cast(Function, careful)


def keep_stronger(goal: Goal, model: nn.Module, a: Examples, b: Examples) -> Examples:
    """For each example the one that reaches the goal, and between equals the higher loss."""
    with torch.no_grad():
        logits_a, logits_b = model(a), model(b)
    reached_a, reached_b = goal.reached(logits_a), goal.reached(logits_b)
    higher = goal.loss(logits_b) > goal.loss(logits_a)
    return choose_rows((reached_b & ~reached_a) | ((reached_a == reached_b) & higher), b, a)


def choose_rows(condition: Mask, a: Tensor, b: Tensor) -> Tensor:
    """Rows of `a` where the condition holds, else rows of `b`."""
    return torch.where(condition.view(-1, *[1] * (a.dim() - 1)), a, b)


def _goal(x: Tensor, y: Tensor, target: Target) -> Goal:
    n = len(x)
    if len(y) != n:
        raise CourseError(f"y had {len(y)} rows for {n} images; give one for each.")
    if not (target is None or isinstance(target, int) or target.shape == (n,)):
        raise CourseError(f"target was not one class, or one for each of the {n} images.")
    return Goal(y, target)


def _join(parts: list[Any]) -> Any:
    if isinstance(parts[0], AttackResult):
        return AttackResult(*(torch.cat(column) for column in zip(*parts, strict=True)))
    return torch.cat(parts)
