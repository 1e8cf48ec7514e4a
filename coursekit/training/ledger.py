"""The losses of a run, kept where they arise and read only now and then."""

from typing import Any

import torch
from torch import Tensor

from coursekit.errors import CourseError


class Ledger:
    """One row per loss, one column per step, on the device of the losses.

    Writing never waits for the device; reading does, and is done about once a second.
    """

    def __init__(self, steps: int, run: str) -> None:
        self.steps, self.run = steps, run
        self.names: list[str] = []
        self.values: Tensor | None = None
        self.read = 0  # steps that were found to be finite

    def write(self, step: int, losses: dict[str, Tensor]) -> None:
        """Keep the losses of `step`, counted from 0, without waiting for them."""
        row = torch.stack([loss.detach().float() for loss in losses.values()])
        if self.values is None:
            self.names = list(losses)
            self.values = row.new_full((len(losses), self.steps), torch.nan)
        elif self.values.device != row.device:  # a resumed run
            self.values = self.values.to(row.device)
        self.values[:, step] = row

    def look(self, done: int) -> dict[str, Tensor]:
        """The losses of the first `done` steps, on the CPU.

        Raises:
            CourseError: one of them is not a finite number.
        """
        if self.values is None:
            return {}
        values = self.values[:, :done].cpu()
        if not values[:, self.read :].isfinite().all():
            raise CourseError(self._broken(values))
        self.read = done
        return dict(zip(self.names, values, strict=True))

    def _broken(self, values: Tensor) -> str:
        """Which loss was the first that is no number, and when."""
        bad = ~values.isfinite()
        step = int(bad.any(0).nonzero()[0])
        which = int(bad[:, step].nonzero()[0])
        return (
            f"The {self.names[which]} loss of {self.run} was {float(values[which, step])} at step "
            f"{step + 1}; lower the learning rate, or look for inputs that are not in [0, 1]."
        )

    def state_dict(self) -> dict[str, Any]:
        values = None if self.values is None else self.values.cpu()
        return {"names": self.names, "values": values, "read": self.read}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.names, self.values, self.read = state["names"], state["values"], state["read"]
