"""Wrong answers to the exercises of 07, what the graders say, and what the stored lecture found."""

from pathlib import Path

import nbformat
import torch
from exercise_cases import Slip, suite

from coursekit.teaching import MIME
from coursekit.teaching.exercises import adversarial as room

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "07_adversarial_examples.ipynb"
CASES = {
    room.FGSM: [
        (Slip("input_gradient(loss, x).sign()", "input_gradient(loss, x)"), "only the sign counts"),
        (Slip("x + eps", "x - eps"), "all images; the attack should make it rise"),
        (Slip(".clamp(0, 1)", ""), r"pixels leave \[0, 1\], by 0.3 at image"),
        (Slip("eps * ", "2 * eps * "), r"leaves the ε-ball by 0.\d+ at image \d, channel 0, pixel"),
        (Slip("model(x), y, red", "model(x), 0 * y, red"), "48 of 96 pixels move the wrong way"),
        (Slip(".sign())", ".sign()).mean()"), "tensor of shape"),
        (lambda model, x, y, eps: x, "exactly ε, .*, not 0"),
    ],
    room.PROJECTION: [
        (
            Slip(".flatten(1).norm(dim=1)", ".norm()"),
            r"image \d was outside, .* exactly ε; \S+ is missing",
        ),
        (Slip(".clamp(max=1)", ""), "within ε should stay"),
        (
            Slip("delta * (eps / length).clamp(max=1)", "delta.clamp(-eps, eps)"),
            "still leaves the ε-ball, by",
        ),
        (
            Slip("delta * (eps / length)", "delta.sign() * eps / 4 * (length / length)"),
            "scale the perturbation",
        ),
        (Slip("max=1)).clamp(0, 1)", "max=1))"), "cut with the box"),
        (Slip("eps / length", "eps / length**2"), "still leaves the ε-ball, by"),
        (Slip(".clamp_min(1e-12)", ".pow(0)"), "exactly ε"),
    ],
    room.SMALLEST: [
        (lambda w, b, x: ((x @ w + b).abs() / w.abs().sum()).tolist(), "tensor of shape"),
        (Slip("w.abs().sum()", "w.norm()"), r"for row \d your ε of \S+ is larger than it need"),
        (Slip(".abs() / w", " / w"), r"at row \d it is -.* never negative"),
        (Slip(" + b", ""), "smallest ε is 0, not"),
        (Slip("w.abs().sum()", "w.abs().max()"), "larger than it need"),
        (Slip("w.abs().sum()", "(2 * w.abs().sum())"), "too small to change the sign"),
    ],
    room.ROBUST: [
        (Slip("right.all(0)", "right"), "which each leaves by itself"),
        (Slip("right.all(0).float().mean()", "right.float().mean(1).min()"), "by itself"),
        (Slip("right.all(0)", "right.any(0)"), "not 1.000"),
        (Slip("right.all(0)", "right[-1]"), "by itself"),
        (lambda right: 1 - (~right).float().mean(1).sum(), "not|never make"),
        (lambda right: torch.tensor([0.0, 1.0]), "one number"),
    ],
}
test_exercises = suite(room, CASES)


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
