"""Autoencoders, VAEs and their objectives against closed forms, quadrature and Monte Carlo."""

from dataclasses import replace
from functools import partial
from math import exp, log, pi

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.distributions import Independent, Normal, kl_divergence

from coursekit import nets, objectives
from coursekit.data import Dataset, Split
from coursekit.errors import CourseError
from coursekit.objectives import gaussian_kl, log_weights, reparametrised
from coursekit.training import adam, fit
from coursekit.zoo import RECIPES, measures, recipes

SHAPE = (1, 8, 8)
Y = torch.zeros(1, dtype=torch.int64)  # no objective here looks at labels


@pytest.fixture
def binary(rng):
    return (torch.rand(30, *SHAPE, generator=rng) < 0.3).float()


def small_vae(rng, latent=2, scale=2.0):
    """Random weights, widened so that posterior and prior differ and nothing is near zero."""
    model = nets.VAE(SHAPE, latent, (16,), rng)
    with torch.no_grad():
        for p in model.decoder.parameters():
            p.mul_(scale)
    return model.requires_grad_(False)


def batches(x):
    while True:
        yield x, torch.zeros(len(x), dtype=torch.int64)


# KL and ELBO


def test_the_kl_is_that_of_torch_and_of_monte_carlo(rng):
    mean, log_std = torch.randn(2, 6, 3, generator=rng, dtype=torch.float64)
    q, p = Normal(mean, log_std.exp()), Normal(torch.zeros(()).double(), torch.ones(()).double())
    found = gaussian_kl(mean, log_std)
    assert found.shape == (6, 3)
    torch.testing.assert_close(found, kl_divergence(q, p))
    noise = torch.randn(200_000, 6, 3, generator=rng, dtype=torch.float64)
    z = mean + log_std.exp() * noise
    draws = q.log_prob(z) - p.log_prob(z)
    error = (draws.mean(0) - found) / (draws.std(0) / len(draws) ** 0.5)
    assert float(error.abs().max()) < 5
    assert float(gaussian_kl(torch.zeros(3), torch.zeros(3)).abs().max()) == 0


def test_reparametrised_draws_have_the_mean_and_the_deviation(rng):
    mean, log_std = torch.tensor([[1.0, -2.0]]), torch.tensor([[-1.0, 0.5]])
    z = reparametrised(mean.expand(100_000, 2), log_std.expand(100_000, 2), rng)
    torch.testing.assert_close(z.mean(0), mean[0], atol=0.03, rtol=0)
    torch.testing.assert_close(z.std(0).log(), log_std[0], atol=0.02, rtol=0)


def test_the_elbo_sums_over_pixels_and_latents_and_averages_over_the_batch(binary, rng):
    """A mean over pixels beside a summed KL is a β of their number: it would fail here."""
    model = small_vae(rng, latent=3)
    found = objectives.elbo(beta=2.5)(model, binary, Y, rng.manual_seed(1), 0.0)
    mean, log_std = model.encode(binary)
    z = reparametrised(mean, log_std, rng.manual_seed(1))
    p = model(z).double()
    pixels = -(binary * p.log() + (1 - binary) * (1 - p).log())
    q, prior = Normal(mean, log_std.exp()), Normal(torch.zeros(3), torch.ones(3))
    total = 0.0
    for i in range(len(binary)):
        total += float(pixels[i].sum()) + 2.5 * float(kl_divergence(q, prior)[i].sum())
    assert float(found) == pytest.approx(total / len(binary), rel=1e-5)


def grid_expectation(model, x, f, points=161, reach=6.0):
    """E_q f(z) for each x by quadrature in ε, with z = mean + σε; f(x, z) has shape (m,)."""
    axis = torch.linspace(-reach, reach, points)
    eps = torch.cartesian_prod(axis, axis)
    weight = (-eps.square().sum(1) / 2).softmax(0)
    mean, log_std = model.encode(x)
    rows = []
    for i in range(len(x)):
        z = mean[i] + log_std[i].exp() * eps
        rows.append((weight * f(x[i : i + 1].expand(len(z), -1, -1, -1), z)).sum())
    return torch.stack(rows)


def log_w(model, x, z):
    """log p(x | z) + log p(z) − log q(z | x), written out with torch's distributions."""
    mean, log_std = model.encode(x)
    prior = Independent(Normal(torch.zeros_like(z), torch.ones_like(z)), 1)
    q = Independent(Normal(mean, log_std.exp()), 1)
    pixels = torch.distributions.Bernoulli(logits=model.decode(z)).log_prob(x).flatten(1).sum(1)
    return pixels + prior.log_prob(z) - q.log_prob(z)


@pytest.mark.parametrize("scale", [0.5, 2.0, 5.0])
def test_the_expected_elbo_is_below_the_exact_likelihood_of_every_image(scale, binary, rng):
    model = small_vae(rng, scale=scale)
    exact = nets.log_prob_grid(model, binary)
    bound = grid_expectation(model, binary, partial(log_w, model))
    assert bool((bound < exact).all())
    mean, log_std = model.encode(binary)
    parts = grid_expectation(model, binary, model.log_likelihood)
    torch.testing.assert_close(
        parts - gaussian_kl(mean, log_std).sum(1), bound, atol=2e-3, rtol=1e-4
    )


def test_the_grid_is_the_likelihood(binary, rng):
    """Finer and wider grids agree; so does importance sampling, which is unbiased; and the
    probabilities of all images of four pixels sum to 1."""
    model = small_vae(rng)
    found = nets.log_prob_grid(model, binary)
    for how in ({"points": 100}, {"points": 301, "reach": 7.0}, {"batch": 77}):
        torch.testing.assert_close(
            nets.log_prob_grid(model, binary, **how), found, atol=1e-3, rtol=0
        )
    w = log_weights(model, binary, 5000, rng).double().exp()
    error = (w.mean(0) - found.double().exp()) / (w.std(0) / 5000**0.5)
    assert float(error.abs().max()) < 5

    model = nets.VAE((1, 2, 2), 2, (8,), rng)
    for p in model.decoder.parameters():
        p.data.mul_(3)
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 4).view(16, 1, 2, 2)
    assert float(nets.log_prob_grid(model, every).exp().sum()) == pytest.approx(1, abs=1e-5)


def test_the_grid_is_for_two_latents(binary, rng):
    with pytest.raises(CourseError, match="3 latents; the grid is for two"):
        nets.log_prob_grid(small_vae(rng, latent=3), binary)
    with pytest.raises(CourseError, match="points was 1"):
        nets.log_prob_grid(small_vae(rng), binary, points=1)


# Importance weights


def test_log_weights_are_those_of_torchs_distributions(binary, rng):
    model = small_vae(rng, latent=3)
    found = log_weights(model, binary, 4, rng.manual_seed(2))
    mean, log_std = model.encode(binary)
    noise = torch.randn(4, *mean.shape, generator=rng.manual_seed(2))
    for row, eps in zip(found, noise, strict=True):
        torch.testing.assert_close(row, log_w(model, binary, mean + log_std.exp() * eps))


def test_the_iwae_bound_rises_with_k_and_stays_below_the_likelihood(binary, rng):
    """Of the same draws, so that their differences have a small standard error. A mean of logs in
    place of the log of the mean would be flat in k."""
    model = small_vae(rng, scale=4.0)
    exact = float(nets.log_prob_grid(model, binary).mean())
    w = log_weights(model, binary, 64 * 60, rng)
    bounds = []
    for k in (1, 4, 16, 64):
        parts = w.view(-1, k, w.shape[1]).logsumexp(1) - log(k)
        whole = parts.view(-1, 64 // k, w.shape[1]).mean((1, 2))
        bounds.append(whole)
    for lower, higher in zip(bounds, bounds[1:], strict=False):
        gain = higher - lower
        assert float(gain.mean()) > 5 * float(gain.std() / len(gain) ** 0.5) > 0
    spread = float(bounds[-1].std() / len(bounds[-1]) ** 0.5)
    assert float(bounds[-1].mean()) < exact + 4 * spread


def test_iwae_is_the_log_of_the_mean_weight(binary, rng):
    model = small_vae(rng)
    w = log_weights(model, binary, 7, rng.manual_seed(3)).double()
    found = objectives.iwae(7)(model, binary, Y, rng.manual_seed(3), 0.0)
    assert float(found) == pytest.approx(-float(w.exp().mean(0).log().mean()), rel=1e-5)
    w = log_weights(model, binary, 1, rng.manual_seed(3))
    one = objectives.iwae(1)(model, binary, Y, rng.manual_seed(3), 0.0)
    assert float(one) == pytest.approx(-float(w.mean()), rel=1e-6)


def test_the_gradient_of_iwae_weighs_each_draw_by_its_normalised_weight(binary, rng):
    """Burda et al. 2016, eq. 14. Weights that are not detached would add a second term."""
    model = small_vae(rng).requires_grad_(True)
    parameters = list(model.parameters())
    loss = objectives.iwae(6)(model, binary, Y, rng.manual_seed(4), 0.0)
    found = torch.autograd.grad(loss, parameters)
    w = log_weights(model, binary, 6, rng.manual_seed(4))
    weighted = -(w.softmax(0).detach() * w).sum(0).mean()
    wrong = -(w.softmax(0) * w).sum(0).mean()
    for a, b in zip(
        found, torch.autograd.grad(weighted, parameters, retain_graph=True), strict=True
    ):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)
    other = torch.autograd.grad(wrong, parameters)
    assert any(not torch.allclose(a, b, atol=1e-3) for a, b in zip(found, other, strict=True))


# Two estimators of one gradient


def test_reparametrisation_and_score_function_agree_in_the_mean_not_in_the_variance(rng):
    """d/dm and d/ds of E (z − 3)² with z ~ N(m, e^2s): 2(m − 3) and 2e^2s."""
    m, s = torch.tensor(0.5, requires_grad=True), torch.tensor(-0.3, requires_grad=True)
    exact = torch.tensor([2 * (0.5 - 3), 2 * float(torch.tensor(-0.6).exp())])
    n = 40_000
    eps = torch.randn(n, generator=rng)
    deviation = s.exp()
    z = (m + deviation * eps).detach()
    path = torch.stack([2 * (z - 3), 2 * (z - 3) * deviation * eps], 1)
    score = (z - 3).square()[:, None] * torch.stack([(z - m) / deviation**2, eps**2 - 1], 1)
    path, score = path.detach(), score.detach()
    for draws in (path, score):
        error = (draws.mean(0) - exact) / (draws.std(0) / n**0.5)
        assert float(error.abs().max()) < 5
    assert bool((score.var(0) > 5 * path.var(0)).all())
    # autograd takes the pathwise one through `reparametrised`
    z = reparametrised(m.expand(n, 1), s.expand(n, 1), rng)
    for found, value in zip(
        torch.autograd.grad((z - 3).square().mean(), (m, s)), exact, strict=True
    ):
        assert float(found) == pytest.approx(float(value), abs=0.06)


# Free bits


def test_free_bits_take_a_latent_out_of_the_loss_until_it_carries_them(binary, rng):
    model = small_vae(rng, latent=3).requires_grad_(True)
    mean, log_std = model.encode(binary)
    rate = gaussian_kl(mean, log_std).mean(0)
    bits = float(rate.detach().sort().values[1]) * 1.0001  # two latents are below, one is above

    def loss(**how):
        return objectives.elbo(**how)(model, binary, Y, rng.manual_seed(5), 0.0)

    plain, held, bare = (f.detach() for f in (loss(), loss(free_bits=bits), loss(beta=0.0)))
    wanted = rate.detach().clamp_min(bits).sum()
    assert float(held - bare) == pytest.approx(float(wanted), rel=1e-4)
    assert float(plain - bare) == pytest.approx(float(rate.detach().sum()), rel=1e-4)
    weight = model.encoder[-1].weight
    slope, of_bare = (
        torch.autograd.grad(f, weight)[0] for f in (loss(free_bits=bits), loss(beta=0.0))
    )
    means, logs = (slope - of_bare).chunk(2)
    below = rate < bits
    assert int(below.sum()) == 2
    assert float(means[below].abs().max()) < 1e-5 and float(logs[below].abs().max()) < 1e-5
    assert float(means[~below].abs().max()) > 1e-4


# Linear models


def factor_data(rng, n=400):
    """Points of eight coordinates around a plane, and their mean is not 0."""
    z = torch.randn(n, 2, generator=rng)
    mix = torch.randn(2, 8, generator=rng)
    return z @ mix + 0.5 * torch.randn(n, 8, generator=rng) + torch.linspace(-1, 1, 8)


def test_the_fitted_linear_vae_is_probabilistic_pca(rng):
    """The likelihood is stationary there, above its neighbours, and equal to the closed form
    (Tipping & Bishop 1999, eq. 3.6 to 3.8)."""
    x = factor_data(rng).double()
    model = nets.LinearVAE.fitted(x, 2)
    values = torch.linalg.eigvalsh(torch.cov(x.T, correction=0)).flip(0)
    left = values[2:].mean()
    closed = -0.5 * (8 * log(2 * pi) + values[:2].log().sum() + 6 * left.log() + 8)
    assert float(model.log_prob(x).mean().detach()) == pytest.approx(float(closed), rel=1e-10)
    learnt = [model.W, model.mu, model.log_sigma]
    for slope in torch.autograd.grad(model.log_prob(x).mean(), learnt):
        assert float(slope.abs().max()) < 1e-9
    best = float(model.log_prob(x).mean().detach())
    with torch.no_grad():
        for _ in range(20):
            moved = nets.LinearVAE.fitted(x, 2)
            for p in (moved.W, moved.mu, moved.log_sigma):
                p.add_(0.05 * torch.randn(p.shape, generator=rng, dtype=torch.float64))
            assert float(moved.log_prob(x).mean()) < best


def test_at_the_optimum_the_elbo_is_the_likelihood_for_every_point_and_every_draw(rng):
    x = factor_data(rng).double()
    model = nets.LinearVAE.fitted(x, 2)
    with torch.no_grad():
        mean, log_std = model.encode(x)
        noise = torch.randn(5, *mean.shape, generator=rng, dtype=torch.float64)
        for eps in noise:
            z = mean + log_std.exp() * eps
            prior = -z.square().sum(1) / 2
            q = -(eps.square() / 2 + log_std).sum(1)
            whole = model.log_likelihood(x, z) + prior - q
            torch.testing.assert_close(whole, model.log_prob(x), atol=1e-9, rtol=0)
        model.log_s.add_(0.3)  # another q: the bound has a gap
        elbos = -torch.stack([objectives.elbo()(model, x, Y, rng, 0.0) for _ in range(50)])
        gap = float(model.log_prob(x).mean()) - elbos.mean()
        # KL(q ‖ p(z | x)) for two latents whose σ is e^0.3 too wide
        assert float(gap) == pytest.approx(2 * (0.5 * (2.718281828**0.6 - 1) - 0.3), abs=0.03)


def test_training_the_linear_vae_finds_probabilistic_pca(rng):
    x = factor_data(rng)
    model, best = nets.LinearVAE(8, 2, rng), nets.LinearVAE.fitted(x, 2)
    fit(model, batches(x), objectives.elbo(), steps=2000, rng=rng, optimizer=adam(2e-2),
        schedule=lambda t: 1 - t)  # fmt: skip
    with torch.no_grad():
        found, wanted = float(model.log_prob(x).mean()), float(best.log_prob(x.double()).mean())
    assert wanted - 0.02 < found <= wanted + 1e-4
    assert subspace_gap(model.W.detach().double(), best.W.detach()) < 0.05


def subspace_gap(a, b):
    """The sine of the largest angle between two column spaces."""
    qa, qb = torch.linalg.qr(a)[0], torch.linalg.qr(b)[0]
    return float((1 - torch.linalg.svdvals(qa.T @ qb).min().square()).clamp_min(0).sqrt())


def test_the_closed_linear_autoencoder_is_pca_and_training_finds_its_subspace(rng):
    x = factor_data(rng)
    pca = nets.pca_autoencoder(x, 2)
    centred = (x - x.mean(0)).double()
    left = torch.linalg.svdvals(centred)[2:].square().sum() / len(x)
    with torch.no_grad():
        assert float((pca(x) - x).square().sum(1).mean()) == pytest.approx(float(left), rel=1e-4)
    model = nets.Autoencoder((8,), 2, (), rng)
    assert not any(isinstance(m, nn.GELU) for m in model.modules())
    fit(model, batches(x), objectives.reconstruction(), steps=2000, rng=rng, optimizer=adam(2e-2),
        schedule=lambda t: 1 - t)  # fmt: skip
    gap = subspace_gap(model.decoder[1].weight.detach(), pca.decoder[1].weight.detach())
    assert gap < 0.02
    with pytest.raises(CourseError, match="latent was 9; with 8 inputs"):
        nets.pca_autoencoder(x, 9)
    with pytest.raises(CourseError, match="leave out one of 8"):
        nets.LinearVAE.fitted(x, 8)


# Plain and denoising


def test_reconstruction_sums_over_pixels_and_does_not_clip_the_noise(rng):
    x = torch.rand(5, *SHAPE, generator=rng)

    class Spy(nn.Module):
        def forward(self, seen):
            self.seen = seen
            return torch.zeros_like(seen)

    spy = Spy()
    found = objectives.reconstruction(0.5)(spy, x, Y, rng, 0.0)
    assert float(found) == pytest.approx(float(x.square().sum() / 5), rel=1e-6)
    assert float(spy.seen.min()) < 0 and float(spy.seen.max()) > 1
    assert float((spy.seen - x).std()) == pytest.approx(0.5, rel=0.1)
    objectives.reconstruction()(spy, x, Y, rng, 0.0)
    assert torch.equal(spy.seen, x)


# Discrete codes


def test_the_straight_through_gradient_and_the_two_other_terms(rng):
    model = nets.VQVAE(SHAPE, codes=5, dim=3, width=4, rng=rng)
    x = (torch.rand(6, *SHAPE, generator=rng) < 0.4).float()
    model.train()
    z = model.encode(x)
    e = model.embed(model.indices(z))
    assert z.shape == e.shape == (6, 3, 2, 2)
    distances = (z.movedim(1, -1)[..., None, :] - model.codebook).square().sum(-1)
    assert torch.equal(model.indices(z), distances.argmin(-1))

    inner = e.detach().requires_grad_()
    passed = torch.autograd.grad(-model.log_likelihood(x, inner).mean(), inner)[0]
    encoder, codebook = list(model.encoder.parameters()), model.codebook
    direct = torch.autograd.grad(z, encoder, passed + 2 * 0.25 * (z - e).detach() / 6)
    loss = objectives.vq(0.25)(model, x, Y)
    found = torch.autograd.grad(loss, [*encoder, codebook])
    for a, b in zip(found, direct, strict=False):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)
    pull = torch.zeros_like(codebook)
    rows = 2 * (e - z).detach().movedim(1, -1).flatten(0, 2) / 6
    pull.index_add_(0, model.indices(z).flatten(), rows)
    torch.testing.assert_close(found[-1], pull, atol=1e-5, rtol=1e-3)
    value = -model.log_likelihood(x, e) + 1.25 * (z - e).square().flatten(1).sum(1)
    assert float(loss.detach()) == pytest.approx(float(value.mean().detach()), rel=1e-5)


# Decoders


def test_a_masked_decoder_reads_only_pixels_before_its_own_and_sums_to_one(rng):
    model = nets.MaskedVAE(SHAPE, 2, (8,), 4, rng)
    x, z = torch.rand(1, *SHAPE, generator=rng), torch.randn(1, 2, generator=rng)
    jacobian = torch.autograd.functional.jacobian(lambda v: model.logits(v, z).flatten(), x)
    jacobian = jacobian.view(64, 64)
    assert float(jacobian.triu().abs().max()) == 0 < float(jacobian.abs().max())

    tiny = nets.MaskedVAE((1, 3, 4), 2, (8,), 4, rng).requires_grad_(False)
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 12).view(-1, 1, 3, 4)
    p = tiny.log_likelihood(every, z.expand(len(every), 2)).double().exp()
    assert float(p.sum()) == pytest.approx(1, abs=1e-5)
    drawn = tiny.draw(z.expand(20_000, 2), rng).flatten(1)
    code = (drawn * 2 ** torch.arange(11, -1, -1.0)).sum(1).long()
    share = code.bincount(minlength=4096).double() / 20_000
    top = p.topk(20).indices
    error = (share - p)[top] / (p * (1 - p) / 20_000).sqrt()[top]
    assert float(error.abs().max()) < 5
    with pytest.raises(CourseError, match="for one channel"):
        nets.MaskedVAE((3, 8, 8), rng=rng)


@pytest.mark.parametrize("kind", [nets.VAE, nets.ConvVAE, nets.LogisticVAE, nets.MaskedVAE])
def test_samples_are_images(kind, rng):
    model = kind(SHAPE, latent=3, rng=rng)
    x = model.sample(5, rng)
    assert x.shape == (5, *SHAPE) and float(x.min()) >= 0 and float(x.max()) <= 1
    mean, log_std = model.eval().encode(x)
    assert mean.shape == log_std.shape == (5, 3)
    assert model.log_likelihood(x, mean).shape == (5,)


def test_the_convolutional_decoder_is_the_body_of_the_games_generator(rng):
    model, G = nets.ConvVAE(SHAPE, 6, 4, rng), nets.DCGANGenerator(SHAPE, 4, 6)
    G.body.load_state_dict(model.decoder.state_dict())
    z = torch.randn(5, 6, generator=rng)
    torch.testing.assert_close(model.eval()(z), G.eval()(z))


@pytest.mark.parametrize("mean", [-0.3, 0.0, 0.41, 1.0])
@pytest.mark.parametrize("log_scale", [-7.0, -4.0, -1.0, 1.0])
def test_the_discretised_logistic_is_a_distribution_and_scipys(mean, log_scale):
    x = torch.arange(256, dtype=torch.float64)[:, None] / 255
    mean, log_scale = (torch.full_like(x, v) for v in (mean, log_scale))
    found = nets.discretised_logistic_log_prob(mean, log_scale, x)
    assert float(found.logsumexp(0)) == pytest.approx(0.0, abs=1e-9)
    edges = np.concatenate([[-np.inf], (np.arange(255) + 0.5) / 255, [np.inf]])
    cdf = stats.logistic(mean[0, 0].item(), log_scale[0, 0].exp().item())
    exact = np.log(np.maximum(np.diff(cdf.cdf(edges)), 1e-300))
    likely = torch.from_numpy(exact) > -20
    torch.testing.assert_close(found[likely], torch.from_numpy(exact)[likely], atol=1e-5, rtol=1e-5)


def test_the_discretised_logistic_has_a_slope_far_from_its_mean():
    mean = torch.full((1, 1), 0.9, requires_grad=True)
    far = nets.discretised_logistic_log_prob(mean, torch.full((1, 1), -7.0), torch.tensor([[0.1]]))
    far.sum().backward()
    assert float(mean.grad) == pytest.approx(-exp(7), rel=1e-3)


def test_a_vae_of_8_bit_values_has_both_numbers_from_its_decoder(rng):
    model = nets.LogisticVAE((3, 8, 8), 4, 4, rng).eval()
    z, x = torch.randn(2, 4, generator=rng), torch.randint(256, (2, 3, 8, 8), generator=rng) / 255
    mean, log_scale = model.decode(z).chunk(2, 1)
    torch.testing.assert_close(model(z), mean.sigmoid())
    one = [
        nets.discretised_logistic_log_prob(mean.sigmoid()[:, c], log_scale[:, c] - 3, x[:, c])
        for c in range(3)
    ]
    torch.testing.assert_close(model.log_likelihood(x, z), sum(one))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: objectives.elbo(beta=-1), "beta was -1"),
        (lambda: objectives.elbo(free_bits=-1), "free_bits was -1"),
        (lambda: objectives.iwae(0), "k was 0"),
        (lambda: objectives.reconstruction(-1), "noise was -1"),
        (lambda: objectives.vq(-1), "commitment was -1"),
    ],
)
def test_what_cannot_be_is_one_sentence(make, said):
    with pytest.raises(CourseError, match=said):
        make()


# The zoo


KINDS = ("vae-2", "vae-conv", "ae-8", "masked-free-bits", "iwae-5", "vqvae")


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_run_is_measured(name, rng):
    recipe = RECIPES[f"{name}-digits"]
    network = recipes.build_network(recipe, "network", None, rng).eval()
    features = recipes.build_network(RECIPES["features-digits"], "network", None, rng).eval()
    x = torch.rand(30, 1, 28, 28, generator=rng)
    split = Split(x, torch.arange(30) % 10)
    data = Dataset("digits", split, split, tuple("0123456789"))
    recipe = replace(recipe, compare=20)
    figures = measures.measure(recipe, {"network": network}, data, features)
    value = {k: row["value"] for k, row in figures.items()}
    assert all(row["n"] == 20 and row["tolerance"] >= 0 for row in figures.values())
    if "rate" in value:
        assert value["negative_elbo"] == pytest.approx(value["rate"] + value["distortion"])
    if name == "vae-2":
        exact, bound = value["negative_log_likelihood"], value["iwae_100"]
        with torch.no_grad():  # the error of log of a mean of 100 weights, over 20 images
            weights = log_weights(network, x[:20].round(), 100, rng).softmax(0) * 100
        error = float((weights.var(0) / 100).mean() / 20) ** 0.5
        assert exact - 4 * error < bound < value["negative_elbo"] + 0.1
        assert error < 0.2
    assert ("frechet_distance" in value) == (name == "vae-conv")
    if name == "ae-8":
        assert value["squared_error_of_pca"] < value["squared_error"]
    if name == "vqvae":
        assert 1 <= value["perplexity"] <= value["codes_used"] <= 64
