"""The exercises of 06 accept what is right, reject what is typically wrong, and can be solved."""

import re
from pathlib import Path

import nbformat
import pytest
import torch
from torch.nn import functional as F

from coursekit.teaching.exercises import wasserstein as exercises

NOTEBOOK = (
    Path(__file__).resolve().parents[1] / "notebooks" / "06_wasserstein_and_spectral_norm.ipynb"
)


def penalty(D, x, fake, rng, eps=None, graph=True, norm=lambda g: g.flatten(1).norm(dim=1)):
    if eps is None:
        eps = torch.rand(len(x), *[1] * (x.dim() - 1), generator=rng).to(x)
    at = (eps * x + (1 - eps) * fake).detach().requires_grad_(True)
    (g,) = torch.autograd.grad(D(at).sum(), at, create_graph=graph)
    return (norm(g) - 1).square().mean()


def sigma(W, rounds):
    u = torch.ones(len(W), dtype=W.dtype)
    for _ in range(rounds):
        v = F.normalize(W.T @ u, dim=0)
        u = F.normalize(W @ v, dim=0)
    return u @ W @ v


def squared(W, rounds):
    return sigma(W, rounds) ** 2


def eigenvalue(W, rounds):
    u = torch.ones(W.shape[1], dtype=W.dtype)
    for _ in range(rounds):
        u = F.normalize(W @ u, dim=0)
    return (W @ u).norm()


def hinge(real, fake):
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


RIGHT = {
    exercises.LINE: lambda x, y: (x.sort().values - y.sort().values).abs().mean(),
    exercises.PENALTY: penalty,
    exercises.SIGMA: sigma,
    exercises.CRITIC: lambda real, fake: fake.mean() - real.mean(),
}
WRONG = [
    (exercises.LINE, lambda x, y: (x.mean() - y.mean()).abs(), "the means agree"),
    (exercises.LINE, lambda x, y: (x - y).abs().mean(), "another order"),
    (exercises.LINE, lambda x, y: x.sort().values - y.sort().values, "stopped with"),
    (exercises.LINE, lambda x, y: ((x.sort()[0] - y.sort()[0]) ** 2).mean().sqrt(), "average 1"),
    (exercises.PENALTY, lambda *a: penalty(*a, eps=1.0), "real points only"),
    (exercises.PENALTY, lambda *a: penalty(*a, eps=0.0), "fake points only"),
    (exercises.PENALTY, lambda *a: penalty(*a, eps=0.5), "one for each example"),
    (exercises.PENALTY, lambda *a: penalty(*a, graph=False), "no gradient reaches"),
    (exercises.PENALTY, lambda *a: penalty(*a, norm=lambda g: g.norm()), "cost nothing"),
    (exercises.SIGMA, squared, "σ²"),
    (exercises.SIGMA, lambda W, rounds: W.norm(), "after 300 rounds"),
    (exercises.SIGMA, lambda W, rounds: W.abs().max(), "after 300 rounds"),
    (exercises.SIGMA, eigenvalue, "stopped with"),
    (exercises.SIGMA, lambda W, rounds: torch.linalg.svdvals(W)[:6].max() + 0 * W[5, 8], "stopped"),
    (exercises.CRITIC, lambda real, fake: real.mean() - fake.mean(), "sign"),
    (exercises.CRITIC, hinge, "should give"),
    (exercises.CRITIC, lambda real, fake: hinge(real, fake) - 4, "hinge"),
    (exercises.CRITIC, lambda real, fake: -real.mean(), "stopped with"),
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


@pytest.mark.skipif(not NOTEBOOK.exists(), reason="the lecture is not written yet")
def test_the_folded_solutions_are_accepted():
    names = folded_solutions()
    for name, exercise in {
        "earth_on_the_line": exercises.LINE,
        "my_penalty": exercises.PENALTY,
        "my_sigma": exercises.SIGMA,
        "critic_loss": exercises.CRITIC,
    }.items():
        assert exercise.verdict(names[name]) is None, name
