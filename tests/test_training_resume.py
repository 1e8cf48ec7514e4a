"""A run that was stopped in any way continues bit for bit, and only as itself."""

import functools
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from seeds import seeded
from torch import nn

import coursekit
from coursekit import nets, training
from coursekit.attacks import training_pgd
from coursekit.data import Split, real_or_fake
from coursekit.errors import CourseError
from coursekit.gan_losses import Hinge, NonSaturating, Wasserstein, auxiliary
from coursekit.lipschitz import (
    ScaledCritic,
    clamp_singular_value,
    clip_weights,
    dual_loss,
    gradient_penalty,
    r1_penalty,
)
from coursekit.objectives import adversarial, augmented, cross_entropy, trades

STEPS = 12


def split(scale=1.0):
    return Split(scale * torch.rand(40, 1, 8, 8, generator=seeded(1)), torch.arange(40) % 4)


class Stopping(Iterator):
    """Batches that stop the run in the middle of a step, as Ctrl-C or a fault would."""

    def __init__(self, batches, after=10**9, error=KeyboardInterrupt):
        self.batches, self.left, self.error = batches, after, error

    def __next__(self):
        self.left -= 1
        if self.left < 0:
            raise self.error
        return next(self.batches)

    def identity(self):
        return self.batches.identity()

    def state_dict(self):
        return self.batches.state_dict()

    def load_state_dict(self, state):
        self.batches.load_state_dict(state)


@dataclass
class Case:
    """One run: `go(checkpoint)` plays it with these very objects."""

    networks: list
    batches: Stopping
    play: object

    def go(self, checkpoint=None, after=10**9, **more):
        self.batches.left = after
        return self.play(checkpoint=checkpoint, **more)

    def state(self):
        return [v.clone() for net in self.networks for v in net.state_dict().values()]


def classifying(objective, dropout=0.0, rng=True):
    def make():
        torch.manual_seed(5)  # dropout draws from PyTorch's global generator
        net = nets.StridedCNN((1, 8, 8), 4, width=2, hidden=8, rng=seeded())
        net.body.append(nn.Dropout(dropout))
        batches, own = Stopping(split().batches(8, seeded(2))), seeded(3)
        how = {"steps": STEPS, "rng": own if rng else None, "schedule": training.triangle(0.3)}
        return Case([net], batches, lambda **k: training.fit(net, batches, objective, **how, **k))

    return make


def playing(loss=None, norm="none", make_D=None, normed_G=False, **ingredients):
    def make():
        rng = seeded()
        G = nets.DCGANGenerator((1, 8, 8), 2, 4, rng=rng)
        if normed_G:
            nets.normalise_spectrally(G, rng)
        D = nets.DCGANDiscriminator((1, 8, 8), 2, norm, rng=rng)
        ema, batches = training.Ema(G, 0.9), Stopping(split().batches(8, seeded(2)))
        how = {
            "steps": STEPS,
            "rng": rng,
            "ema": ema,
            "schedule": training.linear_decay(),
            **ingredients,
        }

        def play(**more):
            return training.train_gan(G, D, batches, loss or NonSaturating(), **how, **more)

        return Case([G, D, ema.model], batches, play)

    return make


def auxiliary_game():
    rng = seeded()
    G, D = (
        nets.ConcatGenerator((1, 8, 8), 4, 2, 4, rng=rng),
        nets.AuxiliaryDiscriminator((1, 8, 8), 4, 2, rng=rng),
    )
    batches, both = Stopping(split().batches(8, seeded(2))), auxiliary(real=1.0, fake=1.0)
    how = {"steps": STEPS, "rng": rng, "penalty_D": both, "penalty_G": both}
    return Case([G, D], batches, lambda **k: training.train_gan(G, D, batches, Hinge(), **how, **k))


def dual():
    D, rng = nets.MLPDiscriminator((1,), (8,), rng=seeded()), seeded(4)

    def shifted(n, rng):
        return torch.randn(n, 1, generator=rng) + 2

    batches = Stopping(real_or_fake(lambda n, r: shifted(n, r) - 2, shifted, 8, seeded(6)))
    loss = dual_loss(gradient_penalty(1.0))
    return Case([D], batches, lambda **k: training.fit(D, batches, loss, steps=STEPS, rng=rng, **k))


CASES = {
    "cross-entropy": classifying(cross_entropy, rng=False),
    "dropout": classifying(cross_entropy, dropout=0.5, rng=False),
    "flips and shifts": classifying(augmented(nets.FlipAndShift(1), 0.1)),
    "ramp and random starts": classifying(adversarial(training_pgd(0.3, 2, ramp=0.8), 0.5)),
    "TRADES": classifying(trades(training_pgd(0.3, 2, ramp=0.8), 6.0)),
    "dual critic": dual,
    "instance noise": playing(augment=nets.InstanceNoise(0.5, until=0.9)),
    "DiffAugment, reused fakes": playing(augment=nets.DiffAugment(), reuse_fakes=True),
    "unrolled": playing(unroll=training.unrolled(NonSaturating(), 2)),
    "WGAN-GP": playing(Wasserstein(), penalty_D=gradient_penalty(10), n_critic=2),
    "R1": playing(penalty_D=r1_penalty(0.2)),
    "clipped": playing(Wasserstein(), constrain=clip_weights(0.01), n_critic=3),
    "clamped G": playing(constrain_G=clamp_singular_value(limit=0.5)),
    "spectral norm in both": playing(Hinge(), norm="spectral", normed_G=True),
    "ACGAN": auxiliary_game,
}


@pytest.fixture
def eager(monkeypatch):
    """Save after every step."""
    monkeypatch.setattr(training.trainer, "SAVE_SECONDS", 0.0)


@pytest.mark.parametrize("objects", ["fresh", "the same"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_killed_and_continued_equals_uninterrupted(case, objects, eager, tmp_path):
    whole = case()
    history, path = whole.go(), tmp_path / "deep" / "run.pt"
    stopped = case()
    with pytest.raises(KeyboardInterrupt, match="continues it at step"):
        stopped.go(path, after=11)
    assert not any(net.training for net in stopped.networks)
    again = case() if objects == "fresh" else stopped
    continued = again.go(path)
    assert all(torch.equal(a, b) for a, b in zip(whole.state(), again.state(), strict=True))
    for name, values in history.losses.items():
        assert torch.equal(values, continued.losses[name])
    recalled = case().go(path, after=0)  # a finished run is recalled, not repeated
    assert recalled.seconds == continued.seconds > 0
    assert again.go(path, after=0).seconds == continued.seconds


def test_after_an_error_the_same_objects_continue_too(eager, tmp_path):
    whole, failed = CASES["WGAN-GP"](), CASES["WGAN-GP"]()
    whole.go()
    failed.batches.error = ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        failed.go(tmp_path / "run.pt", after=11)  # D has moved once in the sixth step
    failed.go(tmp_path / "run.pt")
    assert all(torch.equal(a, b) for a, b in zip(whole.state(), failed.state(), strict=True))


def test_the_first_step_may_be_interrupted_too(eager, tmp_path):
    case, whole = CASES["R1"](), CASES["R1"]()
    with pytest.raises(KeyboardInterrupt, match="after 0 of 12 steps"):
        case.go(tmp_path / "run.pt", after=0)
    assert not (tmp_path / "run.pt").exists()
    whole.go()
    CASES["R1"]().go(tmp_path / "run.pt")


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from coursekit.training import trainer
from test_training_resume import *
trainer.SAVE_SECONDS = 0.0
STEPS_BEFORE = 120
import test_training_resume as here
here.STEPS = STEPS_BEFORE
playing(penalty_D=gradient_penalty(1.0))().go(sys.argv[2])
"""


def test_kill_9_at_any_moment_then_resume(tmp_path, monkeypatch):
    """Killed twice while it saves after every step, then finished: equal to an undisturbed run."""
    path, done = tmp_path / "game.pt", [0]
    root = str(Path(coursekit.__file__).parents[1])
    env = os.environ | {"PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
    for wait in (0.05, 0.1):
        before = path.stat().st_mtime_ns if path.exists() else None
        command = [sys.executable, "-c", SCRIPT, str(Path(__file__).parent), str(path)]
        child = subprocess.Popen(command, env=env)
        while not path.exists() or path.stat().st_mtime_ns == before:
            assert child.poll() is None, "it ended before it saved"
            time.sleep(0.005)
        time.sleep(wait)
        child.kill()
        assert child.wait() == -9, "it was over before it could be killed"
        done.append(torch.load(path, weights_only=True)["done"])  # never half a file
    assert 0 < done[1] < done[2] < 120
    monkeypatch.setattr(sys.modules[__name__], "STEPS", 120)
    make = playing(penalty_D=gradient_penalty(1.0))
    resumed, whole = make(), make()
    resumed.go(path)
    whole.go()
    assert all(torch.equal(a, b) for a, b in zip(whole.state(), resumed.state(), strict=True))


# Only as itself


@dataclass(frozen=True)
class Weighted:
    weight: float

    def __call__(self, model, x, y):
        return self.weight * cross_entropy(model, x, y)


class Hiding(Weighted):
    """A subclass of a frozen dataclass is one; this one hides a number from its fields."""

    def __init__(self, weight):
        super().__init__(1.0)
        object.__setattr__(self, "hidden", weight)


class Bare:
    def __init__(self, weight):
        self.weight = weight

    def __call__(self, model, x, y):
        return self.weight * cross_entropy(model, x, y)


def closure(weight):
    def objective(model, x, y):
        return weight * cross_entropy(model, x, y)

    return objective


def weights_alone(model, x, y):
    """An objective that any network has: it is not even called."""
    return sum(p.square().sum() for p in model.parameters())


class Private(nn.Linear):
    """Keeps a number that its output depends on under a private name."""

    def __init__(self, scale):
        super().__init__(2, 2)
        self._scale = scale


def small(path, net=None, data=None, objective=cross_entropy, seed=2, steps=5, **more):
    net = net or nets.StridedCNN((1, 8, 8), 4, width=2, rng=seeded())
    batches = (data or split()).batches(8, seeded(seed))
    return training.fit(net, batches, objective, steps=steps, checkpoint=path, **more)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"objective": Weighted(2.0)}, "whose objective differed"),
        ({"optimizer": training.adam(2e-3)}, "whose opt, optimizer differed"),
        ({"steps": 6}, "whose every, steps differed|whose steps differed"),
        ({"seed": 3}, "whose batches differed"),
        ({"data": split(0.5)}, "whose batches differed"),
        ({"schedule": training.triangle()}, "whose schedule differed"),
        (
            {"net": nets.StridedCNN((1, 8, 8), 4, width=2, rng=seeded(1))},
            "began with other weights",
        ),
        ({"net": nets.StridedCNN((1, 8, 8), 4, width=3, rng=seeded())}, "whose model differed"),
        (
            {"net": nets.ScaledLogits(nets.StridedCNN((1, 8, 8), 4, width=2, rng=seeded()), 7.0)},
            "model differed",
        ),
    ],
    ids=["objective", "rate", "steps", "seed", "data", "schedule", "weights", "width", "wrapper"],
)
def test_another_run_is_refused(change, said, tmp_path):
    small(tmp_path / "run.pt", objective=Weighted(1.0) if "objective" in change else cross_entropy)
    with pytest.raises(CourseError, match=f"written by (another run|a run).*({said})"):
        small(tmp_path / "run.pt", **change)


@pytest.mark.parametrize(
    "change",
    [
        {"loss": NonSaturating()}, {"penalty_D": gradient_penalty(2.0)}, {"n_critic": 2},
        {"constrain": clip_weights(0.1)}, {"unroll": training.unrolled(Hinge(), 1)},
        {"reuse_fakes": True}, {"augment": nets.DiffAugment(cutout=False)},
        {"penalty_G": auxiliary()}, {"constrain_G": clip_weights(0.1)},
    ],
    ids=lambda change: [*change][0],
)  # fmt: skip
def test_another_game_is_refused(change, tmp_path):
    usual = {"loss": Hinge(), "penalty_D": gradient_penalty(1.0), "augment": nets.DiffAugment()}
    playing(**usual)().go(tmp_path / "run.pt")
    with pytest.raises(CourseError, match="written by another run, whose game differed"):
        playing(**usual | change)().go(tmp_path / "run.pt")


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (lambda D: ScaledCritic(D, 0.1), lambda D: ScaledCritic(D, 30.0)),
        (
            lambda D: nets.Preprocessed(nets.MinibatchStd(2), D),
            lambda D: nets.Preprocessed(nets.MinibatchStd(4), D),
        ),
        (
            lambda D: nets.Preprocessed(nets.PacGANPack(1), D),
            lambda D: nets.Preprocessed(nets.PacGANPack(2), D),
        ),
    ],
    ids=["Amplified", "MinibatchStd", "Pack"],
)
def test_networks_of_one_shape_but_another_attribute_are_refused(one, two, tmp_path):
    """Their tensors are the same; the run is not."""

    def go(wrap):
        D = wrap(nets.MLPDiscriminator((2,), (4,), rng=seeded()))
        small(tmp_path / "run.pt", D, objective=weights_alone)

    go(one)
    with pytest.raises(CourseError, match="written by another run, whose model differed"):
        go(two)


def test_objects_that_differ_in_one_plain_attribute_are_told_apart():
    D, net = (
        nets.MLPDiscriminator((2,), (4,), rng=seeded()),
        nets.StridedCNN((1, 8, 8), 4, rng=seeded()),
    )
    a = np.zeros(5000)
    pairs = [
        (ScaledCritic(D, 0.1), ScaledCritic(D, 30.0)),
        (nets.ScaledLogits(net, 10.0), nets.ScaledLogits(net, 1e3)),
        (nets.QuantizedInputs(net, 4), nets.QuantizedInputs(net, 16)),
        (nets.Preprocessed(nets.PacGANPack(2), D), nets.Preprocessed(nets.PacGANPack(4), D)),
        (nets.MinibatchStd(2), nets.MinibatchStd(8)), (Private(1.0), Private(2.0)),
        (gradient_penalty(1), gradient_penalty(2)),
        (torch.zeros(3), torch.ones(3)), (adversarial(training_pgd(0.1, 2)),
                                          adversarial(training_pgd(0.1, 3))),
    ]  # fmt: skip
    for one, two in pairs:
        assert training.describe(one) == training.describe(one) != training.describe(two)
    with pytest.raises(CourseError, match="value was numpy.ndarray"):
        training.describe(a)


@pytest.mark.parametrize(
    "objective",
    [
        Bare(1.0),
        lambda model, x, y: cross_entropy(model, x, y),
        closure(1.0),
        Hiding(1.0),
        functools.wraps(cross_entropy)(closure(1.0)),
        functools.partial(closure(1.0)),
    ],
    ids=["object", "lambda", "closure", "subclass", "wrapper of a function", "partial"],
)
def test_what_cannot_be_told_from_others_is_refused_where_it_is_kept(objective, tmp_path):
    with pytest.raises(CourseError, match="a run that is kept needs plain values"):
        small(tmp_path / "run.pt", objective=objective)
    assert not list(tmp_path.iterdir())
    assert len(small(None, objective=objective).losses["loss"]) == 5  # without a file it may be


def test_batches_without_a_state_cannot_be_resumed(tmp_path):
    pairs = [(torch.zeros(2, 2), torch.zeros(2, dtype=torch.int64))]
    with pytest.raises(CourseError, match="batches has no state_dict"):
        training.fit(nn.Linear(2, 2), pairs, cross_entropy, steps=1, checkpoint=tmp_path / "x.pt")


# The file


@pytest.mark.parametrize("keep", [0, 10, 3000], ids="{} bytes left".format)
def test_a_damaged_checkpoint_is_refused(tmp_path, keep):
    path = tmp_path / "run.pt"
    small(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CourseError, match="cannot be read; delete it"):
        small(path)


def test_a_foreign_file_is_refused(tmp_path):
    torch.save({"weights": torch.zeros(2)}, tmp_path / "run.pt")
    with pytest.raises(CourseError, match="cannot be read; delete it"):
        small(tmp_path / "run.pt")


@contextmanager
def files_of_at_most(size):
    """The system itself refuses to write more, as it does when a disk is full."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_place_that_cannot_be_written_is_told_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")
    seen = []
    with pytest.raises(CourseError, match="could not be written: "):
        small(tmp_path / "file" / "run.pt", watch=lambda step: seen.append(step) or {})
    assert seen == []


def test_a_full_disk_is_one_sentence_and_keeps_the_last_checkpoint(tmp_path, eager):
    path = tmp_path / "run.pt"
    with pytest.raises(KeyboardInterrupt):
        CASES["R1"]().go(path, after=5)
    before = path.read_bytes()
    with files_of_at_most(1_000), pytest.raises(CourseError) as caught:
        CASES["R1"]().go(path)
    assert str(caught.value) == f"{path} could not be written: File too large."
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["run.pt"]


def test_a_lost_run_does_not_overwrite_a_good_checkpoint(tmp_path, eager):
    calls = []
    net = nets.StridedCNN((1, 8, 8), 4, width=2, rng=seeded())

    def lost(step):
        calls.append(step)
        if step == 5:  # as if the update before had gone wrong
            nn.init.constant_(net.head.bias, torch.nan)
        return {}

    with pytest.raises(CourseError, match="was nan at step 6"):
        small(tmp_path / "run.pt", net, steps=9, watch=lost, every=5)
    state = torch.load(tmp_path / "run.pt", weights_only=True)
    assert state["done"] == 5


def test_what_was_watched_is_written_and_read_back(tmp_path):
    def watch(step):
        more = {"s": np.str_("x"), "names": np.array(["a", "b"]), "reversed": np.arange(3)[::-1]}
        return {"accuracy": np.mean([0.1, 0.2]), "all": np.arange(3), "t": torch.ones(2), **more}

    small(tmp_path / "run.pt", watch=watch)
    recalled = small(tmp_path / "run.pt", watch=watch)
    assert recalled.column("accuracy") == pytest.approx([0.15] * len(recalled.watched))
    assert recalled.column("all")[0].tolist() == [0, 1, 2]
    assert recalled.column("t")[0].tolist() == [1, 1] and recalled.column("s")[0] == "x"
    assert recalled.column("names")[0] == ["a", "b"]
    assert recalled.column("reversed")[0].tolist() == [2, 1, 0]
    with pytest.raises(CourseError, match="watch returned object; a checkpoint keeps numbers"):
        small(tmp_path / "other.pt", watch=lambda step: {"a": object()})
    with pytest.raises(CourseError, match="watch returned ndarray; a checkpoint keeps numbers"):
        small(tmp_path / "other.pt", watch=lambda step: {"a": np.array([object()])})
