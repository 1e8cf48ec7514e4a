"""Exercises: an attempt is graded by properties on fresh inputs, never by comparing code."""

import inspect
import secrets
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Attempt = Callable[..., Any]


class Wrong(Exception):
    """What is wrong with an attempt, in a sentence; it ends the grading."""


class RandomInputs:
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


PLACES = {1: "entry {}", 2: "row {}, column {}", 4: "image {}, channel {}, pixel ({}, {})"}


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


def describe_mismatch(
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


def gradients_of(answer: Any, *at: Tensor, who: str) -> list[Tensor]:
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


Property = Callable[[Attempt, RandomInputs], str | None]  # what is wrong with the attempt, or None


class _NotBegun(Exception):
    """The attempt still returns what the empty stub returns."""


@dataclass(frozen=True)
class Exercise:
    """One exercise of a lecture.

    Attributes:
        title: what to write, in a line.
        properties: each takes the attempt and inputs to draw from, and returns a sentence that
            says what is wrong, or None.
        hints: at most two, from the gentler to the plainer; none is the solution.
        worked: a function that has every property. Its source is the solution, here and folded
            away in the lecture.
    """

    title: str
    properties: tuple[Property, ...]
    hints: tuple[str, ...]
    worked: Attempt

    def grade(self, attempt: Attempt, seed: int | None = None) -> bool:
        """Print whether the attempt has every property, else the first thing that is wrong.

        An attempt that still returns `...` counts as not begun; one that raises is told so in a
        sentence. Never raises, so that a notebook of unsolved exercises runs to its end.

        Args:
            attempt: the student's function.
            seed: draws the inputs of an earlier grading once more; None draws new ones.
        """
        seed = secrets.randbelow(1_000_000) if seed is None else seed
        verdict = self.verdict(attempt, seed)
        again = "" if verdict in (None, NOT_BEGUN) else f"\n(These inputs again: seed={seed}.)"
        print(f"{self.title}: {verdict or 'correct, every property holds.'}{again}")
        return verdict is None

    def verdict(self, attempt: Attempt, seed: int) -> str | None:
        """What is wrong with the attempt on the inputs of `seed`, in a sentence; None if right."""
        fresh = RandomInputs(seed)
        try:
            found = (holds(_watched(attempt), fresh) for holds in self.properties)
            return next((wrong for wrong in found if wrong is not None), None)
        except _NotBegun:
            return NOT_BEGUN
        except Wrong as wrong:
            return str(wrong)
        except Exception as error:  # a student's answer may be anything
            return f"your answer cannot be used: {_said(error)}"

    def hint(self, number: int = 1) -> None:
        """Print hint `number`, counted from 1."""
        if not 1 <= number <= len(self.hints):
            print(f"There are {len(self.hints)} hints; ask for 1 to {len(self.hints)}.")
            return
        print(f"Hint {number} of {len(self.hints)}: {self.hints[number - 1]}")

    def solution(self) -> None:
        """Print the worked solution."""
        print(self.source(), end="")

    def source(self) -> str:
        """The worked solution as text."""
        return inspect.getsource(inspect.unwrap(self.worked))


NOT_BEGUN = "not attempted yet."


def _watched(attempt: Attempt) -> Attempt:
    """The attempt; it is told if it raises, returns nothing, or writes into its arguments."""

    def watched(*args: Any) -> Any:
        before = [a.detach().clone() if isinstance(a, Tensor) else a for a in args]
        try:
            answer = attempt(*args)
        except Exception as error:  # a student's code may raise anything
            raise Wrong(f"your code stopped{_line(error, attempt)} with {_said(error)}") from error
        if answer is ...:
            raise _NotBegun
        if answer is None:
            raise Wrong("your function returns nothing; is a `return` missing?")
        for position, (now, then) in enumerate(zip(args, before, strict=True), 1):
            if isinstance(now, Tensor) and not torch.equal(now, then):
                raise Wrong(f"your code overwrites its argument {position}; work on a copy.")
        return answer

    return watched


def _said(error: Exception) -> str:
    """The kind of an error and the first line of what it says, as the end of a sentence."""
    first, *_ = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {first.rstrip('.')}."


def _line(error: Exception, attempt: Attempt) -> str:
    """In which line of the student's cell an error arose, if that can be told."""
    cell = getattr(getattr(attempt, "__code__", None), "co_filename", None)
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == cell]
    return f" in line {lines[-1]}" if lines else ""
