"""The exercises of 04 accept what is right, reject what is typically wrong, and can be solved."""

import re
from pathlib import Path

import nbformat
import pytest
import torch
from torch.nn import functional as F

from coursekit.teaching.exercises import conditional as exercises

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "04_conditional_gan.ipynb"


def class_norm(h, gain, shift, y):
    mean, var = h.mean((0, 2, 3), keepdim=True), h.var((0, 2, 3), correction=0, keepdim=True)
    plain = (h - mean) / (var + 1e-5).sqrt()
    return gain[y][:, :, None, None] * plain + shift[y][:, :, None, None]


def deaf_norm(h, gain, shift, y):
    return F.batch_norm(h, None, None, gain[0], shift[0], training=True)


def norm_of_each_image(h, gain, shift, y):
    plain = F.instance_norm(h)
    return gain[y][:, :, None, None] * plain + shift[y][:, :, None, None]


def unshifted(h, gain, shift, y):
    return class_norm(h, gain, 0 * shift, y)


def shift_only(h, gain, shift, y):
    plain = F.batch_norm(h, None, None, gain[0], None, training=True)
    return plain + shift[y][:, :, None, None]


def bayes(logs, prior):
    return (logs + prior.log()).softmax(1)


def corrupt(y, rate, k, rng):
    wrong = torch.rand(len(y), generator=rng) < rate
    return torch.where(wrong, (y + torch.randint(1, k, y.shape, generator=rng)) % k, y)


def drawn_from_all(y, rate, k, rng):
    wrong = torch.rand(len(y), generator=rng) < rate
    return torch.where(wrong, torch.randint(0, k, y.shape, generator=rng), y)


RIGHT = {
    exercises.AUXILIARY_LOSS: F.cross_entropy,
    exercises.CLASS_NORM: class_norm,
    exercises.BAYES: bayes,
    exercises.CORRUPT: corrupt,
}
WRONG = [
    (exercises.AUXILIARY_LOSS, lambda p, y: F.cross_entropy(p.softmax(1), y), "twice"),
    (exercises.AUXILIARY_LOSS, lambda p, y: F.cross_entropy(p, y, reduction="sum"), "log 7"),
    (exercises.AUXILIARY_LOSS, lambda p, y: F.cross_entropy(p, y.flip(0)), "not 0"),
    (
        exercises.AUXILIARY_LOSS,
        lambda p, y: -p.softmax(1).gather(1, y[:, None]).log().mean(),
        "logsumexp",
    ),
    (exercises.CLASS_NORM, deaf_norm, "other labels"),
    (exercises.CLASS_NORM, norm_of_each_image, "not plain"),
    (exercises.CLASS_NORM, unshifted, "not plain"),
    (exercises.CLASS_NORM, shift_only, "only gain and shift"),
    (exercises.BAYES, lambda logs, prior: logs.softmax(1), "prior"),
    (exercises.BAYES, lambda logs, prior: logs.exp() * prior, "sum to 1"),
    (
        exercises.BAYES,
        lambda logs, prior: (logs.exp() * prior) / (logs.exp() * prior).sum(1, keepdim=True),
        "logarithms",
    ),
    (exercises.BAYES, lambda logs, prior: (logs + prior).softmax(1), "it is not p"),
    (exercises.CORRUPT, drawn_from_all, "by chance"),
    (exercises.CORRUPT, lambda y, rate, k, rng: y + (y >= 0) * (rate > 0), "labels 1 to 5"),
    (exercises.CORRUPT, lambda y, rate, k, rng: y, "wrong"),
    (
        exercises.CORRUPT,
        lambda y, rate, k, rng: torch.where(
            torch.rand(len(y), generator=rng) < rate, (y + 1) % k, y
        ),
        "any of the other",
    ),
]


@pytest.mark.parametrize("exercise", RIGHT, ids=lambda e: e.title)
def test_a_right_answer_is_accepted(exercise, capsys):
    assert exercise.grade(RIGHT[exercise])
    assert "correct" in capsys.readouterr().out


@pytest.mark.parametrize(("exercise", "answer", "said"), WRONG)
def test_a_wrong_answer_is_told_what_is_wrong(exercise, answer, said):
    assert re.search(said, exercise.verdict(answer) or "accepted")


@pytest.mark.parametrize("exercise", RIGHT, ids=lambda e: e.title)
@pytest.mark.parametrize("stub", [None, ...], ids=["None", "..."])
def test_a_stub_counts_as_not_attempted(exercise, stub):
    assert exercise.verdict(lambda *_: stub) == "not attempted yet."


def test_each_exercise_rejects_at_least_three_wrong_answers():
    for exercise in RIGHT:
        assert sum(exercise is wrong for wrong, _, _ in WRONG) >= 3


def folded_solutions():
    """The functions that the folded solutions of the lecture define, by name."""
    cells = nbformat.read(NOTEBOOK, 4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    names = {"torch": torch}
    for block in re.findall(r"<details>.*?```python\n(.*?)```.*?</details>", text, re.DOTALL):
        exec(block, names)
    return names


def test_the_folded_solutions_are_accepted():
    names = folded_solutions()
    for name, exercise in {
        "auxiliary_loss": exercises.AUXILIARY_LOSS,
        "class_norm": exercises.CLASS_NORM,
        "bayes": exercises.BAYES,
        "corrupt": exercises.CORRUPT,
    }.items():
        assert exercise.verdict(names[name]) is None, name
