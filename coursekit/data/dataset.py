"""Whole sets as tensors, how pixels are prepared, the splits of a game, and endless batches."""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from coursekit.errors import require
from coursekit.types import Images, Labels

GREY_SIDE, COLOUR_SIDE = 28, 32  # the course's sizes in pixels
CHUNK = 512  # images resized at a time, to bound the working memory


Device = torch.device | str
Draw = Callable[[int, torch.Generator], tuple[Tensor, Tensor]]  # (n, rng) -> x, y
SampleFn = Callable[[int, torch.Generator], Tensor]  # (n, rng) -> x, shape (n,) or (n, ...)


class Batch(NamedTuple):
    """One batch; unpacks as `x, y = next(batches)`."""

    x: Tensor
    y: Tensor


def own_generator(rng: torch.Generator) -> torch.Generator:
    """A CPU generator seeded by one draw from `rng`.

    Batches that own their generator do not change with what else is drawn from `rng` later.
    """
    seed = torch.randint(2**62, (), generator=rng, dtype=torch.int64)
    return torch.Generator().manual_seed(int(seed))


def fingerprint(*tensors: Tensor) -> int:
    """A short number that two different data sets do not share, but by a chance of 2⁻³²."""
    code = 0
    for tensor in tensors:
        code = zlib.crc32(tensor.cpu().contiguous().numpy().tobytes(), code)
    return code


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

        Use it wherever two roles must not see the same data, such as the classifier that evaluates
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
    """Endless batches of one size: one shuffled epoch after the other.

    A batch may straddle two epochs, so every batch is full and every epoch still shows each row
    exactly once. The order is drawn on the CPU, so all devices see the same batches, and moved
    to the device once per epoch; no step waits for a transfer.

    Args:
        split: the rows to draw from.
        size: examples in a batch, at least 1.
        rng: seeds a generator of the batches' own (one draw).

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


class Sampler(Iterator[Batch]):
    """Endless batches of fresh examples: no epoch, no example twice but by chance.

    Args:
        draw: (n, generator) -> (x, y) on the CPU.
        size: examples in a batch, at least 1.
        rng: seeds a generator of the sampler's own (one draw).
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
        """What tells this sampler from others, for a checkpoint."""
        return {"data": self._data, "size": self.size, "seed": self._rng.initial_seed()}

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on with the very next batch, bit for bit."""
        return {"rng": self._rng.get_state(), "data": self._data}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken.

        Raises:
            CourseError: the state belongs to a sampler of something else.
        """
        require(state["data"] == self._data, "the saved batches were drawn from other data.")
        self._rng.set_state(state["rng"])


@dataclass(frozen=True)
class GanSplits:
    """Three sets for three uses, with no original in two of them.

    Attributes:
        train: what G and D learn from.
        eval_classifier: what the classifier that evaluates their samples learns from.
        fid_reference: what FID compares the samples with; no network learns from it.
    """

    train: Split
    eval_classifier: Split
    fid_reference: Split


def gan_splits(data: Dataset) -> GanSplits:
    """GAN and evaluation classifier each get half of the training originals; FID the test images.

    A classifier that had learnt the GAN's images would forgive copies of them; one that had learnt
    the reference would know it better than any sample. Where every row is an original itself, the
    rows are numbered in `origin`.
    """
    rows = data.train
    if rows.origin is None:
        rows = Split(rows.x, rows.y, torch.arange(len(rows), device=rows.y.device))
    train, eval_classifier = rows.split(2)
    return GanSplits(train, eval_classifier, fid_reference=data.test)


def mislabelled(split: Split, rate: float, classes: int, rng: torch.Generator) -> Split:
    """The same images, but a share `rate` of the labels is wrong: any other class, evenly.

    Args:
        split: images and their true labels.
        rate: share of wrong labels, in [0, 1]; exactly round(rate·n) rows.
        classes: how many labels there are, at least 2.
        rng: chooses the rows and the wrong labels.

    Raises:
        CourseError: `rate` outside [0, 1], or fewer than two classes.
    """
    require(0 <= rate <= 1, f"rate was {rate}; it must lie in [0, 1].")
    require(classes >= 2, f"classes was {classes}; a wrong label needs at least 2.")
    rows = torch.randperm(len(split), generator=rng)[: round(rate * len(split))]
    away = torch.randint(1, classes, (len(rows),), generator=rng).to(split.y)
    y = split.y.clone()
    y[rows.to(y.device)] = (y[rows.to(y.device)] + away) % classes
    return Split(split.x, y, split.origin)


def binarise(x: Tensor, rng: torch.Generator) -> Tensor:
    """Each pixel drawn as 0 or 1 with its grey value as the probability of 1.

    Drawn once, images are *statically* binarised; drawn anew for every batch, *dynamically*
    (Salakhutdinov & Murray 2008, §5; Burda et al. 2016, §5). Log-likelihoods of the two are not
    comparable: with the published models of MNIST they differ by some 2 nats.

    Args:
        x: grey values in [0, 1], any shape.
        rng: a CPU generator.

    Returns:
        0 and 1 in float32, shaped and placed as `x`.

    Raises:
        CourseError: a value outside [0, 1].
    """
    inside = bool(((x >= 0) & (x <= 1)).all())
    require(inside, "x held a value outside [0, 1]; a pixel is a probability here.")
    return (torch.rand(x.shape, generator=rng) < x.cpu()).to(x)


def real_or_fake(
    real: SampleFn,
    fake: SampleFn,
    size: int,
    rng: torch.Generator,
    device: torch.device | str = "cpu",
) -> Sampler:
    """An endless iterator of fresh (x, is_real), half and half.

    Args:
        real: draws data, for example `gaussian().sample`. Numbers become columns (n, 1).
        fake: draws samples of the generator.
        size: examples in a batch; of an odd number the fakes get one more.
        rng: seeds a generator of the sampler's own.
        device: where the batches are wanted.
    """

    def draw(n: int, own: torch.Generator) -> tuple[Tensor, Tensor]:
        x = torch.cat([real(n // 2, own), fake(n - n // 2, own)])
        return x.view(n, -1) if x.dim() == 1 else x, (torch.arange(n) < n // 2).float()

    return Sampler(draw, size, rng, device)


class Raw(NamedTuple):
    """A data set as it was read: uint8 images (n, c, h, w), int64 labels (n,)."""

    x_train: Tensor
    y_train: Tensor
    x_test: Tensor | None  # None: a part of the training images is held out
    y_test: Tensor | None
    classes: tuple[str, ...]
    note: str = ""  # what the reader did, where that matters


def preprocess(name: str, raw: Raw) -> Dataset:
    """The data set that was read, in the course's form.

    Args:
        name: what the data set calls itself.
        raw: images of any one size; not square ones are cropped to the central square.

    Raises:
        CourseError: a class has no test image, or too few images to hold one out.
    """
    rng = fixed_generator()
    note, why = raw.note, "no test image"
    if raw.x_test is None or raw.y_test is None:
        kept, held_out = stratified_split(raw.y_train, 0.8, rng)
        raw = raw._replace(
            x_train=raw.x_train[kept],
            y_train=raw.y_train[kept],
            x_test=raw.x_train[held_out],
            y_test=raw.y_train[held_out],
        )
        why = "too few images to hold out a fifth"
        note = "It brought no test set: a fifth of each class is held out."
    assert raw.x_test is not None and raw.y_test is not None
    tested = raw.y_test.unique().tolist()
    untested = [label for i, label in enumerate(raw.classes) if i not in tested]
    require(not untested, f"{name} has {why} of class {', '.join(untested[:3])}; give it some.")
    train = _split(raw.x_train, raw.y_train, rng)
    return Dataset(name, train, _split(raw.x_test, raw.y_test, rng), raw.classes, note)


def fixed_generator() -> torch.Generator:
    """What decides order, division and renderings: always the same, whatever a lecture's seed."""
    return torch.Generator().manual_seed(20_000_003)


def stratified_split(y: Tensor, share: float, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Indices of two random parts, the first with `share` of each class."""
    first, second = [], []
    for label in y.unique():
        rows = torch.nonzero(y == label).flatten()
        rows = rows[torch.randperm(len(rows), generator=rng)]
        cut = round(share * len(rows))
        first.append(rows[:cut])
        second.append(rows[cut:])
    return torch.cat(first), torch.cat(second)


def pixels(images: Tensor) -> Tensor:
    """float32 images in [0, 1] of the course's size, antialiased, from uint8 or float ones.

    Grey images have sides of 28 pixels, colour ones of 32. Images that already have the size are
    left as they are.
    """
    side = GREY_SIDE if images.shape[1] == 1 else COLOUR_SIDE
    fitted = torch.empty(len(images), images.shape[1], side, side)
    for chunk, out in zip(images.split(CHUNK), fitted.split(CHUNK), strict=True):
        chunk = _square(chunk)
        chunk = chunk / 255 if chunk.dtype == torch.uint8 else chunk
        if chunk.shape[-1] != side:
            chunk = F.interpolate(chunk, (side, side), mode="bilinear", antialias=True)
        out.copy_(chunk)
    return fitted.clamp_(0, 1)


def _square(images: Tensor) -> Tensor:
    """The central square."""
    h, w = images.shape[-2:]
    side = min(h, w)
    top, left = (h - side) // 2, (w - side) // 2
    return images[..., top : top + side, left : left + side]


def _split(x: Tensor, y: Tensor, rng: torch.Generator) -> Split:
    order = torch.randperm(len(y), generator=rng)
    return Split(pixels(x[order]), y[order])
