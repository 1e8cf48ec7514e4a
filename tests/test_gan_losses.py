"""The five losses against their closed forms, far tails included."""

import numpy as np
import pytest
import torch
from scipy.special import expit, log_expit

from coursekit import gan_losses
from coursekit.errors import CourseError

CLOSED = {  # (critic's loss, generator's loss), as the papers write them, D = sigmoid(score)
    gan_losses.Saturating(): (
        lambda r, f: -log_expit(r).mean() - log_expit(-f).mean(),
        lambda f: log_expit(-f).mean(),
    ),
    gan_losses.NonSaturating(): (
        lambda r, f: -log_expit(r).mean() - log_expit(-f).mean(),
        lambda f: -log_expit(f).mean(),
    ),
    gan_losses.LeastSquares(): (
        lambda r, f: 0.5 * ((r - 1) ** 2).mean() + 0.5 * (f**2).mean(),
        lambda f: 0.5 * ((f - 1) ** 2).mean(),
    ),
    gan_losses.Hinge(): (
        lambda r, f: np.maximum(0, 1 - r).mean() + np.maximum(0, 1 + f).mean(),
        lambda f: -f.mean(),
    ),
    gan_losses.Wasserstein(): (lambda r, f: f.mean() - r.mean(), lambda f: -f.mean()),
}
ALL = pytest.mark.parametrize("loss", CLOSED, ids=lambda loss: type(loss).__name__)
CROSS_ENTROPIES = (gan_losses.Saturating, gan_losses.NonSaturating)


@ALL
@pytest.mark.parametrize("scale", [1, 30, 1000], ids="scores up to {}".format)
def test_closed_form(loss, scale, rng):
    real, fake = (scale * torch.randn(2, 64, generator=rng, dtype=torch.float64)).unbind()
    critic, generator = CLOSED[loss]
    assert loss.critic(real, fake).item() == pytest.approx(critic(real.numpy(), fake.numpy()))
    assert loss.generator(fake).item() == pytest.approx(generator(fake.numpy()))


@ALL
def test_the_critic_gains_by_telling_real_from_fake_and_the_generator_by_fooling_it(loss):
    """Swapped labels would turn each of these round."""
    low, high = torch.full((8,), -0.9), torch.full((8,), 0.9)
    assert loss.critic(high, low) < loss.critic(low, high)
    assert loss.generator(high) < loss.generator(low)


@ALL
def test_float32_tails_stay_finite_with_finite_gradients(loss):
    for value in (-1e4, 1e4):
        scores = torch.full((3,), value, requires_grad=True)
        total = loss.critic(scores, -scores) + loss.generator(scores)
        (gradient,) = torch.autograd.grad(total, scores)
        assert total.isfinite()
        assert gradient.isfinite().all()


@pytest.mark.parametrize("score", [-50.0, -2.0, 0.0, 2.0, 50.0])
def test_slope_of_the_generator(score):
    """d/ds log(1 − σ(s)) = −σ(s) dies where D is sure of a fake; d/ds −log σ(s) = σ(s) − 1 not."""
    s = torch.tensor([score], dtype=torch.float64, requires_grad=True)
    (saturating,) = torch.autograd.grad(gan_losses.Saturating().generator(s), s)
    (lively,) = torch.autograd.grad(gan_losses.NonSaturating().generator(s), s)
    assert saturating.item() == pytest.approx(-expit(score), abs=1e-15)
    assert lively.item() == pytest.approx(-expit(-score), abs=1e-15)


@pytest.mark.parametrize("kind", CROSS_ENTROPIES)
def test_label_smoothing_is_one_sided_cross_entropy_with_soft_targets(kind, rng):
    real, fake = (5 * torch.randn(2, 64, generator=rng, dtype=torch.float64)).unbind()
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    wanted = bce(real, torch.full_like(real, 0.9)) + bce(fake, torch.zeros_like(fake))
    torch.testing.assert_close(kind(0.9).critic(real, fake), wanted)
    torch.testing.assert_close(kind(0.9).generator(fake), kind().generator(fake))


@pytest.mark.parametrize("kind", CROSS_ENTROPIES)
@pytest.mark.parametrize("label", [0.0, -0.1, 1.2])
def test_an_impossible_label_is_refused(kind, label):
    with pytest.raises(CourseError, match="real_label was"):
        kind(label)


def test_the_notes_reconstruction_term_by_hand_and_where_it_pulls(rng):
    """Over independent pairs the best single image is the pixel-wise median."""
    fake, x = torch.zeros(2, 1, 2, 2), torch.ones(2, 1, 2, 2)
    assert gan_losses.reconstruction(0.05)(None, x, fake).item() == pytest.approx(0.05)
    real = torch.rand(101, 1, 2, 2, generator=rng) ** 3  # skewed: mean and median differ
    term = gan_losses.reconstruction(1.0)

    def cost(image):
        return term(None, real, image.expand_as(real))

    best = cost(real.median(0, keepdim=True).values)
    assert best < cost(real.mean(0, keepdim=True))
    assert all(best <= cost(real[[i]]) for i in range(101))
    with pytest.raises(CourseError, match="weight was -1"):
        gan_losses.reconstruction(-1.0)
