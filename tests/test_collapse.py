"""The remedies of 05: parallel games, lenses, unrolling, and what is measured of them."""

import math

import pytest
import torch
from seeds import seeded
from torch import nn
from torch.nn import functional as F

from coursekit import nets
from coursekit.data import Sampler, toys
from coursekit.errors import CourseError
from coursekit.gan_losses import NonSaturating, Wasserstein
from coursekit.metrics import checkerboard, mode_coverage, power_spectrum, stacked_coverage
from coursekit.training import adam, train_gan, unrolled


def players(games, seed=0, **more):
    rng = seeded(seed)
    G = nets.ParallelGenerator(games, (2,), (8,), noise_dim=3, rng=rng)
    return G, nets.ParallelDiscriminator(games, (2,), (8,), rng=rng, **more), rng


# Parallel games -------------------------------------------------------------------------------


def test_no_number_of_one_game_reaches_another():
    """Games 1 and 2 are given other data: game 0 must not notice."""

    def play(shift):
        G, D, rng = players(3, aside=nets.MinibatchStd(4))
        base = toys.ring().batches(24, rng)

        def data(n, own):
            x, y = next(base)
            return torch.cat([x[:8], x[8:] + shift]), y

        batches = Sampler(data, 24, seeded(1))
        train_gan(
            G, nets.Preprocessed(nn.Identity(), D), batches, NonSaturating(), steps=5, rng=rng
        )
        return [p.detach() for p in [*G.parameters(), *D.parameters()]]

    for a, b in zip(play(0.0), play(3.0), strict=True):
        assert torch.allclose(a[0], b[0], atol=1e-6) and not torch.equal(a[1], b[1])


def test_each_game_is_normalised_by_its_own_singular_value():
    _, D, _ = players(3, norm="spectral")
    D.train()
    for _ in range(60):
        D(torch.zeros(3, 2))
    weight = D.eval().body[0].weight.detach()
    assert torch.linalg.matrix_norm(weight, 2) == pytest.approx([1.0] * 3, abs=1e-3)


def test_a_label_is_part_of_what_the_networks_see(rng):
    G = nets.ParallelGenerator(2, (2,), (8,), 2, classes=4, rng=rng)
    D = nets.ParallelDiscriminator(2, (2,), (8,), classes=4, rng=rng)
    z, y = G.noise(4, rng), torch.tensor([0, 1, 2, 3])
    assert not torch.allclose(G(z, y), G(z, y.flip(0)))
    assert not torch.allclose(D(G(z, y), y), D(G(z, y), y.flip(0)))
    with pytest.raises(CourseError, match="y was None"):
        D(torch.zeros(4, 2))


def test_a_wide_generator_begins_with_the_noise_itself(rng):
    G = nets.ParallelGenerator(2, (2,), (8,), 2, wide=3.0, rng=rng)
    z = G.noise(1000, rng)
    assert float(G(z).detach().std()) == pytest.approx(3.0, rel=0.1)


@pytest.mark.parametrize(
    "mistake",
    [
        lambda: nets.ParallelGenerator(3)(torch.zeros(4, 2)),
        lambda: nets.ParallelDiscriminator(3, norm="batch"),
        lambda: nets.PacGANPack(0),
        lambda: nets.PacGANPack(2)(torch.zeros(3, 2)),
        lambda: nets.MinibatchStd(1),
        lambda: nets.MinibatchStd(4)(torch.zeros(6, 2)),
        lambda: nets.InstanceNoise(-1.0),
        lambda: nets.InstanceNoise(1.0, until=0.0),
        lambda: nets.FourierFeatures(2, 3, 0.0),
        lambda: unrolled(NonSaturating(), -1),
        lambda: unrolled(NonSaturating(), 1, 0.0),
        lambda: checkerboard(torch.zeros(1, 1, 5, 4)),
        lambda: stacked_coverage(nn.Identity(), torch.zeros(1, 1, 4, 4)),
    ],
)
def test_mistakes_are_told_in_a_sentence(mistake):
    with pytest.raises(CourseError):
        mistake()


# Lenses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(2,), (3, 4, 4)])
def test_a_pack_holds_different_samples_each_once(shape, rng):
    x = torch.rand(6, *shape, generator=rng)
    packed = nets.PacGANPack(3)(x)
    assert packed.shape == (2, 3 * shape[0], *shape[1:])
    assert torch.equal(packed.reshape(6, *shape), x)


def test_minibatch_std_is_karras_statistic(rng):
    x = torch.rand(8, 5, 3, 3, generator=rng)
    out = nets.MinibatchStd(4)(x)
    assert torch.equal(out[:, :5], x)
    wanted = x[:4].std(0, unbiased=False).mean()
    assert torch.allclose(out[:4, 5], wanted.expand(4, 3, 3), atol=1e-5)
    assert float(nets.MinibatchStd(4)(x[:1].repeat(4, 1, 1, 1))[:, 5].max()) < 1e-3


def test_instance_noise_fades_with_the_progress(rng):
    noise, x = nets.InstanceNoise(0.5, until=0.8), torch.zeros(4000, 2)
    for progress, sigma in ((0.0, 0.5), (0.4, 0.25), (0.2, 0.375)):
        assert float(noise(x, rng, progress).std()) == pytest.approx(sigma, rel=0.05)
    assert torch.equal(noise(x, rng, 0.8), x) and torch.equal(noise(x, rng, 0.9), x)
    assert nets.InstanceNoise(0.5, until=math.inf).now(0.99) == 0.5
    draws = [noise(x, seeded(seed), 0.1) for seed in (1, 1, 2)]
    assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])


def images(n=6, channels=3):
    return torch.rand(n, channels, 16, 16, generator=seeded(1))


def test_diff_augment_is_a_function_of_the_generator_and_differentiable():
    x = images().requires_grad_()
    one, two = (nets.DiffAugment()(x, seeded(4), p) for p in (0.0, 0.9))
    assert torch.equal(one, two) and one.shape == x.shape
    assert not torch.equal(one, nets.DiffAugment()(x, seeded(5), 0.0))
    one.sum().backward()
    assert (x.grad.flatten(1).abs().sum(1) > 0).all()
    off = nets.DiffAugment(colour=False, translation=False, cutout=False)
    assert torch.equal(off(x, torch.Generator(), 0.0), x)


def test_diff_augment_shifts_by_whole_pixels_and_fills_with_grey(rng):
    x, seen = images(40), set()
    moved = nets.DiffAugment(colour=False, cutout=False)(x, rng, 0.0)
    for before, after in zip(x, moved, strict=True):
        fits = []
        for down in range(-2, 3):
            for right in range(-2, 3):
                wanted = torch.full_like(before, 0.5)
                rows, columns = (
                    slice(max(down, 0), 16 + min(down, 0)),
                    slice(max(right, 0), 16 + min(right, 0)),
                )
                rolled = torch.roll(before, (down, right), (1, 2))
                wanted[:, rows, columns] = rolled[:, rows, columns]
                fits += [(down, right)] * torch.equal(wanted, after)
        assert len(fits) == 1
        seen |= set(fits)
    assert len(seen) > 10


def test_diff_augment_covers_a_square_of_half_the_side(rng):
    x = 1 + images(200, 1)  # nothing in it is grey
    covered = (
        (nets.DiffAugment(colour=False, translation=False)(x, rng, 0.0) == 0.5).flatten(1).sum(1)
    )
    assert covered.max() == 8 * 8 and covered.min() >= 4 * 4


def test_diff_augment_changes_brightness_saturation_and_contrast(rng):
    x = images(300)
    shown = nets.DiffAugment(translation=False, cutout=False)(x, rng, 0.0)
    brighter = shown.mean((1, 2, 3)) - x.mean((1, 2, 3))
    assert brighter.abs().max() <= 0.25 + 1e-5 and brighter.std() > 0.1

    def colour(images):
        return (images - images.mean(1, keepdim=True)).flatten(1).norm(dim=1)

    factor = colour(shown) / colour(x)  # saturation × contrast
    assert 0 <= factor.min() < 0.2 and 2 < factor.max() <= 3


def test_waves_are_sines_and_cosines(rng):
    waves = nets.FourierFeatures(2, 5, 4.0, rng)
    out = waves(torch.randn(7, 2, generator=rng))
    assert out.shape == (7, waves.width)
    assert torch.allclose(out[:, 2:7].square() + out[:, 7:].square(), torch.ones(7, 5))


def test_waves_are_as_long_as_they_are_said_to_be(rng):
    """E cos b·x = exp(−½ (2π‖x‖/λ)²) for b ~ N(0, (2π/λ)² I); 40,000 of them err by 0.003."""
    waves = nets.FourierFeatures(2, 40_000, 4.0, rng)
    cosines = waves(torch.tensor([[0.3, 0.4]]))[0, -40_000:]
    wanted = math.exp(-((2 * math.pi * 0.5 / 4) ** 2) / 2)
    assert cosines.mean().item() == pytest.approx(wanted, abs=0.015)


# Unrolling ------------------------------------------------------------------------------------


def test_unrolling_differs_from_looking_ahead_by_the_answer_of_d():
    """By hand: s(x) = ψx and L_D = ψ(θ − 0), so ψ¹ = ψ − ηθ and dL_G/dθ = −ψ + 2ηθ."""
    G, D = nets.DiracGenerator(0.7), nets.DiracDiscriminator(-0.3)
    x, y = nets.dirac_data(4, torch.Generator())
    fake = G(torch.zeros(4, 1))
    critic = unrolled(Wasserstein(), 1, rate=0.25)(D, x, fake, y, torch.Generator())
    (slope,) = torch.autograd.grad(Wasserstein().generator(critic(fake, y)), G.theta)
    assert float(slope) == pytest.approx(0.3 + 2 * 0.25 * 0.7)
    assert D.psi.grad is None


@pytest.mark.parametrize("norm", ["none", "spectral"])
def test_unrolling_leaves_d_bit_for_bit_as_it_was(norm, rng):
    G, D, _ = players(2, norm=norm)
    before = {name: value.clone() for name, value in D.state_dict().items()}
    train_gan(
        G, D, toys.ring().batches(16, rng), NonSaturating(), steps=3, rng=rng,
        optimizer_D=lambda p: torch.optim.SGD(p, 0.0), unroll=unrolled(NonSaturating(), 3),
    )  # fmt: skip
    if norm == "spectral":  # its power iteration moves with D's own forward passes
        before = {k: v for k, v in before.items() if not k.endswith(".u")}
    assert all(torch.equal(value, D.state_dict()[name]) for name, value in before.items())


@pytest.mark.parametrize("norm", ["batch", "spectral"])
def test_looking_ahead_moves_no_buffer_of_d(norm, rng):
    D = nets.DCGANDiscriminator((1, 8, 8), 2, norm, rng=rng).train()
    before = {name: value.clone() for name, value in D.state_dict().items()}
    x, fake = torch.rand(2, 4, 1, 8, 8, generator=rng)
    y = torch.zeros(4, dtype=torch.int64)
    unrolled(NonSaturating(), 2)(D, x, fake, y, rng)(fake, y)
    assert all(torch.equal(value, D.state_dict()[name]) for name, value in before.items())


def test_zero_steps_are_the_plain_game():
    def play(**more):
        G, D, rng = players(2)
        batches = toys.ring().batches(16, rng)
        train_gan(G, D, batches, NonSaturating(), steps=3, rng=rng, **more)
        return G.sample(8, seeded(2))

    assert torch.equal(play(), play(unroll=unrolled(NonSaturating(), 0)))
    assert not torch.equal(play(), play(unroll=unrolled(NonSaturating(), 1)))


def test_the_dirac_game_circles_and_unrolled_it_comes_home():
    """|θ| after 400 steps from 1: the plain game keeps its distance, unrolled it is below 0.1."""

    def end(**more):
        rng = seeded(0)
        G, D = nets.DiracGenerator(), nets.DiracDiscriminator()
        sgd = lambda p: torch.optim.SGD(p, 0.1)  # noqa: E731
        train_gan(
            G, D, Sampler(nets.dirac_data, 4, rng), NonSaturating(), steps=400, rng=rng,
            optimizer_G=sgd, optimizer_D=sgd, **more,
        )  # fmt: skip
        return math.hypot(G.theta.item(), D.psi.item())

    assert end() > 0.2
    assert end(unroll=unrolled(NonSaturating(), 3, rate=0.3)) < 0.1


def test_one_loop_plays_with_every_lens(rng):
    target = toys.ring()
    waves = nets.FourierFeatures(2, 4, 4.0, rng)
    lenses = {"pack": (nets.PacGANPack(2), 4), "waves": (waves, waves.width)}
    for lens, width in lenses.values():
        G = nets.ParallelGenerator(2, (2,), (8,), rng=rng)
        D = nets.Preprocessed(lens, nets.ParallelDiscriminator(2, (width,), (8,), rng=rng))
        batches = ((x, None) for x, _ in target.batches(16, rng))  # a pack has no single label
        train_gan(
            G, D, batches, NonSaturating(), steps=2, rng=rng, optimizer_D=adam(1e-3),
            augment=nets.InstanceNoise(0.3),
        )  # fmt: skip
        assert G.sample(8, rng).isfinite().all()


# Coverage and spectra -------------------------------------------------------------------------


class Reader(nn.Module):
    """Reads the digit off the first pixel, more surely the brighter the second."""

    def forward(self, x):
        digit = (x[:, 0, 0, 0] * 10).round().long()
        return F.one_hot(digit, 10) * (10 * x[:, 0, 0, 1:2])


def test_stacks_are_counted_by_their_three_digits():
    x = torch.zeros(3, 3, 2, 2)
    x[..., 0, 1] = 1.0
    x[0, :, 0, 0] = torch.tensor([0.1, 0.2, 0.3])
    x[1, :, 0, 0] = torch.tensor([0.9, 0.9, 0.9])
    x[2, :, 0, 0] = torch.tensor([0.1, 0.2, 0.3])
    x[2, 1, 0, 1] = 0.05
    papers, strict = stacked_coverage(Reader(), x, 0.0, 0.9)
    assert papers.counts[123] == 2 and papers.counts[999] == 1 and papers.quality == 1
    assert strict.counts[123] == 1 and strict.quality == pytest.approx(2 / 3)
    assert strict.covered() == 2


def test_a_sample_between_modes_covers_nothing():
    found = mode_coverage(torch.zeros(5, 2), toys.ring().centres, 0.15)
    assert found.covered() == 0 and found.quality == 0


def test_the_checkerboard_is_found_at_half_a_cycle_per_pixel(rng):
    board = (torch.arange(8)[:, None] + torch.arange(8)) % 2
    smooth = torch.linspace(0, 1, 8).expand(8, 8)
    assert checkerboard(board.float()[None, None]) == pytest.approx(1)
    assert checkerboard((torch.sin(smooth * 6.283))[None, None]) < 0.1
    power = power_spectrum(torch.rand(2, 1, 8, 8, generator=rng))
    assert power.shape == (8, 8) and float(power[4, 4]) == pytest.approx(0, abs=1e-9)


def test_stripes_of_one_pixel_are_found_whichever_way_they_run():
    upright = (torch.arange(8) % 2).float().expand(1, 1, 8, 8)
    assert checkerboard(upright) == pytest.approx(1)
    assert checkerboard(upright.mT) == pytest.approx(1)


@pytest.mark.parametrize(
    "double", [nets.deconvolution, nets.uneven_deconvolution, nets.resize_convolution]
)
def test_every_upsampling_doubles_both_sides(double, rng):
    assert double(3, 2)(torch.rand(1, 3, 5, 5, generator=rng)).shape == (1, 2, 10, 10)
    G = nets.DCGANGenerator((1, 8, 8), 2, 4, double=double, rng=rng)
    assert G.sample(2, rng).shape == (2, 1, 8, 8)


def test_only_the_uneven_kernel_gives_pixels_different_shares():
    ones = torch.ones(1, 1, 6, 6)
    for double, even in ((nets.deconvolution, True), (nets.uneven_deconvolution, False)):
        layer = double(1, 1)
        nn.init.ones_(layer.weight)
        nn.init.zeros_(layer.bias)
        inner = layer(ones)[..., 2:-2, 2:-2]
        assert (inner.min() == inner.max()) == even


def test_flip_and_shift_moves_each_image_by_itself_over_grey():
    x = torch.arange(1, 31).view(1, 1, 5, 6).expand(400, 2, 5, 6) / 64
    moved = nets.FlipAndShift(2)(x, seeded(0), 0.0)
    assert moved.shape == x.shape
    views = {
        (flipped, i, j): F.pad(x[0].flip(2) if flipped else x[0], (2, 2, 2, 2), value=0.5)[
            :, i : i + 5, j : j + 6
        ]
        for flipped in (False, True)
        for i in range(5)
        for j in range(5)
    }
    found = [next(key for key, v in views.items() if torch.equal(m, v)) for m in moved]
    assert set(found) == set(views), "all mirrors and shifts occur, each with one in fifty"


def test_flip_and_shift_can_be_turned_off():
    x = torch.rand(3, 1, 4, 4, generator=seeded(0))
    assert torch.equal(nets.FlipAndShift(0, flip=False)(x, seeded(1), 0.0), x)
    with pytest.raises(CourseError, match="shift was -1; it is a number of pixels"):
        nets.FlipAndShift(-1)
    with pytest.raises(CourseError, match="behind was 2; it must lie"):
        nets.FlipAndShift(behind=2)


def test_what_shifts_into_view_is_what_was_asked_for_and_images_lie_as_usual():
    x = torch.ones(50, 3, 8, 8)
    rng = seeded(0)
    moved = nets.FlipAndShift(2, flip=False, behind=0.25)(x, rng, 0.0)
    assert set(moved.unique().tolist()) == {0.25, 1.0} and moved.is_contiguous()
