"""How a run is kept while it is not finished, continued, and put back to where it began."""

import re
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch

from coursekit.errors import CourseError, require
from coursekit.lab import cache_root
from coursekit.training import cells
from coursekit.training.checkpoint import configuration_hash, load, save


class Keeper:
    """Writes a run down, and finds it again by the hash of everything that it began with.

    With a `path` the file stays, and any trouble with it is told. Without one the file lies in the
    cache, is a courtesy that may fail in silence, and goes when the run is finished; in a notebook,
    when the cell is.

    Raises:
        CourseError: `path` is given, and a part has no state that could be written.
    """

    def __init__(
        self, name: str, parts: dict[str, Any], about: dict[str, Any], path: str | Path | None
    ) -> None:
        self.parts, self.asked_for = parts, path is not None
        self.kept: int | None = None  # the step at which the run can be continued
        self.saved = time.perf_counter()
        self.able = self.asked_for or all(map(_has_state, parts.values()))
        if self.able:
            self.start, self.chance = deepcopy(self.state()), torch.get_rng_state()
            self.configuration, self.path = "", Path(path or "")
            self._identify(name, about, path)

    def _identify(self, name: str, about: dict[str, Any], path: str | Path | None) -> None:
        try:
            self.configuration = configuration_hash(**about, start=self.start)
        except Exception:
            if self.asked_for:
                raise
            self.able = False  # nobody asked for a file: no run ends for want of it
        if path is None:
            plain = re.sub(r"\W+", "-", name).strip("-")
            self.path = cache_root() / f"{plain}-{self.configuration[:12]}.unfinished"

    def state(self) -> dict[str, Any]:
        """The state of every part."""
        return {name: _state_of(name, part) for name, part in self.parts.items()}

    def age(self) -> float:
        """Seconds since the run was last written down, or began."""
        return time.perf_counter() - self.saved if self.able else 0.0

    def save(self, done: int, told: dict[str, Any]) -> None:
        """Write down the run after `done` steps, and what else is `told` of it."""
        if not self.able or done == self.kept:
            return
        own = {"configuration": self.configuration, "done": done, "parts": self.state()}
        try:
            save(self.path, own | told | {"torch": torch.get_rng_state()})  # for dropout
            self.kept = done
        except CourseError:
            if self.asked_for:
                raise
        self.saved = time.perf_counter()

    def resume(self) -> dict[str, Any] | None:
        """Put the parts where the file says they were; what else it tells. None: there is none.

        Raises:
            CourseError: a file that was asked for cannot be read, or is another configuration's.
        """
        if not self.able or cells.finished_here(self.path):
            return None
        try:
            if (state := load(self.path, self.configuration)) is None:
                return None
        except CourseError:
            if self.asked_for:
                raise
            return None
        self._restore(state["parts"], state["torch"])
        self.kept = state["done"]
        return state

    def rewind(self) -> None:
        """Put the parts back to where they began, so that the same call is the same run again."""
        if self.able:
            self._restore(self.start, self.chance)

    def finish(self, done: int, told: dict[str, Any], seconds: float) -> None:
        """The run is over: what nobody asked to be kept goes, at once or with its cell."""
        if not self.able or self.asked_for:
            return
        if cells.keeps(seconds):
            self.save(done, told)
            cells.until_done(self.path)
        else:
            self.path.unlink(missing_ok=True)

    def _restore(self, states: dict[str, Any], chance: torch.Tensor) -> None:
        for name, part in self.parts.items():
            restore = part.set_state if hasattr(part, "set_state") else part.load_state_dict
            restore(deepcopy(states[name]))  # optimisers take tensors as they are, not copies
        torch.set_rng_state(chance)


def _has_state(part: Any) -> bool:
    return isinstance(part, torch.Generator) or hasattr(part, "state_dict")


def _state_of(name: str, part: Any) -> Any:
    """The state of a generator, or of anything with a `state_dict`."""
    if isinstance(part, torch.Generator):
        return part.get_state()
    require(hasattr(part, "state_dict"), f"checkpoint: {name} has no state_dict to continue from.")
    return part.state_dict()
