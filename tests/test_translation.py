"""Image to image: fields by gradient, the pool, cycles as one player, films with a known flow."""

import pytest
import torch
from seeds import seeded
from torch import nn
from torch.nn import functional as F

from coursekit import nets
from coursekit.data import Dataset, Split, moving_digits, warp, warping_error
from coursekit.errors import CourseError
from coursekit.gan_losses import (
    LeastSquares,
    NonSaturating,
    cycle_consistency,
    identity_mapping,
    reconstruction,
)
from coursekit.training import Ema, ImagePool, train_gan, trainer
from coursekit.zoo import ingredients, measures, recipes, tasks


def digits_like(n=24, side=8):
    return Split(torch.rand(n, 1, side, side, generator=seeded(1)), torch.arange(n) % 4)


# Patches


@pytest.mark.parametrize("norm", ["none", "batch", "spectral"])
@pytest.mark.parametrize("field", nets.FIELDS)
def test_a_score_depends_on_its_field_and_on_nothing_else(field, norm, rng):
    """By gradient, in an image that is larger than the largest field. Eval mode: in train mode
    BatchNorm shows a score the whole batch."""
    D = nets.PatchDiscriminator((1, 96, 96), field, condition=1, width=4, norm=norm, rng=rng).eval()
    x, y = torch.rand(2, 1, 1, 96, 96, generator=rng).requires_grad_().unbind(0)
    scores = D.score_map(x, y)
    middle = scores[0, scores.shape[1] // 2, scores.shape[2] // 2]
    for slope in torch.autograd.grad(middle, (x, y)):
        rows, columns = (slope[0, 0] != 0).nonzero().unbind(1)
        assert rows.unique().tolist() == list(range(rows.min(), rows.min() + field))
        assert columns.unique().tolist() == list(range(columns.min(), columns.min() + field))
        assert len(rows) == field**2


def test_an_instance_norm_would_open_the_field(rng):
    """Why it is not offered: every score then depends on every pixel."""
    D = nets.PatchDiscriminator((1, 32, 32), 10, width=4, norm="batch", rng=rng)
    x = torch.rand(1, 1, 32, 32, generator=rng).requires_grad_()
    D.body[3] = nn.InstanceNorm2d(8)
    slope = torch.autograd.grad(D.score_map(x)[0, 4, 4], x)[0]
    assert bool((slope != 0).all())
    with pytest.raises(CourseError, match="norm was 'instance'"):
        nets.PatchDiscriminator((1, 32, 32), 10, norm="instance")
    with pytest.raises(CourseError, match="field was 16; choose one of 1, 4, 10, 22, 46"):
        nets.PatchDiscriminator((1, 32, 32), 16)


@pytest.mark.parametrize("field", nets.FIELDS)
def test_every_patch_is_an_example_or_their_mean_is_one(field, rng):
    x, y = torch.rand(2, 3, 1, 28, 28, generator=rng)
    D = nets.PatchDiscriminator((1, 28, 28), field, condition=1, width=4, norm="none", rng=rng)
    patches = D.score_map(x, y)
    assert torch.equal(D(x, y), patches.flatten())
    D.average = True
    torch.testing.assert_close(D(x, y), patches.mean((1, 2)))
    assert D(x, y).shape == (3,)


def test_a_conditional_discriminator_sees_the_input_and_another_does_not(rng):
    x, y, other = torch.rand(3, 2, 1, 28, 28, generator=rng)
    seeing = nets.PatchDiscriminator((1, 28, 28), 10, condition=1, width=4, norm="none", rng=rng)
    blind = nets.PatchDiscriminator((1, 28, 28), 10, width=4, norm="none", rng=rng)
    assert not torch.allclose(seeing(x, y), seeing(x, other))
    assert torch.equal(blind(x, y), blind(x, other)) and torch.equal(blind(x), blind(x, y))
    with pytest.raises(CourseError, match="y was None"):
        seeing(x)


# The U-Net


@pytest.mark.parametrize("side", [28, 32])
@pytest.mark.parametrize("skips", [True, False])
def test_a_unet_answers_in_the_size_of_its_input(side, skips, rng):
    G = nets.UNet((3, side, side), inputs=1, width=4, skips=skips, rng=rng)
    x = G.sample(5, rng, torch.rand(5, 1, side, side))
    assert x.shape == (5, 3, side, side) and 0 <= x.min() <= x.max() <= 1
    with pytest.raises(CourseError, match="multiples of 4"):
        nets.UNet((1, 30, 30))


def test_without_skips_all_that_the_answer_knows_passes_through_the_bottleneck(rng):
    """The rank of the Jacobian: 8 channels of 2 × 2 are 32 numbers, the image has 64."""
    y, rank = torch.rand(1, 1, 8, 8, generator=rng).double(), {}
    for skips in (True, False):
        G = nets.UNet((1, 8, 8), width=2, skips=skips, norm="none", rng=seeded(2)).double()
        z = y.new_empty(1, 0)
        jacobian = torch.autograd.functional.jacobian(lambda at, G=G, z=z: G(z, at), y)
        rank[skips] = int(torch.linalg.matrix_rank(jacobian.view(64, 64), rtol=1e-12))
    assert rank[False] <= 32 < rank[True]


def test_dropout_is_noise_at_test_time_too_and_z_decides_it(rng):
    """Trap: nn.Dropout is silent in eval mode, where pix2pix samples."""
    G = nets.UNet((1, 8, 8), width=4, noise="dropout", norm="instance", rng=rng).eval()
    y = torch.rand(1, 1, 8, 8, generator=rng)
    z, other = G.noise(1, rng), G.noise(1, rng)
    assert not torch.allclose(G(z, y), G(other, y))
    assert torch.equal(G(z, y), G(z, y)) and torch.equal(G.train()(z, y), G.eval()(z, y))
    kept = [k.mean() for k in G._kept(G.noise(4000, rng))]
    assert kept == pytest.approx([0.5, 0.5], abs=0.01)
    G.dropout = 0.0
    assert torch.equal(G(z, y), G(other, y))


def test_dropped_channels_keep_their_mean(rng):
    G = nets.UNet((1, 8, 8), width=4, noise="dropout", dropout=0.8, norm="none", rng=rng)
    h, z = torch.rand(1, 16, 2, 2, generator=rng), G.noise(20_000, rng)
    dropped = G._dropped(h.expand(len(z), -1, -1, -1), G._kept(z)[0]).detach()
    torch.testing.assert_close(dropped.mean(0), h[0], atol=0.06, rtol=0)


def test_normalisation_at_test_time_is_said_by_norm(rng):
    """Trap: with BatchNorm an image's translation depends on its neighbours in train mode, and on
    running statistics in eval mode; "instance" does the same in both, for one image or many."""
    y = torch.rand(6, 1, 8, 8, generator=rng)
    for norm, same in (("instance", True), ("batch", False)):
        G = nets.UNet((1, 8, 8), width=4, norm=norm, rng=seeded(1))
        z = G.noise(6, rng)
        trained, alone = G(z, y), G(z[:1], y[:1])
        assert torch.allclose(trained[:1], alone, atol=1e-5) is same
        assert torch.allclose(trained, G.eval()(z, y), atol=1e-5) is same
    z, other = torch.randn(2, 1, 4, generator=rng)
    G = nets.UNet((1, 8, 8), width=4, noise="z", noise_dim=4, rng=rng).eval()
    assert not torch.equal(G(z, y[:1]), G(other, y[:1]))
    with pytest.raises(CourseError, match="noise was 'gauss'"):
        nets.UNet((1, 8, 8), noise="gauss")


# The pool


def test_the_pool_passes_its_first_images_and_never_holds_more(rng):
    pool = ImagePool(50)
    fakes = torch.arange(300.0).view(300, 1)
    y, shown = torch.arange(300), []
    for x, labels in zip(fakes.split(16), y.split(16), strict=True):
        old, asked = pool.exchange(x, labels, rng)
        assert old.shape == x.shape and torch.equal(old[:, 0].long(), asked)
        assert len(pool.fakes) == len(pool.labels) == min(50, int(x.max()) + 1)
        shown.append(old)
    shown = torch.cat(shown)
    assert torch.equal(shown[:50], fakes[:50])
    later = shown[50:, 0] == fakes[50:, 0]
    assert 0.4 < float(later.float().mean()) < 0.6  # one half is new, the other from the pool
    everything = torch.cat([shown, pool.fakes]).flatten().sort().values
    first = fakes[:50, 0]  # shown while they were kept, and once more when they left
    assert torch.equal(everything, torch.cat([fakes[:, 0], first]).sort().values)
    with pytest.raises(CourseError, match="size was 0"):
        ImagePool(0)


def test_a_first_batch_larger_than_the_pool(rng):
    pool, x = ImagePool(3), torch.arange(10.0)
    shown, _ = pool.exchange(x, x, rng)
    assert torch.equal(shown[:3], x[:3]) and len(pool.fakes) == 3


class Watched(nn.Module):
    """A critic that writes down what it is shown, and whether in G's turn."""

    def __init__(self):
        super().__init__()
        self.body, self.seen = nn.Linear(1, 1), []

    def forward(self, x, y=None):
        self.seen.append((self.body.weight.requires_grad, x.requires_grad, x.detach().clone(), y))
        return self.body(x).squeeze(1)


class Counter(nets.Generator):
    """Every answer is another number, so that each fake can be told from all others."""

    def __init__(self):
        super().__init__()
        self.noise_dim, self.shift, self.count = 1, nn.Parameter(torch.zeros(1)), 0

    def forward(self, z, y=None):
        self.count += len(z)
        return torch.arange(self.count - len(z), self.count).float()[:, None] + 0 * self.shift


@pytest.mark.parametrize("reuse", [False, True])
def test_old_fakes_are_shown_to_the_critic_and_never_reach_the_loss_of_g(reuse, rng):
    D, G, told = Watched(), Counter(), []

    def penalty(D, x, fake, y, rng):
        told.append(fake.detach().clone())
        return 0.0

    batches = iter([(torch.zeros(8, 1), torch.arange(8) + 8 * i) for i in range(30)])
    train_gan(
        G, D, batches, LeastSquares(), steps=30, rng=rng, pool=10, penalty_G=penalty,
        reuse_fakes=reuse,
    )  # fmt: skip
    turns = [D.seen[i : i + 3] for i in range(0, len(D.seen), 3)]
    olds = 0
    for step, ((_, _, real, _), (learns, graph, shown, asked), (moves, flows, new, y)) in enumerate(
        turns
    ):
        first = step * (8 if reuse else 16)
        assert learns and not graph and not moves and flows
        assert torch.equal(real, torch.zeros(8, 1))
        fresh = torch.arange(first, first + 8).float()
        olds += int((shown[:, 0] < first).sum())
        made_at = torch.div(shown[:, 0], 8 if reuse else 16, rounding_mode="floor")
        place = shown[:, 0] - made_at * (8 if reuse else 16)
        assert torch.equal(asked, (8 * made_at + place).long()), "a fake beside another's y"
        own = fresh if reuse else fresh + 8
        assert torch.equal(new[:, 0], own) and torch.equal(told[step][:, 0], own)
        assert torch.equal(y, torch.arange(8) + 8 * step)
    assert olds > 60


# Cycles


class Map(nn.Module):
    """A translator that is a function."""

    def __init__(self, forth, back):
        super().__init__()
        self.forth, self.back = forth, back


def swap_classes(x):
    """A permutation of images that is no identity: top and bottom exchanged."""
    return x.flip(2)


@pytest.mark.parametrize(
    ("forth", "back"),
    [
        (lambda x: x, lambda x: x),
        (lambda x: 1 - x, lambda x: 1 - x),
        (lambda x: x.square(), lambda x: x.sqrt()),
        (lambda x: x.roll(1, 3), lambda x: x.roll(-1, 3)),
        (lambda x: 1 - swap_classes(x), lambda x: swap_classes(1 - x)),
    ],
    ids=["identity", "inverted", "square", "shift", "inverted and upside down"],
)
def test_maps_that_undo_each_other_have_no_cycle_loss_whatever_they_do(forth, back, rng):
    a, b = torch.rand(2, 3, 1, 8, 8, generator=rng)
    x, G = torch.cat([a, b], 1), Map(forth, back)
    fake = torch.cat([back(b), forth(a)], 1)
    assert float(cycle_consistency(10.0)(None, x, fake, x, rng, G)) == pytest.approx(0, abs=1e-5)
    lost = float(identity_mapping(2.0)(None, x, fake, x, rng, G))
    by_hand = float((forth(b) - b).abs().mean() + (back(a) - a).abs().mean())
    assert lost == pytest.approx(by_hand)


def test_the_cycle_loss_counts_both_ways_round(rng):
    """A constant translator loses all; each domain is compared with itself, not with the other."""
    a, b = torch.full((2, 1, 4, 4), 0.25), torch.full((2, 1, 4, 4), 0.75)
    G = Map(lambda x: torch.ones_like(x), lambda x: torch.zeros_like(x))
    fake = torch.cat([G.back(b), G.forth(a)], 1)
    x = torch.cat([a, b], 1)
    lost = cycle_consistency(8.0)(None, x, fake, x, rng, G)
    assert float(lost) == pytest.approx(8 / 2 * (0.25 + 0.25))
    halves = Map(lambda x: x + 0.1, lambda x: x)
    fake = torch.cat([b, a + 0.1], 1)
    lost = cycle_consistency(10.0)(None, x, fake, x, rng, halves)
    assert float(lost) == pytest.approx(5 * 0.2, rel=1e-5)
    for kind in (cycle_consistency, identity_mapping):
        with pytest.raises(CourseError, match="weight was -1"):
            kind(-1.0)


def cycle_game(seed=0):
    rng = seeded(seed)
    G = nets.Cycle((1, 8, 8), width=2, rng=rng)
    return G, nets.TwoCritics((1, 8, 8), field=4, width=2, rng=rng), rng


def test_two_translators_and_two_critics_are_one_game(rng):
    G, D, _ = cycle_game()
    G, D = G.eval(), D.eval()
    a, b = torch.rand(2, 3, 1, 8, 8, generator=rng)
    pairs = torch.cat([a, b], 1)
    fake = G(G.noise(3, rng), pairs)
    assert torch.equal(fake[:, :1], G.back(b)) and torch.equal(fake[:, 1:], G.forth(a))
    assert torch.equal(D(pairs), torch.cat([D.D_X(a), D.D_Y(b)]))
    loss = LeastSquares()
    both = loss.critic(D(pairs), D(fake))
    single = loss.critic(D.D_X(a), D.D_X(G.back(b))) + loss.critic(D.D_Y(b), D.D_Y(G.forth(a)))
    torch.testing.assert_close(both, single / 2)
    assert not torch.allclose(G.forth(a), G.back(a))


def test_the_gradients_of_the_critics_do_not_move_while_the_translators_learn():
    G, D, rng = cycle_game()
    notes = []

    def remember(critic):  # after each update of D
        for k, p in enumerate(critic.parameters()):
            p.grad = torch.full_like(p, float(k))

    def note(G):  # after each update of G
        notes.append(all(bool((p.grad == k).all()) for k, p in enumerate(D.parameters())))
        notes.append(all(p.grad is not None for p in G.parameters()))

    ema = Ema(G)
    ema.update = note
    split = tasks.unpaired(digits_like(), tasks.inverted, 4, rng)
    both = ingredients._Sum((cycle_consistency(10.0), identity_mapping(5.0)))
    train_gan(
        G, D, split, LeastSquares(), steps=3, rng=rng, penalty_G=both, constrain=remember,
        reuse_fakes=True, pool=5, ema=ema,
    )  # fmt: skip
    assert notes == [True] * 6
    assert all(p.requires_grad for p in D.parameters())


@pytest.mark.parametrize("stop", [3, 7])
def test_a_cycle_game_with_a_pool_resumes_bit_for_bit(stop, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "SAVE_SECONDS", 0.0)

    def play(pool=6, **more):
        G, D, rng = cycle_game()
        batches = tasks.unpaired(digits_like(), tasks.tilted, 4, rng)
        train_gan(
            G, D, batches, LeastSquares(), steps=9, rng=rng, pool=pool, reuse_fakes=True, every=1,
            penalty_G=cycle_consistency(10.0), **more,
        )  # fmt: skip
        return [*G.state_dict().values(), *D.state_dict().values()]

    def stopping(step):
        if step == stop:
            raise KeyboardInterrupt
        return {}

    def watching(step):
        return {}

    path = tmp_path / "run.pt"
    whole = play()
    with pytest.raises(KeyboardInterrupt):
        play(checkpoint=path, watch=stopping)
    again = play(checkpoint=path, watch=watching)
    assert all(torch.equal(one, two) for one, two in zip(whole, again, strict=True))
    kept = torch.load(path, weights_only=True)["parts"]["pool"]
    assert len(kept["fakes"]) == 6 and not kept["fakes"].requires_grad
    with pytest.raises(CourseError, match="whose pool differed"):
        play(checkpoint=path, pool=7)


def test_pix2pix_is_a_game_of_train_gan_and_learns_both_terms(rng):
    G = nets.UNet((1, 8, 8), width=2, noise="dropout", rng=rng)
    D = nets.PatchDiscriminator((1, 8, 8), 4, condition=1, width=2, rng=rng)
    data = digits_like()
    pairs = ((x, F.avg_pool2d(x, 3, 1, 1)) for x, _ in data.batches(6, rng))
    before = [p.detach().clone() for p in (*G.parameters(), *D.parameters())]
    history = train_gan(
        G, D, pairs, NonSaturating(), steps=4, rng=rng, penalty_G=reconstruction(100.0)
    )
    after = [*G.parameters(), *D.parameters()]
    assert all(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert history.losses["G"].isfinite().all()


# Domains


def test_domains_come_from_disjoint_originals_and_the_way_back_is_exact(rng):
    split = digits_like(40, 28)
    coded = torch.linspace(0.2, 0.8, 40)
    flat = Split(coded.view(-1, 1, 1, 1).expand(-1, 1, 28, 28).contiguous(), split.y, None)
    stream = tasks.unpaired(flat, tasks.inverted, 16, rng)
    seen = [next(stream)[0] for _ in range(40)]
    ones = {round(float(v), 4) for x in seen for v in x[:, 0, 0, 0]}
    others = {round(1 - float(v), 4) for x in seen for v in x[:, 1, 0, 0]}
    assert len(ones) == len(others) == 20 and not ones & others
    x = torch.zeros(5, 1, 28, 28)
    x[..., 4:24, 8:20] = torch.rand(5, 1, 20, 12, generator=rng)
    there, back = tasks.DOMAINS["tilted"]
    torch.testing.assert_close(back(there(x)), x, atol=1e-5, rtol=0)
    dot = torch.zeros(1, 1, 28, 28)
    dot[..., 4, 14] = 1
    assert there(dot)[0, 0, 4].argmax() > 14  # the top goes to the right
    torch.testing.assert_close(tasks.inverted(tasks.inverted(x)), x)


def test_a_coarse_image_has_the_means_of_its_squares(rng):
    x = torch.rand(2, 1, 28, 28, generator=rng)
    coarse = tasks.low_resolution(x)
    assert coarse.shape == x.shape
    torch.testing.assert_close(
        coarse[:, :, 4:8, 8:12].mean((2, 3)), x[:, :, 4:8, 8:12].mean((2, 3))
    )
    assert len(coarse[0, 0, 4:8, 8:12].unique()) == 1


# Films


def film(seed=0, n=12, **how):
    digits = torch.zeros(20, 1, 28, 28)
    digits[..., 4:24, 6:22] = torch.rand(20, 1, 20, 16, generator=seeded(5))
    return moving_digits(Split(digits, torch.arange(20) % 10), n, seeded(seed), **how)


@pytest.mark.parametrize("how", [{}, {"digits": 1}, {"digits": 3, "speed": 4}, {"side": 24}])
def test_the_true_flow_makes_the_next_frame_where_it_could_be_seen(how):
    made = film(**how)
    n, t = made.frames.shape[:2]
    assert made.flow.shape[:3] == (n, t - 1, 2) and made.visible.shape[:3] == (n, t - 1, 1)
    assert made.frames.min() >= 0 and made.frames.max() <= 1
    for i in range(t - 1):
        again = warp(made.frames[:, i], made.flow[:, i])
        gap = (again - made.frames[:, i + 1]).abs()
        assert float(gap[made.visible[:, i]].max()) < 1e-4
        assert float(gap[~made.visible[:, i]].max()) > 0.1
    assert float(warping_error(made.frames, made.flow, made.visible)) < 1e-9


def test_what_is_hidden_is_little_and_only_near_ink():
    made = film()
    assert 0.005 < float((~made.visible).float().mean()) < 0.2
    still = (made.frames[:, 1:] == 0) & (made.frames[:, :-1] == 0)
    unseen = ~made.visible & still
    assert float(unseen.float().mean()) < 0.05


def test_without_the_mask_the_true_flow_has_an_error():
    made = film()
    everywhere = torch.ones_like(made.visible)
    assert float(warping_error(made.frames, made.flow, everywhere)) > 1e-3


def test_a_flow_of_the_wrong_sign_fails():
    made = film()
    assert float(warping_error(made.frames, -made.flow, made.visible)) > 0.01
    assert float(warping_error(made.frames, made.flow.flip(2), made.visible)) > 0.01
    forgotten = torch.zeros_like(made.flow)
    assert float(warping_error(made.frames, forgotten, made.visible)) > 0.01


def test_flow_points_back_right_and_down_in_pixels(rng):
    frame = torch.rand(1, 1, 9, 9, generator=rng)
    flow = torch.zeros(1, 2, 9, 9)
    flow[:, 0] = -2  # what is here was two pixels further left
    moved = warp(frame, flow)
    torch.testing.assert_close(moved[..., 2:], frame[..., :-2], atol=1e-5, rtol=0)
    assert not moved[..., :2].any()
    flow = torch.zeros(1, 2, 9, 9)
    flow[:, 1] = 0.5
    between = (frame[:, :, :-1] + frame[:, :, 1:]) / 2
    torch.testing.assert_close(warp(frame, flow)[:, :, :-1], between, atol=1e-5, rtol=0)


def test_a_warp_by_nothing_changes_nothing_and_align_corners_decides_it(rng):
    """Trap: pixel centres in the units of align_corners=True, read without it."""
    frame = torch.rand(2, 3, 10, 14, generator=rng)
    torch.testing.assert_close(warp(frame, torch.zeros(2, 2, 10, 14)), frame, atol=1e-5, rtol=0)
    rows, columns = torch.linspace(-1, 1, 10), torch.linspace(-1, 1, 14)
    grid = torch.stack(torch.meshgrid(rows, columns, indexing="ij")[::-1], 2)
    wrong = F.grid_sample(frame, grid.expand(2, -1, -1, -1), align_corners=False)
    assert float((wrong - frame).abs().mean()) > 0.05
    assert not torch.allclose(wrong, frame, atol=1e-5)


def test_a_flow_carries_gradients_to_the_frame(rng):
    frames = torch.rand(2, 4, 1, 8, 8, generator=rng).requires_grad_()
    flow = torch.randint(-1, 2, (2, 3, 2, 8, 8), generator=rng).float()
    visible = torch.rand(2, 3, 1, 8, 8, generator=rng) < 0.5
    warping_error(frames, flow, visible).backward()
    assert float(frames.grad.abs().sum()) > 0


def test_films_are_drawn_from_the_generator_and_digits_are_reflected():
    one, same, other = film(seed=1), film(seed=1), film(seed=2)
    assert torch.equal(one.frames, same.frames) and not torch.equal(one.frames, other.frames)
    long = film(frames=60, digits=1, speed=3)
    ink = long.frames.sum((2, 3, 4))
    torch.testing.assert_close(ink, ink[:, :1].expand_as(ink))  # none of it ever leaves
    moving = (long.flow != 0).flatten(2).any(2)
    assert float(moving.float().mean()) > 0.95
    for bad, said in (
        ({"frames": 1}, "frames was 1"), ({"digits": 0}, "digits was 0"),
        ({"speed": 0}, "speed was 0"), ({"side": 14}, "side was 14"),
    ):  # fmt: skip
        with pytest.raises(CourseError, match=said):
            film(**bad)


# What is measured


class Answering(nets.Generator):
    """A translator that is known."""

    def __init__(self, answer):
        super().__init__()
        self.answer, self.noise_dim = answer, 0

    def sample(self, n, rng, y=None):
        return self.answer(y)


def test_a_perfect_translator_measures_as_real_and_one_that_permutes_is_found_out(rng):
    data, _ = recipes.data_of(recipes.Recipe(name="x", data="digits", steps=1, network=("mlp", {})))
    features = measures_classifier()
    there, undo = tasks.DOMAINS["inverted"]

    def perfect(pairs):
        a, b = pairs.chunk(2, 1)
        return torch.cat([undo(b), there(a)], 1)

    found = measures.measure_cycle("inverted", Answering(perfect), data, features, 200, rng)
    value = {name: row["value"] for name, row in found.items()}
    assert value["class_accuracy"] == value["class_accuracy_of_real"] > 0.9
    assert value["absolute_error"] == 0 and value["cycle_error"] < 1e-7
    assert 0.01 < value["cycle_error_with_noise"] < 0.05
    assert [value[f"read_as_{c}"] for c in range(10)] == list(range(10))

    def upside_down(pairs):
        return perfect(pairs).flip(2)

    found = measures.measure_cycle("inverted", Answering(upside_down), data, features, 200, rng)
    value = {name: row["value"] for name, row in found.items()}
    assert value["cycle_error"] < 1e-7 and value["class_accuracy"] < 0.7
    assert value["absolute_error"] > 0.05

    copy = Answering(lambda y: y)
    same = measures.measure_translation("low_resolution", copy, data, features, 200, rng)
    assert same["class_accuracy"]["value"] == same["class_accuracy_of_input"]["value"]
    x = data.test.x[:200]
    grey = Answering(lambda y: torch.full_like(y, 0.5))
    flat = measures.measure_translation("very_low_resolution", grey, data, features, 200, rng)
    assert flat["absolute_error"]["value"] == pytest.approx(float((x - 0.5).abs().mean()))
    assert flat["gradient_energy"]["value"] == 0 and flat["class_accuracy"]["value"] < 0.3


def test_colours_are_measured_by_hand(rng):
    """An answer with half of the truth's differences of channels has half of its chroma."""
    truth = torch.rand(16, 3, 32, 32, generator=rng)
    split = Split(truth, torch.arange(16) % 10)
    data = Dataset("made up", split, split, tuple("0123456789"))
    dull = Answering(lambda y: y + (truth - y) / 2)
    reads = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))
    found = measures.measure_translation("grey", dull, data, reads, 16, rng)
    assert found["chroma"]["value"] == pytest.approx(0.5)
    grey = Answering(lambda y: y.expand_as(truth))
    found = measures.measure_translation("grey", grey, data, reads, 16, rng)
    assert found["chroma"]["value"] == 0
    assert found["class_accuracy"]["value"] == found["class_accuracy_of_input"]["value"]


def measures_classifier():
    from coursekit.zoo import RECIPES, store

    recipe = RECIPES["features-digits"]
    return store.read_networks(recipe, store.zoo_root() / recipe.id)["network"]
