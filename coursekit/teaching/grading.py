"""What the graders share: inputs drawn anew, answers looked at with care, and where they err."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Attempt = Callable[..., Any]


class Wrong(Exception):
    """What is wrong with an attempt, in a sentence; it ends the grading."""


class Fresh:
    """Random inputs, drawn anew at each grading, so that no special case can be fitted."""

    def __init__(self, seed: int) -> None:
        self.rng = torch.Generator().manual_seed(seed)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers of this shape, float64."""
        return torch.randn(shape, generator=self.rng, dtype=torch.float64)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Numbers between `low` and `high`, float64."""
        unit = torch.rand(shape, generator=self.rng, dtype=torch.float64)
        return low + (high - low) * unit

    def number(self, low: float, high: float) -> float:
        """One number between `low` and `high`."""
        return float(self.uniform(low, high, 1))

    def integer(self, low: int, high: int) -> int:
        """One of low, low + 1, …, high."""
        return int(torch.randint(low, high + 1, (1,), generator=self.rng))

    def shuffled(self, x: Tensor) -> Tensor:
        """The rows of `x` in another order."""
        return x[torch.randperm(len(x), generator=self.rng)]

    def labels(self, n: int, k: int) -> Tensor:
        """`n` of `k` classes, each as often as the others or once more."""
        return self.shuffled(torch.arange(n) % k)

    def masses(self, k: int) -> Tensor:
        """Probabilities of `k` atoms, none of them tiny."""
        weight = self.uniform(0.2, 1, k)
        return weight / weight.sum()


PLACES = {
    1: "entry {}",
    2: "row {}, column {}",
    4: "image {}, channel {}, pixel ({}, {})",
}


def largest(amount: Tensor, place: str | None = None) -> tuple[float, str]:
    """The largest entry and its place in words, counted from 0; nan counts as largest.

    Args:
        amount: numbers of any shape.
        place: words with a `{}` for each dimension, if "row {}, column {}" would not do.
    """
    amount = amount.detach()
    first = int(amount.double().nan_to_num(nan=torch.inf).argmax())
    index = [int(i) for i in torch.unravel_index(torch.tensor(first), amount.shape)]
    words = place or PLACES.get(amount.dim(), ", ".join(["{}"] * amount.dim()))
    return float(amount[tuple(index)]), words.format(*index)


def tensor_like(answer: Any, wanted: Tensor) -> Tensor:
    """The answer, detached; an answer of another kind or shape is wrong, in words."""
    shape = tuple(wanted.shape)
    if not isinstance(answer, Tensor):
        raise Wrong(f"the answer should be a tensor of shape {shape}, not {_kind(answer)}.")
    if answer.shape != wanted.shape:
        raise Wrong(f"the answer should be a tensor of shape {shape}, not {tuple(answer.shape)}.")
    return answer.detach()


def number(answer: Any) -> float:
    """The answer as a number; anything else is wrong, in words."""
    if isinstance(answer, Tensor):
        if answer.numel() != 1:
            raise Wrong(f"the answer should be one number, not shape {tuple(answer.shape)}.")
        return float(answer.detach())
    try:
        return float(answer)
    except (TypeError, ValueError):
        raise Wrong(f"the answer should be one number, not {_kind(answer)}.") from None


def miss(
    answer: Any, wanted: Tensor, tolerance: float = 1e-6, place: str | None = None
) -> str | None:
    """Where the answer is furthest off ("at entry 3 it is 0.31, not 0.52"), or None."""
    given = tensor_like(answer, wanted)
    off, where = largest((given - wanted).abs(), place)
    if off <= tolerance:
        return None
    first = int((given - wanted).abs().double().nan_to_num(nan=torch.inf).argmax())
    return f"at {where} it is {_unlike(given.flatten()[first], wanted.flatten()[first])}"


def close(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors agree to six digits, be they float32 or float64."""
    return torch.allclose(one.detach().double(), other.detach().double(), rtol=1e-6, atol=1e-6)


def slopes(answer: Any, *at: Tensor, who: str) -> list[Tensor]:
    """The gradients of a scalar answer with respect to `at`; an answer without any is wrong."""
    if not isinstance(answer, Tensor) or not answer.requires_grad:
        raise Wrong(f"no gradient reaches {who}: float, item, detach and no_grad end the graph.")
    found = torch.autograd.grad(answer, at, allow_unused=True)
    return [torch.zeros_like(a) if g is None else g for a, g in zip(at, found, strict=True)]


def leaves_the_box(images: Tensor) -> str | None:
    """By how much and where pixels leave [0, 1], in words, or None."""
    off, where = largest(torch.maximum(-images, images - 1))
    return None if off <= 0 else f"pixels leave [0, 1], by {off:.3g} at {where}"


def _unlike(given: Tensor, wanted: Tensor) -> str:
    """Both numbers, with as many digits as it takes to tell them apart."""
    short = [f"{float(v):.4g}" for v in (given, wanted)]
    if short[0] == short[1]:
        short = [f"{float(v):.10g}" for v in (given, wanted)]
    return f"{short[0]}, not {short[1]}"


def _kind(answer: Any) -> str:
    return f"a value of type {type(answer).__name__}"
