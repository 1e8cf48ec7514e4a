"""From bytes as they lie on disk to the course's tensors: size, order, pixels in [0, 1]."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from coursekit.data.dataset import Dataset, Split
from coursekit.errors import require

GREY_SIDE, COLOUR_SIDE = 28, 32  # the course's sizes in pixels
CHUNK = 512  # images resized at a time, to bound the working memory


class Raw(NamedTuple):
    """A data set as it was read: uint8 images (n, c, h, w), int64 labels (n,)."""

    x_train: Tensor
    y_train: Tensor
    x_test: Tensor | None  # None: a part of the training images is held out
    y_test: Tensor | None
    classes: tuple[str, ...]
    note: str = ""  # what the reader did, where that matters


def preprocess(name: str, raw: Raw, size: int | None) -> Dataset:
    """The data set that was read, in the course's form.

    Args:
        name: what the data set calls itself.
        raw: images of any one size; not square ones are cropped to the central square.
        size: side of the images in pixels; None takes 28 for grey and 32 for colour.

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
    train = _split(raw.x_train, raw.y_train, size, rng)
    return Dataset(name, train, _split(raw.x_test, raw.y_test, size, rng), raw.classes, note)


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


def pixels(images: Tensor, size: int | None = None) -> Tensor:
    """float32 images in [0, 1] with sides of `size` pixels, antialiased, from uint8 or float ones.

    Images that already have the size are left as they are.
    """
    side = size or (GREY_SIDE if images.shape[1] == 1 else COLOUR_SIDE)
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


def _split(x: Tensor, y: Tensor, size: int | None, rng: torch.Generator) -> Split:
    order = torch.randperm(len(y), generator=rng)
    return Split(pixels(x[order], size), y[order])
