"""Measures within each class, Parzen windows, and the exact conditional games."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import KernelDensity
from torch.nn import functional as F

from coursekit.errors import CourseError
from coursekit.metrics import (
    ClassScorer,
    best_bandwidth,
    by_class,
    entropy,
    frechet_distance,
    parzen,
    parzen_by_class,
    total_variance,
)
from coursekit.nets import StridedCNN
from coursekit.theory import bayes as theory


@pytest.fixture
def judge(rng):
    x, y = torch.rand(60, 1, 8, 8, generator=rng), torch.arange(60) % 3
    return ClassScorer(StridedCNN((1, 8, 8), 3, width=4, hidden=6, rng=rng), x, y)


def test_each_class_is_compared_with_its_own_reference(judge, rng):
    x, y = torch.rand(60, 1, 8, 8, generator=rng), torch.arange(60) % 3
    features = judge.network.features
    wanted = [
        frechet_distance(features(x[y == c]), features(judge.real[judge.labels == c]))
        for c in range(3)
    ]
    torch.testing.assert_close(judge.fid(x, y), torch.tensor(wanted, dtype=torch.float64))
    assert judge.fid(judge.real, judge.labels).max() < 1e-6
    assert judge.fid(x[y < 2], y[y < 2])[2].isnan()


def test_spread_is_one_for_the_reference_and_zero_for_copies(judge):
    one = torch.ones(3, dtype=torch.float64)
    torch.testing.assert_close(judge.variance_ratio(judge.real, judge.labels), one)
    torch.testing.assert_close(judge.feature_variance_ratio(judge.real, judge.labels), one)
    copies = judge.real[judge.labels]  # the same image for every sample of a class
    assert judge.variance_ratio(copies, judge.labels).max() == 0
    assert judge.feature_variance_ratio(copies, judge.labels).max() < 1e-9


def test_total_variance_is_half_the_mean_squared_distance(rng):
    rows = torch.randn(30, 2, 3, generator=rng, dtype=torch.float64)
    squared = torch.cdist(rows.flatten(1), rows.flatten(1)).square()
    assert total_variance(rows) == pytest.approx(float(squared.sum() / (30 * 29) / 2))
    values = by_class(total_variance, rows, torch.tensor([0] * 29 + [2]), 3)
    assert values[0] > 0 and values[1:].isnan().all()


def test_entropy_runs_from_zero_to_log_k():
    assert float(entropy(torch.eye(4))) == 0
    assert float(entropy(torch.full((3, 4), 0.25))) == pytest.approx(np.log(4))


def test_parzen_agrees_with_scikit_learn(rng):
    samples, x = torch.rand(50, 3, generator=rng), torch.rand(20, 3, generator=rng)
    theirs = KernelDensity(bandwidth=0.2).fit(samples.numpy()).score_samples(x.numpy())
    torch.testing.assert_close(parzen(samples, x, 0.2), torch.from_numpy(theirs).float())
    with pytest.raises(CourseError, match="must be positive"):
        parzen(samples, x, 0.0)


def test_the_window_is_the_likeliest_one(rng):
    samples, x = torch.randn(400, 1, generator=rng), torch.randn(400, 1, generator=rng)
    sigma = best_bandwidth(samples, x, [0.01, 0.3, 5.0])
    assert sigma == 0.3
    with pytest.raises(CourseError, match="sigmas was empty"):
        best_bandwidth(samples, x, [])


def test_windows_by_class_see_only_that_class(rng):
    samples, y = torch.rand(40, 2, generator=rng), torch.arange(40) % 2
    x = torch.rand(7, 2, generator=rng)
    logs = parzen_by_class(samples, y, x, 0.1, 2)
    torch.testing.assert_close(logs[:, 1], parzen(samples[y == 1], x, 0.1))


def bells(places=31):
    at = torch.linspace(-4, 4, places, dtype=torch.float64)
    rows = torch.stack([torch.exp(-((at - m) ** 2) / 2) for m in (-1.0, 1.0)])
    return 0.5 * rows / rows.sum(1, keepdim=True)


def test_the_game_of_pairs_ends_at_the_data():
    p = bells()
    q = theory.best_generator(theory.joint_game(p), p.sum(1), 31)
    torch.testing.assert_close(q, p, atol=1e-5, rtol=0)


@pytest.mark.parametrize("weight", [0.1, 1.0])
def test_acgan_ends_elsewhere_and_its_optimum_is_one(weight, rng):
    p = bells()
    game = theory.auxiliary_game(p, weight)
    q = theory.best_generator(game, p.sum(1), 31)
    assert float(game(q)) < float(game(p)) - 1e-3
    assert theory.conditional_entropy(q) < 0.2 * theory.conditional_entropy(p)
    for _ in range(20):  # the game is convex: no mixture with another generator is better
        other = 0.5 * torch.rand(2, 31, generator=rng, dtype=torch.float64).softmax(1)
        assert float(game(0.99 * q + 0.01 * other)) > float(game(q)) - 1e-9


def test_the_auxiliary_cost_is_kl_plus_entropy(rng):
    p = bells()
    q = 0.5 * torch.rand(2, 31, generator=rng, dtype=torch.float64).softmax(1)
    extra = theory.auxiliary_game(p, 1.0)(q) - theory.auxiliary_game(p, 0.0)(q)
    posterior_p, posterior_q = theory.posterior(p), theory.posterior(q)
    kl = (q * (posterior_q / posterior_p).log()).sum()
    assert float(extra) == pytest.approx(float(kl) + theory.conditional_entropy(q))


def test_the_best_score_falls_into_two_parts(rng):
    p = bells()
    q = 0.5 * torch.rand(2, 31, generator=rng, dtype=torch.float64).softmax(1)
    fits = (theory.posterior(p) / theory.posterior(q)).log()
    torch.testing.assert_close(theory.best_joint_score(p, q), fits + (p.sum(0) / q.sum(0)).log())
    with pytest.raises(CourseError, match="not 1"):
        theory.best_generator(theory.joint_game(p), p.sum(1) / 2, 31)


def test_conditional_entropy_is_that_of_the_labels_when_places_tell_nothing():
    p = torch.full((4, 5), 1 / 20, dtype=torch.float64)
    assert theory.conditional_entropy(p) == pytest.approx(np.log(4))
    sure = F.one_hot(torch.arange(4), 5).double() / 4
    assert theory.conditional_entropy(sure[:, :4]) == pytest.approx(0)
