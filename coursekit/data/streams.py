"""An endless stream of fresh draws from something that can be sampled."""

import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from coursekit.errors import require

Draw = Callable[[int, torch.Generator], tuple[Tensor, Tensor]]  # (n, rng) -> x, y


class Batch(NamedTuple):
    """One batch; unpacks as `x, y = next(batches)`."""

    x: Tensor
    y: Tensor


def own_generator(rng: torch.Generator) -> torch.Generator:
    """A CPU generator seeded by one draw from `rng`.

    A stream that owns its generator does not change with what else is drawn from `rng` later.
    """
    seed = torch.randint(2**62, (), generator=rng, dtype=torch.int64)
    return torch.Generator().manual_seed(int(seed))


def fingerprint(*tensors: Tensor) -> int:
    """A short number that two different data sets do not share, but by a chance of 2⁻³²."""
    code = 0
    for tensor in tensors:
        code = zlib.crc32(tensor.cpu().contiguous().numpy().tobytes(), code)
    return code


class Stream(Iterator[Batch]):
    """Endless batches of fresh examples: no epoch, no example twice but by chance.

    Args:
        draw: (n, generator) -> (x, y) on the CPU.
        size: examples in a batch, at least 1.
        rng: seeds a generator of the stream's own (one draw).
        device: where the batches are wanted.

    Raises:
        CourseError: `size` is below 1.
    """

    def __init__(
        self, draw: Draw, size: int, rng: torch.Generator, device: torch.device | str = "cpu"
    ):
        require(size >= 1, f"size was {size}; a batch holds at least one example.")
        self.size, self._draw, self._device = size, draw, device
        self._rng = own_generator(rng)
        self._data = fingerprint(*draw(16, torch.Generator().manual_seed(0)))

    def __next__(self) -> Batch:
        x, y = self._draw(self.size, self._rng)
        return Batch(x.to(self._device), y.to(self._device))

    def identity(self) -> dict[str, Any]:
        """What tells this stream from others, for a checkpoint."""
        return {"data": self._data, "size": self.size, "seed": self._rng.initial_seed()}

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on with the very next batch, bit for bit."""
        return {"rng": self._rng.get_state(), "data": self._data}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken.

        Raises:
            CourseError: the state belongs to a stream of something else.
        """
        require(state["data"] == self._data, "the saved batches were drawn from other data.")
        self._rng.set_state(state["rng"])
