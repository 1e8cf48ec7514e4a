"""Attention, BigGAN, StyleGAN, captions: exact statements, and the traps of each."""

import pytest
import torch
from torch.nn import functional as F

from coursekit import gan_losses, lipschitz, nets
from coursekit.data import captions, load
from coursekit.errors import CourseError
from coursekit.training import Ema, train_gan
from coursekit.zoo import tasks
from coursekit.zoo.elective_measures import agreement, caption_accuracy
from coursekit.zoo.ingredients import OrthogonalG

GREY = (1, 16, 16)


@pytest.fixture(scope="module")
def digits():
    return load("digits")


# --- attention


def attention(rng, gamma=0.7):
    layer = nets.SelfAttention(16, rng).double()
    with torch.no_grad():
        layer.gamma.fill_(gamma)
    return layer


def test_attention_begins_as_the_identity_but_can_leave_it(rng):
    layer, h = nets.SelfAttention(16, rng), torch.randn(2, 16, 3, 4, generator=rng)
    assert torch.equal(layer(h), h)
    layer(h).square().sum().backward()
    assert float(layer.gamma.grad.abs()) > 0


def test_each_place_spreads_a_weight_of_one_over_the_keys(rng):
    h = torch.randn(2, 16, 3, 4, generator=rng, dtype=torch.float64)
    beta = attention(rng).weights(h)
    assert beta.shape == (2, 12, 12)
    torch.testing.assert_close(beta.sum(2), torch.ones(2, 12).double())
    assert not torch.allclose(beta.sum(1), torch.ones(2, 12).double(), atol=1e-3)


def test_attention_is_the_sum_over_places_written_as_loops(rng):
    layer, h = attention(rng), torch.randn(2, 16, 2, 3, generator=rng, dtype=torch.float64)
    places = h.flatten(2)
    q, k, v, back = (part.weight[:, :, 0, 0] for part in
                     (layer.query, layer.key, layer.value, layer.back))  # fmt: skip
    wanted = places.clone()
    for n in range(2):
        for i in range(6):
            logits = torch.stack([(q @ places[n, :, i]) @ (k @ places[n, :, j]) for j in range(6)])
            beta = logits.softmax(0)
            o = sum(beta[j] * (v @ places[n, :, j]) for j in range(6))
            wanted[n, :, i] += layer.gamma * (back @ o)
    torch.testing.assert_close(layer(h).flatten(2), wanted)


def test_moving_the_places_moves_the_answer_with_them(rng):
    layer, h = attention(rng), torch.randn(1, 16, 1, 7, generator=rng, dtype=torch.float64)
    order = torch.randperm(7, generator=rng)
    torch.testing.assert_close(layer(h[..., order]), layer(h)[..., order])


def test_attention_wants_eight_channels():
    with pytest.raises(CourseError, match="channels was 4"):
        nets.SelfAttention(4)


def exchanged(D, rng):
    """s(a, b) + s(a', b') − s(a, b') − s(a', b) for pairs in the corners of twins."""
    left, right = (torch.zeros(2, 1, 28, 28, dtype=torch.float64) for _ in range(2))
    for whole, side in zip((left, right), captions.CORNERS, strict=True):
        whole[:, :, side, side] = torch.rand(2, 1, 10, 10, generator=rng)
    with torch.no_grad():
        s = [D(left[i : i + 1] + right[j : j + 1]) for i, j in ((0, 0), (1, 1), (0, 1), (1, 0))]
    return float((s[0] + s[1] - s[2] - s[3]).abs())


def test_a_sum_over_patches_cannot_see_whether_two_corners_agree(rng):
    D = nets.LocalDiscriminator((1, 28, 28), 8, rng=rng).double()
    assert exchanged(D.eval(), rng) < 1e-12
    D = nets.LocalDiscriminator((1, 28, 28), 8, attention=True, rng=rng).double()
    with torch.no_grad():
        for p in D.parameters():
            p.mul_(10)
        D.attend.gamma.fill_(1.0)
    assert exchanged(D, rng) > 1e-6


def test_a_place_of_the_local_discriminator_sees_eight_pixels_a_side(rng):
    D = nets.LocalDiscriminator((1, 28, 28), 8, rng=rng).double()
    x = torch.rand(1, 1, 28, 28, generator=rng, dtype=torch.float64).requires_grad_()
    D.score(D.body(2 * x - 1))[0, 0, 3, 3].backward()
    rows = x.grad[0, 0].abs().sum(1).nonzero().flatten()
    assert rows.tolist() == list(range(9, 17))


# --- progressive growing


def grown(rng, kind=nets.ProgressiveGenerator, **how):
    return kind(GREY, 4, rng=rng, **how).double()


def test_the_stages_of_growing():
    wanted = {0: (0, 1), 0.19: (0, 1), 0.2: (1, 0), 0.3: (1, 0.5), 0.45: (1, 1), 0.75: (2, 0.75)}
    wanted |= {0.8: (2, 1), 1: (2, 1)}
    for progress, (level, alpha) in wanted.items():
        assert nets.stage(progress) == (level, pytest.approx(alpha, abs=1e-9)), progress
    with pytest.raises(CourseError, match=r"progress was 1\.1"):
        nets.stage(1.1)


def test_a_level_fades_in_from_the_enlarged_one_below(rng):
    G = grown(rng)
    z = G.noise(5, rng).double()
    with torch.no_grad():
        for level, side in ((1, 8), (2, 16)):
            G.level, G.alpha = level - 1, 1.0
            below = G(z)
            # each small pixel is a square of the whole image
            k = 2 * 16 // side
            squares = F.avg_pool2d(below, k).repeat_interleave(k, 2).repeat_interleave(k, 3)
            torch.testing.assert_close(squares, below)
            G.level, G.alpha = level, 0.0
            torch.testing.assert_close(G(z), below)
            G.alpha = 1.0
            above = G(z)
            assert not torch.allclose(above, below, atol=1e-3)
            G.alpha = 0.25
            torch.testing.assert_close(G(z), 0.75 * below + 0.25 * above)


def test_a_faded_discriminator_begins_as_the_one_below(rng):
    D, x = grown(rng, nets.ProgressiveDiscriminator), torch.rand(3, *GREY).double()
    with torch.no_grad():
        for level in (1, 2):
            D.level, D.alpha = level - 1, 1.0
            below = D(x)
            D.level, D.alpha = level, 0.0
            torch.testing.assert_close(D(x), below)
            D.alpha = 1.0
            assert not torch.allclose(D(x), below, atol=1e-3)
    # at a quarter of the size it sees means of squares only
    D.level = 0
    flat = F.avg_pool2d(x, 4).repeat_interleave(4, 2).repeat_interleave(4, 3)
    torch.testing.assert_close(D(flat), D(x))


def test_training_grows_both_networks_and_the_average(rng, digits):
    G, D = grown(rng).float(), grown(rng, nets.ProgressiveDiscriminator).float()
    ema, seen = Ema(G, 0.9), []
    x = digits.train.x[:64, :, 6:22, 6:22]
    batches = (x[torch.randint(64, (8,), generator=rng)] for _ in range(99))
    pairs = ((batch, torch.zeros(8, dtype=torch.int64)) for batch in batches)

    def watch(step):
        seen.append((G.level, D.level, ema.model.level))
        return {}

    train_gan(G, D, pairs, gan_losses.NonSaturating(), steps=10, rng=rng, ema=ema, watch=watch,
              every=2)  # fmt: skip
    assert [row[0] for row in seen[1:]] == [0, 1, 1, 2, 2]
    assert all(len(set(row)) == 1 for row in seen[1:])
    assert (G.level, G.alpha) == (2, 1.0)
    still = grown(rng, grow=False)
    still.grow(0.0)
    assert (still.level, still.alpha) == (2, 1.0)


# --- BigGAN


def test_a_code_of_zeros_leaves_plain_batchnorm(rng):
    norm = nets.CodedBatchNorm2d(5, 3, rng)
    h = 2 + 3 * torch.randn(8, 5, 4, 4, generator=rng)
    plain = F.batch_norm(h, None, None, training=True)
    torch.testing.assert_close(norm(h, torch.zeros(8, 3)), plain)
    assert not torch.allclose(norm(h, torch.ones(8, 3)), plain, atol=1e-2)


def test_one_embedding_reaches_every_normalisation(rng):
    G = nets.BigGANGenerator(GREY, 3, 4, 6, 5, rng=rng)
    assert sum(isinstance(part, torch.nn.Embedding) for part in G.modules()) == 1
    z, y = G.noise(4, rng), torch.tensor([0, 1, 2, 0])
    G(z, y).var(0).sum().backward()
    assert all(float(norm.gain.weight.grad.abs().sum()) > 0 for norm in G.norms)
    assert not G.embed.weight.grad[[0, 1, 2]].abs().sum(1).eq(0).any()


def test_without_sharing_each_normalisation_reads_a_code_of_its_own(rng):
    G = nets.BigGANGenerator(GREY, 3, 4, 6, 5, rng=rng, shared=False)
    seen, y = [], torch.tensor([0, 1, 2, 0])
    for norm in G.norms:
        norm.register_forward_pre_hook(lambda module, given: seen.append(given[1]))
    z = G.noise(4, rng)
    G(z, y)
    _, *parts = z.chunk(3, 1)
    for c, own, part in zip(seen, G.embed(y).chunk(2, 1), parts, strict=True):
        torch.testing.assert_close(c, torch.cat([own, part], 1))
    assert G.embed.weight.shape == (3, 10) and not torch.equal(*G.embed(y).chunk(2, 1))
    shared = nets.BigGANGenerator(GREY, 3, 4, 6, 5)
    assert shared.norms[0].gain.weight.shape == G.norms[0].gain.weight.shape


def test_a_hierarchical_z_enters_where_it_should(rng):
    G = nets.BigGANGenerator(GREY, 3, 4, 6, 5, rng=rng).eval()
    with torch.no_grad():  # the last part only touches the second normalisation
        for norm in G.norms:
            norm.gain.weight[:, 5:] = 0
            norm.shift.weight[:, 5:] = 0
    z, y = G.noise(2, rng), torch.tensor([0, 1])
    other = torch.cat([z[:, :2], z[:, 2:].flip(1)], 1)
    assert torch.equal(G(z, y), G(other, y))
    assert not torch.equal(G(z, y), G(torch.cat([z[:, :2] + 1, z[:, 2:]], 1), y))
    flat = nets.BigGANGenerator(GREY, 3, 4, 7, 5, hierarchical=False, rng=rng)
    assert flat.first.in_features == 7 and flat.norms[0].gain.in_features == 5
    with pytest.raises(CourseError, match="multiple of 3"):
        nets.BigGANGenerator(GREY, 3, 4, 7)


def test_labels_are_checked(rng):
    G = nets.BigGANGenerator(GREY, 3, 4, 6)
    with pytest.raises(CourseError, match="allowed are 0 to 2"):
        G(G.noise(1, rng), torch.tensor([3]))


def test_truncation_draws_again_and_does_not_scale(rng):
    z = nets.truncated(40_000, 3, rng, 0.5)
    assert float(z.abs().max()) <= 0.5
    # a normal within ± ½ is nearly uniform; a scaled or clipped one is not
    assert float(z.std()) == pytest.approx(0.2840, abs=0.004)
    assert float((z.abs() > 0.49).float().mean()) == pytest.approx(0.0184, abs=0.003)


def test_orthogonal_regularisation_of_the_generator(rng):
    G = nets.BigGANGenerator(GREY, 3, 4, 6, 5, rng=rng)
    found = OrthogonalG(0.5)(None, None, None, None, rng, G)
    total = 0.0
    for part in G.modules():
        if isinstance(part, torch.nn.Linear | torch.nn.Conv2d):
            W = part.weight.flatten(1)
            gram = W @ W.T if W.shape[0] <= W.shape[1] else W.T @ W
            total = total + (gram - gram.diag().diag()).square().sum()
    torch.testing.assert_close(found, 0.5 * total)
    found.backward()
    assert G.embed.weight.grad is None, "the embedding is no map"
    assert G.convolve[0].weight.grad is not None


def test_the_clamp_cuts_the_first_singular_value_exactly(rng):
    layer = torch.nn.Linear(6, 4).double()
    before = layer.weight.detach().clone()
    s = torch.linalg.svdvals(before)
    limit = float(s[:2].mean())
    lipschitz.clamp_singular_value(limit=limit)(layer)
    after = torch.linalg.svdvals(layer.weight.detach())
    torch.testing.assert_close(after, torch.cat([s.new_tensor([limit]), s[1:]]))
    lipschitz.clamp_singular_value(limit=limit + 1)(layer)
    torch.testing.assert_close(torch.linalg.svdvals(layer.weight.detach()), after)


# --- StyleGAN


@pytest.mark.parametrize("demodulate", [True, False])
def test_modulation_is_a_loop_over_examples_and_one_grouped_convolution(rng, demodulate):
    layer = nets.ModulatedConv2d(3, 5, 4, demodulate=demodulate, rng=rng).double()
    h = torch.randn(6, 3, 7, 7, generator=rng, dtype=torch.float64)
    w = torch.randn(6, 4, generator=rng, dtype=torch.float64)
    weights = layer.filters * layer.affine(w)[:, None, :, None, None]
    if demodulate:
        weights = weights * (weights.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
    loop = torch.cat([F.conv2d(x[None], k, padding=1) for x, k in zip(h, weights, strict=True)])
    grouped = F.conv2d(h.view(1, 18, 7, 7), weights.flatten(0, 1), padding=1, groups=6)
    torch.testing.assert_close(layer(h, w), loop)
    torch.testing.assert_close(grouped.view(6, 5, 7, 7), loop)


def test_an_equalised_layer_learns_at_its_rate(rng):
    x = torch.randn(500, 64, generator=rng)
    moved = {}
    for rate in (1.0, 0.1):
        layer = nets.EqualisedLinear(64, 32, rate, 0.5, rng)
        before = layer(x).detach()
        assert float((before - 0.5).std()) == pytest.approx(1.0, abs=0.05)
        assert float(before.mean()) == pytest.approx(0.5, abs=0.05)
        optimizer = torch.optim.Adam(layer.parameters(), 0.01)
        layer(x).sum().backward()
        optimizer.step()  # Adam's first step is the rate, in the direction of the sign
        moved[rate] = float((layer(x).detach() - before).abs().mean())
    assert moved[0.1] == pytest.approx(0.1 * moved[1.0], rel=0.02)


def test_demodulation_forgets_the_size_of_the_style(rng):
    layer = nets.ModulatedConv2d(3, 5, 4, rng=rng).double()
    with torch.no_grad():
        layer.affine.bias.zero_()
    h = torch.randn(2, 3, 5, 5, generator=rng, dtype=torch.float64)
    w = torch.randn(2, 4, generator=rng, dtype=torch.float64)
    torch.testing.assert_close(layer(h, w), layer(h, 7 * w), rtol=1e-5, atol=1e-6)


@pytest.fixture
def styled(rng):
    G = nets.StyleGenerator(GREY, 4, 6, rng=rng)
    with torch.no_grad():
        G.strength.fill_(0.5)
    return G


def test_noise_begins_at_strength_zero_and_then_matters(rng):
    G = nets.StyleGenerator(GREY, 4, 6, rng=rng).eval()
    z = G.noise(3, rng)
    other = z.clone()
    other[:, 13:] += 1
    assert torch.equal(G(z), G(other))
    with torch.no_grad():
        G.strength.fill_(0.5)
    assert not torch.allclose(G(z), G(other))
    silent = nets.StyleGenerator(GREY, 4, 6, noise=False, rng=rng).eval()
    with torch.no_grad():
        silent.strength.fill_(0.5)
    assert torch.equal(silent(z), silent(other))


def test_truncation_in_w_at_zero_is_one_image_and_at_one_all(rng, styled):
    styled.eval()
    z = styled.noise(5, rng)
    w, mean = styled.styles(z)[0], styled.mean_style(rng, 100)
    noise = [part[:1].expand(5, -1, -1, -1) for part in styled.noises(z)]
    still = styled.synthesise([nets.truncated_style(w, mean, 0.0)] * 4, noise)
    assert float(still.detach().var(0).max()) < 1e-10
    torch.testing.assert_close(nets.truncated_style(w, mean, 1.0), w)
    whole = styled.synthesise([nets.truncated_style(w, mean, 1.0)] * 4, styled.noises(z))
    torch.testing.assert_close(whole, styled(z))


def test_styles_are_mixed_in_train_mode_only_and_from_some_layer_on(rng, styled):
    z = styled.noise(400, rng)
    first, second = styled.styles(z)
    noises = styled.noises(z)
    by_start = [
        styled.synthesise([first] * k + [second] * (4 - k), noises) for k in range(1, 5)
    ]  # from layer k on; 4 is unmixed
    found = styled.train()(z)
    matches = torch.stack([(found - x).abs().flatten(1).amax(1) < 1e-5 for x in by_start])
    assert matches.any(0).all()
    share = matches.float().mean(1)
    assert float(share[3]) == pytest.approx(0.5, abs=0.1)
    assert all(0.1 < float(s) < 0.25 for s in share[:3])
    torch.testing.assert_close(styled.eval()(z), by_start[3])


def test_synthesis_wants_a_style_for_each_layer(rng, styled):
    z = styled.noise(1, rng)
    with pytest.raises(CourseError, match="one for each of 4"):
        styled.synthesise([styled.styles(z)[0]] * 3, styled.noises(z))


# --- captions


def test_a_shear_adds_exactly_its_slope_to_the_slant(digits):
    x = digits.test.x[:50]
    k = torch.linspace(-0.3, 0.3, 50)
    gained = captions.slant(captions.sheared(x, k)) - captions.slant(x)
    torch.testing.assert_close(gained, k, atol=5e-3, rtol=0)


def test_the_slant_and_the_width_of_bars_are_known():
    x = torch.zeros(2, 1, 28, 28)
    x[0, :, 4:24, 12:15] = 1
    x[1, :, 4:24, 10:16] = 1
    assert captions.stroke_width(x).tolist() == pytest.approx([2 * 60 / 46, 2 * 120 / 52], rel=0.05)
    assert captions.slant(x).tolist() == pytest.approx([0, 0], abs=1e-5)
    right = torch.zeros(1, 1, 28, 28)
    for row in range(4, 24):
        right[0, 0, row, 24 - row] = 1  # the top lies to the right
    assert float(captions.slant(right)) == pytest.approx(1.0, abs=1e-4)


def test_captions_are_true_by_construction(digits, rng):
    x, meaning = captions.drawn(digits.test.take(600), rng, held_out=True)
    thick, tilt = captions.read(x)
    assert float((thick == meaning[:, 1]).float().mean()) > 0.995
    assert float((tilt == meaning[:, 2]).float().mean()) > 0.995
    assert meaning[:, 1].float().mean() == pytest.approx(0.5, abs=0.08)


def test_the_held_out_combination_is_held_out(digits, rng):
    _, meaning = captions.drawn(digits.train, rng)
    held = torch.tensor(captions.HELD_OUT)
    assert not (meaning == held).all(1).any()
    for i in range(3):  # each of its parts occurs, and so does each pair
        assert (meaning[:, i] == held[i]).any()
        pair = torch.arange(3) != i
        assert (meaning[:, pair] == held[pair]).all(1).any()
    stream = captions.captioned(digits.train.take(500), 64, rng)
    for _ in range(10):
        said = captions.meanings(next(stream)[1])
        assert not (said == held).all(1).any() and int(said.min()) >= 0


def test_words_are_read_whatever_their_order():
    meaning = torch.tensor([[d, t, s] for d in range(10) for t in (0, 1) for s in range(3)])
    for phrase in (0, 1):
        said = captions.encode([captions.sentence(*row, phrase) for row in meaning.tolist()])
        assert torch.equal(captions.meanings(said), meaning)
    assert captions.decode(captions.caption(meaning[:1])) == ["a thin zero leaning left"]
    assert captions.meanings(captions.encode(["a zero"])).tolist() == [[0, -1, -1]]
    with pytest.raises(CourseError, match="'fat' is no word"):
        captions.encode(["a fat zero"])
    with pytest.raises(CourseError, match="9 words"):
        captions.encode(["a " * 9])


def test_two_phrasings_say_the_same():
    a = captions.encode([captions.sentence(3, 1, 0, 0), captions.sentence(3, 1, 0, 0)])
    b = captions.encode([captions.sentence(3, 1, 0, 1), captions.sentence(3, 1, 2, 0)])
    assert captions.same_meaning(a, b).tolist() == [True, False]


class Remembers(torch.nn.Module):
    """Keeps the pairs it is shown; the score is 0.3 times the brightness."""

    def forward(self, x, y):
        self.shown = (x, y)
        return 0.3 * x.sum((1, 2, 3))


def test_a_wrong_caption_is_never_right_by_chance(rng):
    D, x = Remembers(), torch.rand(6, *GREY, generator=rng)
    # five of the six say the same, in two phrasings
    said = [captions.sentence(3, 1, 0, k % 2) for k in range(5)] + [captions.sentence(4, 1, 0)]
    y = captions.encode(said)
    for _ in range(5):
        found = gan_losses.wrong_pairs(captions.same_meaning, 2.0)(D, x, None, y, rng)
        shown, other = D.shown
        assert torch.equal(shown, x) and not torch.equal(other, y)
        assert sorted(captions.decode(other)) == sorted(said)
        wrong = ~captions.same_meaning(y, other)
        assert int(wrong.sum()) == 2
        wanted = 2 * F.softplus(0.3 * x.sum((1, 2, 3)))[wrong].mean()
        torch.testing.assert_close(found, wanted)
    same = captions.encode(said[:5])
    assert float(gan_losses.wrong_pairs(captions.same_meaning)(D, x[:5], None, same, rng)) == 0
    with pytest.raises(CourseError, match="weight was -1"):
        gan_losses.wrong_pairs(captions.same_meaning, -1)


def test_the_encoder_stops_after_the_last_word_and_reads_in_order(rng):
    read = nets.TextEncoder(24, 8, rng)
    y = captions.encode(["a thin zero leaning left", "a zero that is thin and upright"])
    code = read(y)
    longer = torch.cat([y, torch.zeros(2, 3, dtype=torch.int64)], 1)
    torch.testing.assert_close(read(longer), code)
    assert not torch.allclose(read(y[:1, :5]), read(y[:1, :4]))
    assert not torch.allclose(read(y[:1, :5].flip(1)), read(y[:1, :5]))
    with pytest.raises(CourseError, match="give the words"):
        read(None)


def test_weights_come_from_the_generator_that_is_given():
    shape = (1, 28, 28)
    for make in (nets.TextGenerator, nets.TextDiscriminator, nets.StyleGenerator,
                 nets.LocalDiscriminator):  # fmt: skip
        one, other = (make(shape, rng=torch.Generator().manual_seed(3)) for _ in range(2))
        for a, b in zip(one.parameters(), other.parameters(), strict=True):
            assert torch.equal(a, b), make


def test_the_discriminator_of_text_is_a_score_and_an_inner_product(rng):
    D = nets.TextDiscriminator(GREY, 24, 4, 6, rng=rng)
    x = torch.rand(3, *GREY, generator=rng)
    y = captions.caption(torch.tensor([[1, 0, 0], [2, 1, 1], [3, 1, 2]]))
    h = D.trunk(2 * x - 1)
    wanted = D.score(h)[:, 0] + (D.project(D.encode(y)) * h).sum(1)
    torch.testing.assert_close(D(x, y), wanted)


def test_the_second_stage_sees_the_sketch_and_the_caption_and_no_noise(rng):
    G = nets.StackGenerator(GREY, 24, 4, 6, 5, rng=rng).eval()
    z, y = G.noise(3, rng), captions.caption(torch.tensor([[1, 0, 0], [2, 1, 1], [3, 1, 2]]))
    with torch.no_grad():
        both = G(z, y)
        assert both.shape == (3, 2, 16, 16)
        sketch = F.avg_pool2d(both[:, :1], 2)
        squares = sketch.repeat_interleave(2, 2).repeat_interleave(2, 3)
        torch.testing.assert_close(squares, both[:, :1])  # half the size
        for layer in G.sketch:
            layer.weight.zero_()  # every sketch is the same: what is left is the caption
        blank = G(z, y)[:, 1]
        torch.testing.assert_close(blank, G(z.flip(0), y)[:, 1])
        assert not torch.allclose(blank, G(z, y.flip(0))[:, 1])


def test_two_stages_are_two_games(rng, digits):
    D = nets.StackDiscriminator(GREY, rng=rng, words=24, width=4, code=6)
    x = torch.rand(4, 2, 16, 16, generator=rng)
    said = [captions.sentence(3, 1, 0), captions.sentence(4, 0, 1)] * 2
    y = captions.encode(said)
    scores = D(x, y)
    torch.testing.assert_close(scores[:4], D.of_sketch(x[:, :1], y))
    torch.testing.assert_close(scores[4:], D.of_image(x[:, 1:], y))
    # every other caption is wrong, or none is, by how far the rows are moved
    rule, seen = gan_losses.wrong_pairs(captions.same_meaning), set()
    for _ in range(9):
        found = rule(D, x, None, y, rng).detach()
        wanted = F.softplus(D(x, y.roll(1, 0))).mean()
        close = torch.isclose(found, wanted)
        assert bool(close) or float(found) == 0
        seen.add(bool(close))
    assert seen == {True, False}
    batch = next(tasks.TOLD["stages"](digits.train.take(50), 8, rng))
    assert batch.x.shape == (8, 2, 28, 28)
    torch.testing.assert_close(batch.x[:, :1], tasks.low_resolution(batch.x[:, 1:], 2))


# --- pairs that agree, and the measures


class Reads(torch.nn.Module):
    """Bright images are ones, dark ones zeros, the brightest eights."""

    def forward(self, x):
        level = x.mean((1, 2, 3))
        kind = (level > 0.3).long() + 7 * (level > 0.8).long()
        return F.one_hot(kind, 10).float()


def test_agreement_counts_pairs_of_one_kind_only():
    x = torch.zeros(4, 1, 28, 28)
    one, other = captions.CORNERS
    x[1, :, one, one] = 0.9
    x[2, :, one, one] = x[2, :, other, other] = 0.9
    x[3, :, one, one] = x[3, :, other, other] = 2.0
    assert agreement(Reads(), x) == (0.5, 0.75)


def test_pairs_agree_where_they_should(digits, rng):
    x, y = captions.twins_of(digits.test, 200, rng)
    assert torch.equal(y[:, 0], y[:, 1]) and float(x[:, :, :14, 14:].abs().max()) == 0
    assert float(x[:, :, 10:18].abs().max()) == 0
    _, mixed = captions.twins_of(digits.test, 200, rng, agree=False)
    assert 0.35 < float((mixed[:, 0] == mixed[:, 1]).float().mean()) < 0.65
    small = F.avg_pool2d(digits.test.x, 2)[:, :, 2:12, 2:12]
    own = digits.test.y[(small - x[0, :, :10, :10]).flatten(1).abs().amax(1) < 1e-6]
    assert len(own) and (own == y[0, 0]).all()


def test_a_caption_is_right_when_all_of_it_is(digits, rng):
    x, meaning = captions.drawn(digits.test.take(40), rng)

    class Knows(torch.nn.Module):
        def forward(self, seen):
            return F.one_hot(meaning[: len(seen), 0], 10).float() * 9

    other = meaning.clone()
    other[::2, 1] = 1 - other[::2, 1]
    right = caption_accuracy(Knows(), x, other)
    assert float(right["digit"].float().mean()) == 1 and float(right["tilt"].float().mean()) > 0.95
    assert not right["thickness"][::2].any() and right["thickness"][1::2].all()
    assert torch.equal(right["caption"], right["digit"] & right["thickness"] & right["tilt"])
