"""The graders of 09 accept the folded solutions and reject typical wrong answers."""

import re
from functools import cache
from pathlib import Path

import nbformat
import pytest
import torch

from coursekit.teaching.exercises.robust import MARGIN, MIX, STRAIGHT, TRADES

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "09_adversarial_training.ipynb"
EXERCISES = {
    "mixed_loss": MIX,
    "trades_gap": TRADES,
    "margin": MARGIN,
    "straight_through": STRAIGHT,
}
# function, text of the folded solution, what a student might write instead, what the grader says
WRONG = [
    ("mixed_loss", "alpha * clean + (1 - alpha) * attacked", "clean + attacked", "it should be"),
    (
        "mixed_loss",
        "alpha * clean + (1 - alpha) * attacked",
        "alpha * attacked + (1 - alpha) * clean",
        "weights the",
    ),
    ("mixed_loss", "model(x_adv), y)", "model(x_adv), model(x_adv).argmax(1))", "should be|labels"),
    ("mixed_loss", "* attacked", "* attacked.detach() * 0 + 0 * clean", "should be"),
    ("mixed_loss", "model(x), y), ", "model(x).softmax(1), y), ", "it should be"),
    ("mixed_loss", "* attacked", "* attacked.item()", "both terms"),
    ("trades_gap", '"batchmean"', '"mean"', "batchmean"),
    ("trades_gap", '"batchmean"', '"sum"', "average over the batch"),
    (
        "trades_gap",
        "model(x).softmax(1), model(x_adv).log_softmax(1)",
        "model(x_adv).softmax(1), model(x).log_softmax(1)",
        "swapped",
    ),
    ("trades_gap", "p, log_q = model(x)", "p, log_q = model(x).detach()", "held fixed"),
    ("trades_gap", ".log_softmax(1)", "", "should be"),
    ("margin", "others.amax(1) - true[:, 0]", "true[:, 0] - others.amax(1)", "sign"),
    ("margin", "scatter(1, y[:, None], -torch.inf)", "clone()", "must not count"),
    ("margin", "logits.gather", "logits.softmax(1).gather", "yours is"),
    ("straight_through", ".detach()", "", "round's own is 0"),
    ("straight_through", "(levels - 1)) / (levels - 1)", "levels) / levels", "with 5 levels"),
    ("straight_through", "x + (stairs - x).detach()", "x", "with 5 levels"),
    ("straight_through", "x + (stairs - x).detach()", "stairs.detach()", "no gradient"),
]


@cache
def folded() -> dict[str, str]:
    """The solutions folded away in the notebook, by the name of the function they define."""
    text = "\n".join(
        c.source for c in nbformat.read(NOTEBOOK, 4).cells if c.cell_type == "markdown"
    )
    blocks = re.findall(r"<details>.*?```python\n(.*?)```.*?</details>", text, re.DOTALL)
    return {re.match(r"def (\w+)", block)[1]: block for block in blocks}


def defined(name: str, source: str):
    space = {"torch": torch, "F": torch.nn.functional}
    exec(source, space)
    return space[name]


def test_every_exercise_has_its_solution():
    assert set(folded()) == set(EXERCISES)


@pytest.mark.parametrize("name", EXERCISES)
def test_the_folded_solution_is_accepted(name):
    assert EXERCISES[name].verdict(defined(name, folded()[name])) is None


@pytest.mark.parametrize(("name", "text", "slip", "says"), WRONG)
def test_a_typical_slip_is_rejected_with_its_reason(name, text, slip, says):
    assert text in folded()[name]
    verdict = EXERCISES[name].verdict(defined(name, folded()[name].replace(text, slip)))
    assert verdict is not None
    assert re.search(says, verdict), verdict


@pytest.mark.parametrize("name", EXERCISES)
@pytest.mark.parametrize("stub", [..., None])
def test_a_stub_counts_as_not_begun(name, stub):
    assert EXERCISES[name].verdict(lambda *_: stub) == "not attempted yet."


@pytest.mark.parametrize("name", EXERCISES)
def test_there_are_hints(name, capsys):
    EXERCISES[name].hint(1)
    assert "Hint 1 of" in capsys.readouterr().out
