"""Exercises: an attempt is graded by properties on fresh inputs, never by comparing code."""

import inspect
import secrets
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from coursekit.teaching.grading import Attempt, Fresh, Wrong

Property = Callable[[Attempt, Fresh], str | None]  # what is wrong with the attempt, or None


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
        fresh = Fresh(seed)
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
