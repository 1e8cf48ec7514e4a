"""Figures of adversarial training: every one is drawn from arrays, with a title and named axes."""

import numpy as np
import pytest
import torch
from scipy.stats import sem

from coursekit.plots import robust as plots
from coursekit.plots import standard_error
from coursekit.teaching.display import png

X = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
RUN = ([0, 1, 2], [0.1, 0.5, 0.9], [0.1, 0.4, 0.0])
POINTS = {"α": {"0": np.random.default_rng(0).random((3, 2)), "½": np.full((1, 2), 0.5)}}
FOUR = {(part, kind): RUN[1] for part in ("train", "test") for kind in ("clean", "attacked")}
CHARTS = {
    "four curves": lambda: plots.four_curves([0, 1, 2], FOUR, "title"),
    "overfitting": lambda: plots.overfitting({"one": RUN, "many": RUN}),
    "frontier": lambda: plots.frontier(POINTS),
    "carried": lambda: plots.carried({"ε, pixels": ([0, 1], {"a": [1, 0.5]})}, {"ε, pixels": 0.5}),
    "slices": lambda: plots.slices([0, 1, 2], {"a": {"FGSM": RUN[1], "PGD": RUN[2]}}),
    "table": lambda: plots.ladder_table({"net": {"clean": 0.9, "worst case": np.nan}}, "title"),
}
PICTURES = {
    "gradients": lambda: plots.gradients(X, {"plain": X - 0.5, "none": 0 * X}, "title"),
    "playground": lambda: plots.robust_widget(X[0], X[1], {"a": torch.ones(3) / 3}, "abc", 1, "t"),
}


@pytest.mark.parametrize("name", [*CHARTS, *PICTURES])
def test_it_is_drawn_without_a_warning(name):
    assert png((CHARTS | PICTURES)[name]()).startswith(b"\x89PNG")


@pytest.mark.parametrize("name", CHARTS)
def test_every_panel_has_a_title_and_named_axes(name):
    for axes in CHARTS[name]().axes:
        assert axes.get_title(loc="left")
        assert axes.get_xlabel()


def test_the_table_marks_what_was_not_run():
    figure = plots.ladder_table({"net": {"FGSM": 0.5, "Square": np.nan}}, "title")
    assert [text.get_text() for text in figure.axes[0].texts] == ["50"]


def test_the_standard_error_of_rows_is_that_of_scipy_and_leaves_masked_values_out():
    rows = np.array([[1.0, 5.0, 2.0], [2.0, 5.0, 9.0], [4.0, 5.0, 9.0]])
    np.testing.assert_allclose(standard_error(rows), sem(rows, axis=0))
    masked = np.ma.masked_array(rows, mask=[[0, 0, 0], [0, 1, 1], [0, 1, 0]])
    expected = [sem(rows[:, 0]), 0.0, sem([2.0, 9.0])]  # of one value there is none to estimate
    np.testing.assert_allclose(standard_error(masked), expected)
    assert standard_error(np.array([3.0])) == 0
