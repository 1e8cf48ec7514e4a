"""`fit`, and what surrounds both loops: progress, schedules, watching, one way out."""

import inspect
import shutil
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from seeds import seeded
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from coursekit.errors import CourseError
from coursekit.gan_losses import Wasserstein
from coursekit.lipschitz import dual_loss, gradient_penalty, r1_penalty
from coursekit.nets import MLPDiscriminator, MLPGenerator
from coursekit.objectives import adversarial, cross_entropy
from coursekit.progress import BLOCKS, following, format_metrics, sparkline
from coursekit.training import (
    Ema,
    adam,
    fit,
    linear_decay,
    rmsprop,
    train_gan,
    trainer,
    triangle,
    unrolled,
)


class Points(Iterator):
    """Endless batches of points in the unit square, labelled by which coordinate is larger."""

    def __init__(self, seed=0, size=32):
        self.rng, self.size = seeded(seed), size

    def __next__(self):
        x = torch.rand(self.size, 2, generator=self.rng)
        return x, (x[:, 0] > x[:, 1]).long()


def classifier(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))


def state(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_fit_lowers_the_loss_and_leaves_eval_mode():
    model = classifier()
    history = fit(model, Points(), cross_entropy, steps=300, optimizer=adam(1e-2))
    loss = history.losses["loss"]
    assert loss.shape == (300,) and loss.device.type == "cpu"
    assert loss[-50:].mean() < 0.25 < 0.5 < loss[:5].mean()  # five seeds: 0.12–0.16 and 0.57–0.80
    assert not model.training
    assert history.seconds > 0


def test_training_happens_in_train_mode_whatever_watch_does():
    model, modes = classifier().eval(), []

    def objective(model, x, y):
        modes.append(model.training)
        return cross_entropy(model, x, y)

    fit(model, Points(), objective, steps=6, watch=lambda step: {"a": len(model.eval())}, every=2)
    assert modes == [True] * 6


def test_watch_sees_the_beginning_every_so_often_and_the_end():
    seen = []

    def watch(step):
        seen.append(step)
        return {"double": 2.0 * step}

    history = fit(classifier(), Points(), cross_entropy, steps=7, watch=watch, every=3)
    assert seen == [0, 3, 6, 7]
    assert history.column("step") == seen
    assert history.column("double") == [0, 6, 12, 14]
    assert history.column("seconds") == sorted(history.column("seconds"))


def test_watching_changes_nothing():
    one, two = classifier(), classifier()
    fit(one, Points(), cross_entropy, steps=9)
    fit(two, Points(), cross_entropy, steps=9, watch=lambda step: {"a": 1.0}, every=2)
    assert all(torch.equal(one.state_dict()[k], two.state_dict()[k]) for k in one.state_dict())


def test_a_schedule_scales_the_learning_rate_of_each_step():
    rates = []

    class Spy(torch.optim.SGD):
        def step(self, closure=None):
            rates.append(self.param_groups[0]["lr"])
            return super().step(closure)

    fit(
        classifier(), Points(), cross_entropy, steps=4, schedule=linear_decay(start=0.5),
        optimizer=lambda parameters: Spy(parameters, lr=0.5),
    )  # fmt: skip
    assert rates == pytest.approx([0.5, 0.5, 0.5, 0.25])


def test_schedules_stay_within_nought_and_one():
    progress = [i / 100 for i in range(100)]
    for schedule in (triangle(), triangle(0.1), linear_decay(), linear_decay(0.0), triangle(0.0)):
        factors = [schedule(p) for p in progress]
        assert min(factors) > 0 and max(factors) <= 1.0
        assert factors[-1] < 0.05


def test_schedules_at_the_ends_of_their_range():
    assert [linear_decay(1.0)(p) for p in (0.0, 0.5, 0.99)] == [1, 1, 1]
    assert triangle(1.0)(1.0) == 1 and triangle(1.0)(0.5) == pytest.approx(0.5, abs=0.01)
    for make, name in ((linear_decay, "start"), (triangle, "peak")):
        for bad in (-0.1, 1.1):
            with pytest.raises(CourseError, match=f"{name} was {bad}"):
                make(bad)


@pytest.mark.parametrize("peak", [0.1, 0.3, 0.6])
def test_a_triangle_is_full_at_its_peak_and_half_on_the_way_up_and_down(peak):
    factor = triangle(peak)
    assert factor(peak) == pytest.approx(1)
    assert factor(peak / 2) == pytest.approx(0.5, abs=0.01)  # it begins a little above 0
    assert factor((1 + peak) / 2) == pytest.approx(0.5)


@pytest.mark.parametrize("betas", [(0.5, 0.9), (0.9, 0.999)])
def test_adam_is_that_of_the_paper_with_the_betas_it_is_given(betas):
    """Kingma & Ba 2015, Algorithm 1, written out."""
    weight, (b1, b2) = nn.Parameter(torch.zeros(1)), betas
    opt, m, v, wanted = adam(0.1, betas)([weight]), 0.0, 0.0, 0.0
    for t, g in enumerate((1.0, -3.0, 0.5), start=1):
        weight.grad = torch.tensor([g])
        opt.step()
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        wanted -= 0.1 * (m / (1 - b1**t)) / (v / (1 - b2**t)) ** 0.5
    assert weight.item() == pytest.approx(wanted, rel=1e-5)


def test_rmsprop_divides_by_the_root_of_the_mean_square():
    weight, v, wanted = nn.Parameter(torch.zeros(1)), 0.0, 0.0
    opt = rmsprop(0.1)([weight])
    for g in (1.0, -3.0, 0.5):
        weight.grad = torch.tensor([g])
        opt.step()
        v = 0.99 * v + 0.01 * g**2
        wanted -= 0.1 * g / v**0.5
    assert weight.item() == pytest.approx(wanted, rel=1e-5)


def test_no_step_waits_for_the_device(monkeypatch):
    """No `.item()`, `.cpu()` or truth of a tensor between one look at the losses and the next."""
    monkeypatch.setattr(trainer, "LOOK_SECONDS", 1e9)
    waited = []
    for name in ("item", "cpu", "tolist", "numpy", "__bool__", "__float__", "__int__"):
        real = getattr(torch.Tensor, name)
        monkeypatch.setattr(
            torch.Tensor,
            name,
            lambda self, *a, _real=real, _name=name, **k: (
                waited.append(_name) or _real(self, *a, **k)
            ),
        )
    steps = []

    def objective(model, x, y):
        steps.append(len(waited))
        return cross_entropy(model, x, y)

    fit(classifier(), Points(), objective, steps=20, optimizer=adam(1e-3))
    assert steps == [0] * 20


def test_progress_is_silent_when_asked(capsys, monkeypatch):
    monkeypatch.setenv("COURSEKIT_PROGRESS", "0")
    fit(classifier(), Points(), cross_entropy, steps=3)
    assert capsys.readouterr() == ("", "")
    monkeypatch.delenv("COURSEKIT_PROGRESS")
    fit(classifier(), Points(), cross_entropy, steps=3, name="a judge")
    assert "a judge" in capsys.readouterr().err


def test_a_loop_is_followed_and_its_bar_goes(capsys, monkeypatch):
    rounds = {"a": 1, "b": 2, "c": 3}
    assert list(following(rounds.items(), "attacks")) == list(rounds.items())
    assert capsys.readouterr() == ("", "")
    monkeypatch.delenv("COURSEKIT_PROGRESS")
    assert list(following(iter(range(3)), "frames", total=3)) == [0, 1, 2]
    said = capsys.readouterr().err
    assert "frames:   0%" in said and "0/3" in said
    assert said.rsplit("\r", 1)[-1].strip() == ""  # nothing is left of it


def test_the_live_figures_are_the_means_since_the_last_look_and_a_curve():
    losses = {"critic": torch.tensor([4.0, 3, 2, 1])}
    shown = format_metrics(losses, 2, {"step": 3, "FID": torch.tensor(41.23), "name": "x"})
    assert shown == f"FID 41.2, critic 1.5 {sparkline(losses['critic'])}"
    assert sparkline(torch.arange(8.0)) == BLOCKS
    assert sparkline(torch.ones(3)) == BLOCKS[0] * 3


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_loss_that_is_no_number_stops_the_run_in_a_sentence(bad):
    def objective(model, x, y):
        objective.step += 1
        return cross_entropy(model, x, y) * (bad if objective.step >= 4 else 1)

    objective.step, model = 0, classifier()
    said = rf"The loss loss of a judge was {bad} at step 4; lower the learning rate"
    with pytest.raises(CourseError, match=said):
        fit(model, Points(), objective, steps=9, name="a judge")
    assert not model.training


def test_nothing_to_do_is_refused():
    with pytest.raises(CourseError, match="steps was 0"):
        fit(classifier(), Points(), cross_entropy, steps=0)
    with pytest.raises(CourseError, match="every was 0"):
        fit(classifier(), Points(), cross_entropy, steps=1, every=0)
    with pytest.raises(CourseError, match="lr was 0"):
        adam(0.0)
    with pytest.raises(CourseError, match="lr was -1"):
        rmsprop(-1)


@pytest.mark.parametrize("loop", [fit, train_gan])
def test_every_option_is_a_named_argument_and_a_typo_an_error(loop):
    kinds = {p.kind for p in inspect.signature(loop).parameters.values()}
    assert kinds == {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    given = {
        p.name: None for p in inspect.signature(loop).parameters.values() if p.default is p.empty
    }
    with pytest.raises(TypeError, match="stepz"):
        loop(**given, stepz=3)


# Interrupted


def interrupted(model, at=4, **options):
    """`fit` whose objective is interrupted in its step number `at`, counted from 1."""
    count = []

    def objective(model, x, y):
        count.append(1)
        if len(count) == at:
            raise KeyboardInterrupt
        return cross_entropy(model, x, y)

    with pytest.raises(KeyboardInterrupt) as caught:
        fit(model, Points(), objective, steps=1000, name="a judge", **options)
    return str(caught.value)


def test_an_interrupt_leaves_the_network_as_trained_so_far(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSEKIT_CACHE", str(tmp_path / "cache"))
    stopped, three = classifier(), classifier()
    said = interrupted(stopped)
    assert said.startswith(
        "a judge was interrupted after 3 of 1,000 steps; the networks are as trained so far."
    )
    fit(three, Points(), cross_entropy, steps=3)
    assert all(
        torch.equal(a, b)
        for a, b in zip(state(stopped).values(), state(three).values(), strict=True)
    )
    assert not stopped.training
    assert list(tmp_path.iterdir()) == []  # nothing is written unasked


def test_an_error_leaves_eval_mode_and_is_raised_as_it_was():
    def objective(model, x, y):
        raise ZeroDivisionError("mine")

    model = classifier().train()
    with pytest.raises(ZeroDivisionError, match="mine"):
        fit(model, Points(), objective, steps=3)
    assert not model.training


# What a loop is handed


def test_a_data_loader_and_a_list_begin_again_at_their_end():
    x = torch.rand(8, 2)
    pairs = TensorDataset(x, (x[:, 0] > 0.5).long())
    for batches in (DataLoader(pairs, 4), [(x, pairs.tensors[1])]):
        assert len(fit(classifier(), batches, cross_entropy, steps=5).losses["loss"]) == 5


def test_batches_that_end_are_told_in_a_sentence():
    x = torch.rand(8, 2)
    batches = iter(DataLoader(TensorDataset(x, (x[:, 0] > 0.5).long()), 4))
    with pytest.raises(CourseError, match="batches ended after 2; give an endless iterator"):
        fit(classifier(), batches, cross_entropy, steps=5)


def test_an_objective_of_five_is_handed_the_generator_and_the_progress():
    seen, rng = [], seeded(1)

    def objective(model, x, y, rng, progress):
        seen.append((rng, progress))
        return cross_entropy(model, x, y)

    fit(classifier(), Points(), objective, steps=4, rng=rng)
    assert seen == [(rng, p) for p in (0, 0.25, 0.5, 0.75)]
    with pytest.raises(CourseError, match="rng was None; this objective draws"):
        fit(classifier(), Points(), adversarial(lambda *_: None), steps=4)


# Lower precision and compilation


def test_autocast_trains_in_lower_precision_and_hands_back_float32():
    model, seen = classifier(), []
    model[0].register_forward_hook(lambda layer, x, out: seen.append(out.dtype))

    def objective(network, x, y):
        out = network(x)
        assert out.dtype == torch.float32
        return nn.functional.cross_entropy(out, y)

    history = fit(
        model, Points(), objective, steps=200, optimizer=adam(1e-2), autocast=torch.bfloat16
    )
    assert set(seen) == {torch.bfloat16}
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert history.losses["loss"][-20:].mean() < 0.25  # five seeds: 0.10–0.14


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("ignore")
def test_compiled_training_is_the_same_training():
    one, two = classifier(), classifier()
    fit(one, Points(), cross_entropy, steps=5)
    fit(two, Points(), cross_entropy, steps=5, compile=True)
    for a, b in zip(state(one).values(), state(two).values(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    "more",
    [
        {"penalty_D": gradient_penalty(10)},
        {"penalty_D": r1_penalty(1.0)},
        {"penalty_G": gradient_penalty(10)},
        {"unroll": unrolled(Wasserstein(), 2)},
    ],
    ids=lambda more: f"{[*more][0]} {type([*more.values()][0]).__name__}",
)
def test_a_gradient_of_a_gradient_is_not_compiled(more, rng):
    """And is refused before the first batch is drawn: there is none."""
    G, D = MLPGenerator((2,), (4,), 2, rng=rng), MLPDiscriminator((2,), (4,), rng=rng)
    with pytest.raises(CourseError, match="gradient of a gradient; torch.compile cannot"):
        train_gan(G, D, iter(()), Wasserstein(), steps=1, rng=rng, compile=True, **more)


def test_a_dual_loss_with_a_penalty_is_not_compiled_and_a_readers_own_is_told(rng):
    D = MLPDiscriminator((2,), (4,), rng=rng)
    with pytest.raises(CourseError, match="torch.compile cannot"):
        fit(D, iter(()), dual_loss(gradient_penalty()), steps=1, rng=rng, compile=True)

    def own(model, x, y):
        raise RuntimeError("torch.compile with aot_autograd does not support double backward")

    with pytest.raises(CourseError, match="takes the gradient of a gradient, which torch.compile"):
        fit(D, Points(), own, steps=1)


# The moving average


def test_the_average_of_a_constant_is_that_constant_and_starts_from_nowhere():
    """After many updates nothing of the initial weights is left, buffers included."""
    model = classifier()
    ema = Ema(model, 0.9)
    with torch.no_grad():
        for value in [*model.parameters(), model[1].running_mean, model[1].running_var]:
            value.fill_(3.0)
    for _ in range(300):
        ema.update(model)
    for value in ema.model.state_dict().values():
        if value.is_floating_point():
            torch.testing.assert_close(value, torch.full_like(value, 3.0))
    assert not any(p.requires_grad for p in ema.model.parameters())


def test_the_average_by_hand():
    """θ̄ ← β_t θ̄ + (1 − β_t) θ with β_t = min(decay, t / (t + 10))."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 0.0)
    ema, wanted = Ema(model, 0.15), 0.0
    for t, value in enumerate([1.0, 2.0, 3.0], start=1):
        nn.init.constant_(model.weight, value)
        ema.update(model)
        keep = min(0.15, t / (t + 10))
        wanted = keep * wanted + (1 - keep) * value
    assert ema.model.weight.item() == pytest.approx(wanted)


def test_batchnorm_statistics_are_averaged_with_their_weights(rng):
    model = nn.Sequential(nn.BatchNorm1d(2)).train()
    ema = Ema(model, 0.5)
    means = []
    for _ in range(3):
        model(5 + torch.randn(64, 2, generator=rng))
        means.append(model[0].running_mean.clone())
        ema.update(model)
    low, high = torch.stack(means).amin(0), torch.stack(means).amax(0)
    assert ((low <= ema.model[0].running_mean) & (ema.model[0].running_mean <= high)).all()
    assert ema.model[0].num_batches_tracked == 3


def test_what_cannot_be_averaged_is_refused():
    with pytest.raises(CourseError, match="decay was 1"):
        Ema(classifier(), 1.0)
    old = nn.Sequential(nn.utils.spectral_norm(nn.Linear(2, 2)))
    old(torch.zeros(1, 2))
    with pytest.raises(CourseError, match="parametrizations.spectral_norm can"):
        Ema(old)


def test_a_watched_number_may_be_numpys():
    history = fit(
        classifier(), Points(), cross_entropy, steps=2, watch=lambda s: {"a": np.float64(0.15)}
    )
    assert history.column("a") == [0.15, 0.15, 0.15]
