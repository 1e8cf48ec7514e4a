"""What an attack refuses, and what it warns of, before it begins."""

import re
import warnings

import pytest
import torch
from attacked import accuracy, victim
from seeds import seeded
from torch import nn
from torch.nn import functional as F

from coursekit import metrics
from coursekit.attacks import RobustnessWarning, fgsm, pgd
from coursekit.errors import CourseError
from coursekit.nets import LinearClassifier
from coursekit.threats import L2, Linf

SHAPE = (1, 4, 4)


@pytest.fixture
def scene():
    return (
        LinearClassifier(SHAPE, 5, seeded(5)),
        torch.rand(6, *SHAPE, generator=seeded(5)),
        torch.arange(6) % 5,
    )


BAD = {
    "normalised": (lambda x, y: {"x": (x - 0.5) / 0.25}, "x held values from"),
    "0…255": (lambda x, y: {"x": 255 * x}, r"pixels lie in \[0, 1\]"),
    "uint8": (lambda x, y: {"x": (255 * x).byte()}, "x held torch.uint8"),
    "NaN": (lambda x, y: {"x": torch.where(x > 0.5, torch.nan, x)}, "x held values from nan"),
    "class 12": (lambda x, y: {"y": y + 8}, "y held classes from 8 to 12; .* are 0 to 4"),
    "class −1": (lambda x, y: {"y": y - 1}, "y held classes from -1 to 3"),
    "one-hot, whole numbers": (lambda x, y: {"y": F.one_hot(y)}, r"y had shape \(6, 5\)"),
    "a column": (lambda x, y: {"y": y[:, None]}, r"y had shape \(6, 1\) and torch.int64"),
    "floats": (lambda x, y: {"y": y.float()}, r"y had shape \(6,\) and torch.float32"),
    "true or false": (lambda x, y: {"y": y > 2}, r"y had shape \(6,\) and torch.bool"),
    "no probabilities": (lambda x, y: {"y": 2 * F.one_hot(y).float()}, "the rows of y were no"),
    "too few": (lambda x, y: {"y": y[:5]}, "y had 5 rows for 6 images"),
    "target 5": (lambda x, y: {"target": 5}, "target was 5; the model's classes are 0 to 4"),
    "target −100": (lambda x, y: {"target": -100}, "target was -100"),
    "targets of −100": (lambda x, y: {"target": y - 100}, "target held classes from -100"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_image_or_no_class_is_refused_in_a_sentence(scene, name):
    model, x, y = scene
    change, says = BAD[name]
    given = {"x": x, "y": y} | change(x, y)
    for attack in (
        lambda **a: fgsm(model, eps=0.1, **a),
        lambda **a: pgd(model, threat=L2(1.0), steps=2, **a),
    ):
        with pytest.raises(CourseError, match=says):
            attack(**given)


@pytest.mark.parametrize("threat", [Linf, L2])
@pytest.mark.parametrize("eps", [-0.1, torch.nan, torch.inf, torch.tensor([0.1, -0.1])])
def test_a_radius_that_no_ball_has_is_refused(threat, eps):
    with pytest.raises(CourseError, match="eps was"):
        threat(eps)


def test_an_eps_of_eight_is_refused_everywhere(scene):
    for call in (lambda: Linf(8), lambda: Linf(torch.tensor([0.1, 8.0])), lambda: fgsm(*scene, 8)):
        with pytest.raises(CourseError, match=re.escape("eps was 8; pixels lie in [0, 1]")):
            call()


@pytest.mark.parametrize("answer", [lambda x: x.flatten(1)[:, :1], lambda x: x, lambda x: x.mean()])
def test_a_model_without_logits_is_refused(scene, answer):
    _, x, y = scene
    model = nn.Module()
    model.forward = answer
    with pytest.raises(CourseError, match=r"an attack needs logits \(n, k\)"):
        fgsm(model, x, y, 0.1)


def test_other_whole_numbers_are_labels_too(scene):
    model, x, y = scene
    for kind in (torch.int32, torch.uint8):
        assert torch.equal(fgsm(model, x, y.to(kind), 0.1), fgsm(model, x, y, 0.1))
    target = torch.ones_like(y)
    moved = fgsm(model, x, y, 0.1, target=target.int())
    assert torch.equal(moved, fgsm(model, x, y, 0.1, target=1))


def test_attacks_run_inside_inference_mode(scene):
    with torch.inference_mode():
        inside = fgsm(scene[0], scene[1].clone(), scene[2].clone(), 0.1)
    assert torch.equal(inside, fgsm(*scene, 0.1))


def test_no_image_is_no_trouble(scene):
    model, x, y = scene
    assert fgsm(model, x[:0], y[:0], 0.1).shape == (0, *SHAPE)
    assert pgd(model, x[:0], y[:0], Linf(0.1), 2, rng=seeded(5)).shape == (0, *SHAPE)


# --- Warnings -------------------------------------------------------------------------------------


class Softmax(nn.Sequential):
    def forward(self, x):
        return super().forward(x).softmax(1)


class Random(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x + 0.3 * torch.randn_like(x))


class Constant(nn.Module):
    def forward(self, x):
        return torch.tensor([2.0, 1.0, 0.0, 0.0, 0.0]).expand(len(x), 5) + 0 * x.sum()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda model: Softmax(model), "attacks need logits, not softmax"),
        (lambda model: Random(model), "answered differently when asked twice"),
        (lambda model: Constant(), "exactly zero on 6 of 6 images"),
    ],
)
def test_what_makes_robustness_doubtful_is_a_warning(scene, spoil, says):
    model, x, y = scene
    with pytest.warns(RobustnessWarning, match=says):
        fgsm(spoil(model), x, torch.zeros_like(y), 0.1)
    with pytest.warns(RobustnessWarning, match=says):
        pgd(spoil(model), x, torch.zeros_like(y), Linf(0.1), 2)


def test_a_sound_model_gets_no_warning():
    model, x, y = victim()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fgsm(model, x[:50], y[:50], 0.1)
        pgd(model, x[:50], y[:50], Linf(0.1), 3, rng=seeded(5))


class Broken(nn.Module):
    """Right on dark images; NaN, or infinitely sure of class 0, on bright ones."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, x):
        bright = (x.flatten(1).mean(1) > 0.5).float()[:, None]
        logits = torch.tensor([1.0, 0.0]).expand(len(x), 2) + 0 * x.flatten(1)[:, :2]
        return torch.where(bright > 0, torch.tensor([self.value, 0.0]), logits)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_model_that_answers_nan_or_infinity_is_neither_right_nor_robust(value):
    model = Broken(value)
    x = torch.cat([torch.full((3, *SHAPE), 0.2), torch.full((2, *SHAPE), 0.9)])
    y = torch.zeros(5, dtype=torch.long)
    assert metrics.accuracy(model, x, y) == pytest.approx(3 / 5)
    assert metrics.robust_accuracy(model, x, y, lambda m, x, y: x) == pytest.approx(3 / 5)
    survived = metrics.attack_suite(model, x, y, {"none": lambda m, x, y: x})
    assert survived["none"].tolist() == [True] * 3 + [False] * 2


# --- One radius for each image, several radii at once ---------------------------------------------


@pytest.mark.parametrize("threat", [Linf, L2])
def test_each_image_may_have_a_radius_of_its_own(threat):
    model, x, y = victim()
    eps = torch.linspace(0, 0.5, 30)
    together = pgd(model, x[:30], y[:30], threat(eps), 5, rng=seeded(5), batch=7)
    assert (threat(0).norm(together - x[:30]) <= eps + 1e-6).all()
    for i in (3, 20):
        alone = pgd(model, x[i : i + 1], y[i : i + 1], threat(float(eps[i])), 5, early_stop=False)
        beside = pgd(model, x[:30], y[:30], threat(eps), 5, early_stop=False)[i : i + 1]
        torch.testing.assert_close(alone, beside, rtol=0, atol=1e-5)


def test_accuracy_against_eps_never_rises_and_is_that_of_each_eps():
    model, x, y = victim()
    attacked = []

    def attack(m, x, y, threat):
        attacked.append(len(x))
        return pgd(m, x, y, threat, 10)

    threats = [Linf(e) for e in (0.02, 0.0, 0.05, 0.2)]
    curve = metrics.accuracy_against_eps(model, x, y, attack, threats)
    right = [1.0, *sorted(curve, reverse=True)[:3]]
    assert attacked == [round(share * len(x)) for share in right]  # the survivors, and only they
    alone = [
        metrics.robust_accuracy(model, x, y, lambda m, a, b, t=t: attack(m, a, b, t))
        for t in threats
    ]
    assert curve[1] == pytest.approx(accuracy(model, x, y))
    assert curve[1] > curve[0] > curve[2] > curve[3]
    assert curve == pytest.approx(alone, abs=0.01)


def test_a_curve_is_taken_in_one_norm_of_single_radii(scene):
    attack = lambda m, x, y, threat: x  # noqa: E731
    for bad in ([Linf(0.1), L2(0.1)], [Linf(torch.full((6,), 0.1))], []):
        with pytest.raises(CourseError, match="threats"):
            metrics.accuracy_against_eps(*scene, attack, bad)


class Counting(nn.Module):
    """Counts its calls in two buffers, one changed in place and one replaced."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("copies", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        self.copies = self.copies + 1
        return self.model(x)


def test_buffers_that_a_model_changes_in_eval_mode_are_put_back(scene):
    model, x, y = scene
    counting = Counting(model)
    calls = counting.calls
    pgd(counting, x, y, Linf(0.1), 2)
    assert counting.calls is calls and float(calls) == 0 == float(counting.copies)
