"""Exercises: an attempt is graded by properties on fresh inputs, never by comparing code."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Property = Callable[[Callable[..., Any]], str | None]  # attempt -> what is wrong, or None


class _NotBegun(Exception):
    """The attempt still returns what the empty stub returns."""


def _begun(attempt: Callable[..., Any]) -> Callable[..., Any]:
    def watched(*args: Any, **kwargs: Any) -> Any:
        answer = attempt(*args, **kwargs)
        if answer is None or answer is ...:
            raise _NotBegun
        return answer

    return watched


@dataclass(frozen=True)
class Exercise:
    """One exercise of a lecture.

    Attributes:
        title: what to write, in a line.
        properties: each takes the attempt and returns a sentence that says what is wrong, or None.
        hints: from the gentlest to the plainest.
    """

    title: str
    properties: tuple[Property, ...]
    hints: tuple[str, ...] = ()

    def grade(self, attempt: Callable[..., Any]) -> bool:
        """Print whether the attempt has every property, else the first thing that is wrong.

        An attempt that still returns `...` or None counts as not begun; one that raises is told so
        in a sentence. Never raises, so that a notebook of unsolved exercises runs to its end.
        """
        verdict = self.verdict(attempt)
        print(f"{self.title}: {verdict or 'correct, every property holds.'}")
        return verdict is None

    def verdict(self, attempt: Callable[..., Any]) -> str | None:
        """What is wrong with the attempt, in a sentence; None if it is right."""
        for holds in self.properties:
            try:
                wrong = holds(_begun(attempt))
            except _NotBegun:
                return "not attempted yet."
            except Exception as error:  # a student's code may raise anything
                return f"your code stopped with {type(error).__name__}: {error}"
            if wrong is not None:
                return wrong
        return None

    def hint(self, number: int = 1) -> None:
        """Print hint `number`, counted from 1."""
        if not 1 <= number <= len(self.hints):
            print(f"There are {len(self.hints)} hints; ask for 1 to {len(self.hints)}.")
            return
        print(f"Hint {number} of {len(self.hints)}: {self.hints[number - 1]}")
