"""The graders of 08 accept the folded solutions and reject typical wrong answers."""

import re
from functools import cache
from pathlib import Path

import nbformat
import pytest
import torch

from coursekit.gradients import input_gradient
from coursekit.teaching import MIME
from coursekit.teaching.exercises.transfer import AUGMENT, BOX, FOOLED, GRADIENT

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "08_transferability.ipynb"
EXERCISES = {
    "logistic_gradient": GRADIENT,
    "fooled_beyond_noise": FOOLED,
    "into_the_box": BOX,
    "next_questions": AUGMENT,
}
# function, text of the folded solution, what a student might write instead, what the grader says
WRONG = [
    ("logistic_gradient", "return p @ W", "return p", "tensor of shape"),
    ("logistic_gradient", "return p @ W", "return -p @ W", "downhill"),
    ("logistic_gradient", "return p @ W", "return p @ W / len(y)", "do not average"),
    ("logistic_gradient", " -= 1", " -= 0", "finite differences"),
    ("logistic_gradient", ".softmax(1)", ".sigmoid()", "finite differences"),
    ("logistic_gradient", " + b", "", "finite differences"),
    ("fooled_beyond_noise", "clean == y", "y == y", "only the other two"),
    ("fooled_beyond_noise", "attack - noise", "attack", "noise does 0.5"),
    ("fooled_beyond_noise", "attack - noise", "(attack - noise).clamp(0)", "less than noise"),
    ("fooled_beyond_noise", "(attacked != y)", "(attacked == y)", "not"),
    ("into_the_box", "low + margin", "low - margin", "inside the box"),
    ("into_the_box", "high - margin", "high", "inside the box"),
    (
        "into_the_box",
        "torch.minimum(torch.maximum(x, low + margin), high - margin)",
        "(low + high) / 2",
        "should stay",
    ),
    ("into_the_box", "low + margin), high - margin", "low + 0.1), high - margin", "stay|further"),
    ("next_questions", "x + step", "x - step", "flees"),
    ("next_questions", ".sign()", "", "sign of the gradient"),
    ("next_questions", ".clamp(0, 1)", "", "sign of the gradient"),
    ("next_questions", "[x, fresh]", "[fresh, x]", "come first"),
    ("next_questions", "2 * len(x)", "len(x)", "4, not 2"),
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
    space = {"torch": torch, "input_gradient": input_gradient}
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


def recorded() -> dict[str, float]:
    cells = [c for c in nbformat.read(NOTEBOOK, 4).cells if c.cell_type == "code"]
    rows = [o["data"][MIME] for c in cells for o in c.outputs if MIME in o.get("data", {})]
    return {row["claim"]: row["ours"] for row in rows}


def test_the_stored_lecture_records_every_cell_of_the_matrix():
    """25 cells; the linear models fool each other, and ranks agree with the paper's."""
    figures = recorded()
    cells = {c.split(",")[0]: v for c, v in figures.items() if re.match(r"\w+ → \w+, misc", c)}
    assert len(cells) == 25
    assert cells["LR → LR"] > 50
    assert cells["LR → SVM"] > 50
    (rho,) = [v for c, v in figures.items() if c.startswith("Rank correlation with the paper's 25")]
    assert rho > 0.5
