"""Randomised smoothing against a linear model, whose radius is known, and exact binomial sums."""

import pytest
import torch
from scipy.stats import binom, norm
from seeds import seeded
from torch import nn

from coursekit.attacks import certify, predict_smoothed
from coursekit.attacks.smoothing import lower_bound
from coursekit.errors import CourseError

SIGMA = 0.25


class Plane(nn.Module):
    """Class 1 above the plane ⟨w, x − ½⟩ = 0, where ‖w‖₂ = 1."""

    def __init__(self, rng):
        super().__init__()
        w = torch.randn(1, 6, 6, generator=rng)
        self.register_buffer("w", w / w.norm())

    def distance(self, x):
        return ((x - 0.5) * self.w).flatten(1).sum(1)

    def forward(self, x):
        return torch.stack([torch.zeros(len(x)), 3 * self.distance(x)], 1)

    def at(self, distances):
        """Images at these distances from the plane."""
        return 0.5 + torch.tensor(distances).view(-1, 1, 1, 1) * self.w


@pytest.fixture
def plane(rng):
    return Plane(rng)


@pytest.mark.parametrize("alpha", [0.001, 0.05])
@pytest.mark.parametrize("n", [1, 7, 50])
def test_the_bound_is_the_one_of_clopper_and_pearson(n, alpha):
    """P(X ≥ k) = α where X ~ B(n, bound), one-sided, by a sum of binomial terms."""
    assert lower_bound(0, n, alpha) == 0
    for k in range(1, n + 1):
        bound = lower_bound(k, n, alpha)
        assert sum(binom.pmf(i, n, bound) for i in range(k, n + 1)) == pytest.approx(alpha)
    assert lower_bound(n, n, alpha) == pytest.approx(alpha ** (1 / n))


@pytest.mark.parametrize("p", [0.1, 0.5, 0.93, 0.999])
def test_the_bound_covers_with_the_confidence_it_promises(p):
    """Exactly: the counts whose bound exceeds p have together at most probability α."""
    n, alpha = 60, 0.05
    missed = sum(binom.pmf(k, n, p) for k in range(n + 1) if lower_bound(k, n, alpha) > p)
    assert missed <= alpha
    tightest = max(
        sum(binom.pmf(k, n, q) for k in range(n + 1) if lower_bound(k, n, alpha) > q)
        for q in (lower_bound(55, n, alpha) - 1e-9, lower_bound(40, n, alpha) - 1e-9)
    )
    assert tightest == pytest.approx(alpha, abs=1e-4)  # and is no wider than it has to be


def test_the_radius_comes_near_the_distance_to_the_plane_from_below(plane):
    """Cohen et al. 2019, theorem 2: for a linear model σ·Φ⁻¹(p_A) is the distance itself."""
    x = plane.at([0.05, -0.1, 0.2, 0.4])
    distance, gaps = plane.distance(x).abs(), []
    for n in (100, 1000, 10_000):
        found = certify(plane, x, SIGMA, n, 0.001, seeded(), n0=1000)
        sure = found.label != -1
        assert torch.equal(found.label[sure], (plane.distance(x) > 0).long()[sure])
        assert (found.radius <= distance).all()
        torch.testing.assert_close(
            found.radius[sure].double(),
            SIGMA * torch.tensor(norm.ppf(found.p_lower[sure].double())),
            rtol=1e-4,
            atol=1e-6,
        )
        gaps.append((distance - found.radius).mean())
    assert sure.all()
    assert gaps[0] > 2 * gaps[1] > 3 * gaps[2]
    assert gaps[2] < 0.05 * SIGMA


def test_the_radius_exceeds_the_distance_no_more_often_than_alpha(plane):
    """200 certificates at α = 0.1: 20 are expected at most, and 35 would happen once in 1,000."""
    x = plane.at([0.15]).expand(200, 1, 6, 6)
    found = certify(plane, x, SIGMA, 300, 0.1, seeded(1), n0=10)
    wrong = int((found.radius > 0.15).sum())
    assert wrong <= binom.ppf(0.999, 200, 0.1)
    assert wrong >= 2  # a bound that is never exceeded would be wider than promised


def test_where_the_classes_are_even_it_abstains(plane):
    found = certify(plane, plane.at([0.0, 0.001]), SIGMA, 200, 0.001, seeded())
    assert found.label.tolist() == [-1, -1]
    assert found.radius.tolist() == [0.0, 0.0]
    assert (found.p_lower <= 0.5).all()


def test_answers_that_are_not_finite_count_for_no_class(plane):
    class Breaking(nn.Module):
        def forward(self, x):
            return torch.where(plane.distance(x)[:, None] > 0.3, torch.nan, plane(x))

    x = plane.at([0.1])
    whole = certify(plane, x, SIGMA, 2000, 0.01, seeded())
    broken = certify(Breaking(), x, SIGMA, 2000, 0.01, seeded())
    share = norm.cdf(0.2 / SIGMA) - norm.cdf(-0.1 / SIGMA)  # of the noise that stays between
    assert broken.p_lower < share < whole.p_lower


def test_the_prediction_is_the_likely_class_where_the_draws_decide(plane):
    x = plane.at([0.2, -0.2, 0.0])
    assert predict_smoothed(plane, x, SIGMA, 300, 0.001, seeded()).tolist() == [1, 0, -1]
    assert predict_smoothed(plane, x[:1], SIGMA, 5, 0.05, seeded()).tolist() == [-1]  # 2⁻⁴ > α


@pytest.mark.parametrize("batch", [1, 7, 100])
def test_no_certificate_depends_on_the_batch(plane, batch):
    x = plane.at([0.05, -0.1])
    for mine, other in zip(
        certify(plane, x, SIGMA, 250, 0.01, seeded(), batch=batch),
        certify(plane, x, SIGMA, 250, 0.01, seeded()),
        strict=True,
    ):
        assert torch.equal(mine, other)


def test_the_noise_is_normal_and_not_clamped(plane):
    seen = []

    class Listening(Plane):
        def forward(self, x):
            seen.append(x)
            return super().forward(x)

    x = torch.zeros(1, 1, 6, 6)
    certify(Listening(seeded()), x, SIGMA, 5000, 0.01, seeded())
    noise = torch.cat([each for each in seen if len(each) == 100])
    assert len(noise) == 5100  # a hundred for the choice of the class
    assert noise.mean().abs() < 5 * SIGMA / noise.numel() ** 0.5
    assert noise.std() == pytest.approx(SIGMA, rel=0.01)
    assert (noise[:100] != noise[100:200]).any()  # fresh ones for the bound


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"sigma": 0.0}, "sigma was 0.0; it must be above 0"),
        ({"n": 0}, "n was 0"),
        ({"n0": 0}, "n0 was 0"),
        ({"alpha": 1.0}, "alpha was 1.0"),
        ({"batch": 0}, "batch was 0"),
        ({"x": torch.full((1, 1, 6, 6), 2.0)}, "pixels lie in"),
        ({"x": torch.zeros(0, 1, 6, 6)}, "x held no images"),
    ],
)
def test_what_is_out_of_range_is_refused(plane, arguments, sentence):
    given = {"x": plane.at([0.1]), "sigma": SIGMA, "n": 10, "alpha": 0.01} | arguments
    with pytest.raises(CourseError, match=sentence):
        certify(plane, **given, rng=seeded())
