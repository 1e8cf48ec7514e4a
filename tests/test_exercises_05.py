"""The exercises of 05 accept what is right, reject what is typically wrong, and can be solved."""

import re
from pathlib import Path

import nbformat
import pytest
import torch

from coursekit.teaching.exercises import mode_collapse as exercises

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "05_mode_collapse.ipynb"


def modes_covered(samples, centres, radius):
    return (torch.cdist(samples, centres).min(0).values <= radius).sum()


def reverse_kl(counts):
    q = counts.double() / counts.sum()
    return torch.xlogy(q, q * len(q)).sum()


def with_spread(x):
    return torch.cat([x, x.std(0, unbiased=False).mean().expand(len(x), 1)], 1)


def overlap(n, kernel, stride):
    counts = [0] * ((n - 1) * stride + kernel)
    for i in range(n):
        for k in range(kernel):
            counts[i * stride + k] += 1
    return counts


def forward_kl(counts):
    q = (counts.double() + 1e-12) / counts.sum()
    return -(len(q) * q).log().mean()


RIGHT = {
    exercises.MODES_COVERED: modes_covered,
    exercises.REVERSE_KL: reverse_kl,
    exercises.PACK: lambda x, m: x.reshape(len(x) // m, -1),
    exercises.MINIBATCH_STD: with_spread,
    exercises.OVERLAP: overlap,
}
WRONG = [
    (exercises.MODES_COVERED, lambda s, c, r: len(torch.cdist(s, c).argmin(1).unique()), "between"),
    (exercises.MODES_COVERED, lambda s, c, r: (torch.cdist(s, c) <= r).sum(), "count modes"),
    (exercises.MODES_COVERED, lambda s, c, r: len(c), "gave 3"),
    (exercises.REVERSE_KL, forward_kl, "log 8"),
    (exercises.REVERSE_KL, lambda c: -reverse_kl(c), "not -2.079"),
    (exercises.REVERSE_KL, lambda c: (c > 0).float().mean().log().neg(), "counts 3 and 1"),
    (exercises.PACK, lambda x, m: x.repeat(1, m), "not \\(4, 6\\)"),
    (exercises.PACK, lambda x, m: x[: len(x) // m].repeat(1, m), "repeat"),
    (exercises.PACK, lambda x, m: x.T.reshape(len(x) // m, -1), "mixed"),
    (exercises.MINIBATCH_STD, lambda x: torch.cat([x, x.std(1, keepdim=True)], 1), "over the"),
    (
        exercises.MINIBATCH_STD,
        lambda x: torch.cat([x, x.std(0).mean().expand(len(x), 1)], 1),
        "by n",
    ),
    (exercises.MINIBATCH_STD, lambda x: x.std(0), "should become"),
    (exercises.OVERLAP, lambda n, k, s: [k] * n, "11 pixels"),
    (exercises.OVERLAP, lambda n, k, s: [1] * (n * k), "11 pixels"),
    (exercises.OVERLAP, lambda n, k, s: overlap(n, k, 1), "11 pixels"),
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
        "modes_covered": exercises.MODES_COVERED,
        "reverse_kl": exercises.REVERSE_KL,
        "my_pack": exercises.PACK,
        "with_spread": exercises.MINIBATCH_STD,
        "overlap": exercises.OVERLAP,
    }.items():
        assert exercise.verdict(names[name]) is None, name
