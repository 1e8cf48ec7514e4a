"""What every data set becomes: whole tensors on one device, and an endless stream of batches.

There are no loader workers: the course's sets fit into memory, and one gather from a tensor is
several times quicker than collating single examples (see `benchmarks/`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from coursekit.data.streams import Batch, fingerprint, own_generator
from coursekit.errors import require
from coursekit.types import Images, Labels

Device = torch.device | str


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Images and labels on one device, in a seeded random order, so that `take` is a fair sample.

    Attributes:
        x: images, shape (n, c, h, w), float32 in [0, 1].
        y: class numbers from 0, shape (n,), int64.
        origin: for augmented sets, which original each row was rendered from, shape (n,);
            None where every row is an original itself.
    """

    x: Images
    y: Labels
    origin: Labels | None = None

    def __len__(self) -> int:
        return len(self.y)

    def __repr__(self) -> str:
        return f"Split({len(self):,} images of {tuple(self.x.shape[1:])} on {self.x.device})"

    def take(self, n: int) -> "Split":
        """The first `n` rows, or all of them where there are fewer.

        Raises:
            CourseError: `n` is below 1.
        """
        require(n >= 1, f"n was {n}; take at least one row.")
        return self._rows(slice(n))

    def split(self, k: int) -> tuple["Split", ...]:
        """`k` parts that share no original, with the classes shared out evenly.

        Use it wherever two roles must not see the same data, such as the classifier that judges
        a GAN and the real images it is compared with. Two renderings of one handwritten digit
        always land in the same part; slicing `x` by hand does not promise that.

        Raises:
            CourseError: `k` is below 1 or above the number of originals.
        """
        origin = torch.arange(len(self), device=self.y.device)
        origin = origin if self.origin is None else self.origin
        # Originals numbered class by class, then dealt out like cards: every part gets its share.
        originals, rank = torch.unique(self.y * (origin.max() + 1) + origin, return_inverse=True)
        require(1 <= k <= len(originals), f"k was {k}; choose 1 to {len(originals)} parts.")
        return tuple(self._rows(rank % k == part) for part in range(k))

    def batches(self, size: int, rng: torch.Generator) -> "Batches":
        """An endless iterator of batches (x, y), reshuffled in every epoch."""
        return Batches(self, size, rng)

    def to(self, device: Device) -> "Split":
        """The same rows on another device."""
        origin = None if self.origin is None else self.origin.to(device)
        return Split(self.x.to(device), self.y.to(device), origin)

    def _rows(self, rows: Any) -> "Split":
        origin = None if self.origin is None else self.origin[rows]
        return Split(self.x[rows], self.y[rows], origin)


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A data set as the course uses it. `note` tells what was done to it, where that matters."""

    name: str
    train: Split
    test: Split
    classes: tuple[str, ...]
    note: str = ""

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape (c, h, w) of one image."""
        c, h, w = self.train.x.shape[1:]
        return c, h, w

    def to(self, device: Device) -> "Dataset":
        """The same data set on another device."""
        train, test = self.train.to(device), self.test.to(device)
        return Dataset(self.name, train, test, self.classes, self.note)

    def __repr__(self) -> str:
        c, h, w = self.shape
        sizes = f"{len(self.train):,} train, {len(self.test):,} test, {len(self.classes)} classes"
        return f"{self.name}: {sizes}, {c}×{h}×{w}. {self.note}".strip()


class Batches(Iterator[Batch]):
    """An endless stream of batches of one size: one shuffled epoch after the other.

    A batch may straddle two epochs, so every batch is full and every epoch still shows each row
    exactly once. The order is drawn on the CPU, so all devices see the same batches, and moved
    to the device once per epoch; no step waits for a transfer.

    Args:
        split: the rows to draw from.
        size: examples in a batch, at least 1.
        rng: seeds a generator of the stream's own (one draw).

    Raises:
        CourseError: `size` is below 1, or the split is empty.
    """

    def __init__(self, split: Split, size: int, rng: torch.Generator):
        require(size >= 1, f"size was {size}; a batch holds at least one example.")
        require(len(split) >= 1, "the split is empty; a batch needs at least one row.")
        self.split, self.size = split, size
        self._rng = own_generator(rng)
        self._data = fingerprint(
            torch.tensor(len(split)), split.x[:: max(1, len(split) // 100)], split.y
        )
        self._new_epoch()

    def __next__(self) -> Batch:
        rows = self._take(self.size)
        while len(rows) < self.size:
            self._new_epoch()
            rows = torch.cat([rows, self._take(self.size - len(rows))])
        return Batch(self.split.x.index_select(0, rows), self.split.y.index_select(0, rows))

    def identity(self) -> dict[str, Any]:
        """What tells these batches from others, for a checkpoint."""
        return {"data": self._data, "size": self.size, "seed": self._rng.initial_seed()}

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on with the very next batch, bit for bit."""
        return {"rng": self._before, "position": self._position, "data": self._data}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken.

        Raises:
            CourseError: the state belongs to batches of other data.
        """
        require(state["data"] == self._data, "the saved batches were drawn from other data.")
        self._rng.set_state(state["rng"])
        self._new_epoch()
        self._position = state["position"]

    def _new_epoch(self) -> None:
        self._before = self._rng.get_state()
        order = torch.randperm(len(self.split), generator=self._rng)
        self._order, self._position = order.to(self.split.y.device), 0

    def _take(self, n: int) -> Tensor:
        rows = self._order[self._position : self._position + n]
        self._position += len(rows)
        return rows
