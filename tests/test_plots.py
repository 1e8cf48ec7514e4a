"""Figures: each is drawn from arrays without a warning, with a title and named axes."""

import math

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from scipy.stats import sem

from coursekit.data import toys
from coursekit.plots import (
    attacks,
    diffusion,
    latent,
    modes,
    robust,
    standard_error,
    transfer,
    translation,
)
from coursekit.teaching.display import png

RNG = torch.Generator().manual_seed(0)
X, COLOUR = torch.rand(3, 1, 8, 8, generator=RNG), torch.rand(3, 3, 8, 8, generator=RNG)
ONE, WORDS, EPS = X[0], ["cat 90%", "dog 80%", "cow 70%"], (0.0, 0.1, 0.2)
SQUARE, ROW = torch.rand(3, 3, generator=RNG), torch.rand(3, generator=RNG)
MANY, SURE = torch.rand(2, 3, generator=RNG), torch.tensor([torch.nan, 0.9, 0.7])
NAMES = ("DNN", "LR", "SVM")
RUN = ([0, 1, 2], [0.1, 0.5, 0.9], [0.1, 0.4, 0.0], [0.1, 0.5, 0.1])
LINES = {(part, kind): RUN[:2] for part in ("test", "training") for kind in ("clean", "PGD-10")}
POINTS = {"madry": (0.98, 0.8, 0.7), "trades-1": (0.9, 0.9, np.nan)}
UNITS = (torch.linspace(0, 1, 5), torch.rand(5, 16, generator=RNG))
CROSS = {"ε, pixels": {"a": (0.5, 0.3)}}
PLANE = modes.Plane(toys.ring().centres, 0.15, 3.0)
DOTS, FIELD = torch.randn(20, 2, generator=RNG), torch.rand(5, 5, generator=RNG)
SCORES = {"modes": [8, 7], "quality": [0.5, math.nan], "KL": [0.1, 0.2]}
BEST, TRIAL = {"modes": 8.0, "quality": 1.0, "KL": 0.0}, {"modes": 7.5, "quality": 0.9}

FAMILY = {"distance": 3.0, "seconds (log)": 0.1}
NO_SECONDS = {"distance": 1.0, "seconds (log)": math.nan}
MEASURED = {"frechet_distance": 3.0, "seconds_per_image": 0.1, "learnt_from": 30}

CHARTS = {
    "diffusion: posteriors": lambda: diffusion.posteriors(ROW, {"t = 2": (ROW, ROW)}, "title"),
    "diffusion: schedules": lambda: diffusion.schedules({"a": ROW}, {"a": ROW + 0.1}),
    "diffusion: scores": lambda: diffusion.scores(
        DOTS, {"a": DOTS}, FIELD + 0.1, {"b": DOTS, "c": DOTS}, 2.0, "title"
    ),
    "diffusion: errors": lambda: diffusion.error_by_density(NAMES, {"t = 2": [3.0, 2, 1]}, "title"),
    "diffusion: steps": lambda: diffusion.against_steps(
        (5, 9), {"η = 0": [[2, 3], [1, 1]]}, 0.5, "title"
    ),
    "diffusion: guidance": lambda: diffusion.guidance(
        (0, 1), {"a": ([1, 2], "%", 3.0), "b": ([1, 2], "b", 3.0)}, "title", {"a": [0.1, 0.2]}
    ),
    "translation: classes": lambda: translation.permutations({"a": SQUARE}, NAMES, "title"),
    "translation: fields": lambda: translation.patch_fields({1: FIELD}, "title"),
    "translation: kept": lambda: translation.kept_against_error(
        {"a": {"b": ([0.1, 0.2], [0.5, 0.9])}, "c": {"d": ([0.1], [0.3])}}, "title"
    ),
    "translation: flicker": lambda: translation.flicker_and_quality({"a": (0.2, 0.1)}, "title"),
    "attacks: sweep": lambda: attacks.sweep(EPS, {"FGSM": torch.rand(3)}, {"FGSM": SURE}),
    "attacks: shares": lambda: attacks.shares(EPS, {"a": [0, 0.5, 1]}, "title", "ε"),
    "attacks: bars": lambda: attacks.bars({"FGSM": 0.9, "PGD": 0.0}, "title"),
    "attacks: radii": lambda: attacks.radii(
        EPS, {"PGD": [1, 0.5, 0.2]}, {"C&W": torch.tensor([1.0, torch.inf])}
    ),
    "attacks: linearity": lambda: attacks.linearity(
        torch.rand(3), torch.rand(3, 5), torch.rand(3, 5), "t"
    ),
    "attacks: trade-off": lambda: attacks.trade_off(EPS, *(torch.rand(3) + 0.1 for _ in range(3))),
    "attacks: queries": lambda: attacks.queries((1, 9), (0, 0.5), (100, 200), (0, 1), 0.9, 0.1),
    "attacks: matrix": lambda: attacks.target_matrix(
        torch.rand(3, 3).fill_diagonal_(torch.nan), WORDS, "t"
    ),
    "transfer: matrix": lambda: transfer.matrices(
        {"a": SQUARE}, NAMES, NAMES, {"noise": ROW, "clean": ROW}
    ),
    "transfer: two matrices": lambda: transfer.matrices(
        {"a": SQUARE, "b": SQUARE}, NAMES, NAMES, {}
    ),
    "transfer: long names": lambda: transfer.matrices(
        {"a": SQUARE}, ["strided CNN"] * 3, ["pooled CNN"] * 3
    ),
    "transfer: eps": lambda: transfer.against_eps(
        EPS, {"→ LR": {"DNN": (ROW, ROW), "noise": (ROW, ROW)}}, "wrong"
    ),
    "transfer: queries": lambda: transfer.against_queries(
        (9, 18, 36), {"a": MANY}, {"a": MANY}, ((90, 900), (0.1, 0.8)), {"w": 0.9}, "title"
    ),
    "transfer: alignment": lambda: transfer.alignment(
        SQUARE, SQUARE.T, [("same", SQUARE > 0.5), ("other", SQUARE <= 0.5)], "title"
    ),
    "robust: four curves": lambda: robust.four_curves({"one": LINES}),
    "robust: overfitting": lambda: robust.overfitting({"one": RUN, "": None, "many": RUN}, 2),
    "robust: frontier": lambda: robust.frontier(POINTS, (2000, 1000), "title"),
    "robust: frontier of two": lambda: robust.frontier({"a": (0.9, 0.5)}, (2000, 1000), "title"),
    "robust: thresholds": lambda: robust.thresholds({"clean": UNITS, "madry": UNITS}, 0.3),
    "robust: certificate": lambda: robust.certificate(
        [0, 1], {"g": [0.9, 0.5], "f": [0.8, 0.1]}, "title", ([0, 1, 2], [0.9, 0.4, 0.0]), 60
    ),
    "robust: carried": lambda: robust.carried(
        {"ε, pixels": ([0, 1], {"a": [1, 0]})}, {"ε, pixels": 0.5}, CROSS
    ),
    "robust: slices": lambda: robust.slices([0, 1, 2], {"a": {"FGSM": RUN[1], "PGD": RUN[2]}}),
    "robust: pairs": lambda: robust.pairs(
        {"a": (0.2, 0.4), "b": (0.9, 0.5)}, ("PGD", "walk"), 100, "title", ("plain", 0.1)
    ),
    "latent: sizes": lambda: latent.sizes({"A": ([2, 8], [0.05, 0.02]), "K": ([1], [0.06])}, "t"),
    "latent: fields": lambda: latent.fields(DOTS, {"a": DOTS, "b": -DOTS}, FIELD, 3.0, "t"),
    "latent: gaps": lambda: latent.gaps(ROW, 2 * ROW, "title"),
    "latent: bounds": lambda: latent.bounds((1, 5, 9), [-9, -8, -7], [1, 1, 1], -6.5, "title"),
    "latent: rate": lambda: latent.rate_distortion([9, 1], [80, 100], ["β = 1", "β = 4"], "title"),
    "latent: few labels": lambda: latent.few_labels((1, 3), {"a": MANY, "b": MANY[:, :1]}, "t"),
    "robust: table": lambda: robust.ladder_table(
        {"net": {"clean": 0.9, "worst case": np.nan}}, "title"
    ),
}
PICTURES = {
    "translation: bars": lambda: translation.bars(
        {"a": {"L1": 0.2, "GAN": 0.4}}, {"a": 0.5}, {"a": {"L1": 0.1, "GAN": 0.1}}, "title"
    ),
    "diffusion: by time": lambda: diffusion.by_time([X, 1 - X], [0, 200], "title"),
    "diffusion: families": lambda: diffusion.families(
        {"GAN": FAMILY, "real": NO_SECONDS}, ("seconds (log)",), "title", ("GAN",), "hatched: more"
    ),
    "diffusion: no seconds": lambda: diffusion.families(
        {"real": NO_SECONDS}, ("seconds (log)",), "title"
    ),
    "diffusion: closing": lambda: diffusion.closing({"GAN": MEASURED, "real": {}}, 40, "MNIST"),
    "diffusion: widget": lambda: diffusion.reverse_widget(X, X, 85),
    "attacks: colour": lambda: attacks.variants({"": (COLOUR, WORDS)}, inch=3.2),
    "attacks: variants": lambda: attacks.variants(
        {"a": (X, WORDS), "b": (X[:2], WORDS[:2])}, "title"
    ),
    "attacks: playground": lambda: attacks.attack_widget(
        X[0], X[1], torch.ones(3) / 3, WORDS, 1, 0.1
    ),
    "transfer: gains": lambda: transfer.gains(
        {"plain": (0, 0, 0.9), "blur": (0.1, 0.01, 0.8), "shrink": (-0.1, 0.01, 0.7)},
        "plain",
        "title",
        0.4,
    ),
    "transfer: answers": lambda: transfer.answer_table(
        {"clean": (ONE, [0, 1]), "made on\na": (1 - ONE, [1, 1])},
        ("a", "b"),
        ("0", "1"),
        0,
        "title",
    ),
    "transfer: bars": lambda: transfer.bars({"one": MANY, "noise": ROW}, NAMES, "fooled", "title"),
    "transfer: crafts": lambda: transfer.crafts(ONE, {"LR": 1 - ONE}, {"LR": "words"}, "title"),
    "transfer: leaf moves": lambda: transfer.leaf_moves(
        torch.arange(16).view(4, 4) % 3, MANY[:, :2], {"a": 1 - MANY[:, :2]}, "title"
    ),
    "transfer: cell": lambda: transfer.cell(
        ONE, 1 - ONE, {"source": (0, 1), "target": (0, 0)}, "ab", 0, "title"
    ),
    "robust: gradients": lambda: robust.gradients(X, {"plain": X - 0.5, "none": 0 * X}, "title"),
    "robust: playground": lambda: robust.robust_widget(
        X[0], X[1], {"a": torch.ones(3) / 3}, "abc", 1, "t"
    ),
    "latent: map": lambda: latent.latent_map(DOTS, torch.arange(20) % 3, WORDS, X[:1], 4, 2, "t"),
    "latent: walk": lambda: latent.walk_widget(ONE, (0, 1), DOTS, torch.arange(20) % 3, WORDS),
    "latent: estimators": lambda: latent.estimators({"a": ROW, "b": ROW, "c": ROW}, 0.1, "t"),
    "latent: carried": lambda: latent.carried({"a": ROW, "b": ROW}, 1.0, "title"),
    "latent: codes": lambda: latent.code_maps(X, (9 * X[:, 0]).long(), X, "title"),
    "modes: clouds": lambda: modes.clouds(PLANE, {"a": DOTS, "b\n1": DOTS, "c": DOTS}, columns=2),
    "modes: over D": lambda: modes.clouds(PLANE, {"a": DOTS}, fields=[FIELD]),
    "modes: landscape": lambda: modes.landscape(PLANE, {"a": (DOTS, FIELD, FIELD)}),
    "modes: playground": lambda: modes.ring_widget(
        PLANE, DOTS, FIELD, {"modes": ([0, 1], [0.0, 1.0])}, 1, "now"
    ),
    "modes: trials": lambda: modes.trials({"a": [TRIAL, TRIAL], "b": [TRIAL, TRIAL]}, 8),
    "modes: climbs": lambda: modes.climbs({"a": [[0, 0.0], [10, 90.0]]}, 950, "title"),
    "modes: league": lambda: modes.league({"a": SCORES, "b": SCORES}, BEST),
    "modes: visits": lambda: modes.visits([0, 10], torch.rand(2, 8), "title"),
    "modes: orbits": lambda: modes.orbits({"a": torch.rand(5, 2)}),
    "diffusion: by class": lambda: diffusion.by_class({"a": X}, NAMES, "title"),
    "modes: film": lambda: modes.frames(PLANE, [DOTS], ["now"], [FIELD])[0],
}


@pytest.mark.parametrize("name", [*CHARTS, *PICTURES])
def test_it_is_drawn_without_a_warning(name):
    figure = (CHARTS | PICTURES)[name]()
    assert isinstance(figure, Figure) and figure.axes
    assert png(figure, dpi=40).startswith(b"\x89PNG")


@pytest.mark.parametrize("name", CHARTS)
def test_every_panel_has_a_title_and_named_axes(name):
    panels = [axes for axes in CHARTS[name]().axes if axes.get_label() != "<colorbar>"]
    panels = [axes for axes in panels if axes.axison or axes.has_data()]  # no empty place
    assert panels
    for axes in panels:
        assert axes.get_title(loc="left") and axes.get_xlabel()
        assert axes.get_ylabel() or name.startswith("robust")  # beside a panel that names it


def test_margins_share_one_axis_and_tell_the_error():
    wrong = {"clean": 0.0, "attacked": 0.25}
    figure = attacks.margins(
        {"clean": torch.randn(50), "attacked": torch.randn(50) - 3}, wrong, "t"
    )
    assert "25.0% wrong" in figure.axes[1].get_title(loc="left")
    assert figure.axes[0].get_xlim() == pytest.approx(figure.axes[1].get_xlim(), rel=0.1)


def test_captions_name_the_likeliest_class():
    said = torch.tensor([[0.1, 0.9], [0.75, 0.25]])
    assert attacks.captions(said, ("elephant", "mouse"), 4) == ["mous, 90%", "elep, 75%"]


def test_the_matrix_leaves_the_way_to_oneself_empty():
    (axes,) = CHARTS["attacks: matrix"]().axes
    assert len(axes.texts) == 3 * 3 - 3


def test_a_matrix_prints_per_cent_and_its_controls_stand_below_the_first_only():
    (axes,) = transfer.matrices({"a": torch.eye(3)}, NAMES, NAMES, {"noise": ROW}).axes
    assert [t.get_text() for t in axes.texts][:4] == ["100", "0", "0", "0"]
    panels = transfer.matrices({"a": SQUARE, "b": SQUARE}, NAMES, NAMES, {"noise": ROW}).axes
    rows = [[t.get_text() for t in ax.get_yticklabels()] for ax in panels]
    assert rows == [[*NAMES, "noise"], [*NAMES]]


def test_the_table_marks_what_was_not_run():
    figure = robust.ladder_table({"net": {"FGSM": 0.5, "Square": np.nan}}, "title", (1000, 200))
    assert [text.get_text() for text in figure.axes[0].texts] == ["50"]
    heads = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert heads == ["FGSM\nn = 1,000", "Square\nn = 200"]


def test_a_certificate_is_drawn_as_the_lower_of_two_radii():
    figure = robust.certificate([0, 1], {"g": [0.9, 0.5]}, "title", ([0, 1, 2], [0.9, 0.4, 0.0]))
    steps = next(line for line in figure.axes[0].lines if line.get_label() == "g, certified")
    assert steps.get_drawstyle() == "steps-pre"


def test_the_standard_error_of_rows_is_that_of_scipy_and_leaves_masked_values_out():
    rows = np.array([[1.0, 5.0, 2.0], [2.0, 5.0, 9.0], [4.0, 5.0, 9.0]])
    np.testing.assert_allclose(standard_error(rows), sem(rows, axis=0))
    masked = np.ma.masked_array(rows, mask=[[0, 0, 0], [0, 1, 1], [0, 1, 0]])
    expected = [sem(rows[:, 0]), 0.0, sem([2.0, 9.0])]  # of one value there is none to estimate
    np.testing.assert_allclose(standard_error(masked), expected)
    assert standard_error(np.array([3.0])) == 0
