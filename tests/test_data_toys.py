"""Toy densities against quadrature, against scipy, and against their own samples."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from seeds import seeded

from coursekit.data import Dataset, Split
from coursekit.data.toys import BOX, Mixture1D, gaussian, grid, ring, stacked, student_t, uniform
from coursekit.errors import CourseError

LINES = {
    "gaussian": gaussian(-1.0, 0.5),
    "mixture": Mixture1D((1, 3), (-2.0, 1.0), (0.3, 1.5)),
    "uniform": uniform(-1, 3),
    "boxes": Mixture1D((1, 1), (0.0, 4.0), (1.0, 2.0), BOX),
    "student": student_t(2.5, 1.0, 2.0),
    "cauchy": student_t(1),
}
ALPHA = 1e-3  # level of the tests of fit below; with fixed seeds they cannot flake


def number(f, x: float) -> float:
    return float(f(torch.tensor(x, dtype=torch.float64)))


@pytest.fixture(params=LINES)
def line(request) -> Mixture1D:
    return LINES[request.param]


# ------------------------------------------------------------------------------- one dimension


def test_a_density_integrates_to_one(line):
    cuts = [-math.inf, *(line.edges or (line.centres[0],)), math.inf]
    pieces = [
        integrate.quad(lambda x: number(line.density, x), a, b, epsabs=1e-11, limit=200)[0]
        for a, b in zip(cuts, cuts[1:], strict=False)
    ]
    assert sum(pieces) == pytest.approx(1, abs=1e-9)


def test_the_distribution_function_is_the_integral_of_the_density(line):
    low, high = line.interval(0.05)
    cuts = [low, *(e for e in line.edges if low < e < high), high]
    mass = sum(
        integrate.quad(lambda x: number(line.density, x), a, b, epsabs=1e-11)[0]
        for a, b in zip(cuts, cuts[1:], strict=False)
    )
    assert mass == pytest.approx(number(line.cdf, high) - number(line.cdf, low), abs=1e-9)


def test_samples_agree_with_the_distribution_function(line):
    sample = line.sample(4_000, seeded(), torch.float64).numpy()
    cdf = lambda x: line.cdf(torch.from_numpy(np.asarray(x))).numpy()  # noqa: E731
    assert stats.kstest(sample, cdf).pvalue > ALPHA
    # The test has the power to fail: a shift by a tenth of the central 68 % is rejected.
    low, high = np.quantile(sample, [0.16, 0.84])
    assert stats.kstest(sample + 0.1 * (high - low), cdf).pvalue < ALPHA


def test_densities_agree_with_scipy():
    x = torch.linspace(-6, 6, 241, dtype=torch.float64)
    pairs = [
        (gaussian(0.5, 2), stats.norm(0.5, 2)),
        (uniform(-1, 3), stats.uniform(-1, 4)),
        (student_t(3, 1, 0.5), stats.t(3, 1, 0.5)),
    ]
    for ours, theirs in pairs:
        for mine, other in ((ours.density, theirs.pdf), (ours.cdf, theirs.cdf)):
            torch.testing.assert_close(mine(x), torch.as_tensor(other(x)), rtol=1e-12, atol=1e-15)


def test_the_log_density_stays_finite_where_the_density_underflows():
    far = torch.tensor([60.0], dtype=torch.float64)
    assert gaussian().density(far) == 0
    assert gaussian().log_density(far).item() == pytest.approx(-1800 - 0.5 * math.log(2 * math.pi))
    outside = uniform(0, 1).log_density(torch.tensor([-0.1, 0.5, 1.1]))
    assert outside.tolist() == [-math.inf, 0, -math.inf]


def test_edges_and_intervals():
    assert uniform(-1, 3).edges == (-1, 3) and gaussian().edges == ()
    assert LINES["boxes"].edges == (-1, 1, 2, 6)
    low, high = gaussian(1, 2).interval(stats.norm.cdf(-3))
    assert (low, high) == pytest.approx((1 - 6, 1 + 6))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0.1, 5), st.floats(-5, 5), st.floats(0.2, 3)), min_size=1, max_size=4
    )
)
def test_any_mixture_is_a_probability(parts):
    mixture = Mixture1D(*map(tuple, zip(*parts, strict=True)))
    assert sum(mixture.weights) == pytest.approx(1)
    x = torch.linspace(*mixture.interval(1e-14), 4_001, dtype=torch.float64)
    assert torch.trapezoid(mixture.density(x), x).item() == pytest.approx(1, abs=1e-9)
    assert (mixture.cdf(x).diff() >= -1e-15).all()


def test_shapes_and_types_follow_the_input():
    grid_of_points = torch.zeros(3, 4, dtype=torch.float32)
    assert gaussian().density(grid_of_points).shape == (3, 4)
    assert gaussian().density(grid_of_points).dtype == torch.float32
    assert gaussian().sample(5, seeded()).shape == (5,)
    x, component = next(LINES["mixture"].batches(6, seeded()))
    assert x.shape == (6, 1) and x.dtype == torch.float32 and component.shape == (6,)


def test_what_is_not_a_density_is_refused():
    for make, match in [
        (lambda: uniform(1, 1), "low must be below high"),
        (lambda: student_t(0), "df was 0"),
        (lambda: gaussian(0, 0), "scales"),
        (lambda: Mixture1D((1, -1), (0, 0), (1, 1)), "weights"),
        (lambda: Mixture1D((1,), (0, 0), (1, 1)), "same length"),
        (lambda: ring(0), "modes was 0"),
        (lambda: ring(radius=0), "radius was 0"),
        (lambda: ring(sigma=0), "sigma was 0"),
        (lambda: grid(0), "side was 0"),
        (lambda: grid(spacing=-1), "spacing was -1"),
        (lambda: ring().batches(0, seeded()), "size was 0"),
    ]:
        with pytest.raises(CourseError, match=match):
            make()


# ------------------------------------------------------------------------------- two dimensions


def test_ring_and_grid_are_where_they_should_be():
    circle = ring(8, radius=2.0)
    torch.testing.assert_close(circle.centres.norm(dim=1), torch.full((8,), 2.0))
    neighbours = (circle.centres - circle.centres.roll(1, 0)).norm(dim=1)
    torch.testing.assert_close(neighbours, torch.full((8,), 4 * math.sin(math.pi / 8)))
    assert grid(5).centres.shape == (25, 2)
    assert grid(5).centres.mean(0).abs().max() < 1e-6
    assert sorted({*grid(5).centres.flatten().tolist()}) == [-4, -2, 0, 2, 4]


@pytest.mark.parametrize("toy", [ring(6, 0.5, 0.1), grid(3, 0.4, 0.1)], ids=["ring", "grid"])
def test_a_plane_density_integrates_to_one(toy):
    line = torch.linspace(-2, 2, 401, dtype=torch.float64)  # the trapezium rule: h = σ / 10
    plane = torch.cartesian_prod(line, line)
    mass = toy.density(plane).sum() * (line[1] - line[0]) ** 2
    assert mass.item() == pytest.approx(1, abs=1e-9)
    torch.testing.assert_close(toy.density(plane[:50]), toy.log_density(plane[:50]).exp())


@pytest.mark.parametrize("toy", [ring(), grid()], ids=["ring", "grid"])
def test_plane_samples_agree_with_the_density(toy):
    x, mode = next(toy.batches(8_000, seeded()))
    offsets = (x - toy.centres[mode]) / toy.sigma
    assert stats.kstest(offsets.square().sum(1).numpy(), stats.chi2(2).cdf).pvalue > ALPHA
    counts = mode.bincount(minlength=len(toy.centres))
    assert stats.chisquare(counts.numpy()).pvalue > ALPHA
    nearest = torch.cdist(x, toy.centres).argmin(1)  # modes are 30 σ apart or more
    assert torch.equal(nearest, mode)
    assert toy.sample(3, seeded()).shape == (3, 2)


@pytest.mark.parametrize("toy", [gaussian(), ring(), grid()], ids=["gaussian", "ring", "grid"])
def test_samplers_resume_and_do_not_change_with_what_else_is_drawn(toy):
    rng = seeded()
    sampler = toy.batches(5, rng)
    torch.rand(3, generator=rng)
    next(sampler)
    state = sampler.state_dict()
    expected = next(sampler)
    resumed = toy.batches(5, seeded(9))
    resumed.load_state_dict(state)
    assert torch.equal(next(resumed).x, expected.x)
    again = toy.batches(5, seeded())
    next(again)
    assert torch.equal(next(again).x, expected.x)


def test_a_sampler_does_not_go_on_as_another():
    state = ring(8).batches(5, seeded()).state_dict()
    for other in (ring(8, sigma=0.06), ring(7), grid()):
        with pytest.raises(CourseError, match="drawn from other data"):
            other.batches(5, seeded()).load_state_dict(state)


# ------------------------------------------------------------------------------- stacked digits


def legible(n: int = 200, classes: int = 10) -> Dataset:
    """Images whose pixel value is their label, so that a stack can be read off."""
    y = torch.arange(n) % classes
    split = Split((y / 10).view(n, 1, 1, 1).expand(n, 1, 4, 4).contiguous(), y, torch.arange(n))
    return Dataset("legible", split, split, tuple(map(str, range(classes))))


def test_stacked_labels_spell_the_three_channels():
    digits = stacked(legible())
    assert digits.shape == (3, 4, 4) and digits.modes == 1000
    batches = digits.train.batches(500, seeded())
    x, y = next(batches)
    assert x.shape == (500, 3, 4, 4)
    a, b, c = (x[:, channel, 0, 0] * 10 for channel in range(3))
    torch.testing.assert_close((100 * a + 10 * b + c), y.float())
    assert not torch.equal(next(batches).y, y)


def test_stacked_modes_are_equally_likely():
    y = stacked(legible()).test.sample(100_000, seeded()).y
    assert y.min() >= 0 and y.max() <= 999
    assert stats.chisquare(y.bincount(minlength=1000).numpy()).pvalue > ALPHA


def test_parts_of_stacked_digits_use_different_originals():
    a, b = stacked(legible()).train.split(2)
    assert not set(a.digits.origin.tolist()) & set(b.digits.origin.tolist())


def test_stacking_needs_ten_grey_classes():
    with pytest.raises(CourseError, match="ten classes"):
        stacked(legible(classes=7))
