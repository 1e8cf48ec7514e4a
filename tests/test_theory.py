"""Theory on the line, held against scipy, POT, torch.distributions and closed forms."""

import math
from itertools import permutations

import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError
from scipy import integrate as scipy_integrate
from scipy import stats
from scipy.spatial.distance import jensenshannon
from scipy.special import rel_entr

from coursekit import theory
from coursekit.data.toys import Mixture1D, gaussian, student_t, uniform
from coursekit.errors import CourseError
from coursekit.theory.densities import crossings, nodes

MIXTURE = Mixture1D((0.3, 0.7), (-2.0, 1.0), (0.5, 1.0))
PAIRS = {
    "shifted": (gaussian(0, 1), gaussian(1.5, 1)),
    "far": (gaussian(0, 1), gaussian(12, 1)),
    "needle": (gaussian(0, 3), gaussian(1, 0.05)),
    "mixture": (MIXTURE, gaussian(0, 2)),
    "Cauchy, Gaussian": (student_t(1), gaussian(0, 1)),
    "two heavy tails": (student_t(1), student_t(3, 2, 0.5)),
    "overlap": (uniform(0, 1), uniform(0.5, 1.5)),
    "touch": (uniform(0, 1), uniform(1, 2)),
    "disjoint": (uniform(0, 1), uniform(3, 4)),
    "box in a bell": (uniform(0, 1), gaussian(0, 1)),
}
ON_EVERY_PAIR = pytest.mark.parametrize("name", PAIRS)


def numbers(*values):
    return torch.tensor(values, dtype=torch.float64)


def scipy_parts(p):
    """The same density as weights and frozen scipy distributions."""
    if p.shape.edges:
        make = [stats.uniform(c - s, 2 * s) for c, s in zip(p.centres, p.scales, strict=True)]
    elif p == student_t(1) or p.shape.quantile(numbers(0.25)) < -0.7:  # wider than a Gaussian
        freedom = {-1.0: 1, -0.7649: 3}[round(float(p.shape.quantile(numbers(0.25))), 4)]
        make = [stats.t(freedom, c, s) for c, s in zip(p.centres, p.scales, strict=True)]
    else:
        make = [stats.norm(c, s) for c, s in zip(p.centres, p.scales, strict=True)]
    return list(zip(p.weights, make, strict=True))


def scipy_pdf(p, x):
    return sum(w * part.pdf(x) for w, part in scipy_parts(p))


def adaptive(f, p, q):
    """∫ f by scipy's tanh-sinh rule, decade by decade of the tails down to a mass of 1e-14."""
    edges = {*p.edges, *q.edges}
    for _, part in scipy_parts(p) + scipy_parts(q):
        for end in (part.ppf, part.isf):
            edges |= {float(end(u)) for u in (1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 0.01, 0.5)}
    cuts = np.array(sorted(edges))
    return scipy_integrate.tanhsinh(f, cuts[:-1], cuts[1:], atol=1e-13).integral.sum()


@ON_EVERY_PAIR
def test_the_rule_integrates_densities_to_one(name):
    p, q = PAIRS[name]
    for density in (p, q):
        assert theory.integrate(density.density, p, q) == pytest.approx(1, abs=1e-13)


@ON_EVERY_PAIR
def test_the_value_of_the_game_is_two_js_above_minus_log_four(name):
    """On different nodes: the identity holds at each point, so equal nodes would prove nothing."""
    p, q = PAIRS[name]
    js = theory.jensen_shannon(p, q, order=40)
    assert abs(theory.value(p, q) + math.log(4) - 2 * js) <= 1e-12
    assert -1e-13 <= js <= math.log(2) + 1e-13


@ON_EVERY_PAIR
def test_js_agrees_with_scipy(name):
    p, q = PAIRS[name]

    def integrand(x):
        a, b = scipy_pdf(p, x), scipy_pdf(q, x)
        m = (a + b) / 2
        return 0.5 * (rel_entr(a, m) + rel_entr(b, m))

    assert theory.jensen_shannon(p, q) == pytest.approx(adaptive(integrand, p, q), abs=1e-9)


@ON_EVERY_PAIR
def test_total_variation_and_hellinger_agree_with_scipy(name):
    p, q = PAIRS[name]

    def halved(x):
        return 0.5 * (np.sqrt(scipy_pdf(p, x)) - np.sqrt(scipy_pdf(q, x))) ** 2

    hellinger = theory.hellinger_squared(p, q)
    assert hellinger == pytest.approx(adaptive(halved, p, q), abs=1e-8)
    variation = theory.total_variation_distance(p, q)
    assert hellinger - 1e-12 <= variation <= math.sqrt(hellinger * (2 - hellinger)) + 1e-12
    grid = np.linspace(-40, 40, 400_001)  # the largest difference over half-lines is a lower bound
    gap = [sum(w * part.cdf(grid) for w, part in scipy_parts(d)) for d in (p, q)]
    assert variation >= np.abs(gap[0] - gap[1]).max() - 1e-12


def test_total_variation_of_shifted_gaussians_in_closed_form():
    for shift in (0.1, 1, 5):
        expected = 2 * stats.norm.cdf(shift / 2) - 1
        found = theory.total_variation_distance(gaussian(0, 1), gaussian(shift, 1))
        assert found == pytest.approx(expected, abs=1e-13)
    assert theory.total_variation_distance(uniform(0, 1), uniform(0.25, 1.25)) == pytest.approx(
        0.25
    )


@pytest.mark.parametrize(
    ("p", "q"), [((0.0, 1.0), (1.5, 1.0)), ((0.0, 1.0), (3.0, 0.2)), ((-1.0, 4.0), (2.0, 1.0))]
)
def test_kl_of_gaussians_agrees_with_torch_distributions(p, q):
    expected = torch.distributions.kl_divergence(
        torch.distributions.Normal(*numbers(*p)), torch.distributions.Normal(*numbers(*q))
    )
    assert theory.kl(gaussian(*p), gaussian(*q)) == pytest.approx(float(expected), rel=1e-11)


def test_entropy_agrees_with_scipy():
    assert theory.entropy(gaussian(3, 2)) == pytest.approx(stats.norm(3, 2).entropy(), abs=1e-12)
    assert theory.entropy(student_t(1)) == pytest.approx(math.log(4 * math.pi), abs=1e-11)
    assert theory.entropy(uniform(0, 0.5)) == pytest.approx(-math.log(2), abs=1e-13)


def test_divergent_integrals_are_infinite_and_not_a_large_number():
    assert theory.kl(student_t(1), gaussian(0, 1)) == math.inf
    assert theory.kl(uniform(0, 1), uniform(0.5, 1.5)) == math.inf
    assert theory.kl(gaussian(0, 1), uniform(-9, 9)) == math.inf
    assert theory.wasserstein_1(student_t(1), gaussian(0, 1)) == math.inf
    assert math.isfinite(theory.kl(gaussian(0, 1), student_t(1)))
    assert math.isfinite(theory.kl(student_t(3), gaussian(0, 1)))


def test_w1_agrees_with_closed_forms_and_with_pot(rng):
    assert theory.wasserstein_1(gaussian(0, 1), gaussian(-7, 1)) == pytest.approx(7, abs=1e-12)
    assert theory.wasserstein_1(student_t(1), student_t(1, 2.5)) == pytest.approx(2.5, abs=1e-9)
    assert theory.wasserstein_1(uniform(0, 1), uniform(5, 6)) == pytest.approx(5, abs=1e-12)
    spread = theory.wasserstein_1(gaussian(0, 1), gaussian(0, 3))  # E|3Z − Z|
    assert spread == pytest.approx(2 * math.sqrt(2 / math.pi), abs=1e-12)
    p, q = PAIRS["mixture"]
    x = [np.sort(d.sample(40_000, rng, torch.float64).numpy()) for d in (p, q)]
    by_pot = ot.wasserstein_1d(x[0], x[1])
    # Sampling error: √(2 ∫F(1−F)/n) < 0.02 for each; 0.05 is over three of them together.
    assert theory.wasserstein_1(p, q) == pytest.approx(float(by_pot), abs=0.05)


def test_crossings_are_found_to_rounding():
    roots = crossings(lambda x: x**2 - 2, gaussian(0, 1))
    assert roots == pytest.approx([-math.sqrt(2), math.sqrt(2)], abs=1e-15)


def test_the_weights_are_positive_so_that_inequalities_survive_quadrature():
    x, w = nodes(student_t(1), uniform(0, 1), kinks=[0.3])
    assert (w > 0).all()
    assert (x.diff() >= 0).all()


def test_a_rule_without_a_density_has_no_scale():
    with pytest.raises(CourseError, match="densities was empty"):
        theory.integrate(torch.sin)


def test_d_star_is_bayes_rule_and_survives_underflow():
    p, q = numbers(0.9, 0.2, 0.5), numbers(0.3, 0.6, 0.5)
    d = theory.optimal_discriminator(p.log(), q.log())
    torch.testing.assert_close(d, p / (p + q))
    far = theory.optimal_discriminator(numbers(-1e8, -800), numbers(-1e8 - 1, -801))
    torch.testing.assert_close(far, numbers(1, 1).sigmoid())
    edges = theory.optimal_discriminator(
        numbers(-math.inf, 0, -math.inf), numbers(0, -math.inf, -math.inf)
    )
    assert edges.tolist() == [0, 1, 0.5]


@settings(max_examples=25, deadline=None)
@given(st.floats(-4, 4), st.floats(0.2, 3), st.floats(-3, 3), st.floats(0.3, 3), st.floats(-2, 2))
def test_no_discriminator_beats_the_best_one(mean, deviation, slope, frequency, shift):
    p, q = gaussian(0, 1), gaussian(mean, deviation)

    def score(x):
        return slope * torch.sin(frequency * x) + shift

    best = theory.value(p, q)
    assert theory.value(p, q, score) <= best + 1e-12
    assert best >= -math.log(4) - 1e-12
    assert best <= 1e-12


def test_a_network_is_evaluated_in_float64_and_left_alone(rng):
    network = torch.nn.Sequential(torch.nn.Linear(1, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    score = theory.score_of(network)
    x = torch.linspace(-1, 1, 6, dtype=torch.float64).view(2, 3)
    assert score(x).shape == (2, 3)
    assert score(x).dtype == torch.float64
    assert network[0].weight.dtype == torch.float32
    assert network.training
    error = theory.discriminator_error(*PAIRS["shifted"], score)
    assert 0 < error < 1


def test_the_error_of_the_best_discriminator_is_zero_and_that_of_its_opposite_is_tv():
    """∫ m |(1 − D*) − D*| = ∫ m |p − q|/(p + q) = TV."""
    for p, q in (PAIRS["mixture"], PAIRS["two heavy tails"]):
        best = theory.best_score(p, q)
        assert theory.discriminator_error(p, q, best) == 0
        opposite = theory.discriminator_error(p, q, lambda x, best=best: -best(x))
        assert opposite == pytest.approx(theory.total_variation_distance(p, q), abs=1e-4)  # kinks


def masses(size=6):
    weight = st.floats(0, 1, allow_subnormal=False)
    return st.lists(weight, min_size=size, max_size=size).filter(lambda w: sum(w) > 0.01)


@settings(max_examples=60, deadline=None)
@given(masses(), masses())
def test_discrete_js_agrees_with_scipy(a, b):
    p, q = (numbers(*w) / sum(w) for w in (a, b))
    expected = jensenshannon(p.numpy(), q.numpy()) ** 2
    assert theory.jensen_shannon_of_masses(p, q) == pytest.approx(expected, abs=1e-9)


def test_discrete_js_says_what_is_wrong_with_the_masses():
    fair = numbers(0.5, 0.5)
    with pytest.raises(CourseError, match="sum to 1"):
        theory.jensen_shannon_of_masses(fair, numbers(0.5, 0.6))
    with pytest.raises((CourseError, TypeCheckError)):  # the latter only under the tests' hook
        theory.jensen_shannon_of_masses(fair, numbers(1))
    with pytest.raises(CourseError, match="masses of p"):
        theory.jensen_shannon_of_masses(numbers(-0.5, 1.5), fair)


def test_samples_that_share_no_point_are_log_two_apart():
    x, y = numbers(0, 1, 2), numbers(3, 4)
    assert theory.jensen_shannon_of_samples(x, y) == pytest.approx(math.log(2))
    assert theory.jensen_shannon_of_samples(x, x.flip(0)) == pytest.approx(0, abs=1e-15)
    pairs = torch.stack([x, x], 1)  # points of the plane
    assert theory.jensen_shannon_of_samples(pairs, pairs) == pytest.approx(0, abs=1e-15)


def test_every_density_is_its_own_nearest():
    for p, q in permutations([gaussian(0, 1), MIXTURE, uniform(-1, 2)], 2):
        assert theory.jensen_shannon(p, q) > 0.01
        assert theory.jensen_shannon(p, p) == pytest.approx(0, abs=1e-15)
        assert theory.wasserstein_1(q, q) == 0
