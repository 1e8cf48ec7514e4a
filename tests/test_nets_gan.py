"""Generators and discriminators: shapes, ranges, initial weights, and what they depend on."""

import pytest
import torch
from torch.nn import functional as F

from coursekit import nets
from coursekit.errors import CourseError
from coursekit.nets import (
    AuxiliaryDiscriminator,
    DCGANDiscriminator,
    DCGANGenerator,
    Inpainter,
    MLPDiscriminator,
    MLPGenerator,
    ProjectionDiscriminator,
    slerp,
)

GENERATORS = {
    "dcgan": lambda shape, rng: DCGANGenerator(shape, width=4, rng=rng),
    "dcgan without norm": lambda shape, rng: DCGANGenerator(shape, width=4, norm="none", rng=rng),
    "mlp": lambda shape, rng: MLPGenerator(shape, (16,), noise_dim=64, rng=rng),
    "mlp with norm": lambda shape, rng: MLPGenerator(shape, (16, 8), norm="batch", rng=rng),
}
DISCRIMINATORS = {
    "batch": lambda shape, rng: DCGANDiscriminator(shape, width=4, rng=rng),
    "none": lambda shape, rng: DCGANDiscriminator(shape, width=4, norm="none", rng=rng),
    "spectral": lambda shape, rng: DCGANDiscriminator(shape, width=4, norm="spectral", rng=rng),
    "pool": lambda shape, rng: DCGANDiscriminator(shape, width=4, pool=True, rng=rng),
    "mlp": lambda shape, rng: MLPDiscriminator(shape, (16,), rng=rng),
    "mlp spectral": lambda shape, rng: MLPDiscriminator(shape, (16,), norm="spectral", rng=rng),
}
SHAPES = pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (2, 8, 12)], ids=str)
G_KINDS = pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS)
D_KINDS = pytest.mark.parametrize("make", DISCRIMINATORS.values(), ids=DISCRIMINATORS)


@SHAPES
@G_KINDS
def test_a_generator_draws_its_noise_and_ends_in_pixels(make, shape, rng):
    G = make(shape, rng)
    z = G.noise(5, rng)
    x = G(z)
    assert z.shape == (5, G.noise_dim)
    assert x.shape == (5, *shape)
    assert x.min() >= 0 and x.max() <= 1


@SHAPES
@D_KINDS
def test_a_discriminator_gives_one_score_each(make, shape, rng):
    D = make(shape, rng)
    assert D(torch.rand(5, *shape, generator=rng)).shape == (5,)


OF_CLASSES = (
    nets.StridedCNN, nets.PooledCNN, nets.VGGSmall, nets.SmallResNet, nets.LinearClassifier,
    nets.ConcatGenerator, nets.ConditionalBatchNormGenerator, nets.SNGANGenerator,
    nets.ConcatDiscriminator, AuxiliaryDiscriminator, ProjectionDiscriminator,
    nets.SNGANDiscriminator,
)  # fmt: skip
EVERY = GENERATORS | DISCRIMINATORS | {"MLP": lambda shape, rng: nets.MLP((4, 5, 2), rng=rng)}
EVERY |= {c.__name__: lambda shape, rng, c=c: c(shape, 3, rng=rng) for c in OF_CLASSES}


@pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
def test_initial_weights_come_from_the_generator_that_is_given(make):
    def draw(seed):
        return make((1, 8, 8), torch.Generator().manual_seed(seed)).state_dict()

    before = torch.get_rng_state()
    one, again, other = draw(1), draw(1), draw(2)
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)
    # PyTorch draws its own weights first, from the global generator; ours must not depend on it.
    torch.set_rng_state(before)
    torch.rand(1)
    moved = draw(1)
    assert all(torch.equal(one[name], moved[name]) for name in one)


def test_weights_start_from_a_narrow_normal(rng):
    G = DCGANGenerator((1, 28, 28), rng=rng)
    first = G.body[0]
    assert first.weight.std().item() == pytest.approx(0.02, rel=0.01)
    assert first.bias.abs().max() == 0


@pytest.mark.parametrize("kind", ["none", "spectral", "mlp"])
def test_without_batchnorm_a_critic_sees_each_example_alone(kind, rng):
    D = DISCRIMINATORS[kind]((1, 8, 8), rng).eval()
    x = torch.rand(6, 1, 8, 8, generator=rng)
    torch.testing.assert_close(D(x)[:2], D(x[:2]))


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: DCGANDiscriminator((1, 8, 8), 4, "none", rng=rng),
        lambda rng: AuxiliaryDiscriminator((1, 8, 8), 3, 4, "none", rng=rng),
        lambda rng: ProjectionDiscriminator((1, 8, 8), 3, 4, "none", rng=rng),
    ],
    ids=["plain", "auxiliary", "projection"],
)
def test_a_critic_of_images_sees_them_centred_on_grey(make, rng):
    """Pixels run from −1 to 1 for it, and its biases begin at 0: mid-grey has no score yet."""
    D, y = make(rng), torch.arange(3)
    assert D(torch.full((3, 1, 8, 8), 0.5), y).abs().max() == 0
    assert D(torch.zeros(3, 1, 8, 8), y).abs().min() > 0


def test_mixed_batches_leak_through_batchnorm(rng):
    """Why real and fake are never one batch: a score then depends on its neighbours."""
    D = DISCRIMINATORS["batch"]((1, 8, 8), rng).train()
    real, fake = torch.rand(8, 1, 8, 8, generator=rng), torch.zeros(8, 1, 8, 8)
    assert not torch.allclose(D(torch.cat([real, fake]))[:8], D(real), atol=1e-3)


def test_samples_are_drawn_in_eval_mode_and_the_mode_is_put_back(rng):
    G = DCGANGenerator((1, 8, 8), width=4, rng=rng).train()
    state = rng.get_state()
    in_parts = G.sample(7, rng, batch=3)
    rng.set_state(state)
    torch.testing.assert_close(in_parts, G.sample(7, rng))
    assert G.training and not in_parts.requires_grad
    assert all(int(m.num_batches_tracked) == 0 for m in G.body if hasattr(m, "running_mean"))


def test_a_completer_keeps_the_half_it_is_given(rng):
    top = torch.rand(5, 3, 8, 16, generator=rng)
    C = Inpainter((3, 16, 16), width=4, rng=rng)
    x = C(C.noise(5, rng), top)
    assert x.shape == (5, 3, 16, 16)
    assert torch.equal(x[:, :, :8], top)
    assert not torch.equal(C(C.noise(5, rng), top), x)


def test_the_great_circle_keeps_lengths_and_speed(rng):
    a, b = F.normalize(torch.randn(2, 6, 9, generator=rng, dtype=torch.float64), dim=-1)
    whole = (a * b).sum(-1).arccos()
    for t in (0.0, 0.3, 1.0):
        at = slerp(a, b, t)
        torch.testing.assert_close(at.norm(dim=-1), torch.ones(6, dtype=torch.float64))
        turned = (a * at).sum(-1).clamp(-1, 1).arccos()
        torch.testing.assert_close(turned, t * whole, atol=1e-7, rtol=0)
    places = slerp(a[0], b[0], torch.tensor([0.0, 0.5, 1.0]))
    torch.testing.assert_close(places[[0, 2]], torch.stack([a[0], b[0]]))
    torch.testing.assert_close(slerp(a, a, 0.3), a)  # no angle between them


def test_an_mlp_for_points_is_unbounded(rng):
    G = MLPGenerator((2,), (8,), noise_dim=2, bounded=False, rng=rng)
    assert G(100 * G.noise(50, rng)).min() < 0


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: DCGANGenerator((1, 27, 28)), "multiples of 4"),
        (lambda: DCGANDiscriminator((1, 28, 30)), "multiples of 4"),
        (lambda: nets.StridedCNN((1, 28, 30), 10), r"shape was \(1, 28, 30\)"),
        (lambda: nets.PooledCNN((1, 28, 30), 10), r"shape was \(1, 28, 30\)"),
        (lambda: nets.SmallResNet((1, 28, 30), 10), r"shape was \(1, 28, 30\)"),
        (lambda: nets.SNGANGenerator((1, 8, 12), 3), "both sides must be multiples of 8"),
        (lambda: nets.SNGANGenerator((1, 8, 8), 3, 4, 6, code=4), "noise_dim was 6; of four parts"),
        (lambda: nets.SNGANDiscriminator((1, 8, 12), 3), "both sides must be multiples of 8"),
        (lambda: DCGANGenerator((1, 28, 28), norm="spectral"), "choose one of batch, none"),
        (lambda: DCGANDiscriminator((1, 28, 28), norm="bach"), "norm was 'bach'"),
        (lambda: MLPDiscriminator((2,), norm="batch"), "choose one of none, spectral"),
    ],
)
def test_what_cannot_be_built_is_refused(make, said):
    with pytest.raises(CourseError, match=said):
        make()


def test_minibatch_std_tells_copies_from_different_images(rng):
    D = DCGANDiscriminator((1, 8, 8), 4, "none", minibatch_std=4, rng=rng)
    plane = D.body[-1].weight.view(9, 2, 2)[8]  # the weights of the added plane
    with torch.no_grad():
        plane.fill_(1.0)
    x = torch.rand(8, 1, 8, 8, generator=rng)
    x[4:] = x[4]
    without = DCGANDiscriminator((1, 8, 8), 4, "none")
    own = dict(D.state_dict())
    own["body.6.weight"] = D.body[-1].weight.view(9, 4)[:8].reshape(1, -1)
    own["body.6.bias"] = own.pop("body.7.bias")
    own.pop("body.7.weight")
    without.load_state_dict(own)
    added = D(x) - without(x)
    assert added[:4].min() > 1e-3 and added[4:].abs().max() < 1e-3
    assert torch.allclose(added[:4], added[0].expand(4), atol=1e-6)
