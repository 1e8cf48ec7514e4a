"""Figures of attacks: every one is drawn from arrays, with a title and named axes."""

import pytest
import torch
from matplotlib.figure import Figure

from coursekit.plots import attacks as plots
from coursekit.teaching.display import png

X = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
COLOUR = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(1))
WORDS = ["cat 90%", "dog 80%", "cow 70%"]
EPS = (0.0, 0.1, 0.2)
SURE = torch.tensor([[0.9, float("nan"), 0.7], [0.8, float("nan"), float("nan")]])

CHARTS = {
    "sweep": lambda: plots.sweep(EPS, {"FGSM": torch.rand(2, 3)}, {"FGSM": SURE}),
    "sweep of one network": lambda: plots.sweep(EPS, {"a": SURE[:1]}, {"a": SURE[:1]}),
    "radii": lambda: plots.radii(EPS, {"PGD": torch.rand(3)}, torch.rand(9)),
    "trade-off": lambda: plots.trade_off(EPS, *(torch.rand(3) + 0.1 for _ in range(3))),
    "queries": lambda: plots.queries(torch.tensor([3, 9, 50]), 50, 0.1, (100, 200), (3.0, 2.0)),
    "no query sufficed": lambda: plots.queries(torch.full((3,), 9), 9, 0.1, (9,), (3.0,)),
    "matrix": lambda: plots.target_matrix(torch.rand(3, 3).fill_diagonal_(torch.nan), WORDS, "t"),
    "surfaces": lambda: plots.surfaces(
        torch.linspace(-1, 1, 5),
        {"a": (torch.rand(5, 5), torch.arange(25).view(5, 5) % 2), "b": (torch.zeros(5, 5),) * 2},
        0,
    ),
}
PICTURES = {
    "before and after": lambda: plots.before_after(X, COLOUR[:, :1], WORDS, WORDS, 10, "title"),
    "colour": lambda: plots.before_after(COLOUR, COLOUR.flip(0), WORDS, WORDS),
    "variants": lambda: plots.variants({"a": (X, WORDS), "b": (X[:2], WORDS[:2])}, "title"),
    "attention": lambda: plots.attention(COLOUR, {"map": X[:, 0] - 0.5, "empty": 0 * X[:, 0]}),
    "playground": lambda: plots.attack_widget(X[0], X[1], torch.ones(3) / 3, WORDS, 1, 0.1),
}


@pytest.mark.parametrize("name", [*CHARTS, *PICTURES])
def test_it_is_drawn_without_a_warning(name):
    figure = (CHARTS | PICTURES)[name]()
    assert isinstance(figure, Figure)
    assert png(figure, dpi=40).startswith(b"\x89PNG")


@pytest.mark.parametrize("name", CHARTS)
def test_every_panel_has_a_title_and_named_axes(name):
    panels = [axes for axes in CHARTS[name]().axes if axes.get_label() != "<colorbar>"]
    for axes in panels:
        assert axes.get_title(loc="left")
        assert axes.get_xlabel()
        assert axes.get_ylabel()


def test_margins_share_one_axis_and_tell_the_error():
    figure = plots.margins({"clean": torch.randn(50), "attacked": torch.randn(50) - 3}, WRONG)
    assert "25.0% wrong" in figure.axes[1].get_title(loc="left")
    assert figure.axes[0].get_xlim() == pytest.approx(figure.axes[1].get_xlim(), rel=0.1)


WRONG = {"clean": 0.0, "attacked": 0.25}


def test_captions_name_the_likeliest_class():
    said = torch.tensor([[0.1, 0.9], [0.75, 0.25]])
    assert plots.captions(said, ("elephant", "mouse"), 4) == ["mous 90%", "elep 75%"]


def test_the_matrix_leaves_the_way_to_oneself_empty():
    (axes,) = CHARTS["matrix"]().axes
    assert len(axes.texts) == 3 * 3 - 3
