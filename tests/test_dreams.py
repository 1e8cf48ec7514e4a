"""Dreams: right to finite differences, composable, without a trace, and honest about octaves."""

import copy

import numpy as np
import PIL.Image
import pytest
import torch
from torch import nn

from coursekit import dreams
from coursekit.errors import CourseError
from coursekit.gradients import input_gradient
from coursekit.metrics import high_freq_fraction, radial_power
from coursekit.nets import PatchPositionNet


@pytest.fixture
def net(rng):
    net = PatchPositionNet(5, (4, 5, 6, 6, 7, 8), rng)
    for layer_ in net.modules():  # statistics that are not those of an untrained network
        if isinstance(layer_, nn.BatchNorm2d):
            layer_.running_mean.normal_(0, 0.1, generator=rng)
            layer_.running_var.uniform_(0.05, 0.2, generator=rng)
    return net.eval()


@pytest.fixture
def x(rng):
    return 0.3 + 0.4 * torch.rand(2, 3, 32, 48, generator=rng)


def every(net):
    part = net.stages[3]
    return {
        "channel": dreams.channel(part, 2),
        "layer": dreams.layer(part),
        "logit": dreams.logit(3),
        "total variation": dreams.total_variation(),
    }


@pytest.mark.parametrize("name", ["channel", "layer", "logit", "total variation"])
def test_each_objective_has_the_gradient_of_finite_differences(net, x, rng, name):
    net, x = net.double(), x[:1].double()
    objective = every(net)[name]
    gradient, value = dreams.objective_grad(net, objective, x)
    along = torch.randn(x.shape, generator=rng, dtype=x.dtype)
    h = 1e-6  # small enough that no ReLU switches on the way
    central = (objective(net, x + h * along) - objective(net, x - h * along)).detach() / (2 * h)
    torch.testing.assert_close((gradient * along).sum((1, 2, 3)), central, rtol=1e-5, atol=1e-9)
    torch.testing.assert_close(value, objective(net, x).detach())


def test_objectives_are_what_they_are_called(net, x):
    part = net.stages[3]
    a, said = dreams.get_activations(net, x, (part,), output=True).at[part], net(x)
    torch.testing.assert_close(dreams.channel(part, 2)(net, x), a[:, 2].mean((1, 2)))
    torch.testing.assert_close(dreams.layer(part)(net, x), (a**2).mean((1, 2, 3)))
    torch.testing.assert_close(dreams.logit(3)(net, x), said[:, 3])
    steps = torch.tensor([[0.0, 1.0, 0.0], [0.5, 0.5, 1.0]]).view(1, 1, 2, 3)
    across, down = (1 + 1 + 0 + 0.25) / 4, (0.25 + 0.25 + 1) / 3
    assert float(dreams.total_variation()(net, steps)) == pytest.approx(across + down)


def test_objectives_add_and_scale(net, x):
    net, x = net.double(), x.double()
    one, two = dreams.channel(net.stages[2], 1), dreams.logit(4)
    both = one + 0.5 * two - dreams.total_variation() * 3
    values = [f(net, x) for f in (one, two, dreams.total_variation())]
    slopes = [dreams.objective_grad(net, f, x)[0] for f in (one, two, dreams.total_variation())]
    torch.testing.assert_close(both(net, x), values[0] + 0.5 * values[1] - 3 * values[2])
    expected = slopes[0] + 0.5 * slopes[1] - 3 * slopes[2]
    torch.testing.assert_close(dreams.objective_grad(net, both, x)[0], expected)
    torch.testing.assert_close((-one)(net, x), -values[0])


def test_guided_is_the_best_match_at_each_place(net, x):
    part, guide = net.stages[4], x[1:, :, :24, :40]
    mine, wanted = (dreams.get_activations(net, v, (part,)).at[part] for v in (x[:1], guide))
    mine, wanted = mine.detach(), wanted.detach()
    best = [
        max(float(a @ g) for g in wanted[0].flatten(1).T) for a in mine[0].flatten(1).T
    ]  # place by place, by hand
    found = dreams.guided(part, guide, net)(net, x[:1]).detach()
    assert float(found) == pytest.approx(sum(best) / len(best), rel=1e-5)


def test_a_guide_is_looked_at_in_eval_mode_and_leaves_the_network_as_it_was(net, x):
    """As the dream is: in train mode BatchNorm would measure the guide by itself and drift."""
    part, guide = net.stages[4], x[1:]
    wanted = dreams.guided(part, guide, net)(net, x[:1])
    before = copy.deepcopy(net.state_dict())
    found = dreams.guided(part, guide, net.train())
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    assert all(module.training for module in net.modules())
    torch.testing.assert_close(found(net.eval(), x[:1]), wanted)


def test_a_dense_layer_has_channels_too(rng):
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.ReLU(), nn.Linear(4, 2)).eval()
    x = torch.rand(3, 3, 2, 2, generator=rng)
    torch.testing.assert_close(dreams.channel(net[1], 3)(net, x), net[:2](x)[:, 3])


def test_a_layer_is_heard_before_the_next_one_overwrites_it(rng):
    conv = nn.Conv2d(3, 4, 3)
    net = nn.Sequential(conv, nn.ReLU(inplace=True), nn.Flatten()).eval()
    x = torch.rand(1, 3, 5, 5, generator=rng)
    torch.testing.assert_close(
        dreams.get_activations(net, x, (conv,), output=True).at[conv], conv(x)
    )


def test_a_layer_that_is_called_twice_is_heard_at_its_first_call(x):
    """torchvision's ResNets call one ReLU twice in every block."""

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.act, self.head = nn.ReLU(), nn.Linear(3, 2)

        def forward(self, x):
            return self.head(self.act(self.act(x) + 1).mean((2, 3)))

    twice = Twice()
    alone, beside = dreams.channel(twice.act, 2), dreams.channel(twice.act, 2) + 0 * dreams.logit(1)
    first = x[:, 2].mean((1, 2))
    torch.testing.assert_close(alone(twice, x), first)
    torch.testing.assert_close(beside(twice, x), first)
    torch.testing.assert_close((beside + alone)(twice, x), 2 * first)


def test_a_look_at_a_low_layer_runs_no_further(net, x):
    net.head = nn.Linear(1, 1)  # would fail if it were reached
    assert dreams.get_activations(net, x, (net.stages[5],)).output is None
    with pytest.raises(RuntimeError):
        dreams.get_activations(net, x, (net.stages[5],), output=True)


def test_no_hook_stays_behind(net, x):
    dreams.ascend(net, x, dreams.layer(net.stages[3]) + dreams.logit(1), steps=2)
    assert dreams.count_hooks(net) == 0
    net.head = nn.Linear(1, 1)
    with pytest.raises(RuntimeError):
        dreams.ascend(net, x, dreams.layer(net.stages[3]) + dreams.logit(1), steps=2)
    assert dreams.count_hooks(net) == 0
    stranger = nn.ReLU()
    with pytest.raises(CourseError, match="no part of this network"):
        dreams.ascend(net, x, dreams.layer(stranger), steps=1)
    assert dreams.count_hooks(net) == 0
    handle = net.register_forward_hook(lambda *_: None)
    assert dreams.count_hooks(net) == 1  # the count itself can see one
    handle.remove()


@pytest.mark.parametrize("mode", [True, False])
def test_a_dream_leaves_the_network_as_it_was(net, x, mode):
    net.train(mode)
    net.stages[1].train(not mode)
    net.head.weight.grad = torch.ones_like(net.head.weight)
    before, modes = copy.deepcopy(net.state_dict()), [m.training for m in net.modules()]
    shown = x.clone()
    dreams.dream(
        net, x, dreams.layer(net.stages[4]) + dreams.logit(0), octaves=2, steps=2, jitter=0
    )
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    assert [m.training for m in net.modules()] == modes
    assert torch.equal(net.head.weight.grad, torch.ones_like(net.head.weight))
    assert all(p.grad is None for p in net.stages.parameters())
    assert torch.equal(x, shown)


def test_an_ascent_is_the_formula(net, x):
    objective, mine = dreams.channel(net.stages[3], 1), x
    for _ in range(3):
        g = input_gradient(lambda x: objective(net, x), mine)
        mine = (mine + 0.01 * g / g.abs().mean((1, 2, 3), keepdim=True)).clamp(0, 1)
    climb = dreams.ascend(net, x, objective, steps=3, step_size=0.01)
    torch.testing.assert_close(climb.image, mine)
    assert climb.trace[0] == objective(net, x).mean()
    assert objective(net, climb.image).mean() > climb.trace[0]


def test_each_image_of_a_batch_climbs_by_itself(net, x):
    objective = dreams.layer(net.stages[3])
    together = dreams.ascend(net, x, objective, steps=3).image
    alone = torch.cat([dreams.ascend(net, v[None], objective, steps=3).image for v in x])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


def test_directions(rng):
    g = 1e-4 * torch.randn(2, 3, 16, 16, generator=rng)
    g[1] *= 1e3
    for direction in (dreams.per_mean, dreams.multiscale):
        torch.testing.assert_close(direction(g).abs().mean((1, 2, 3)), torch.ones(2))
        assert not direction(torch.zeros_like(g)).any()  # a dead unit moves nothing
    assert torch.equal(dreams.identity(g), g)
    # Frequency 0 is tripled and the highest left as it was: of white noise 0.80 becomes about 0.6.
    assert (high_freq_fraction(dreams.multiscale(g)) < 0.85 * high_freq_fraction(g)).all()


def test_jitter_shifts_back(x, rng):
    weights = torch.rand(3, 32, 48, generator=rng)
    pixels = dreams.Objective(lambda seen: (seen.image * weights).sum((1, 2, 3)))
    nothing = nn.Identity()
    moved = dreams.ascend(
        nothing, x, pixels, steps=1, step_size=0.01, direction=dreams.identity, jitter=7, rng=rng
    )
    added = (moved.image - x) / 0.01
    shift = [
        (i, j)
        for i in range(-7, 8)
        for j in range(-7, 8)
        if torch.allclose(added[0], weights.roll((i, j), (1, 2)), atol=1e-4)
    ]
    assert len(shift) == 1  # the gradient of the shifted image, shifted back by as much
    assert shift != [(0, 0)]
    (back,) = shift
    seen = x.roll((-back[0], -back[1]), (2, 3))  # the network is shown the shifted image
    torch.testing.assert_close(moved.trace[0], (seen * weights).sum((1, 2, 3)).mean())
    with pytest.raises(CourseError, match="rng"):
        dreams.ascend(nothing, x, pixels, jitter=1)


def test_after_each_step(x):
    still = dreams.Objective(lambda seen: 0 * seen.image.sum((1, 2, 3)))
    nothing = nn.Identity()
    blurred = dreams.ascend(nothing, x, still, steps=1, after=dreams.Blur(1.0)).image
    torch.testing.assert_close(blurred, dreams.gaussian(x, 1.0))


def test_the_blur_agrees_with_scipy(x):
    from scipy import ndimage

    theirs = ndimage.gaussian_filter(x[0, 0].double().numpy(), 1.5, mode="nearest", radius=4)
    mine = dreams.gaussian(x.double(), 1.5)[0, 0].numpy()
    assert abs(mine - theirs).max() < 1e-9


def test_in_tiles_the_gradient_is_the_same_away_from_seams(net, rng):
    net = net.double()
    x = torch.rand(1, 3, 192, 256, generator=rng, dtype=torch.float64)
    objective = dreams.channel(net.stages[4], 2)
    whole, value = dreams.objective_grad(net, objective, x)
    tiled, _ = dreams.objective_grad(net, objective, x, tile=128)
    far = (torch.arange(256) + 0.5 - 128).abs().expand(192, 256)  # 192 rows make one row of tiles
    difference = (tiled - whole).abs().amax((0, 1))
    assert difference[far > 48].max() < 1e-12  # stage 5 sees 48 pixels: no path leads further
    assert difference[far < 8].max() > 1e-3 * whole.abs().max()
    assert float(value) == pytest.approx(float(objective(net, x).detach()))


def test_tiles_cover_the_image_once_and_bound_what_is_seen(x):
    sizes_seen = []

    class Watch(nn.Module):
        def forward(self, x):
            sizes_seen.append(tuple(x.shape[2:]))
            return x.sum((2, 3))

    gradient, _ = dreams.objective_grad(Watch(), dreams.logit(0), x, tile=16)
    assert sum(h * w for h, w in sizes_seen) == 32 * 48
    assert max(max(size) for size in sizes_seen) <= 24
    share = 16 * 16 / (32 * 48)
    assert torch.allclose(gradient[:, 0], torch.full((2, 32, 48), share))
    with pytest.raises(CourseError, match="tile was 0"):
        dreams.objective_grad(Watch(), dreams.logit(0), x, tile=0)


def test_octaves_lose_nothing(net, x):
    still = dreams.dream(net, x, dreams.layer(net.stages[3]), octaves=2, scale=1.5, steps=0)
    assert torch.equal(still.image, x)
    assert len(still.trace) == 0
    one = dreams.dream(net, x, dreams.layer(net.stages[3]), octaves=1, steps=2)
    assert torch.equal(one.image, dreams.ascend(net, x, dreams.layer(net.stages[3]), steps=2).image)
    assert len(dreams.dream(net, x, dreams.layer(net.stages[3]), octaves=2, steps=2).trace) == 4


def test_what_every_octave_added_is_kept(x):
    """Where brightness is all that is wanted, each of the 3 · 2 steps adds its size everywhere."""
    bright = dreams.Objective(lambda seen: seen.image.sum((1, 2, 3)))
    found = dreams.dream(nn.Identity(), x, bright, octaves=3, scale=1.3, steps=2, step_size=0.01)
    torch.testing.assert_close(found.image, x + 0.06)


def test_sizes_of_octaves():
    assert dreams.octave_sizes((100, 140), 3, 2.0) == [(25, 35), (50, 70), (100, 140)]
    for wrong in ({"octaves": 0, "scale": 1.4}, {"octaves": 2, "scale": 1.0}):
        with pytest.raises(CourseError):
            dreams.octave_sizes((100, 140), **wrong)
    with pytest.raises(CourseError, match="would have 12 pixels"):
        dreams.octave_sizes((100, 140), 4, 2.0)


def test_the_film_moves_into_the_middle(net, rng):
    x = torch.zeros(1, 3, 40, 60)
    x[:, :, 10:30, 15:45] = 1  # the middle half
    still = dreams.Objective(lambda seen: 0 * seen.image.sum((1, 2, 3)))
    frames = list(dreams.zoom(net, x, still, frames=2, scale=2.0, steps=1))
    assert torch.equal(frames[0], x)
    assert frames[1].mean() > 0.99
    with pytest.raises(CourseError, match="scale was 0.5"):
        next(dreams.zoom(net, x, still, frames=1, scale=0.5))


def test_the_spectrum_knows_a_wave():
    across = torch.arange(64)
    for cycles in (4, 12, 20, 28):
        wave = torch.sin(2 * torch.pi * cycles / 64 * across).expand(1, 1, 64, 64)
        frequency, power = radial_power(wave, bins=16)
        assert abs(float(frequency[power.argmax()]) - cycles / 64) < 1 / 32
        assert (float(high_freq_fraction(wave)) > 0.5) == (cycles > 16)


def test_white_noise_has_the_high_share_of_its_area(rng):
    noise = torch.randn(8, 1, 128, 128, generator=rng)
    expected = 1 - torch.pi * 0.25**2  # of the unit square of frequencies
    assert float(high_freq_fraction(noise).mean()) == pytest.approx(expected, abs=0.01)


def test_edges_that_do_not_match_are_no_fine_grain():
    """A ramp is as smooth as can be; repeated, as the Fourier transform takes it, it jumps."""
    ramp = torch.linspace(0, 1, 64).expand(1, 1, 64, 64)
    assert float(high_freq_fraction(ramp)) < 1e-5


def test_a_photo_shrinks_as_it_does_in_pillow(x):
    picture = PIL.Image.fromarray(x[0, 0].numpy())
    theirs = np.asarray(picture.resize((17, 13), PIL.Image.Resampling.BILINEAR))
    np.testing.assert_allclose(dreams.resized(x, (13, 17))[0, 0].numpy(), theirs, atol=1e-5)


def test_resizing_to_the_same_size_changes_nothing(x):
    assert dreams.resized(x, (32, 48)) is x
    assert dreams.resized(x, (16, 24)).shape == (2, 3, 16, 24)


def test_mistakes_are_named(net, x):
    for objective, says in (
        (dreams.channel(net.stages[0], 9), "k was 9; this layer has 4"),
        (dreams.logit(5), "c was 5; this network has 5 classes"),
    ):
        with pytest.raises(CourseError, match=says):
            objective(net, x)
    for wrong in ({"steps": -1}, {"jitter": -1}):
        with pytest.raises(CourseError):
            dreams.ascend(net, x, dreams.logit(0), **wrong)
    with pytest.raises(CourseError, match="guide was 2"):
        dreams.guided(net.stages[0], x, net)
