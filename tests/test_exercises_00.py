"""The exercise of 00 accepts what is right, rejects what is typically wrong, and can be solved."""

import re
from pathlib import Path

import nbformat
import pytest
import torch

from coursekit.teaching.exercises import start as exercises
from coursekit.theory.bayes import answer_or_refuse

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "00_start_here.ipynb"
WRONG = {
    "never refuses": lambda joint, least: joint.argmax(0),
    "refuses doubt": lambda joint, least: torch.where(
        (joint / joint.sum(0)).amax(0) < least, -1, joint.argmax(0)
    ),
    "looks at one class": lambda joint, least: torch.where(
        joint.amax(0) < least, -1, joint.argmax(0)
    ),
    "sums over places": lambda joint, least: torch.where(joint.sum(1) < least, -1, joint.argmax(1)),
    "the other way round": lambda joint, least: torch.where(
        joint.sum(0) < least, joint.argmax(0), -1
    ),
    "a class too many": lambda joint, least: torch.where(
        joint.sum(0) < least, -1, joint.argmax(0) + 1
    ),
}


def test_what_is_right_is_accepted():
    for _ in range(20):
        verdict = exercises.REFUSE.verdict(
            lambda joint, least: answer_or_refuse(joint.log(), torch.tensor(least).log().item())
        )
        assert verdict is None


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_why(name):
    for _ in range(20):
        assert exercises.REFUSE.verdict(WRONG[name])


def test_it_has_hints_and_waits_for_an_attempt():
    assert len(exercises.REFUSE.hints) == 2
    assert exercises.REFUSE.verdict(lambda joint, least: ...) == "not attempted yet."


def test_the_folded_solution_solves_it():
    (solution,) = [c for c in nbformat.read(NOTEBOOK, 4).cells if c.id == "exercise-solution"]
    scope: dict = {}
    exec(re.search(r"```python\n(.*?)```", solution.source, re.DOTALL)[1], scope)
    assert exercises.REFUSE.verdict(scope["answer"]) is None
