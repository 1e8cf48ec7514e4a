"""The part of a training run that is not the lecture: progress, records, checkpoints, precision."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypedDict

import torch
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.progress import bar, silent
from coursekit.training.history import History
from coursekit.training.keeping import Keeper
from coursekit.training.ledger import Ledger
from coursekit.training.optimizers import Schedule
from coursekit.training.played import N, play
from coursekit.training.progress import figures
from coursekit.training.stopping import Interrupts

LOOK_SECONDS = 1.0  # how often progress is shown and the losses are looked at: one synchronisation
SAVE_SECONDS = 20.0  # how often the state of a run is written


class Options(TypedDict, total=False):
    """What `fit` and `train_gan` may both be told; every entry may be left out.

    schedule: progress in [0, 1) -> factor on every learning rate.
    autocast: dtype for mixed precision, e.g. torch.bfloat16; None is float32 throughout.
    compile: run the networks through torch.compile.
    watch: called with the number of steps done, before the first, every `every` and after the last;
        returns a row of numbers or tensors for `History.watched`; the numbers are shown beside the
        progress bar. It draws from its own generator.
    every: steps between two calls of `watch`; by default a tenth of the run.
    checkpoint: a file to continue from if it exists, to keep up to date, and to recall the finished
        run from. Without one a run is kept in the cache only while it is unfinished.
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
    It is only ever written between two steps, with a hash of everything that the run began with; so
    a run continues bit for bit (but for dropout on a GPU, whose generator is not kept), and only as
    itself. An interrupt ends it within a second: the state is written, the parts are put back to
    where they began, and the same call continues the run.

    Raises:
        CourseError: fewer than one step, or a checkpoint is asked for and a part has no state.
        KeyboardInterrupt: it was interrupted; says from which step it will continue.
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
        self.looked = time.perf_counter()
        self.between = True  # two steps: where the state is whole
        for group in self._groups():
            group.setdefault("initial_lr", group["lr"])
        about = self._about(settings)
        self.keeper = Keeper(self.name, self.parts, about, options.get("checkpoint"))

    def network(self, network: N) -> N:
        """The network as the loop should call it: compiled and in lower precision if so asked."""
        return play(network, self.options.get("autocast"), self.options.get("compile", False))

    def record(self, **losses: Tensor) -> None:
        """Keep the losses of this step, on their device and without waiting for them."""
        self.ledger.write(self.done, losses)

    def __iter__(self) -> Iterator[int]:
        self._resume()
        self._mode(train=True)
        with (
            Interrupts(self, self._abandon) as interrupts,
            bar(self.name, self.steps, self.done) as shown,
        ):
            try:
                self._watch()
                while not self._over:
                    clock = time.perf_counter()
                    self._schedule()
                    self.between = False
                    yield self.done
                    self.done += 1
                    self.between = True
                    self._look(shown)
                    self.history.seconds += time.perf_counter() - clock
                    self._watch()
                    self._save()
                    if interrupts.asked:
                        raise KeyboardInterrupt
            except KeyboardInterrupt:
                interrupts.settle()
                raise KeyboardInterrupt(self._abandon()) from None
        self.keeper.finish(self.done, self._told(), self.history.seconds)
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

    def _look(self, shown: Any) -> None:
        """About once a second: show progress, and stop a run whose losses are no numbers."""
        now = time.perf_counter()
        if not self._over and now - self.looked < LOOK_SECONDS:
            return
        self.looked = now
        self.history.losses = self.ledger.look(self.done)
        row = self.history.watched[-1] if self.history.watched else {}
        live = "" if silent() else figures(self.history.losses, self.done - int(shown.n), row)
        shown.set_postfix_str(live, refresh=False)
        shown.update(self.done - shown.n)

    def _watch(self) -> None:
        """Let the caller look; then put the networks back into train mode, whatever was done."""
        every = self.options.get("every") or max(1, self.steps // 10)
        watch = self.options.get("watch")
        seen = bool(self.history.watched) and self.history.watched[-1]["step"] == self.done
        if watch is None or seen or (self.done % every and not self._over):
            return
        row = {"step": self.done, "seconds": self.history.seconds, **watch(self.done)}
        self.history.watched.append(row)
        self._mode(train=True)

    def _about(self, settings: dict[str, Any]) -> dict[str, Any]:
        """All that tells this run from others, but for the state of its parts."""
        given = {k: self.options.get(k) for k in ("schedule", "autocast", "compile", "every")}
        networks = [repr(network) for network in self.networks]
        return {"settings": settings, "steps": self.steps, "given": given, "networks": networks}

    def _save(self, now: bool = False) -> None:
        """Write the state if it is time to, or at the end if that was asked for."""
        due = self.keeper.asked_for if self._over else self.keeper.age() >= SAVE_SECONDS
        if not now and not due:
            return
        self.ledger.look(self.done)  # never keep a state that is already lost
        self.keeper.save(self.done, self._told())
        self.looked = time.perf_counter()

    def _told(self) -> dict[str, Any]:
        """What a file tells of the run, beside the state of its parts."""
        told = {"watched": self.history.watched, "seconds": self.history.seconds}
        return told | {"ledger": self.ledger.state_dict()}

    def _resume(self) -> None:
        self.looked = time.perf_counter()
        if (state := self.keeper.resume()) is None:
            return
        self.ledger.load_state_dict(state["ledger"])
        self.done = state["done"]
        self.history = History(self.ledger.look(self.done), state["watched"], state["seconds"])
        if not self._over and not silent():
            print(
                f"{self.name}: continues at step {self.done:,} of {self.steps:,}.", file=sys.stderr
            )

    def _abandon(self) -> str:
        """Keep what is whole, put everything back to where it began; return what to tell."""
        if self.between:
            self._save(now=True)
        self.keeper.rewind()
        self._mode(train=False)
        ends = f"{self.name} was interrupted after {self.done:,} of {self.steps:,} steps"
        if (kept := self.keeper.kept) is None:
            return f"{ends}; it will begin again."
        return f"{ends}; run it again, and it continues at step {kept:,}."
