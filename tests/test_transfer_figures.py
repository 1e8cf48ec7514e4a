"""Figures of transfer: every one is drawn from arrays, with a title and named axes."""

import pytest
import torch
from matplotlib.figure import Figure

from coursekit.plots import transfer as plots
from coursekit.teaching.display import png

RNG = torch.Generator().manual_seed(0)
NAMES = ("DNN", "LR", "SVM")
SQUARE, ROW = torch.rand(3, 3, generator=RNG), torch.rand(3, generator=RNG)
MANY = torch.rand(2, 3, generator=RNG)
EPS = (0.0, 0.1, 0.2)
X = torch.rand(1, 8, 8, generator=RNG)

CHARTS = {
    "matrix": lambda: plots.matrices({"a": SQUARE}, NAMES, NAMES, {"noise": ROW, "clean": ROW}),
    "two matrices": lambda: plots.matrices({"a": SQUARE, "b": SQUARE}, NAMES, NAMES),
    "long names": lambda: plots.matrices({"a": SQUARE}, ["strided CNN"] * 3, ["pooled CNN"] * 3),
    "eps": lambda: plots.against_eps(EPS, {"→ LR": {"DNN": MANY, "noise": MANY[:1]}}, "wrong"),
    "queries": lambda: plots.against_queries((9, 18, 36), {"a": MANY}, {"a": MANY}, {"w": 0.9}, 1),
    "agreement": lambda: plots.agreement(SQUARE, SQUARE.T, 0.1 * SQUARE, NAMES, "title"),
}
PICTURES = {
    "within": lambda: plots.within({"DNN": SQUARE, "LR": SQUARE}, "ABC", "title"),
    "intervals": lambda: plots.intervals(
        SQUARE, torch.stack([SQUARE - 0.1, SQUARE + 0.1]), SQUARE.T, ROW, NAMES
    ),
    "bars": lambda: plots.bars({"one": MANY, "noise": ROW}, NAMES, "fooled", "title"),
    "crafts": lambda: plots.crafts(X, {"LR": 1 - X}, {"LR": "words"}, "title"),
    "leaf moves": lambda: plots.leaf_moves(
        torch.arange(16).view(4, 4) % 3, MANY[:, :2], {"a": 1 - MANY[:, :2]}, "title"
    ),
    "cell": lambda: plots.cell(X, 1 - X, {"source": (0, 1), "target": (0, 0)}, "ab", 0, "title"),
}


@pytest.mark.parametrize("name", [*CHARTS, *PICTURES])
def test_it_is_drawn_without_a_warning(name):
    figure = (CHARTS | PICTURES)[name]()
    assert isinstance(figure, Figure)
    assert png(figure, dpi=40).startswith(b"\x89PNG")


@pytest.mark.parametrize("name", CHARTS)
def test_every_panel_has_a_title_and_named_axes(name):
    for axes in CHARTS[name]().axes:
        assert axes.get_title(loc="left")
        assert axes.get_xlabel()
        assert axes.get_ylabel()


def test_a_matrix_prints_per_cent_and_its_controls():
    (axes,) = plots.matrices({"a": torch.eye(3)}, NAMES, NAMES, {"noise": ROW}).axes
    assert [t.get_text() for t in axes.texts][:4] == ["100", "0", "0", "0"]
    assert [t.get_text() for t in axes.get_yticklabels()] == [*NAMES, "noise"]
