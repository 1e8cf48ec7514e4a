"""The graders of 07 accept the folded solutions and reject typical wrong answers."""

import re
from pathlib import Path

import pytest
import torch

from coursekit.gradients import input_gradient
from coursekit.teaching.exercises.adversarial import FGSM, PROJECTION, ROBUST, SMALLEST

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "07_adversarial_examples.ipynb"
EXERCISES = {
    "my_fgsm": FGSM,
    "project_l2": PROJECTION,
    "smallest_eps": SMALLEST,
    "robust_accuracy_of_all": ROBUST,
}
SOURCES = {
    "my_fgsm": """
def my_fgsm(model, x, y, eps):
    loss = lambda x: F.cross_entropy(model(x), y, reduction="none")
    return (x + eps * input_gradient(loss, x).sign()).clamp(0, 1)
""",
    "project_l2": """
def project_l2(x_adv, x, eps):
    delta = x_adv - x
    length = delta.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)
    return (x + delta * (eps / length).clamp(max=1)).clamp(0, 1)
""",
    "smallest_eps": """
def smallest_eps(w, b, x):
    return (x @ w + b).abs() / w.abs().sum()
""",
    "robust_accuracy_of_all": """
def robust_accuracy_of_all(right):
    return right.all(0).float().mean()
""",
}
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
    (
        "project_l2",
        "delta * (eps / length)",
        "delta.sign() * (eps / 4 / length * length)",
        "length",
    ),
    ("project_l2", "max=1)).clamp(0, 1)", "max=1))", "cut with the box"),
    ("project_l2", "eps / length", "eps / length**2", "longer|exactly"),
    ("smallest_eps", "w.abs().sum()", "w.norm()", "larger than it need"),
    ("smallest_eps", ".abs() / w", " / w", "never negative"),
    ("smallest_eps", " + b", "", "smallest ε is 0"),
    ("smallest_eps", "w.abs().sum()", "w.abs().max()", "larger than it need"),
    ("robust_accuracy_of_all", "right.all(0).float().mean()", "right.float().mean()", "0.75"),
    (
        "robust_accuracy_of_all",
        "right.all(0).float().mean()",
        "right.float().mean(1).min()",
        "0.75",
    ),
    ("robust_accuracy_of_all", "right.all(0)", "right.any(0)", "not 1"),
    ("robust_accuracy_of_all", "right.all(0)", "right[-1]", "0.75"),
]


def defined(name: str, source: str):
    space = {"torch": torch, "F": torch.nn.functional, "input_gradient": input_gradient}
    exec(source, space)
    return space[name]


@pytest.mark.parametrize("name", EXERCISES)
def test_the_right_answer_is_accepted(name):
    assert EXERCISES[name].verdict(defined(name, SOURCES[name])) is None


@pytest.mark.parametrize(("name", "text", "slip", "says"), WRONG)
def test_a_typical_slip_is_rejected_with_its_reason(name, text, slip, says):
    assert text in SOURCES[name]
    verdict = EXERCISES[name].verdict(defined(name, SOURCES[name].replace(text, slip)))
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
