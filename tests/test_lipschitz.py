"""Gradient penalty against autograd and closed forms, clipping, spectral norm against SVD."""

import pytest
import torch
from seeds import seeded
from torch import nn

from coursekit.errors import CourseError
from coursekit.lipschitz import clip_weights, gradient_norm, gradient_penalty, spectral_norms
from coursekit.nets import DCGANDiscriminator, MLPDiscriminator, normalise_spectrally


class Critic(nn.Module):
    """Any function as a critic."""

    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, x, y=None):
        return self.f(x)


def smooth_critic():
    torch.manual_seed(0)
    body = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0))
    return Critic(body).double()


def test_slope_of_a_linear_critic_is_the_length_of_its_weight(rng):
    w = torch.randn(12, generator=rng, dtype=torch.float64)
    x = torch.randn(5, 3, 2, 2, generator=rng, dtype=torch.float64)
    found = gradient_norm(Critic(lambda v: v.flatten(1) @ w), x)
    torch.testing.assert_close(found, w.norm().expand(5))


def test_penalty_of_a_linear_critic(rng):
    w = torch.tensor([3.0, 4.0], dtype=torch.float64)
    x, fake = torch.randn(2, 6, 2, generator=rng, dtype=torch.float64)
    found = gradient_penalty(10)(Critic(lambda v: v @ w), x, fake, None, rng)
    assert found.item() == pytest.approx(10 * (5 - 1) ** 2)


def test_penalty_against_autograd_written_out(rng):
    """The same draws of ε, the gradient example by example."""
    critic = smooth_critic()
    x, fake = torch.randn(2, 6, 3, generator=rng, dtype=torch.float64)
    state = rng.get_state()
    found = gradient_penalty(7.0)(critic, x, fake, None, rng)
    rng.set_state(state)
    eps = torch.rand(6, 1, generator=rng).double()
    mixed = eps * x + (1 - eps) * fake
    lengths = []
    for row in mixed:
        at = row.clone().requires_grad_(True)
        lengths.append(torch.autograd.grad(critic(at[None]).sum(), at)[0].norm())
    assert found.item() == pytest.approx(7 * (torch.stack(lengths) - 1).square().mean().item())


def test_its_gradient_reaches_the_weights_as_finite_differences_say(rng):
    critic = smooth_critic()
    x, fake = torch.randn(2, 6, 3, generator=rng, dtype=torch.float64)

    def penalty():
        fixed = seeded(3)
        return gradient_penalty(10)(critic, x, fake, None, fixed)

    weight = critic.f[0].weight
    (exact,) = torch.autograd.grad(penalty(), weight)
    with torch.no_grad():
        for i, j in [(0, 0), (3, 1), (7, 2)]:
            old = weight[i, j].item()
            weight[i, j] = old + 1e-6
            above = penalty().item()
            weight[i, j] = old - 1e-6
            below = penalty().item()
            weight[i, j] = old
            assert (above - below) / 2e-6 == pytest.approx(exact[i, j].item(), rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_epsilon_is_uniform_and_each_example_has_its_own(seed):
    """On f = x³ between 0 (fake) and 1 (real) the slope is 3ε², and E(3ε² − 1)² = 0.8.

    With ε fixed at 1 it would be 4, with one ε for all almost anything. Its standard deviation
    over 20,000 draws is 0.0075 (σ of (3ε² − 1)² is 1.06); five of those are allowed.
    """
    real, fake = torch.ones(20_000, 1), torch.zeros(20_000, 1)
    cube = Critic(lambda v: (v**3).sum(1))
    found = gradient_penalty(1)(cube, real, fake, None, seeded(seed))
    assert found.item() == pytest.approx(0.8, abs=0.04)


def test_penalty_leaves_no_gradient_on_the_images_and_reaches_no_generator(rng):
    x, fake = torch.rand(2, 4, 3, generator=rng, dtype=torch.float64)
    fake.requires_grad_(True)
    gradient_penalty()(smooth_critic(), x, fake, None, rng).backward()
    assert fake.grad is None


class Told(nn.Module):
    """s(x, y) = (y + 1)·x, a critic of pairs; without labels it is flat."""

    def forward(self, x, y=None):
        return (0 if y is None else y + 1) * x.squeeze(1)


def test_the_penalty_holds_the_slope_under_the_labels_of_the_batch(rng):
    """Slopes 1 to 4, so that (‖∇‖ − 1)² is y²."""
    x, fake = torch.rand(2, 4, 1, generator=rng)
    found = gradient_penalty(2.0)(Told(), x, fake, torch.arange(4), rng)
    assert found.item() == pytest.approx(2 * (0 + 1 + 4 + 9) / 4)


def test_clipping_holds_every_parameter(rng):
    critic = DCGANDiscriminator((1, 8, 8), width=4, rng=rng)
    clip_weights(0.01)(critic)
    assert max(p.abs().max().item() for p in critic.parameters()) <= 0.01


def test_clipping_keeps_signs_and_what_lies_in_the_box():
    critic = nn.Linear(4, 1)
    with torch.no_grad():
        critic.weight.copy_(torch.tensor([[-3.0, -0.2, 0.1, 2.0]]))
    clip_weights(0.5)(critic)
    torch.testing.assert_close(critic.weight.detach(), torch.tensor([[-0.5, -0.2, 0.1, 0.5]]))


@pytest.mark.parametrize("make", [lambda: gradient_penalty(-1.0), lambda: clip_weights(0.0)])
def test_senseless_settings_are_refused(make):
    with pytest.raises(CourseError, match=r"weight was -1|bound was 0"):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: DCGANDiscriminator((3, 8, 8), width=8, norm="spectral", rng=rng),
        lambda rng: MLPDiscriminator((1, 8, 8), (32, 16), norm="spectral", rng=rng),
    ],
    ids=["convolutions", "linear"],
)
def test_spectral_norm_against_svd(make, rng):
    """After a few power iterations every weight has largest singular value 1, by SVD."""
    critic = make(rng).train()
    x = torch.rand(2, *((3, 8, 8) if isinstance(critic, DCGANDiscriminator) else (1, 8, 8)))
    for _ in range(200):
        critic(x)
    norms = spectral_norms(critic.eval())
    assert len(norms) == 3
    assert list(norms.values()) == pytest.approx([1.0] * 3, abs=1e-3)


def test_spectral_norms_are_those_of_numpy(rng):
    model = nn.Sequential(nn.Conv2d(2, 5, 3), nn.Linear(7, 4))
    found = spectral_norms(model)
    for name, layer in (("0", model[0]), ("1", model[1])):
        matrix = layer.weight.detach().flatten(1)
        assert found[name] == pytest.approx(torch.linalg.svdvals(matrix).max().item(), rel=1e-5)


def test_a_spectrally_normalised_critic_is_no_steeper_than_the_product_of_its_norms(rng):
    """Linear layers with LeakyReLU: the Lipschitz constant is at most Π σ(W) = 1."""
    critic = MLPDiscriminator((4,), (32, 16), rng=rng)
    normalise_spectrally(critic, rng)
    x = torch.randn(256, 4, generator=rng)
    for _ in range(200):
        critic(x)
    assert gradient_norm(critic.eval(), x).max() <= 1 + 1e-3
