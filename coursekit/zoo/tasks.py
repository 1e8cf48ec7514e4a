"""What a recipe learns from: the batches (x, y) of each task."""

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from coursekit.data import Film, Sampler, Split, binarise, moving_digits, warp
from coursekit.data.captions import captioned, twins
from coursekit.data.toys import Stacked

if TYPE_CHECKING:
    from coursekit.zoo.recipes import Recipe

# what a batch is: images with their classes; with their upper halves in place of the classes; three
# grey images as the colours of one (Metz et al. 2017, §3.3.1); or pixels drawn as 0 and 1 with
# their classes, once for all or anew for every batch; with a coarse version of themselves, with
# their edges, or with their grey version; pairs of an image and another that is inverted or tilted,
# from disjoint originals; films of moving digits; images with a thickness and a tilt of their own,
# and the words that say so, alone or after themselves at half the size; or two small digits that
# agree
TASKS = (
    "classes", "upper_half", "stacked", "static_binary", "dynamic_binary", "low_resolution",
    "very_low_resolution", "inverted", "tilted", "edges", "grey", "films", "captions", "stages",
    "twins",
)  # fmt: skip
FRAMES = 3  # of a film in a batch


def batches_of(recipe: "Recipe", split: Split, rng: torch.Generator) -> Any:
    """The endless batches (x, y) that a recipe learns from, as its `task` says."""
    if recipe.task == "stacked":
        return Stacked(split).batches(recipe.batch, rng)
    if recipe.task == "static_binary":
        split = Split(binarise(split.x, torch.Generator().manual_seed(0)), split.y, split.origin)
    if recipe.task in ("classes", "static_binary"):
        return split.batches(recipe.batch, rng)
    if recipe.task in TOLD:
        return TOLD[recipe.task](split, recipe.batch, rng)
    if recipe.task in DOMAINS:
        return unpaired(split, DOMAINS[recipe.task][0], recipe.batch, rng)
    if recipe.task == "films":
        return film_batches(split, recipe.batch, rng)

    def draw(n: int, own: torch.Generator) -> tuple[Tensor, Tensor]:
        rows = torch.randint(len(split), (n,), generator=own).to(split.x.device)
        x, y = split.x[rows], split.y[rows]
        return (x, GIVEN[recipe.task](x)) if recipe.task in GIVEN else (binarise(x, own), y)

    return Sampler(draw, recipe.batch, rng, split.x.device)


def upper_half(x: Tensor) -> Tensor:
    """The upper halves of images, shape (n, c, h/2, w)."""
    return x[:, :, : x.shape[2] // 2]


def low_resolution(x: Tensor, factor: int = 4) -> Tensor:
    """Means over squares of `factor` pixels a side, at the size of x: of 28 pixels 7 are left."""
    return F.interpolate(F.avg_pool2d(x, factor), scale_factor=factor)


def edges(x: Tensor) -> Tensor:
    """1 where a pixel is on one side of 0.5 and its right or lower neighbour on the other, else 0.

    Lines that say where ink ends, and not on which side of them it lies.
    """
    ink = F.pad(x, (0, 1, 0, 1), "replicate") > 0.5
    here = ink[:, :, :-1, :-1]
    return ((here != ink[:, :, :-1, 1:]) | (here != ink[:, :, 1:, :-1])).to(x)


def grey(x: Tensor) -> Tensor:
    """The luma of colour images, shape (n, 1, h, w): 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601)."""
    return (x * x.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)


def inverted(x: Tensor) -> Tensor:
    """Black for white. Its own inverse."""
    return 1 - x


def tilted(x: Tensor, slope: float = 0.4) -> Tensor:
    """Slanted to the right at the top: each row moved by whole pixels, `slope` for each row.

    The inverse is `tilted(x, -slope)`, except for ink that leaves the image.
    """
    h = x.shape[2]
    away = (slope * (torch.arange(h) - (h - 1) / 2)).round().view(1, 1, h, 1).expand(-1, -1, h, h)
    right = torch.cat([away, torch.zeros_like(away)], 1).to(x)
    return warp(x, right.expand(len(x), -1, -1, -1))


def unpaired(split: Split, move: Any, size: int, rng: torch.Generator) -> Sampler:
    """Endless batches for `nets.Cycle`, x and y the same: pairs (a, b) as channels of one image.

    a is of one half of the originals, b = move(another image) of the other half.
    """
    one, other = split.split(2)

    def draw(n: int, own: torch.Generator) -> tuple[Tensor, Tensor]:
        rows = [torch.randint(len(part), (n,), generator=own) for part in (one, other)]
        a, b = (part.x[r.to(part.x.device)] for part, r in zip((one, other), rows, strict=True))
        pairs = torch.cat([a, move(b)], 1)
        return pairs, pairs

    return Sampler(draw, size, rng, split.x.device)


def pack(film: Film) -> Tensor:
    """What the objective is given of a film, as 4t − 3 channels: t coarse frames, the flows to the
    right and down, and where they lead to what could be seen."""
    parts = (low_resolution(film.frames[:, :, 0]), film.flow.flatten(1, 2), film.visible[:, :, 0])
    return torch.cat([part.float() for part in parts], 1)


def unpack(y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Coarse frames (n, t, h, w), flow (n, t − 1, 2, h, w), visible (n, t − 1, 1, h, w)."""
    t = (y.shape[1] + 3) // 4
    coarse, flow, visible = y.split((t, 2 * (t - 1), t - 1), 1)
    return coarse, flow.unflatten(1, (t - 1, 2)), visible[:, :, None]


def film_batches(split: Split, size: int, rng: torch.Generator) -> Sampler:
    """Endless batches of films of `FRAMES` frames: x their frames, y of `pack`."""

    def draw(n: int, own: torch.Generator) -> tuple[Tensor, Tensor]:
        film = moving_digits(split, n, own, FRAMES, side=split.x.shape[-1])
        return film.frames[:, :, 0], pack(film)

    return Sampler(draw, size, rng, split.x.device)


def in_stages(x: Tensor) -> Tensor:
    """Images at half their size, enlarged again, and the images, as two channels."""
    return torch.cat([low_resolution(x, 2), x], 1)


# task → batches of images that are made for it
TOLD: dict[str, Any] = {"captions": captioned, "twins": twins}
TOLD["stages"] = partial(captioned, shown=in_stages)
# task → what the generator is given of the image that is wanted
GIVEN: dict[str, Any] = {
    "upper_half": upper_half,
    "low_resolution": low_resolution,
    "very_low_resolution": partial(low_resolution, factor=7),
    "edges": edges,
    "grey": grey,
}
# task → from X to Y, and back
DOMAINS: dict[str, tuple[Any, Any]] = {
    "inverted": (inverted, inverted),
    "tilted": (tilted, partial(tilted, slope=-0.4)),
}
