"""`train_gan`: who is updated when, from which noise, with which labels."""

from collections.abc import Iterator

import pytest
import torch
from seeds import seeded
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from coursekit import nets
from coursekit.data import Split, toys
from coursekit.errors import CourseError
from coursekit.gan_losses import Hinge, NonSaturating, Wasserstein, auxiliary
from coursekit.lipschitz import clip_weights, gradient_penalty, spectral_norms
from coursekit.metrics import mode_coverage
from coursekit.training import Ema, adam, frozen, linear_decay, no_penalty, train_gan, unrolled


def players(seed=0, norm="none"):
    rng = seeded(seed)
    G = nets.MLPGenerator((2,), (16,), noise_dim=2, bounded=False, rng=rng)
    return G, nets.MLPDiscriminator((2,), (16,), norm=norm, rng=rng), rng


def snapshot(network):
    return [p.detach().clone() for p in network.parameters()]


def moved(before, network):
    return [not torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True)]


class Diary:
    """Listens at the places where the loop calls out, and notes who moved since the last note."""

    def __init__(self, G, D):
        self.G, self.D, self.notes = G, D, []
        self.remember()

    def remember(self):
        self.g, self.d = snapshot(self.G), snapshot(self.D)

    def note(self, moment):
        moves = "G" * any(moved(self.g, self.G)) + "D" * any(moved(self.d, self.D))
        self.notes.append((moment, moves))
        self.remember()

    def constrain(self, critic):  # called right after each update of D
        assert all(p.grad is None for p in self.G.parameters()), "the critic's loss reached G"
        self.note("critic")
        for p in critic.parameters():
            p.grad = None  # so that the generator's step would show its own

    def update(self, G):  # called as `ema.update`, right after each update of G
        assert all(p.grad is None for p in self.D.parameters()), "the generator's loss reached D"
        self.note("generator")
        for p in self.G.parameters():
            p.grad = None


@pytest.mark.parametrize("k", [1, 3])
def test_each_update_moves_one_player_only_and_leaves_no_gradient_on_the_other(k):
    """A missing detach, or an update of G that also moves D, breaks this."""
    G, D, rng = players()
    diary = Diary(G, D)
    ema = Ema(G)
    ema.update = diary.update
    train_gan(
        G, D, toys.ring().batches(16, rng), NonSaturating(), steps=2, rng=rng,
        n_critic=k, constrain=diary.constrain, ema=ema,
    )  # fmt: skip
    assert diary.notes == ([("critic", "D")] * k + [("generator", "G")]) * 2


@pytest.mark.parametrize("k", [1, 3])
def test_each_player_is_constrained_after_updates_of_its_own_and_before_the_average(k):
    G, D, rng = players()
    ema, notes = Ema(G), []
    ema.update = lambda network: notes.append("average")
    train_gan(
        G, D, toys.ring().batches(16, rng), NonSaturating(), steps=2, rng=rng, n_critic=k, ema=ema,
        constrain=lambda network: notes.append("D" if network is D else "?"),
        constrain_G=lambda network: notes.append("G" if network is G else "?"),
    )  # fmt: skip
    assert notes == (["D"] * k + ["G", "average"]) * 2


def test_every_parameter_of_both_players_learns():
    G, D, rng = players()
    g, d = snapshot(G), snapshot(D)
    train_gan(G, D, toys.ring().batches(16, rng), NonSaturating(), steps=3, rng=rng)
    assert all(moved(g, G)) and all(moved(d, D))
    assert not G.training and not D.training
    assert all(p.requires_grad for p in D.parameters())


class Spy(nets.Generator):
    """A conditional generator that writes down what it is asked."""

    def __init__(self):
        super().__init__()
        self.noise_dim, self.body, self.asked = 2, nn.Linear(2, 2), []

    def forward(self, z, y=None):
        self.asked.append((z.clone(), y, torch.is_grad_enabled()))
        return self.body(z)


class Judge(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.asked = nn.Linear(2, 1), []

    def forward(self, x, y=None):
        self.asked.append(y)
        return self.body(x).squeeze(1)


def test_noise_is_fresh_in_every_step_and_the_fake_batch_has_no_graph_for_the_critic(rng):
    G = Spy()
    train_gan(G, Judge(), toys.ring().batches(8, rng), Hinge(), steps=2, rng=rng, n_critic=2)
    assert [graph for _, _, graph in G.asked] == [False, False, True] * 2
    draws = torch.stack([z for z, _, _ in G.asked]).flatten(1)
    assert len(draws.unique(dim=0)) == 6


def test_labels_are_those_of_the_real_batch_for_both_players(rng):
    """Labels drawn from outside the label set were a bug of others; here they cannot occur."""

    class Odd(Iterator):
        def __next__(self):
            return torch.rand(8, 2, generator=rng), 1 + 2 * torch.randint(3, (8,), generator=rng)

    G, D = Spy(), Judge()
    train_gan(G, D, Odd(), NonSaturating(), steps=3, rng=rng)
    for k in range(3):
        (y,) = {id(y): y for _, y, _ in G.asked[2 * k : 2 * k + 2]}.values()
        assert all(seen is y for seen in D.asked[3 * k : 3 * k + 3])
        assert set(y.tolist()) <= {1, 3, 5}


def test_penalty_and_constraint_take_part():
    calls = []

    def penalty(D, x, fake, y, rng):
        calls.append((len(x), fake.requires_grad))
        return x.new_tensor(1000.0)

    G, D, rng = players()
    history = train_gan(
        G, D, toys.ring().batches(8, rng), Wasserstein(), steps=3, rng=rng,
        n_critic=2, penalty_D=penalty, constrain=clip_weights(0.01),
    )  # fmt: skip
    assert calls == [(8, False)] * 6
    assert history.losses["D"].min() > 900
    assert max(p.abs().max().item() for p in D.parameters()) <= 0.01


def test_what_is_added_to_the_losses_is_descended_with_real_and_fake_in_their_places(rng):
    """By hand: θ = 1, ψ = 0, all data at 5, and one step at rate ¼ for each player."""
    G, D = nets.DiracGenerator(1.0), nets.DiracDiscriminator(0.0)
    data = iter([(torch.full((4, 1), 5.0), torch.zeros(4, dtype=torch.int64))])
    quarter = lambda parameters: torch.optim.SGD(parameters, 0.25)  # noqa: E731
    train_gan(
        G, D, data, Wasserstein(), steps=1, rng=rng, optimizer_G=quarter, optimizer_D=quarter,
        penalty_D=lambda D, x, fake, y, rng: D.psi.sum() * (x - 3 * fake).mean(),
        penalty_G=lambda D, x, fake, y, rng: (fake - 2 * x).square().mean(),
    )  # fmt: skip
    psi = -0.25 * ((1 - 5) + (5 - 3 * 1))
    assert D.psi.item() == pytest.approx(psi)
    assert G.theta.item() == pytest.approx(1 - 0.25 * (-psi + 2 * (1 - 2 * 5)))


def test_a_schedule_scales_the_rate_of_each_player_from_its_own():
    G, D, rng = players()
    rates = {"G": [], "D": []}

    def spy(name, lr):
        class Spy(torch.optim.SGD):
            def step(self, closure=None):
                rates[name].append(self.param_groups[0]["lr"])
                return super().step(closure)

        return lambda parameters: Spy(parameters, lr=lr)

    train_gan(
        G, D, toys.ring().batches(8, rng), NonSaturating(), steps=4, rng=rng,
        optimizer_G=spy("G", 0.1), optimizer_D=spy("D", 0.4), schedule=linear_decay(0.5),
    )  # fmt: skip
    assert rates["G"] == pytest.approx([0.1, 0.1, 0.1, 0.05])
    assert rates["D"] == pytest.approx([0.4, 0.4, 0.4, 0.2])


@pytest.mark.parametrize(
    ("loss", "norm", "penalty"),
    [
        (NonSaturating(), "none", no_penalty),
        (Hinge(), "spectral", no_penalty),
        (Wasserstein(), "none", gradient_penalty(0.1)),
    ],
    ids=["non-saturating", "spectral hinge", "gradient penalty"],
)
def test_one_loop_learns_to_find_one_mode_with_every_loss(loss, norm, penalty):
    """A Gaussian at (2, 0), started at the origin; five seeds leave 85 % or more within 1."""
    target = toys.ring(modes=1, sigma=0.3)
    G, D, rng = players(seed=1, norm=norm)
    train_gan(
        G, D, target.batches(64, rng), loss, steps=400, rng=rng, penalty_D=penalty,
        optimizer_G=adam(2e-3, (0.5, 0.9)), optimizer_D=adam(5e-3, (0.5, 0.9)),
    )  # fmt: skip
    with torch.no_grad():
        found = mode_coverage(G(G.noise(500, rng)), target.centres, radius=1.0)
    assert found.quality > 0.5


class Waits(TorchDispatchMode):
    """Counts what makes the program wait for a GPU: `.item()`, `float(t)`, `if t`, `x[mask]`."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        waits = ("aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select")
        self.count += func.name() in waits
        return func(*args, **(kwargs or {}))


def descent(parameters):
    return torch.optim.SGD(parameters, 1e-3)  # Adam reads its step counter, which is on the CPU


@pytest.mark.parametrize("loss", [NonSaturating(), Hinge(), Wasserstein()])
def test_no_step_waits_for_the_device(loss, monkeypatch):
    monkeypatch.setattr("coursekit.training.trainer.LOOK_SECONDS", 1e9)

    def waits(steps, norm="none"):
        G, D, rng = players(norm=norm)
        batches = toys.ring().batches(8, rng)
        with Waits() as seen:
            train_gan(
                G, D, batches, loss, steps=steps, rng=rng, n_critic=2, ema=Ema(G),
                penalty_D=gradient_penalty(1.0), constrain=clip_weights(0.1),
                optimizer_G=descent, optimizer_D=descent,
            )  # fmt: skip
        return seen.count

    assert waits(2) == waits(7) > 0  # the look at the end is the only one
    assert waits(2, "spectral") == waits(7, "spectral")


def test_autocast_plays_the_same_game(rng):
    G, D, _ = players()
    ema = Ema(G)
    history = train_gan(
        G, D, toys.ring().batches(16, rng), NonSaturating(), steps=5, rng=rng, ema=ema,
        penalty_D=gradient_penalty(1.0), autocast=torch.bfloat16,
    )  # fmt: skip
    assert history.losses["D"].dtype == torch.float32
    assert ema.updates == 5


def test_frozen_lets_gradients_through_but_not_in(rng):
    D = nets.MLPDiscriminator((2,), (4,), rng=rng)
    D.body[1].bias.requires_grad_(False)
    x = torch.rand(3, 2, generator=rng, requires_grad=True)

    def stopped():
        with frozen(D):
            D(x).sum().backward()
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        stopped()
    assert x.grad is not None and all(p.grad is None for p in D.parameters())
    learns = [p.requires_grad for p in D.parameters()]
    assert learns == [p is not D.body[1].bias for p in D.parameters()]


def test_a_diverging_game_stops_in_a_sentence():
    G, D, rng = players()

    class Broken(NonSaturating):
        def generator(self, fake):
            return super().generator(fake) * torch.nan

    with pytest.raises(CourseError, match="The G loss of a game was nan at step 1"):
        train_gan(G, D, toys.ring().batches(8, rng), Broken(), steps=3, rng=rng, name="a game")


def test_fakes_are_reused_if_asked_and_only_once(rng):
    G = Spy()
    batches = toys.ring().batches(8, rng)
    train_gan(G, Judge(), batches, Hinge(), steps=3, rng=rng, reuse_fakes=True)
    assert [graph for _, _, graph in G.asked] == [True] * 3
    with pytest.raises(CourseError, match="reuse_fakes was True with n_critic 2"):
        train_gan(G, Judge(), batches, Hinge(), steps=1, rng=rng, reuse_fakes=True, n_critic=2)


def test_with_reused_fakes_too_each_player_learns_from_its_own_loss_only():
    G, D, rng = players()
    diary, ema = Diary(G, D), Ema(G)
    ema.update = diary.update
    batches = toys.ring().batches(16, rng)
    train_gan(
        G, D, batches, NonSaturating(), steps=2, rng=rng, constrain=diary.constrain, ema=ema,
        reuse_fakes=True,
    )  # fmt: skip
    assert diary.notes == [("critic", "D"), ("generator", "G")] * 2


def test_d_is_shown_augmented_images_real_and_fake_and_g_learns_through_them(rng):
    shown, scale = [], lambda x, rng, progress: (shown.append(progress), 3 * x)[1]
    G, D = nets.DiracGenerator(1.0), nets.DiracDiscriminator(0.0)
    data = iter([(torch.full((4, 1), 5.0), torch.zeros(4, dtype=torch.int64))])
    quarter = lambda parameters: torch.optim.SGD(parameters, 0.25)  # noqa: E731
    train_gan(
        G, D, data, Wasserstein(), steps=1, rng=rng, optimizer_G=quarter, optimizer_D=quarter,
        augment=scale,
    )  # fmt: skip
    psi = 0.25 * (3 * 5 - 3 * 1)
    assert D.psi.item() == pytest.approx(psi)
    assert G.theta.item() == pytest.approx(1 + 0.25 * 3 * psi)
    assert shown == [0, 0, 0]


def test_the_average_of_a_spectrally_normalised_network_is_normalised():
    rng = seeded(0)
    G = nets.MLPGenerator((2,), (32, 32), noise_dim=8, bounded=False, rng=rng)
    nets.normalise_spectrally(G, rng)
    D, ema = nets.MLPDiscriminator((2,), (32,), rng=rng), Ema(G)
    batches = toys.ring().batches(16, rng)
    train_gan(G, D, batches, NonSaturating(), steps=200, rng=rng, ema=ema)
    assert list(spectral_norms(ema.model).values()) == pytest.approx([1.0] * 3, rel=0.05)
    moved_on = zip(ema.model.parameters(), G.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in moved_on)


def test_unrolling_takes_a_discriminator_with_a_second_head(rng):
    G = nets.ConcatGenerator((1, 8, 8), 4, width=2, rng=rng)
    D = nets.AuxiliaryDiscriminator((1, 8, 8), 4, width=2, rng=rng)
    batches = Split(torch.rand(32, 1, 8, 8), torch.arange(32) % 4).batches(8, rng)
    history = train_gan(
        G, D, batches, NonSaturating(), steps=2, rng=rng, unroll=unrolled(NonSaturating(), 2),
        penalty_D=auxiliary(real=1.0), penalty_G=auxiliary(fake=1.0),
    )  # fmt: skip
    assert history.losses["G"].isfinite().all()
