"""The part of a training run that is not the lecture: progress, records, checkpoints, precision."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypedDict

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from coursekit.errors import require
from coursekit.training.checkpoint import configuration_hash, load, save
from coursekit.training.history import History
from coursekit.training.ledger import Ledger
from coursekit.training.optimizers import Schedule
from coursekit.training.played import N, play

LOOK_SECONDS = 1.0  # how often progress is shown and the losses are looked at: one synchronisation
SAVE_SECONDS = 20.0  # how often a run with a checkpoint writes it


class Options(TypedDict, total=False):
    """What `fit` and `train_gan` may both be told; every entry may be left out.

    schedule: progress in [0, 1) -> factor on every learning rate.
    autocast: dtype for mixed precision, e.g. torch.bfloat16; None is float32 throughout.
    compile: run the networks through torch.compile.
    watch: called with the number of steps done, before the first, every `every` and after the last;
        returns a row of numbers or tensors for `History.watched`. It draws from its own generator.
    every: steps between two calls of `watch`; by default a tenth of the run.
    checkpoint: a file to continue from if it exists, and to keep up to date.
    name: shown beside the progress bar.
    """

    schedule: Schedule | None
    autocast: torch.dtype | None
    compile: bool
    watch: Callable[[int], Mapping[str, Any]] | None
    every: int | None
    checkpoint: str | Path | None
    name: str


class Run:
    """Iterate over it to train: it resumes, shows progress, watches, saves and stops on NaN.

    Its `parts` (networks, optimisers, batches, generators, EMA) are together the state of the run.
    A checkpoint is only ever taken between two steps, and carries a hash of everything that the
    run began with; so it continues bit for bit, and only as itself.

    Raises:
        CourseError: fewer than one step, or a checkpoint is asked for and a part has no state.
    """

    def __init__(
        self, steps: int, parts: dict[str, Any], settings: dict[str, Any], options: Options
    ) -> None:
        require(steps >= 1, f"steps was {steps}; a run has at least 1.")
        self.steps, self.done, self.options = steps, 0, options
        self.parts = {name: part for name, part in parts.items() if part is not None}
        self.networks = [p for p in parts.values() if isinstance(p, nn.Module)]
        self.history = History()
        self.name = options.get("name") or "training"
        self.ledger = Ledger(steps, self.name)
        self.looked = self.saved = time.perf_counter()
        for group in self._groups():
            group.setdefault("initial_lr", group["lr"])
        self.path = Path(path) if (path := options.get("checkpoint")) else None
        self.configuration = self._hash(settings) if self.path else ""

    def network(self, network: N) -> N:
        """The network as the loop should call it: compiled and in lower precision if so asked."""
        return play(network, self.options.get("autocast"), self.options.get("compile", False))

    def record(self, **losses: Tensor) -> None:
        """Keep the losses of this step, on their device and without waiting for them."""
        self.ledger.write(self.done, losses)

    def __iter__(self) -> Iterator[int]:
        self._resume()
        self._mode(train=True)
        silent = os.environ.get("COURSEKIT_PROGRESS") == "0"
        with tqdm(
            total=self.steps, initial=self.done, desc=self.name, disable=silent, leave=False
        ) as bar:
            if self.done == 0:
                self._watch()
            while self.done < self.steps:
                clock = time.perf_counter()
                self._schedule()
                yield self.done
                self.done += 1
                self._look(bar)
                self.history.seconds += time.perf_counter() - clock
                self._watch()
                self._save()
        self._mode(train=False)

    @property
    def _over(self) -> bool:
        return self.done == self.steps

    def _groups(self) -> list[dict[str, Any]]:
        optimizers = [p for p in self.parts.values() if isinstance(p, torch.optim.Optimizer)]
        return [group for optimizer in optimizers for group in optimizer.param_groups]

    def _mode(self, train: bool) -> None:
        for network in self.networks:
            network.train(train)

    def _schedule(self) -> None:
        if schedule := self.options.get("schedule"):
            factor = schedule(self.done / self.steps)
            for group in self._groups():
                group["lr"] = factor * group["initial_lr"]

    def _look(self, bar: Any) -> None:
        """About once a second: show progress, and stop a run whose losses are no numbers."""
        now = time.perf_counter()
        if not self._over and now - self.looked < LOOK_SECONDS:
            return
        self.looked = now
        self.history.losses = self.ledger.look(self.done)
        last = {name: f"{values[-1]:.3f}" for name, values in self.history.losses.items()}
        bar.set_postfix(last, refresh=False)
        bar.update(self.done - bar.n)

    def _watch(self) -> None:
        """Let the caller look; then put the networks back into train mode, whatever was done."""
        every = self.options.get("every") or max(1, self.steps // 10)
        watch = self.options.get("watch")
        if watch is None or (self.done % every and not self._over):
            return
        row = {"step": self.done, "seconds": self.history.seconds, **watch(self.done)}
        self.history.watched.append(row)
        self._mode(train=True)

    def _hash(self, settings: dict[str, Any]) -> str:
        given = {k: self.options.get(k) for k in ("schedule", "autocast", "compile", "every")}
        start = {"state": self._state(), "networks": [repr(network) for network in self.networks]}
        return configuration_hash(settings=settings, steps=self.steps, given=given, start=start)

    def _state(self) -> dict[str, Any]:
        return {name: _state_of(name, part) for name, part in self.parts.items()}

    def _save(self) -> None:
        now = time.perf_counter()
        if self.path is None or (not self._over and now - self.saved < SAVE_SECONDS):
            return
        self.ledger.look(self.done)  # never keep a state that is already lost
        own = {"done": self.done, "ledger": self.ledger.state_dict(), "parts": self._state()}
        told = {"watched": self.history.watched, "seconds": self.history.seconds}
        chance = {"torch": torch.get_rng_state()}  # for dropout and the like
        save(self.path, {"configuration": self.configuration} | own | told | chance)
        self.looked = self.saved = time.perf_counter()

    def _resume(self) -> None:
        self.looked = time.perf_counter()
        if self.path is None or (state := load(self.path, self.configuration)) is None:
            return
        for name, part in self.parts.items():
            restore = part.set_state if hasattr(part, "set_state") else part.load_state_dict
            restore(state["parts"][name])
        self.ledger.load_state_dict(state["ledger"])
        self.done = state["done"]
        self.history = History(self.ledger.look(self.done), state["watched"], state["seconds"])
        torch.set_rng_state(state["torch"])


def _state_of(name: str, part: Any) -> Any:
    """The state of a generator, or of anything with a `state_dict`."""
    if isinstance(part, torch.Generator):
        return part.get_state()
    require(hasattr(part, "state_dict"), f"checkpoint: {name} has no state_dict to continue from.")
    return part.state_dict()
