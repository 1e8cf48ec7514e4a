"""Wrong answers to the exercises of 08, what the graders say, and what the stored lecture found."""

import re
from pathlib import Path

import nbformat
import torch
from exercise_cases import Slip, suite

from coursekit.teaching import MIME
from coursekit.teaching.exercises import transfer as room

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "08_transferability.ipynb"


def only_from_outside(x, low, high, margin):
    return torch.where(x < low, low + margin, torch.where(x > high, high - margin, x))


CASES = {
    room.GRADIENT: [
        (Slip("return p @ W", "return p"), "tensor of shape"),
        (Slip("return p @ W", "return -p @ W"), r"downhill.* at row \d, column \d it is"),
        (Slip("return p @ W", "return p @ W / len(y)"), "do not average"),
        (Slip(" -= 1", " -= 0"), "finite differences"),
        (Slip(".softmax(1)", ".sigmoid()"), "finite differences"),
        (Slip(" + b", ""), "finite differences"),
    ],
    room.FOOLED: [
        (Slip("clean == y", "y == y"), r"\d of the \d+ were wrong before"),
        (Slip("attack - noise", "attack"), "leaves out what noise does"),
        (Slip("attack - noise", "(attack - noise).clamp(0)"), "less than noise; say so: -0"),
        (Slip("(attacked != y)", "(attacked == y)"), "not"),
        (Slip("attack - noise", "noise - attack"), "were correct"),
    ],
    room.BOX: [
        (Slip("low + margin", "low - margin"), r"inside the box by the margin; \S+ is missing at"),
        (Slip("high - margin", "high"), "inside the box"),
        (only_from_outside, r"by the margin; \S+ is missing at entry"),
        (
            Slip(
                "torch.minimum(torch.maximum(x, low + margin), high - margin)", "(low + high) / 2"
            ),
            r"should stay; one moves by \S+, entry \d+",
        ),
        (Slip("low + margin), high - margin", "low + 0.1), high - margin"), "stay|further"),
        (Slip("return ", "return 0 * "), "inside the box"),
    ],
    room.AUGMENT: [
        (Slip("x + step", "x - step"), "flees"),
        (Slip(".sign()", ""), "sign of the gradient .* at image"),
        (Slip(".clamp(0, 1)", ""), "sign of the gradient"),
        (Slip("[x, fresh]", "[fresh, x]"), "come first"),
        (Slip("2 * len(x)", "len(x)"), r"\d more are needed: \d+, not \d"),
        (Slip(", 2 * len(x)", ""), "should be a pair"),
        (Slip("labels[:, None]", "net(x).argmax(1)[:, None]"), "its label's probability"),
    ],
}
test_exercises = suite(room, CASES)


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
    (rho,) = [v for c, v in figures.items() if c.startswith("Rank correlation with the paper's 20")]
    assert rho > 0.5
