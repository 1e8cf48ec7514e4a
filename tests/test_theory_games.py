"""Games: f-divergences, small critics, slopes, the bilinear game and what SymPy derives."""

import math

import pytest
import sympy as sp
import torch
from jaxtyping import TypeCheckError
from sklearn.linear_model import LogisticRegression

from coursekit import gan_losses, theory
from coursekit.data.toys import Mixture1D, gaussian, student_t, uniform
from coursekit.errors import CourseError
from coursekit.theory import symbolic

KL, REVERSE, JS, HELLINGER, VARIATION = theory.F_DIVERGENCES
MIXTURE = Mixture1D((0.3, 0.7), (-2.0, 1.0), (0.5, 1.0))
PAIRS = [
    (gaussian(0, 1), gaussian(1.5, 1)),
    (gaussian(0, 3), gaussian(1, 0.05)),
    (MIXTURE, gaussian(0, 2)),
    (student_t(1), gaussian(0, 1)),
    (student_t(3), gaussian(1, 1)),
    (uniform(0, 1), uniform(0.5, 1.5)),
    (uniform(0, 1), uniform(3, 4)),
]


@pytest.mark.parametrize(("p", "q"), PAIRS)
def test_every_game_is_worth_its_divergence(p, q):
    integrals = {
        KL: theory.kl(p, q),
        REVERSE: theory.kl(q, p),
        JS: theory.jensen_shannon(p, q),
        HELLINGER: theory.hellinger_squared(p, q),
        VARIATION: theory.total_variation_distance(p, q),
    }
    for f, integral in integrals.items():
        assert theory.f_value(f, p, q) == pytest.approx(integral, rel=1e-9, abs=1e-11), f.name


@pytest.mark.parametrize("f", theory.F_DIVERGENCES, ids=lambda f: f.name)
def test_any_other_score_earns_less(f):
    p, q = gaussian(0, 1), gaussian(1, 1.5)
    best = theory.best_score(p, q)
    worth = theory.f_value(f, p, q)
    for other in (torch.zeros_like, torch.sin, lambda x: best(x) + 0.3, lambda x: 0.5 * best(x)):
        assert theory.f_value(f, p, q, other) <= worth + 1e-12


def test_the_slopes_are_those_of_the_losses():
    s = torch.linspace(-30, 30, 61, dtype=torch.float64, requires_grad=True)
    for loss, formula in (
        (gan_losses.Saturating(), theory.saturating_slope),
        (gan_losses.NonSaturating(), theory.non_saturating_slope),
    ):
        (slope,) = torch.autograd.grad(loss.generator(s) * len(s), s)
        torch.testing.assert_close(
            formula(s.detach()), slope, rtol=0, atol=1e-8
        )  # softplus beyond 20


@pytest.mark.parametrize("shift", [0.3, 2.0, 5.0])
def test_the_pull_is_the_derivative_of_what_the_loss_descends(shift):
    """Arjovsky & Bottou 2017: 2 JS for log(1 − D), KL(q‖p) − 2 JS for −log D (Theorem 2.5)."""
    p, q = MIXTURE, gaussian(shift, 1)
    best = theory.best_score(p, q)

    def derivative(goal, h=1e-4):
        return (goal(p, gaussian(shift + h, 1)) - goal(p, gaussian(shift - h, 1))) / (2 * h)

    saturating = derivative(lambda p, q: 2 * theory.jensen_shannon(p, q))
    other = derivative(lambda p, q: theory.kl(q, p) - 2 * theory.jensen_shannon(p, q))
    pull = theory.generator_gradient
    assert pull(theory.saturating_slope, best, q) == pytest.approx(saturating, abs=1e-7)
    assert pull(theory.non_saturating_slope, best, q) == pytest.approx(other, abs=1e-6)


def test_the_pull_of_a_network_needs_no_gradient_on_its_weights():
    network = torch.nn.Sequential(torch.nn.Linear(1, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    pull = theory.generator_gradient(
        theory.saturating_slope, theory.score_of(network), gaussian(0, 1)
    )
    assert math.isfinite(pull)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_a_concave_phi_sees_nothing_between_equals_and_log_gives_v(rng):
    s = torch.randn(500, generator=rng, dtype=torch.float64)
    for phi in (torch.log, torch.sqrt, lambda t: t):
        assert theory.neural_distance(s, s, phi) <= 1e-14
    t = torch.randn(500, generator=rng, dtype=torch.float64)
    v = -gan_losses.Saturating().critic(s, t)
    assert theory.neural_distance(s, t) == pytest.approx(float(v) + math.log(4), abs=1e-12)


def test_the_best_linear_critic_is_logistic_regression(rng):
    x = torch.randn(400, 3, generator=rng, dtype=torch.float64)
    y = torch.randn(400, 3, generator=rng, dtype=torch.float64) * 1.3 + 0.4
    w = theory.linear_critic(x, y)
    labels = torch.cat([torch.ones(400), torch.zeros(400)]).numpy()
    model = LogisticRegression(C=math.inf, tol=1e-10, max_iter=1000)
    model.fit(torch.cat([x, y]).numpy(), labels)
    expected = torch.tensor([*model.coef_[0], *model.intercept_], dtype=torch.float64)
    torch.testing.assert_close(w, expected, rtol=0, atol=1e-4)
    assert theory.linear_distance(x, y) > theory.linear_distance(x, x) - 1e-12


def test_sets_that_a_plane_separates_are_two_log_two_apart(rng):
    x = torch.randn(40, 2, generator=rng)
    assert theory.linear_distance(x + 9, x - 9) == pytest.approx(2 * math.log(2), abs=1e-6)
    assert theory.linear_distance(x, x) == pytest.approx(0, abs=1e-12)
    with pytest.raises((CourseError, TypeCheckError)):  # the latter only under the tests' hook
        theory.linear_distance(x, x[:, :1])


def test_chance_is_what_small_critics_see_between_two_samples():
    """Wilks: 2m·d is χ² with k degrees of freedom, not k + 1: the bias gains nothing where both
    samples are of one size. Its mean over 200 pairs has a standard error of √(2/(200 k)) = 7 % at
    k = 2; four of them are 28 %, and k + 1 would be 50 % too many."""
    k, m, found = 2, 1_000, []
    for seed in range(200):
        rng = torch.Generator().manual_seed(seed)
        x, y = torch.randn(2, m, 5, generator=rng, dtype=torch.float64)
        features = theory.random_features(5, k, rng)
        found.append(theory.linear_distance(features(x), features(y)))
    assert sum(found) / len(found) == pytest.approx(k / (2 * m), rel=0.28)


def test_more_features_see_more(rng):
    x, y = torch.randn(2, 500, 4, generator=rng, dtype=torch.float64)
    features = theory.random_features(4, 30, rng)
    x, y = features(x), features(y)
    assert theory.linear_distance(x[:, :5], y[:, :5]) < theory.linear_distance(x, y)


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.9])
def test_update_matrices_and_their_eigenvalues(rate):
    e = rate
    matrices = {
        theory.simultaneous: [[1, -e], [e, 1]],
        theory.alternating: [[1, -e], [e, 1 - e**2]],
        theory.extragradient: [[1 - e**2, -e], [e, 1 - e**2]],
    }
    squares = {
        theory.simultaneous: 1 + e**2,
        theory.alternating: 1,
        theory.extragradient: 1 - e**2 + e**4,
    }
    for step, matrix in matrices.items():
        found = theory.update_matrix(step, rate)
        torch.testing.assert_close(found, torch.tensor(matrix, dtype=torch.float64))
        squared = torch.linalg.eigvals(found).abs().square()
        torch.testing.assert_close(squared, torch.full_like(squared, squares[step]))


def test_a_path_is_the_power_of_its_matrix():
    start = torch.tensor([1.0, -0.5], dtype=torch.float64)
    for step in (theory.simultaneous, theory.alternating, theory.extragradient):
        path = theory.iterate_game(step, start, 0.2, 30)
        assert path.shape == (31, 2)
        matrix = torch.linalg.matrix_power(theory.update_matrix(step, 0.2), 30)
        torch.testing.assert_close(path[-1], matrix @ start)


def test_sympy_finds_d_star():
    (best,) = symbolic.stationary_points()
    assert sp.simplify(best - symbolic.a / (symbolic.a + symbolic.b)) == 0


@pytest.mark.parametrize("atoms", [2, 4])
def test_sympy_finds_theorem_1(atoms):
    p, q = symbolic.masses("p", atoms), symbolic.masses("q", atoms)
    difference = symbolic.criterion(p, q) + sp.log(4) - 2 * symbolic.jensen_shannon(p, q)
    assert symbolic.normalised(difference, p, q) == 0
    assert symbolic.normalised(symbolic.criterion(p, q) + sp.log(4), p, q) != 0
    home = symbolic.normalised(symbolic.criterion(p, p), p)
    assert sp.simplify(home + sp.log(4)) == 0


def test_the_symbols_and_the_numbers_agree():
    p, q = symbolic.masses("p", 3), symbolic.masses("q", 3)
    at = dict(zip(p + q, (0.2, 0.3, 0.5, 0.6, 0.3, 0.1), strict=True))
    numeric = theory.jensen_shannon_of_masses(
        *torch.tensor([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]], dtype=torch.float64)
    )
    assert float(symbolic.jensen_shannon(p, q).subs(at)) == pytest.approx(numeric, abs=1e-12)
