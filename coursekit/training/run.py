"""The part of a training run that is not the lecture: progress, records, checkpoints, precision."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypedDict, cast

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from coursekit.errors import CourseError, require
from coursekit.training.checkpoint import configuration_hash, load, save
from coursekit.training.history import History
from coursekit.training.optimizers import Schedule

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


class Played(nn.Module):
    """A network as the loop calls it: compiled or under autocast, handing back float32.

    In everything else it is the network it stands for.
    """

    def __init__(self, inner: nn.Module, dtype: torch.dtype | None, compiled: bool) -> None:
        super().__init__()
        self.inner, self.dtype = inner, dtype
        self.call = torch.compile(inner.__call__) if compiled else inner.__call__

    def forward(self, *inputs: Any) -> Tensor:
        device, lowered = inputs[0].device.type, self.dtype is not None
        with torch.autocast(device, self.dtype, enabled=lowered):
            return cast(Tensor, self.call(*inputs)).float()

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        return self.inner.state_dict(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("inner"), name)


class Run:
    """Iterate over it to train: it resumes, shows progress, watches, saves and stops on NaN.

    Its `parts` (networks, optimisers, batches, generators, EMA) are together the state of the run.
    A checkpoint is only ever taken between two steps, and carries a hash of everything that the
    run began with; so it continues bit for bit, and only as itself.
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
        self._losses: Tensor | None = None
        self._names: list[str] = []
        self._looked = 0
        for group in self._groups():
            group.setdefault("initial_lr", group["lr"])
        checkpoint = options.get("checkpoint")
        self.path = Path(checkpoint) if checkpoint else None
        self.configuration = self._hash(settings) if self.path else ""

    def network(self, name: str) -> nn.Module:
        """The network as the loop should call it: compiled and in lower precision if so asked."""
        network: nn.Module = self.parts[name]
        dtype, compiled = self.options.get("autocast"), self.options.get("compile", False)
        return Played(network, dtype, compiled) if dtype or compiled else network

    def record(self, **losses: Tensor) -> None:
        """Keep the losses of this step, on their device and without waiting for them."""
        values = torch.stack([loss.detach().float() for loss in losses.values()])
        if self._losses is None:
            self._names = list(losses)
            self._losses = values.new_full((len(losses), self.steps), torch.nan)
        self._losses[:, self.done] = values

    def __iter__(self) -> Iterator[int]:
        self._resume()
        for network in self.networks:
            network.train()
        silent = os.environ.get("COURSEKIT_PROGRESS") == "0"
        with tqdm(
            total=self.steps, initial=self.done, desc=self.name, disable=silent, leave=False
        ) as bar:
            if self.done == 0:
                self._watch()
            looked = saved = clock = time.perf_counter()
            while self.done < self.steps:
                self._schedule()
                yield self.done
                self.done += 1
                now = time.perf_counter()
                last = self.done == self.steps
                if last or now - looked > LOOK_SECONDS:
                    self._look(bar)
                    now = looked = time.perf_counter()
                self.history.seconds += now - clock
                if self._due() or last:
                    self._watch()
                if self.path and (last or time.perf_counter() - saved > SAVE_SECONDS):
                    self._save()
                    saved = time.perf_counter()
                clock = time.perf_counter()
        for network in self.networks:
            network.eval()

    def _groups(self) -> list[dict[str, Any]]:
        return [
            group
            for opt in self.parts.values()
            if isinstance(opt, torch.optim.Optimizer)
            for group in opt.param_groups
        ]

    def _schedule(self) -> None:
        if schedule := self.options.get("schedule"):
            factor = schedule(self.done / self.steps)
            for group in self._groups():
                group["lr"] = factor * group["initial_lr"]

    def _due(self) -> bool:
        every = self.options.get("every") or max(1, self.steps // 10)
        return self.done % every == 0

    def _watch(self) -> None:
        """Let the caller look; then put the networks back into train mode, whatever was done."""
        if watch := self.options.get("watch"):
            row = {"step": self.done, "seconds": self.history.seconds, **watch(self.done)}
            self.history.watched.append(row)
            for network in self.networks:
                network.train()

    def _look(self, bar: Any) -> None:
        """Show progress, and stop a run whose losses are no longer numbers."""
        if self._losses is not None:
            new = self._losses[:, self._looked : self.done].cpu()
            if not new.isfinite().all():
                raise CourseError(self._broken(new))
            self._looked = self.done
            self.history.losses = dict(
                zip(self._names, self._losses[:, : self.done].cpu(), strict=True)
            )
            bar.set_postfix(
                {k: f"{v[-1]:.3f}" for k, v in self.history.losses.items()}, refresh=False
            )
        bar.update(self.done - bar.n)

    def _broken(self, new: Tensor) -> str:
        """Which loss was the first that is no number, and when."""
        step = int((~new.isfinite()).any(0).nonzero()[0])
        which = int((~new[:, step].isfinite()).nonzero()[0])
        return (
            f"The {self._names[which]} loss of {self.name} was {float(new[which, step])} at step "
            f"{self._looked + step + 1}; lower the learning rate, or look at the inputs."
        )

    def _hash(self, settings: dict[str, Any]) -> str:
        options = ("schedule", "autocast", "compile", "every", "name")
        given = {key: self.options.get(key) for key in options}
        return configuration_hash(
            **settings, steps=self.steps, given=given, start=self._state(), nets=self.networks
        )

    def _state(self) -> dict[str, Any]:
        def state(part: Any) -> Any:
            if isinstance(part, torch.Generator):
                return part.get_state()
            return part.state_dict()

        missing = [k for k, p in self.parts.items() if not hasattr(p, "state_dict")]
        missing = [k for k in missing if not isinstance(self.parts[k], torch.Generator)]
        require(not missing, f"checkpoint needs {', '.join(missing)} with a state_dict to resume.")
        return {name: state(part) for name, part in self.parts.items()}

    def _save(self) -> None:
        assert self.path is not None
        if self._losses is not None:
            finite = self._losses[:, : self.done].isfinite().all()
            if not finite:
                return  # `_look` is about to stop the run; keep the last good state
        save(
            self.path,
            {
                "configuration": self.configuration,
                "done": self.done,
                "parts": self._state(),
                "names": self._names,
                "losses": None if self._losses is None else self._losses.cpu(),
                "watched": self.history.watched,
                "seconds": self.history.seconds,
                "torch": torch.get_rng_state(),  # dropout and the like
            },
        )

    def _resume(self) -> None:
        if self.path is None or (state := load(self.path, self.configuration)) is None:
            return
        for name, part in self.parts.items():
            if isinstance(part, torch.Generator):
                part.set_state(state["parts"][name])
            else:
                part.load_state_dict(state["parts"][name])
        self.done, self._names = state["done"], state["names"]
        if state["losses"] is not None:
            device = next(p.device for n in self.networks for p in n.parameters())
            self._losses = state["losses"].to(device)
            self.history.losses = dict(
                zip(self._names, state["losses"][:, : self.done], strict=True)
            )
        self.history.watched, self.history.seconds = state["watched"], state["seconds"]
        torch.set_rng_state(state["torch"])
