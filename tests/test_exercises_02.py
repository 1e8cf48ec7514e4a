"""The exercises of 02 accept what is right, reject what is typically wrong, and can be solved."""

import math
import re
from pathlib import Path

import nbformat
import pytest
import torch
from torch.special import xlogy

from coursekit.teaching.exercises import gan_theory as exercises

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "02_gan_theory.ipynb"


def halves_of_kl(p, q):
    m = (p + q) / 2
    return [(xlogy(a, a) - xlogy(a, m)).sum() / 2 for a in (p, q)]


def ahead(x, y, rate):
    return x - rate * y, y + rate * x


def alternating(x, y, rate):
    x = x - rate * y
    return x, y + rate * x


def twice_ahead(x, y, rate):
    return ahead(*ahead(x, y, rate), rate)


def wrong_way(x, y, rate):
    a, b = x + rate * y, y - rate * x
    return x - rate * b, y + rate * a


def too_short(x, y, rate):
    a, b = ahead(x, y, rate / 2)
    return x - rate * b, y + rate * a


RIGHT = {
    exercises.BEST_DISCRIMINATOR: lambda log_p, log_q: 1 / (1 + torch.exp(log_q - log_p)),
    exercises.JENSEN_SHANNON: lambda p, q: float(sum(halves_of_kl(p, q))),
    exercises.GENERATOR_SLOPE: lambda s: torch.sigmoid(s) - 1,
    exercises.EXTRAGRADIENT: lambda x, y, e: (x - e * (y + e * x), y + e * (x - e * y)),
}
WRONG = {
    exercises.BEST_DISCRIMINATOR: {
        "swapped": lambda log_p, log_q: torch.sigmoid(log_q - log_p),
        "underflowing": lambda log_p, log_q: log_p.exp() / (log_p.exp() + log_q.exp()),
        "the ratio": lambda log_p, log_q: torch.exp(log_p - log_q),
        "of the densities": lambda log_p, log_q: torch.sigmoid(log_p.exp() - log_q.exp()),
        "the score": lambda log_p, log_q: log_p - log_q,
    },
    exercises.JENSEN_SHANNON: {
        "nan at zero": lambda p, q: (
            (p * (2 * p / (p + q)).log() + q * (2 * q / (p + q)).log()).sum() / 2
        ),
        "a wrong sign": lambda p, q: halves_of_kl(p, q)[0] - halves_of_kl(p, q)[1],
        "without the halves": lambda p, q: 2 * sum(halves_of_kl(p, q)),
        "one side only": lambda p, q: 2 * halves_of_kl(p, q)[0],
        "in bits": lambda p, q: sum(halves_of_kl(p, q)) / math.log(2),
        "total variation": lambda p, q: (p - q).abs().sum() / 2 * math.log(2),
    },
    exercises.GENERATOR_SLOPE: {
        "the saturating one": lambda s: -torch.sigmoid(s),
        "a wrong sign": lambda s: torch.sigmoid(-s),
        "the loss itself": lambda s: torch.nn.functional.softplus(-s),
        "the slope in D": lambda s: -1 / torch.sigmoid(s),
        "of the sigmoid": lambda s: -torch.sigmoid(s) * torch.sigmoid(-s),
    },
    exercises.EXTRAGRADIENT: {
        "simultaneous": ahead,
        "alternating": alternating,
        "two steps": twice_ahead,
        "the wrong way": wrong_way,
        "half a look": too_short,
        "nothing": lambda x, y, rate: (x, y),
    },
}
MISTAKES = [
    pytest.param(exercise, attempt, id=f"{exercise.title}: {mistake}")
    for exercise, attempts in WRONG.items()
    for mistake, attempt in attempts.items()
]


@pytest.mark.parametrize("exercise", RIGHT, ids=lambda exercise: exercise.title)
def test_a_right_answer_is_accepted(exercise):
    assert exercise.verdict(RIGHT[exercise]) is None


@pytest.mark.parametrize(("exercise", "attempt"), MISTAKES)
def test_a_typical_mistake_is_rejected_with_a_sentence(exercise, attempt):
    verdict = exercise.verdict(attempt)
    assert verdict is not None
    assert verdict.endswith(".")
    assert "your code stopped" not in verdict
    assert "not attempted" not in verdict


@pytest.mark.parametrize("exercise", RIGHT, ids=lambda exercise: exercise.title)
@pytest.mark.parametrize("blank", [None, ...], ids=["None", "..."])
def test_an_unsolved_exercise_is_called_unsolved(exercise, blank):
    assert exercise.verdict(lambda *_: blank) == "not attempted yet."
    assert exercise.hints


def folded_solutions():
    text = "\n".join(
        cell.source
        for cell in nbformat.read(NOTEBOOK, as_version=4).cells
        if cell.cell_type == "markdown"
    )
    blocks = re.findall(r"<details><summary>Solution</summary>\s*```python\n(.*?)```", text, re.S)
    names = {"torch": torch}
    for block in blocks:
        exec(block, names)
    return names, len(blocks)


@pytest.mark.skipif(not NOTEBOOK.exists(), reason="the notebook is not there")
def test_the_folded_solutions_solve_the_exercises():
    names, count = folded_solutions()
    assert count == len(RIGHT)
    solved = zip(RIGHT, ("d_star", "js", "slope", "step"), strict=True)
    for exercise, function in solved:
        assert exercise.verdict(names[function]) is None, function
