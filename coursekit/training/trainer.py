"""A network as a loop calls it: as it is, compiled, or in lower precision."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from coursekit.errors import CourseError
from coursekit.nets import Growing
from coursekit.progress import bar, format_metrics, silent
from coursekit.training.checkpoint import Checkpointer
from coursekit.training.optim import Ema, Schedule

N = TypeVar("N", bound=nn.Module)


class LowerPrecision(nn.Module):
    """A network compiled or under autocast, handing back float32.

    In everything else it is the network it stands for, its state included.
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


def lower_precision(network: N, dtype: torch.dtype | None, compiled: bool) -> N:
    """`network` itself, or its stand-in where lower precision or compilation is asked for."""
    return cast(N, LowerPrecision(network, dtype, compiled)) if dtype or compiled else network


LOOK_SECONDS = 1.0  # how often the losses are looked at: each look waits for the device
SAVE_SECONDS = 20.0  # how often a checkpoint that was asked for is written
Watch = Callable[[int], Mapping[str, Any]]


@dataclass
class History:
    """What a training run leaves behind.

    Attributes:
        losses: name → loss of each step, shape (steps,), on the CPU.
        watched: one row per call of `watch`: its own entries, and `step` and `seconds`.
        seconds: wall-clock seconds of training, without watching and saving.
    """

    losses: dict[str, Tensor] = field(default_factory=dict)
    watched: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    def column(self, name: str) -> list[Any]:
        """What was watched under `name`, in order of time; `step` and `seconds` are columns too."""
        return [row[name] for row in self.watched if name in row]


class Trainer:
    """Runs the body of a training loop `steps` times.

        with Trainer(steps, parts, settings) as trainer:
            for progress in trainer:
                ...  # one update
                trainer.record(loss=loss)

    An error, an interrupt and the end all leave through `__exit__`: the networks are then in eval
    mode and hold what they have learnt so far. With `checkpoint` the parts are continued from that
    file if it exists, and kept in it about every 20 seconds and at the end.

    Args:
        steps: number of updates, at least 1.
        parts: name → network, optimiser, generator, batches or EMA. Together they are the state.
        settings: everything else the run depends on; compared when a checkpoint is continued.
        schedule, watch, every, checkpoint, name: as for `fit`.

    Raises:
        CourseError: fewer than one step, a loss that is no finite number, or a checkpoint that
            cannot be used.
        KeyboardInterrupt: with a sentence that says how many steps the networks have had.
    """

    def __init__(
        self,
        steps: int,
        parts: dict[str, Any],
        settings: dict[str, Any],
        schedule: Schedule | None = None,
        watch: Watch | None = None,
        every: int | None = None,
        checkpoint: str | Path | None = None,
        name: str = "training",
    ) -> None:
        if steps < 1:
            raise CourseError(f"steps was {steps}; a run has at least 1.")
        if every is not None and every < 1:
            raise CourseError(f"every was {every}; it must be at least 1.")
        self.steps, self.done, self.name = steps, 0, name
        self.schedule, self.watch = schedule, watch
        self.every = every or max(1, steps // 10)
        parts = {name: part for name, part in parts.items() if part is not None}
        self.networks = [part for part in parts.values() if isinstance(part, nn.Module)]
        averages = [part.model for part in parts.values() if isinstance(part, Ema)]
        self.growing = [n for n in self.networks + averages if isinstance(n, Growing)]
        self.optimizers = [p for p in parts.values() if isinstance(p, torch.optim.Optimizer)]
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group.setdefault("initial_lr", group["lr"])
        self.history, self.losses = History(), LossBuffer(steps, name)
        self.checkpointer = None
        if checkpoint is not None:
            more = {"steps": steps, "schedule": schedule, "every": self.every}
            self.checkpointer = Checkpointer(Path(checkpoint), parts, settings | more)

    def network(self, network: N, autocast: torch.dtype | None, compile: bool) -> N:
        """The network as the loop should call it: compiled and in lower precision if so asked."""
        return lower_precision(network, autocast, compile)

    def record(self, **losses: Tensor) -> None:
        """Keep the losses of this step, on their device and without waiting for them."""
        self.losses.write(self.done, losses)

    def __enter__(self) -> "Trainer":
        self._resume()
        self._train_mode(True)
        self.bar = bar(self.name, self.steps, self.done)
        self.looked = self.saved = time.perf_counter()
        return self

    def __iter__(self) -> Iterator[float]:
        """The progress, in [0, 1), before each update."""
        self._watch()
        while self.done < self.steps:
            clock = time.perf_counter()
            progress = self.done / self.steps
            self._set_rates(progress)
            self._grow(progress)
            yield progress
            self.done += 1
            self._look()
            self.history.seconds += time.perf_counter() - clock
            self._watch()
            self._save()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.close()
        self._train_mode(False)
        if error is not None and self.checkpointer is not None:
            self.checkpointer.left_off()
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(self._interrupted()) from None
        if isinstance(error, RuntimeError) and "double backward" in str(error):
            raise CourseError(
                f"{self.name} takes the gradient of a gradient, which torch.compile cannot; leave "
                "compile at False."
            ) from None

    def _interrupted(self) -> str:
        said = (
            f"{self.name} was interrupted after {self.done:,} of {self.steps:,} steps; "
            "the networks are as trained so far."
        )
        if self.checkpointer is None:
            return said + " With checkpoint= a run can be continued."
        return f"{said} {self.checkpointer.path} continues it at step {self.checkpointer.kept:,}."

    def _train_mode(self, train: bool) -> None:
        for network in self.networks:
            network.train(train)

    def _set_rates(self, progress: float) -> None:
        if self.schedule is None:
            return
        factor = self.schedule(progress)
        for optimizer in self.optimizers:  # a loaded state brings groups of its own
            for group in optimizer.param_groups:
                group["lr"] = factor * group["initial_lr"]

    def _grow(self, progress: float) -> None:
        """Tell the progress to networks that grow with it, and to the average of one that does."""
        for network in self.growing:
            network.grow(progress)

    def _look(self) -> None:
        """About once a second: show progress, and stop a run whose losses are no numbers."""
        now = time.perf_counter()
        if self.done < self.steps and now - self.looked < LOOK_SECONDS:
            return
        self.looked = now
        self.history.losses = self.losses.read(self.done)
        if not silent():
            row = self.history.watched[-1] if self.history.watched else {}
            shown = format_metrics(self.history.losses, self.done - int(self.bar.n), row)
            self.bar.set_postfix_str(shown, refresh=False)
        self.bar.update(self.done - self.bar.n)

    def _watch(self) -> None:
        """Let the caller look; then put the networks back into train mode, whatever was done."""
        seen = bool(self.history.watched) and self.history.watched[-1]["step"] == self.done
        due = self.done % self.every == 0 or self.done == self.steps
        if self.watch is None or seen or not due:
            return
        row = {"step": self.done, "seconds": self.history.seconds, **self.watch(self.done)}
        self.history.watched.append(row)
        self._train_mode(True)

    def _save(self) -> None:
        if self.checkpointer is None:
            return
        if self.done < self.steps and time.perf_counter() - self.saved < SAVE_SECONDS:
            return
        self.losses.read(self.done)  # never keep a state that is already lost
        told = {"watched": self.history.watched, "seconds": self.history.seconds}
        self.checkpointer.save(self.done, told | {"losses": self.losses.state_dict()})
        self.saved = self.looked = time.perf_counter()

    def _resume(self) -> None:
        state = self.checkpointer.resume() if self.checkpointer else None
        if state is None:
            return
        self.losses.load_state_dict(state["losses"])
        self.done = state["done"]
        self.history = History(self.losses.read(self.done), state["watched"], state["seconds"])
        if self.done < self.steps and not silent():
            print(f"{self.name}: continues at step {self.done:,} of {self.steps:,}.")


class LossBuffer:
    """One row per loss, one column per step, on the device of the losses.

    Writing never waits for the device; reading does, and is done about once a second.
    """

    def __init__(self, steps: int, run: str) -> None:
        self.steps, self.run = steps, run
        self.names: list[str] = []
        self.values: Tensor | None = None
        self.checked = 0  # steps whose losses were found to be finite

    def write(self, step: int, losses: dict[str, Tensor]) -> None:
        """Keep the losses of `step`, counted from 0, without waiting for them."""
        row = torch.stack([loss.detach().float() for loss in losses.values()])
        if self.values is None:
            self.names = list(losses)
            self.values = row.new_full((len(losses), self.steps), torch.nan)
        elif self.values.device != row.device:  # a resumed run
            self.values = self.values.to(row.device)
        self.values[:, step] = row

    def read(self, done: int) -> dict[str, Tensor]:
        """The losses of the first `done` steps, on the CPU.

        Raises:
            CourseError: one of them is not a finite number.
        """
        if self.values is None:
            return {}
        values = self.values[:, :done].cpu()
        bad = ~values[:, self.checked :].isfinite()
        if bad.any():
            step = int(bad.any(0).nonzero()[0])
            which = int(bad[:, step].nonzero()[0])
            step += self.checked
            raise CourseError(
                f"The {self.names[which]} loss of {self.run} was {float(values[which, step])} at "
                f"step {step + 1}; lower the learning rate, or look for inputs not in [0, 1]."
            )
        self.checked = done
        return dict(zip(self.names, values, strict=True))

    def state_dict(self) -> dict[str, Any]:
        values = None if self.values is None else self.values.cpu()
        return {"names": self.names, "values": values, "checked": self.checked}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.names, self.values, self.checked = state["names"], state["values"], state["checked"]
