"""Wrong answers to the exercises of 07, what the graders say, and what the stored lecture found."""

from pathlib import Path

import nbformat
import torch
from exercise_cases import Slip, suite

from coursekit.teaching import MIME
from coursekit.teaching.exercises import adversarial as room

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "07_adversarial_examples.ipynb"
CASES = {
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


def test_the_stored_lecture_attacks_good_networks_and_they_fail():
    """Few mistakes on clean images, many under FGSM."""
    cells = [c for c in nbformat.read(NOTEBOOK, 4).cells if c.cell_type == "code"]
    rows = [o["data"][MIME] for c in cells for o in c.outputs if MIME in o.get("data", {})]
    ours = {row["claim"]: row["ours"] for row in rows}

    def one(start: str) -> float:
        (value,) = [v for claim, v in ours.items() if claim.startswith(start)]
        return value

    assert one("Clean error, 3-against-7 logistic regression") < 3
    assert one("Error under FGSM at ε = .25, 3-against-7 logistic regression") > 90
    assert one("Error, softmax, FGSM at ε = .25") > 90
    assert one("Error, maxout, FGSM at ε = .25") > 80
