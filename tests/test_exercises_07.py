"""The graders of 07 accept the folded solutions and reject typical wrong answers."""

import re
from functools import cache
from pathlib import Path

import nbformat
import pytest
import torch

from coursekit.gradients import input_gradient
from coursekit.teaching import MIME
from coursekit.teaching.exercises.adversarial import FGSM, PROJECTION, ROBUST, SMALLEST

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "07_adversarial_examples.ipynb"
EXERCISES = {
    "my_fgsm": FGSM,
    "project_l2": PROJECTION,
    "smallest_eps": SMALLEST,
    "robust_accuracy_of_all": ROBUST,
}
# function, text of the folded solution, what a student might write instead, what the grader says
WRONG = [
    ("my_fgsm", "input_gradient(loss, x).sign()", "input_gradient(loss, x)", "only the sign"),
    ("my_fgsm", "x + eps", "x - eps", "should make it rise"),
    ("my_fgsm", ".clamp(0, 1)", "", "pixels left"),
    ("my_fgsm", "eps * ", "2 * eps * ", "exactly ε"),
    ("my_fgsm", "model(x), y, red", "model(x), 0 * y, red", "wrong way"),
    ("my_fgsm", ".sign())", ".sign()).mean()", "tensor of shape"),
    ("project_l2", ".flatten(1).norm(dim=1)", ".norm()", "exactly ε"),
    ("project_l2", ".clamp(max=1)", "", "within ε should stay"),
    ("project_l2", "delta * (eps / length).clamp(max=1)", "delta.clamp(-eps, eps)", "still longer"),
    ("project_l2", "delta * (eps / length)", "delta.sign() * eps / 4 * (length / length)", "scale"),
    ("project_l2", "max=1)).clamp(0, 1)", "max=1))", "cut with the box"),
    ("project_l2", "eps / length", "eps / length**2", "longer|exactly"),
    ("smallest_eps", "w.abs().sum()", "w.norm()", "larger than it need"),
    ("smallest_eps", ".abs() / w", " / w", "never negative"),
    ("smallest_eps", " + b", "", "smallest ε is 0"),
    ("smallest_eps", "w.abs().sum()", "w.abs().max()", "larger than it need"),
    ("robust_accuracy_of_all", "right.all(0)", "right", "0.75"),
    (
        "robust_accuracy_of_all",
        "right.all(0).float().mean()",
        "right.float().mean(1).min()",
        "0.75",
    ),
    ("robust_accuracy_of_all", "right.all(0)", "right.any(0)", "not 1"),
    ("robust_accuracy_of_all", "right.all(0)", "right[-1]", "0.75"),
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
    space = {"torch": torch, "F": torch.nn.functional, "input_gradient": input_gradient}
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


def test_the_stored_lecture_attacks_a_good_network_and_noise_does_not_hurt_it():
    """At least 97 % clean; where PGD leaves less than 5 %, equal-norm noise leaves over 90 %."""
    figures = recorded()

    def one(start: str) -> float:
        (value,) = [v for claim, v in figures.items() if claim.startswith(start)]
        return value

    assert one("Clean test accuracy, strided CNN") >= 97
    assert one("Accuracy under PGD") < 5
    assert one("Accuracy under random signs") > 90
