"""The graders of 01 accept the folded solutions and reject typical wrong answers."""

import re
from functools import cache
from pathlib import Path

import nbformat
import pytest
import torch

from coursekit.teaching.exercises.dreams import FIELD, JITTER, OCTAVE, STEP

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "01_deepdream.ipynb"
EXERCISES = {"my_step": STEP, "jittered": JITTER, "next_octave": OCTAVE, "receptive_field": FIELD}
# function, text of the folded solution, what a student might write instead, what the grader says
WRONG = [
    ("my_step", "x + step_size", "x - step_size", "downhill"),
    ("my_step", ".mean((1, 2, 3), keepdim=True)", ".mean()", "average|one scale"),
    ("my_step", "gradient / size", "gradient.sign() + 0 * size", "not its sign"),
    ("my_step", "gradient / size", "gradient", "average"),
    ("my_step", ").clamp(0, 1)", ")", "left"),
    ("my_step", ".clamp_min(1e-12)", "", "should stay|stopped"),
    ("jittered", "return gradient.roll((-dy, -dx), (2, 3))", "return gradient", "shift it back"),
    ("jittered", "gradient.roll((-dy, -dx)", "gradient.roll((dy, dx)", "instead of back"),
    ("jittered", "gradient.roll((-dy, -dx)", "gradient.roll((-dx, -dy)", "dimension 2"),
    ("jittered", "gradient_of(x.roll((dy, dx), (2, 3)))", "gradient_of(x)", "image shifted"),
    ("next_octave", "photo + enlarge(dreamt - small", "enlarge(dreamt", "every detail"),
    ("next_octave", "photo + enlarge(dreamt - small", "photo + 0 * enlarge(dreamt", "missing"),
    ("next_octave", "dreamt - small", "small - dreamt", "missing"),
    ("next_octave", "dreamt - small", "dreamt", "every detail"),
    ("receptive_field", "(side - 1) * jump", "(side - 1)", "it should be"),
    ("receptive_field", "(side - 1) * jump", "side * jump", "it should be"),
    ("receptive_field", "sees, jump = 1, 1", "sees, jump = 0, 1", "it should be"),
    ("receptive_field", "jump *= stride", "jump += stride", "it should be|reaches"),
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
    space = {"torch": torch}
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
