"""Parzen windows, and the exact conditional games."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import KernelDensity
from torch.nn import functional as F

from coursekit.errors import CourseError
from coursekit.metrics import best_bandwidth, parzen
from coursekit.theory import bayes as theory


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


def test_conditional_entropy_is_that_of_the_labels_when_places_tell_nothing():
    p = torch.full((4, 5), 1 / 20, dtype=torch.float64)
    assert theory.conditional_entropy(p) == pytest.approx(np.log(4))
    sure = F.one_hot(torch.arange(4), 5).double() / 4
    assert theory.conditional_entropy(sure[:, :4]) == pytest.approx(0)


def test_classes_that_do_not_sum_to_one_are_refused():
    p = bells()
    with pytest.raises(CourseError, match="not 1"):
        theory.best_generator(theory.joint_game(p), p.sum(1) / 2, 31)
