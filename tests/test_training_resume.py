"""A run that was stopped in any way continues bit for bit, and only as itself."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import nn

import coursekit
from coursekit.data import toys
from coursekit.errors import CourseError
from coursekit.gan_losses import Hinge, NonSaturating
from coursekit.lipschitz import gradient_penalty
from coursekit.nets import MLPDiscriminator, MLPGenerator
from coursekit.objectives import cross_entropy
from coursekit.training import (
    Ema,
    adam,
    cache_file,
    configuration_hash,
    fit,
    linear_decay,
    remember,
    train_gan,
)
from coursekit.training import checkpoint as files
from coursekit.training import run as running


class Interrupting(Iterator):
    """Batches that stop the run, as a reader with Ctrl-C would, in the middle of a step."""

    def __init__(self, batches, after):
        self.batches, self.left = batches, after

    def __next__(self):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return next(self.batches)

    def state_dict(self):
        return self.batches.state_dict()

    def load_state_dict(self, state):
        self.batches.load_state_dict(state)


class Dropping(MLPGenerator):
    """A generator with BatchNorm and with dropout, which draws from PyTorch's global generator."""

    def __init__(self, rng):
        super().__init__((2,), (16,), noise_dim=2, bounded=False, rng=rng)
        self.body.insert(1, nn.BatchNorm1d(16))
        self.body.insert(3, nn.Dropout(0.2))


def game(path, stop_after=10**9, lr=1e-3, steps=24, seed=0, loss=None):
    """One GAN run in which everything that has a state takes part."""
    torch.manual_seed(5)
    rng = torch.Generator().manual_seed(seed)
    G = Dropping(rng)
    D = MLPDiscriminator((2,), (16,), norm="spectral", rng=rng)
    ema = Ema(G, 0.9)
    batches = Interrupting(toys.ring().batches(8, rng), stop_after)
    history = train_gan(
        G, D, batches, loss or NonSaturating(), steps=steps, rng=rng, critic_steps=2, ema=ema,
        penalty=gradient_penalty(1.0), optimizer_G=adam(lr, (0.5, 0.9)), schedule=linear_decay(),
        watch=lambda step: {"at": torch.full((2,), float(step))}, every=5, checkpoint=path,
    )  # fmt: skip
    return [G.state_dict(), D.state_dict(), ema.model.state_dict()], history, rng.get_state()


def assert_same(one, two):
    for a, b in zip(one[0], two[0], strict=True):
        assert all(torch.equal(a[name], b[name]) for name in a)
    for name, values in one[1].losses.items():
        assert torch.equal(values, two[1].losses[name])
    assert one[1].column("step") == two[1].column("step") == [0, 5, 10, 15, 20, 24]
    assert torch.equal(torch.stack(one[1].column("at")), torch.stack(two[1].column("at")))
    assert torch.equal(one[2], two[2])


@pytest.fixture
def eager(monkeypatch):
    """Save after every step."""
    monkeypatch.setattr(running, "SAVE_SECONDS", 0.0)


@pytest.mark.parametrize("stop_after", [1, 17, 18, 47], ids="interrupted at batch {}".format)
def test_an_interrupted_game_continues_bit_for_bit(tmp_path, eager, stop_after):
    """Batch 17 lies in the middle of a step: what was half done is done again, not trusted."""
    whole = game(None)
    path = tmp_path / "deep" / "game.pt"
    with pytest.raises(KeyboardInterrupt):
        game(path, stop_after)
    assert path.exists() == (stop_after > 1)
    assert_same(whole, game(path))
    assert_same(whole, game(path, stop_after=0))  # a finished run is recalled, not repeated


def test_an_interrupted_fit_continues_bit_for_bit(tmp_path, eager, rng):
    def train(path, stop_after=10**9):
        own = torch.Generator().manual_seed(3)
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 8))
        batches = Interrupting(toys.ring().batches(8, own), stop_after)
        history = fit(model, batches, cross_entropy, steps=20, checkpoint=path)
        return model.state_dict(), history

    whole, _ = train(None)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "fit.pt", 11)
    resumed, history = train(tmp_path / "fit.pt")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert len(history.losses["loss"]) == 20


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from test_training_resume import game, running
running.SAVE_SECONDS = 0.0
game(sys.argv[2], steps=120)
"""


def test_kill_9_at_any_moment_then_resume(tmp_path):
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
    resumed, whole = game(path, steps=120), game(None, steps=120)
    for a, b in zip(resumed[0], whole[0], strict=True):
        assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_recalled_game_tells_how_long_it_took(tmp_path):
    first, recalled = (game(tmp_path / "game.pt")[1] for _ in range(2))
    assert recalled.seconds == first.seconds > 0
    assert recalled.column("seconds") == first.column("seconds")


@pytest.mark.parametrize(
    "change", [{"lr": 2e-3}, {"steps": 25}, {"seed": 1}, {"loss": Hinge()}], ids=str
)
def test_another_configuration_is_refused(tmp_path, change):
    path = tmp_path / "game.pt"
    game(path)
    with pytest.raises(CourseError, match="written by another configuration .* delete it to start"):
        game(path, **change)


@pytest.mark.parametrize("keep", [0, 10, 3000], ids="{} bytes left".format)
def test_a_damaged_checkpoint_is_refused(tmp_path, keep):
    path = tmp_path / "game.pt"
    game(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CourseError, match="cannot be read; delete it"):
        game(path)


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


def test_a_full_disk_is_one_sentence_and_keeps_the_last_checkpoint(tmp_path, eager):
    path = tmp_path / "game.pt"
    with pytest.raises(KeyboardInterrupt):
        game(path, 20)
    before = path.read_bytes()

    with files_of_at_most(1_000), pytest.raises(CourseError) as caught:
        game(path)
    assert str(caught.value) == f"The checkpoint {path} could not be written: File too large."
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["game.pt"]


def test_a_lost_run_does_not_overwrite_a_good_checkpoint(tmp_path, eager):
    model, path = nn.Linear(2, 8), tmp_path / "fit.pt"
    with torch.no_grad():
        nn.init.zeros_(model.weight)
    count = []

    def objective(model, x, y):
        count.append(0)
        return cross_entropy(model, x, y) * (torch.nan if len(count) == 6 else 1)

    rng = torch.Generator().manual_seed(0)
    with pytest.raises(CourseError, match="was nan at step 6"):
        fit(model, toys.ring().batches(8, rng), objective, steps=9, checkpoint=path)
    state = torch.load(path, weights_only=True)
    assert state["done"] == 5
    assert all(value.isfinite().all() for value in state["parts"]["model"].values())


def test_batches_without_a_state_cannot_be_resumed(tmp_path):
    pairs = iter([(torch.zeros(2, 2), torch.zeros(2, dtype=torch.int64))])
    with pytest.raises(CourseError, match="batches has no state_dict"):
        fit(nn.Linear(2, 2), pairs, cross_entropy, steps=1, checkpoint=tmp_path / "x.pt")


# The fingerprint


def test_the_hash_tells_settings_apart_and_nothing_else():
    def penalised(weight):
        return lambda value: value * weight

    one = configuration_hash(a=1, b=[torch.zeros(2), {"x": penalised(2.0)}], loss=Hinge())
    assert one == configuration_hash(b=[torch.zeros(2), {"x": penalised(2.0)}], loss=Hinge(), a=1)
    assert len(one) == 64
    for other in (
        {"a": 2}, {"a": 1.0}, {"a": "1"}, {"a": True}, {"a": None}, {"a": [1]}, {"a": (1,)},
        {"b": [torch.ones(2), {"x": penalised(2.0)}]},
        {"b": [torch.zeros(2, dtype=torch.float64), {"x": penalised(2.0)}]},
        {"b": [torch.zeros(2), {"x": penalised(3.0)}]},
        {"b": [torch.zeros(2), {"y": penalised(2.0)}]},
        {"loss": NonSaturating()}, {"c": 0},
    ):  # fmt: skip
        changed = {"a": 1, "b": [torch.zeros(2), {"x": penalised(2.0)}], "loss": Hinge()} | other
        assert configuration_hash(**changed) != one, other


def test_the_hash_is_the_same_in_another_process():
    """No address in memory and no order of a set finds its way in."""
    settings = "dict(f=adam(1e-3), g=lambda v: v + 1, h=torch.nn.ReLU(), i={'a', 'b', 'c'})"
    code = f"configuration_hash(**{settings})"
    script = f"import torch; from coursekit.training import adam, configuration_hash; print({code})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    here = eval(code, {"torch": torch, "adam": adam, "configuration_hash": configuration_hash})
    assert done.stdout.strip() == here


def test_the_hash_covers_the_source_of_the_package(monkeypatch):
    one = configuration_hash(a=1)
    monkeypatch.setattr(files, "_source_hash", lambda: "another package")
    assert configuration_hash(a=1) != one


# Remembering


def test_remember_trains_once_and_then_recalls(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEKIT_CACHE", str(tmp_path))
    calls = []

    def trained(lr):
        torch.manual_seed(0)
        model, rng = nn.Linear(2, 8), torch.Generator().manual_seed(0)

        def make():
            calls.append(lr)
            batches = toys.ring().batches(8, rng)
            return fit(model, batches, cross_entropy, steps=5, optimizer=adam(lr))

        return model, remember("linear", model, make, lr=lr)

    first, history = trained(1e-2)
    again, recalled = trained(1e-2)
    other, _ = trained(1e-3)
    assert calls == [1e-2, 1e-3]
    assert torch.equal(first.weight, again.weight) and not torch.equal(first.weight, other.weight)
    assert torch.equal(history.losses["loss"], recalled.losses["loss"])
    assert history.seconds == recalled.seconds
    assert not again.training
    assert cache_file("linear", lr=1e-2).parent == tmp_path
