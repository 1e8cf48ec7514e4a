"""What a training run leaves behind."""

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


@dataclass
class History:
    """Losses of every step, what was watched on the way, and the time it took.

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
