"""What every exercise must do, as one test over a room; each lecture's file brings its cases."""

import ast
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import ModuleType

import pytest

from coursekit.teaching import Exercise

RIGHT_SEEDS, WRONG_SEEDS = range(8), range(3)


@dataclass(frozen=True)
class Slip:
    """A wrong answer: the worked solution with `text` replaced by `instead`."""

    text: str
    instead: str

    def of(self, exercise: Exercise) -> Callable:
        source = exercise.source()
        assert self.text in source, f"{self.text!r} is not in the solution"
        space = dict(inspect.unwrap(exercise.worked).__globals__)
        exec(source.replace(self.text, self.instead), space)
        return space[inspect.unwrap(exercise.worked).__name__]


Cases = dict[
    Exercise, list[tuple[Callable | Slip, str]]
]  # a wrong answer, a pattern of what is said


def exercises_of(room: ModuleType) -> dict[str, Exercise]:
    return {name: value for name, value in vars(room).items() if isinstance(value, Exercise)}


def attempt_of(exercise: Exercise, wrong: Callable | Slip) -> Callable:
    return wrong.of(exercise) if isinstance(wrong, Slip) else wrong


def suite(room: ModuleType, cases: Cases) -> Callable:
    """The test of a room. Assign it to a name that pytest collects."""
    found = exercises_of(room)
    params = [pytest.param(partial(_is_whole, room, cases), id="whole")]
    for name, exercise in found.items():
        for what in (_accepts_its_solution, _has_hints, _knows_a_stub, _survives_an_error):
            params.append(pytest.param(partial(what, exercise), id=f"{name}{what.__name__}"))
        for number, (wrong, says) in enumerate(cases.get(exercise, ())):
            case = partial(_rejects, exercise, wrong, says)
            params.append(pytest.param(case, id=f"{name}_rejects_{number}"))

    @pytest.mark.parametrize("holds", params)
    def test(holds: Callable[[], None]) -> None:
        holds()

    return test


def _is_whole(room: ModuleType, cases: Cases) -> None:
    found = exercises_of(room).values()
    assert set(cases) == set(found), "an exercise has no wrong answers, or is not of this room"
    for exercise, wrong in cases.items():
        assert len(wrong) >= 3, f"{exercise.title}: fewer than three wrong answers"
        assert exercise.properties, f"{exercise.title}: nothing is graded"


def _accepts_its_solution(exercise: Exercise) -> None:
    for seed in RIGHT_SEEDS:
        assert exercise.verdict(exercise.worked, seed) is None, f"seed {seed}"


def _rejects(exercise: Exercise, wrong: Callable | Slip, says: str) -> None:
    for seed in WRONG_SEEDS:
        verdict = exercise.verdict(attempt_of(exercise, wrong), seed) or "accepted"
        assert re.search(says, verdict), f"seed {seed}: {verdict}"
        assert verdict.endswith((".", "?")), verdict


def _has_hints(exercise: Exercise) -> None:
    assert 1 <= len(exercise.hints) <= 2
    (function,) = ast.parse(exercise.source()).body
    body = "".join(ast.unparse(line) for line in function.body if not isinstance(line, ast.Assign))
    answer = re.sub(r"\s|return", "", body)
    for hint in exercise.hints:
        assert answer not in re.sub(r"\s", "", hint), f"{exercise.title}: a hint is the solution"


def _knows_a_stub(exercise: Exercise) -> None:
    assert exercise.verdict(lambda *_: ..., 0) == "not attempted yet."
    forgotten = exercise.verdict(lambda *_: None, 0)
    assert forgotten == "your function returns nothing; is a `return` missing?"


def _survives_an_error(exercise: Exercise) -> None:
    def broken(*_):
        raise ZeroDivisionError("no such luck")

    verdict = exercise.verdict(broken, 0)
    assert re.fullmatch(
        r"your code stopped in line \d+ with ZeroDivisionError: no such luck\.", verdict or ""
    )
    assert exercise.verdict(lambda *_: object(), 0) is not None
