"""Captions that are true by construction, the moments that check them, and pairs that agree.

An image is first given a thickness and a tilt, and the caption says which; nobody has to look. Both
can be read off the pixels again, without a network: the width of the strokes, and the slant of the
second moments.
"""

from collections.abc import Callable
from math import radians, tan

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from coursekit.data.dataset import Sampler, Split
from coursekit.errors import CourseError, require
from coursekit.types import Images, PerExample

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
THICKNESSES, TILTS = ("thin", "thick"), ("left", "upright", "right")
VOCABULARY = ("", "a", *NAMES, *THICKNESSES, *TILTS, "leaning", "that", "is", "and")
LENGTH = 8  # words of the longest caption
ANGLE = 18.0  # degrees, from upright to either side; ± 3 at random
WIDTH = 4.0  # pixels: strokes below are thin
GAP = 0.5  # pixels to either side of it that are left free
ROUNDS = 3  # of dilation or erosion at most
HELD_OUT = (7, 1, 0)  # a thick seven leaning left: never shown in training
CORNERS = (slice(0, 10), slice(18, 28))  # where twins lie, in both directions

Meaning = Int[Tensor, "n 3"]  # digit; 0 thin, 1 thick; 0 left, 1 upright, 2 right
Words = Int[Tensor, "n t"]


def stroke_width(x: Images) -> PerExample:
    """Twice the ink over the length of its edges, in pixels: of a long bar, its width."""
    p = F.pad(x, (1, 1, 1, 1))
    across = (p[..., 1:-1, 2:] - p[..., 1:-1, :-2]) / 2
    down = (p[..., 2:, 1:-1] - p[..., :-2, 1:-1]) / 2
    edges = (across.square() + down.square()).sum(1).sqrt().sum((1, 2))
    return 2 * x.sum((1, 2, 3)) / edges.clamp_min(1e-6)


def slant(x: Images) -> PerExample:
    """−μ₁₁/μ₀₂: by how much the ink moves right for each pixel up; the tangent of its tilt.

    A shear by k adds exactly k to it, as long as no ink leaves the image.
    """
    ink = x.sum(1)
    total = ink.sum((1, 2)).clamp_min(1e-6)
    down, across = (torch.arange(side).to(ink) for side in ink.shape[1:])
    y, v = ((ink.sum(axis) * at).sum(1) / total for axis, at in ((2, down), (1, across)))
    dy, dv = down - y[:, None], across - v[:, None]
    both = torch.einsum("nij,ni,nj->n", ink, dy, dv)
    return -both / torch.einsum("nij,ni->n", ink, dy.square()).clamp_min(1e-6)


def sheared(x: Images, k: PerExample) -> Images:
    """Each row moved right by k pixels for each pixel that it lies above the centre of the ink."""
    n, _, h, w = x.shape
    ink = x.sum((1, 3))
    rows = torch.arange(h).to(x)
    centre = (ink * rows).sum(1) / ink.sum(1).clamp_min(1e-6)
    moved = k[:, None] * (rows - centre[:, None])  # where a row comes from, in pixels to the right
    columns = torch.arange(w).to(x) + moved[:, :, None]
    grid = torch.stack(
        [2 * columns / (w - 1) - 1, (2 * rows / (h - 1) - 1)[:, None].expand(n, h, w)], 3
    )
    return F.grid_sample(x, grid, align_corners=True)


def with_thickness(x: Images, thick: Tensor) -> Images:
    """Strokes made wider (dilation by a cross) where `thick`, else narrower (erosion), a pixel to
    either side at a time, until they are clear of the border between thin and thick."""
    for _ in range(ROUNDS):
        across, down = ((1, 3), 1, (0, 1)), ((3, 1), 1, (1, 0))
        wide = torch.maximum(F.max_pool2d(x, *across), F.max_pool2d(x, *down))
        narrow = -torch.maximum(F.max_pool2d(-x, *across), F.max_pool2d(-x, *down))
        width = stroke_width(x)
        wider = thick.bool() & (width < WIDTH + GAP)
        thinner = ~thick.bool() & (width > WIDTH - GAP)
        x = torch.where(wider.view(-1, 1, 1, 1), wide, x)
        x = torch.where(thinner.view(-1, 1, 1, 1), narrow, x)
    return x


def drawn(split: Split, rng: torch.Generator, held_out: bool = False) -> tuple[Images, Meaning]:
    """Each image with a thickness and a tilt drawn for it, and the meaning of its caption.

    The digit's own slant is taken out first, so that "upright" is what the moments call upright.

    Args:
        split: images and their digits.
        rng: a CPU generator.
        held_out: whether the combination `HELD_OUT` may occur; if not, such an image leans right.
    """
    n, digit = len(split), split.y.cpu()
    thick = torch.randint(2, (n,), generator=rng)
    tilt = torch.randint(3, (n,), generator=rng)
    spread = 6 * torch.rand(n, generator=rng) - 3
    meaning = torch.stack([digit, thick, tilt], 1)
    if not held_out:
        meaning[(meaning == torch.tensor(HELD_OUT)).all(1), 2] = 2
    angle = (ANGLE * (meaning[:, 2] - 1) + spread).deg2rad().to(split.x)
    x = with_thickness(split.x, thick.to(split.x.device))
    return sheared(x, angle.tan() - slant(x)).clamp(0, 1), meaning.to(split.y)


def read(x: Images) -> tuple[Tensor, Tensor]:
    """Thickness and tilt as the pixels say, numbered as in a meaning, each of shape (n,)."""
    edge = tan(radians(ANGLE / 2))
    tilt = 1 + (slant(x) > edge).long() - (slant(x) < -edge).long()
    return (stroke_width(x) > WIDTH).long(), tilt


def sentence(digit: int, thick: int, tilt: int, phrase: int = 0) -> str:
    """One of two phrasings: "a thin upright one" or "a one that is thin and upright"."""
    way = "upright" if tilt == 1 else f"leaning {TILTS[tilt]}"
    if phrase:
        return f"a {NAMES[digit]} that is {THICKNESSES[thick]} and {way}"
    if tilt == 1:
        return f"a {THICKNESSES[thick]} {way} {NAMES[digit]}"
    return f"a {THICKNESSES[thick]} {NAMES[digit]} {way}"


def encode(captions: list[str]) -> Words:
    """Numbers of words, shape (n, 8), 0 after the last.

    Raises:
        CourseError: a word outside the vocabulary, or more than eight.
    """
    rows = torch.zeros(len(captions), LENGTH, dtype=torch.int64)
    for row, caption in zip(rows, captions, strict=True):
        words = caption.lower().split()
        require(
            0 < len(words) <= LENGTH, f"{caption!r} has {len(words)} words; allowed are 1 to 8."
        )
        for i, word in enumerate(words):
            if word not in VOCABULARY:
                known = ", ".join(VOCABULARY[1:])
                raise CourseError(f"{word!r} is no word of the captions; they know {known}.")
            row[i] = VOCABULARY.index(word)
    return rows


def decode(words: Words) -> list[str]:
    """The captions of numbers of words."""
    return [" ".join(VOCABULARY[i] for i in row if i) for row in words.tolist()]


def meanings(words: Words) -> Meaning:
    """What captions say, whatever their phrasing: shape (n, 3), −1 for what is left open."""

    def which(options: tuple[str, ...] | list[str]) -> Tensor:
        numbers = torch.tensor([VOCABULARY.index(o) for o in options], device=words.device)
        found = (words[:, :, None] == numbers).any(1)
        return torch.where(found.any(1), found.long().argmax(1), -1)

    return torch.stack([which(NAMES), which(THICKNESSES), which(TILTS)], 1)


def same_meaning(a: Words, b: Words) -> Tensor:
    """Whether two captions say the same, shape (n,); they need not be the same words."""
    return (meanings(a) == meanings(b)).all(1)


def _table() -> Tensor:
    every = [
        sentence(d, t, s, phrase) for d in range(10) for t in (0, 1) for s in range(3)
        for phrase in (0, 1)
    ]  # fmt: skip
    return encode(every).view(10, 2, 3, 2, LENGTH)


def caption(meaning: Meaning, rng: torch.Generator | None = None) -> Words:
    """A true caption of each meaning; phrased by chance with `rng`, else by the shorter form."""
    m, n = meaning.cpu(), len(meaning)
    phrase = torch.randint(2, (n,), generator=rng) if rng else torch.zeros(n, dtype=torch.int64)
    return _table()[m[:, 0], m[:, 1], m[:, 2], phrase].to(meaning.device)


def captioned(
    split: Split, size: int, rng: torch.Generator, shown: Callable[[Tensor], Tensor] | None = None
) -> Sampler:
    """Endless batches (images, words), none of the held-out combination; phrased anew each time.

    Args:
        split: images and their digits.
        size: of a batch.
        rng: draws rows and phrasings.
        shown: images -> x of a batch, the images themselves unless told otherwise.
    """
    x, meaning = drawn(split, torch.Generator().manual_seed(0))

    def draw(n: int, own: torch.Generator) -> tuple[Tensor, Tensor]:
        rows = torch.randint(len(x), (n,), generator=own).to(x.device)
        return shown(x[rows]) if shown else x[rows], caption(meaning[rows], own)

    return Sampler(draw, size, rng, split.x.device)


def twins_of(split: Split, n: int, rng: torch.Generator, agree: bool = True) -> tuple[Tensor, ...]:
    """Two small zeros or two small ones in opposite corners, at 10 × 10 pixels each.

    The inner 20 × 20 pixels of a digit at half the size; 8 pixels lie between the corners.

    Args:
        split: where the zeros and ones are taken from.
        agree: both of one class; else each by chance.

    Returns:
        Images (n, 1, 28, 28) and the classes of the two corners, shape (n, 2).
    """
    pools = [(split.y.cpu() == c).nonzero().flatten() for c in (0, 1)]
    first = torch.randint(2, (n,), generator=rng)
    second = first if agree else torch.randint(2, (n,), generator=rng)
    y = torch.stack([first, second], 1)
    x = torch.zeros(n, *split.x.shape[1:]).to(split.x)
    for corner, side in enumerate(CORNERS):
        u = torch.rand(n, generator=rng)
        picks = torch.stack([pool[(u * len(pool)).long()] for pool in pools], 1)
        rows = picks.gather(1, y[:, corner, None])[:, 0].to(split.x.device)
        x[:, :, side, side] = F.avg_pool2d(split.x[rows][:, :, 4:24, 4:24], 2)
    return x, y


def twins(split: Split, size: int, rng: torch.Generator) -> Sampler:
    """Endless batches of pairs that agree; y is their class."""

    def draw(n: int, own: torch.Generator) -> tuple[Tensor, Tensor]:
        x, y = twins_of(split, n, own)
        return x, y[:, 0]

    return Sampler(draw, size, rng, split.x.device)


def corners(x: Images) -> tuple[Float[Tensor, "n 1 28 28"], Float[Tensor, "n 1 28 28"]]:
    """The two corners of twins, each at full size again, with the margin that digits have."""
    parts = (x[:, :, side, side] for side in CORNERS)
    one, other = (F.interpolate(p, scale_factor=2, mode="bilinear") for p in parts)
    return F.pad(one, (4, 4, 4, 4)), F.pad(other, (4, 4, 4, 4))
