"""The exercises of 03 accept what is right, reject what is typically wrong, and can be solved."""

import math
import re
from pathlib import Path

import nbformat
import pytest
import torch
from torch.nn import functional as F

from coursekit.teaching.exercises import gan_training as exercises

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "03_gan_training.ipynb"


def lerp(a, b, t):
    return (1 - t) * a + t * b


def slerp(a, b, t):
    cosine = (a @ b / (a.norm() * b.norm())).clamp(-1, 1)
    angle = torch.arccos(cosine)
    if angle < 1e-6:
        return lerp(a, b, t)
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


def hasty_slerp(a, b, t):
    angle = torch.arccos(a @ b / (a.norm() * b.norm()))
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


def stretched_lerp(a, b, t):
    straight = lerp(a, b, t)
    return straight * lerp(a.norm(), b.norm(), t) / straight.norm()


def critic(G, D, x, z):
    return F.softplus(-D(x)).mean() + F.softplus(D(G(z).detach())).mean()


def swapped(G, D, x, z):
    return F.softplus(D(x)).mean() + F.softplus(-D(G(z).detach())).mean()


def leaking(G, D, x, z):
    return F.softplus(-D(x)).mean() + F.softplus(D(G(z))).mean()


def deaf(G, D, x, z):
    with torch.no_grad():
        return F.softplus(-D(x)).mean() + F.softplus(D(G(z))).mean()


def mixed_up(G, D, x, z):
    return F.softplus(-D(x)).sum() + F.softplus(D(G(z).detach())).sum()


RIGHT = {
    exercises.GENERATOR_LOSS: lambda s: F.softplus(-s).mean(),
    exercises.CRITIC_LOSS: critic,
    exercises.SLERP: slerp,
    exercises.FRECHET_LINE: lambda a, b: (a.mean() - b.mean()) ** 2 + (a.std() - b.std()) ** 2,
}
WRONG = [
    (exercises.GENERATOR_LOSS, lambda s: -F.softplus(s).mean(), "log 2"),
    (exercises.GENERATOR_LOSS, lambda s: F.softplus(s).mean(), "sure of a fake"),
    (exercises.GENERATOR_LOSS, lambda s: F.softplus(-s).sum(), "log 2"),
    (exercises.GENERATOR_LOSS, lambda s: -torch.sigmoid(s).log().mean(), "±1000"),
    (exercises.GENERATOR_LOSS, lambda s: math.log(4) - F.softplus(s).mean(), "slope"),
    (exercises.CRITIC_LOSS, swapped, "real wants high"),
    (exercises.CRITIC_LOSS, leaking, "reaches G"),
    (exercises.CRITIC_LOSS, deaf, "stopped with|reach D"),
    (exercises.CRITIC_LOSS, mixed_up, "it is not"),
    (exercises.SLERP, lerp, "length"),
    (exercises.SLERP, stretched_lerp, "turned by a quarter"),
    (exercises.SLERP, hasty_slerp, "stay there"),
    (exercises.SLERP, lambda a, b, t: slerp(b, a, t), "t = 0"),
    (exercises.FRECHET_LINE, lambda a, b: (a.mean() - b.mean()).abs(), "not 9"),
    (exercises.FRECHET_LINE, lambda a, b: (a.mean() - b.mean()) ** 2, "compare standard"),
    (
        exercises.FRECHET_LINE,
        lambda a, b: (a.mean() - b.mean()) ** 2 + (a.var() - b.var()).abs(),
        "compare standard",
    ),
    (
        exercises.FRECHET_LINE,
        lambda a, b: (a.mean() - b.mean()) ** 2 + (b.std() - a.std()).clamp_min(0) ** 2,
        "not symmetric",
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
    names = {}
    for block in re.findall(r"<details>.*?```python\n(.*?)```.*?</details>", text, re.DOTALL):
        exec(block, names)
    return names


def test_the_folded_solutions_are_accepted():
    names = folded_solutions()
    for name, exercise in {
        "generator_loss": exercises.GENERATOR_LOSS,
        "critic_loss": exercises.CRITIC_LOSS,
        "my_slerp": exercises.SLERP,
        "frechet_line": exercises.FRECHET_LINE,
    }.items():
        assert exercise.verdict(names[name]) is None, name
