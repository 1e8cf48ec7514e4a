"""Conditional networks: what they compute, what they refuse, and that one loop trains them all."""

from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from coursekit import nets
from coursekit.data import Split
from coursekit.errors import CourseError
from coursekit.gan_losses import NonSaturating, auxiliary
from coursekit.lipschitz import spectral_norms
from coursekit.training import Ema, train_gan

K, SHAPE = 5, (1, 8, 16)
GENERATORS = [nets.ConcatGenerator, nets.ConditionalBatchNormGenerator, nets.SNGANGenerator]
HEARS = [nets.ConcatDiscriminator, nets.ProjectionDiscriminator, nets.SNGANDiscriminator]
DISCRIMINATORS = [nets.AuxiliaryDiscriminator, *HEARS]


@pytest.fixture
def pairs(rng):
    return torch.rand(6, *SHAPE, generator=rng), torch.tensor([0, 4, 1, 3, 2, 0])


@pytest.mark.parametrize("make", GENERATORS)
def test_a_generator_paints_what_it_is_asked_for(make, rng, pairs):
    G = make(SHAPE, K, 4, rng=rng).eval()
    with torch.no_grad():
        for weight in G.parameters():  # SN-GAN's classes begin alike
            weight.add_(0.1 * torch.randn(weight.shape, generator=rng))
    z, y = G.noise(6, rng), pairs[1]
    x = G(z, y)
    assert x.shape == (6, *SHAPE) and x.min() >= 0 and x.max() <= 1
    assert not torch.allclose(x, G(z, (y + 1) % K))
    torch.testing.assert_close(x, G.forward_soft(z, F.one_hot(y, K).float()))


@pytest.mark.parametrize("make", GENERATORS)
def test_samples_follow_their_labels_in_parts_too(make, rng, pairs):
    G, y = make(SHAPE, K, 4, rng=rng), pairs[1]
    state = rng.get_state()
    whole = G.sample(6, rng, y)
    rng.set_state(state)
    torch.testing.assert_close(whole, G.sample(6, rng, y, batch=4))
    with pytest.raises(CourseError, match="give one each"):
        G.sample(5, rng, y)


def test_an_unconditional_generator_ignores_the_labels(rng, pairs):
    G = nets.DCGANGenerator(SHAPE, 4, rng=rng)
    state = rng.get_state()
    x = G.sample(6, rng)
    rng.set_state(state)
    assert torch.equal(x, G.sample(6, rng, pairs[1]))


@pytest.mark.parametrize("make", [*GENERATORS, *HEARS])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (torch.tensor([0, 5]), "from 0 to 5; allowed are 0 to 4"),
        (torch.tensor([-1, 2]), "from -1 to 2"),
        (None, "needs labels"),
    ],
)
def test_labels_outside_the_set_are_refused(make, wrong, said, rng, pairs):
    network = make(SHAPE, K, 4, rng=rng)
    first = pairs[0][:2] if make in HEARS else network.noise(2, rng)
    with pytest.raises(CourseError, match=said):
        network(first, wrong)


def test_drawn_labels_are_the_set(rng):
    y = nets.ConcatGenerator(SHAPE, K, 4, rng=rng).labels(4000, rng)
    shares = y.bincount(minlength=K) / 4000
    assert len(shares) == K
    assert (shares - 1 / K).abs().max() < 0.03  # more than four standard deviations


def test_class_batchnorm_with_equal_rows_is_plain_batchnorm(rng):
    layer, plain = nets.ConditionalBatchNorm2d(3, K, rng), nn.BatchNorm2d(3)
    with torch.no_grad():
        layer.gain[:], layer.shift[:] = layer.gain[1].clone(), layer.shift[1].clone()
        plain.weight[:], plain.bias[:] = layer.gain[1], layer.shift[1]
    for _ in range(2):  # train mode, then eval mode with the statistics of the first pass
        h = 2 * torch.randn(7, 3, 4, 5, generator=rng) + 1
        blend = F.one_hot(torch.arange(7) % K, K).float()
        torch.testing.assert_close(layer(h, blend), plain(h))
        layer.eval(), plain.eval()


def test_class_batchnorm_shares_its_statistics(rng):
    layer = nets.ConditionalBatchNorm2d(3, K, rng)
    h, y = torch.randn(7, 3, 4, 5, generator=rng), torch.arange(7) % K
    normal = F.batch_norm(h, None, None, training=True)
    wanted = layer.gain[y][:, :, None, None] * normal + layer.shift[y][:, :, None, None]
    torch.testing.assert_close(layer(h, F.one_hot(y, K).float()), wanted)


def test_projection_score_is_its_formula(rng, pairs):
    D, (x, y) = nets.ProjectionDiscriminator(SHAPE, K, 4, rng=rng).eval(), pairs
    h = D.features(x)
    wanted = D.score(h).squeeze(1) + torch.stack(
        [D.embed.weight[c] @ row for c, row in zip(y, h, strict=True)]
    )
    torch.testing.assert_close(D(x, y), wanted)


def test_the_classes_of_sngan_begin_alike_and_its_score_is_its_formula(rng, pairs):
    """ψ(φ(x)) + ⟨v_y, φ(x)⟩, φ summed over places (Miyato & Koyama 2018)."""
    G, (x, y) = nets.SNGANGenerator(SHAPE, K, 4, rng=rng).eval(), pairs
    z = G.noise(6, rng)
    torch.testing.assert_close(G(z, y), G(z, (y + 1) % K))
    D = nets.SNGANDiscriminator(SHAPE, K, 4, rng=rng).eval()
    h = D.trunk(2 * x - 1).sum((2, 3))
    assert h.shape == (6, 16)
    wanted = D.score(h).squeeze(1) + (D.embed.weight[y] * h).sum(1)
    torch.testing.assert_close(D(x, y), wanted)


def test_sngan_with_attention_begins_without_it_and_its_attention_is_normalised(rng, pairs):
    x, y = pairs
    plain = nets.SNGANDiscriminator(SHAPE, K, 8, rng=rng).eval()
    D = nets.SNGANDiscriminator(SHAPE, K, 8, attention=True, rng=rng).eval()
    (place,) = (i for i, m in enumerate(D.trunk) if isinstance(m, nets.SelfAttention))
    assert D.trunk[:place](2 * x - 1).shape == (6, 16, SHAPE[1] // 4, SHAPE[2] // 4)
    kept = nn.Sequential(*(m for i, m in enumerate(D.trunk) if i != place))
    plain.trunk, plain.score, plain.embed = kept, D.score, D.embed
    torch.testing.assert_close(D(x, y), plain(x, y))
    assert len(spectral_norms(D)) == 7 + 4
    with torch.no_grad():
        D.trunk[place].gamma.fill_(1.0)
    assert not torch.allclose(D(x, y), plain(x, y))


def test_a_shared_code_and_each_part_of_z_reach_the_image(rng):
    """Brock et al. 2019, §3.1: the first part makes the map, three more enter one norm each."""
    G = nets.SNGANGenerator(SHAPE, K, 8, 8, attention=True, code=5, rng=rng).eval()
    z, y = G.noise(2, rng), torch.zeros(2, dtype=torch.long)
    x = G(z, y)
    assert x.shape == (2, *SHAPE)
    assert not torch.allclose(G(z, y + 1), x)
    for part in range(4):
        other = z.clone()
        other[:, 2 * part : 2 * part + 2] += 1
        assert not torch.allclose(G(other, y), x), part
    assert [m.gamma.item() for m in G.modules() if isinstance(m, nets.SelfAttention)] == [0.0]


def test_every_layer_of_sngans_discriminator_has_spectral_norm_one(rng, pairs):
    D = nets.SNGANDiscriminator(SHAPE, K, 4, rng=rng)
    for _ in range(200):
        D(*pairs)
    norms = spectral_norms(D.eval())
    assert len(norms) == 7  # six convolutions and the score
    assert list(norms.values()) == pytest.approx([1.0] * 7, abs=1e-3)


@pytest.mark.parametrize("make", HEARS)
def test_a_discriminator_of_pairs_hears_the_label(make, rng, pairs):
    D, (x, y) = make(SHAPE, K, 4, rng=rng).eval(), pairs
    assert not torch.allclose(D(x, y), D(x, (y + 1) % K), atol=1e-5)


def test_acgan_scores_without_the_label_and_takes_one_softmax(rng, pairs):
    D, (x, y) = nets.AuxiliaryDiscriminator(SHAPE, K, 4, rng=rng).eval(), pairs
    assert torch.equal(D(x, y), D(x, (y + 1) % K))
    fake = torch.rand(6, *SHAPE, generator=rng)
    loss = auxiliary(real=2.0, fake=0.5)(D, x, fake, y, rng)
    wanted = 2 * F.cross_entropy(D.class_logits(x), y)
    wanted = wanted + 0.5 * F.cross_entropy(D.class_logits(fake), y)
    torch.testing.assert_close(loss, wanted)
    assert float(auxiliary()(D, x, fake, y, rng)) == 0
    with pytest.raises(CourseError, match="at least 0"):
        auxiliary(fake=-1.0)


@pytest.mark.parametrize("make_D", DISCRIMINATORS)
@pytest.mark.parametrize("make_G", GENERATORS)
def test_the_one_loop_trains_every_pair(make_G, make_D, rng, pairs):
    G, D = make_G(SHAPE, K, 2, rng=rng), make_D(SHAPE, K, 2, rng=rng)
    before = deepcopy(G.state_dict()), deepcopy(D.state_dict())
    extras = {}
    if make_D is nets.AuxiliaryDiscriminator:
        extras = {"penalty_D": auxiliary(1.0, 1.0), "penalty_G": auxiliary(fake=1.0)}
    ema = Ema(G)
    batches = Split(*pairs).batches(4, rng)
    train_gan(G, D, batches, NonSaturating(), steps=2, rng=rng, ema=ema, **extras)
    for network, old in zip((G, D), before, strict=True):
        learnt = dict(network.named_parameters())
        # DCGAN's bias before a BatchNorm has no gradient but rounding; everything else must move.
        assert all(
            not torch.equal(learnt[name], old[name]) for name in learnt if "bias" not in name
        )
    assert ema.model.sample(3, rng, pairs[1][:3]).shape == (3, *SHAPE)


@pytest.mark.parametrize("bound", [0.3, 1.0, 3.0])
def test_truncated_noise_is_a_normal_within_its_bound(bound, rng):
    from scipy.stats import kstest, truncnorm

    z = nets.truncated(4000, 2, rng, bound).flatten()
    assert z.abs().max() <= bound
    assert kstest(z.double().numpy(), truncnorm(-bound, bound).cdf).pvalue > 1e-4
    with pytest.raises(CourseError, match="must be positive"):
        nets.truncated(1, 1, rng, 0.0)
