"""Gradient ascent on the image: its steps, the ascent, and octaves (DeepDream)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.dreams.objectives import Objective
from coursekit.errors import require
from coursekit.gradients import input_gradient, scale_to_mean, undisturbed
from coursekit.types import Images


def identity(gradient: Tensor) -> Tensor:
    """Plain gradient ascent: the step is as long as the layer's gradient happens to be."""
    return gradient


def per_mean(gradient: Tensor) -> Tensor:
    """g / mean|g|: each image moves by the step size on average, whatever layer asks."""
    return scale_to_mean(gradient)


def multiscale(gradient: Tensor) -> Tensor:
    """The gradient plus itself blurred, at σ = 1 and 2 pixels: coarse change counts for more.

    The simplest form of the gradient pyramid in Mordvintsev's TensorFlow notebook (2016).
    """
    return per_mean(gradient + gaussian(gradient, 1) + gaussian(gradient, 2))


@dataclass(frozen=True)
class Blur:
    """After each step a Gaussian blur, σ in pixels (Yosinski et al. 2015, §3)."""

    sigma: float = 0.5

    def __call__(self, x: Images) -> Images:
        return gaussian(x, self.sigma)


def gaussian(x: Tensor, sigma: float) -> Tensor:
    """Each channel of (n, c, h, w) blurred by a Gaussian of width `sigma` pixels; edges repeat.

    Raises:
        CourseError: `sigma` is not above 0.
    """
    require(sigma > 0, f"sigma was {sigma}; a blur has a width above 0 pixels.")
    reach = max(1, round(3 * sigma))
    offsets = torch.arange(-reach, reach + 1, device=x.device, dtype=x.dtype)
    weights = torch.exp(-(offsets**2) / (2 * sigma**2))
    weights = (weights / weights.sum()).expand(x.shape[1], 1, 1, -1)
    padded = F.pad(x, (reach,) * 4, mode="replicate")
    rows = F.conv2d(padded, weights, groups=x.shape[1])
    return F.conv2d(rows, weights.transpose(2, 3), groups=x.shape[1])


Change = Callable[[Tensor], Tensor]


class AscentResult(NamedTuple):
    """Where an ascent ended, and the objective (mean over the images) where each step began."""

    image: Images
    trace: Tensor


def ascend(
    model: nn.Module,
    x: Images,
    objective: Objective,
    *,
    steps: int = 10,
    step_size: float = 0.01,
    direction: Change = per_mean,
    jitter: int = 0,
    tile: int | None = None,
    after: Change = identity,
    rng: torch.Generator | None = None,
) -> AscentResult:
    """`steps` times x ← after(clamp(x + step_size · direction(∇ₓ objective))).

    Args:
        model: run in eval mode and left as it was found: weights, modes, `.grad`, buffers, hooks.
        x: where to begin, pixels in [0, 1]. Not modified.
        objective: what is to rise.
        steps: how many steps.
        step_size: in units of pixels if the direction is normalised.
        direction: gradient -> direction: `per_mean`, `multiscale`, or `identity`.
        jitter: before each look the image is shifted, around its edges, by up to so many pixels.
        tile: the gradient is taken in tiles of about this side, see `objective_grad`; None: whole.
        after: done to the image after each step, as `Blur`.
        rng: draws the shifts; needed if there is jitter.

    Raises:
        CourseError: a negative number of steps or jitter, or jitter without `rng`.
    """
    require(steps >= 0, f"steps was {steps}; it must be at least 0.")
    require(jitter >= 0, f"jitter was {jitter}; it must be at least 0 pixels.")
    require(jitter == 0 or rng is not None, "jitter needs an rng that draws the shifts.")
    trace = []
    with undisturbed(model):
        for _ in range(steps):
            shift = _shift(jitter, rng)
            moved = x.roll(shift, (2, 3))
            gradient, value = objective_grad(model, objective, moved, tile)
            uphill = direction(gradient).roll((-shift[0], -shift[1]), (2, 3))
            x = after((x + step_size * uphill).clamp(0, 1))
            trace.append(value.mean())
    return AscentResult(x, torch.stack(trace) if trace else torch.zeros(0))


def objective_grad(
    model: nn.Module, objective: Objective, x: Images, tile: int | None = None
) -> tuple[Tensor, Tensor]:
    """The gradient of the objective with respect to the image, and its values, shape (n,).

    In tiles, the network never sees more than one of them: memory no longer grows with the picture.
    Each counts by its share of the area, so that for a mean over places the gradient is the same as
    of the whole, but for pixels near a seam, whose neighbours the network did not see. For that the
    side of a tile must be a multiple of the network's stride.
    """
    gradient, total = torch.zeros_like(x), x.new_zeros(len(x))
    for rows, columns in _tiles(x.shape[2], x.shape[3], tile):
        piece = x[:, :, rows, columns]
        share = piece[0, 0].numel() / x[0, 0].numel()
        found, value = _grad_and_value(model, objective, piece)
        gradient[:, :, rows, columns] = share * found
        total += share * value
    return gradient, total


def _grad_and_value(model: nn.Module, objective: Objective, x: Images) -> tuple[Tensor, Tensor]:
    """Gradient and values from one pass: the values are noted on the way."""
    values: list[Tensor] = []

    def noted(x: Tensor) -> Tensor:
        values.append(objective(model, x))
        return values[0]

    return input_gradient(noted, x), values[0].detach()


def _tiles(h: int, w: int, tile: int | None) -> Iterator[tuple[slice, slice]]:
    for top, bottom in pairwise(_bounds(h, tile)):
        for left, right in pairwise(_bounds(w, tile)):
            yield slice(top, bottom), slice(left, right)


def _bounds(length: int, tile: int | None) -> list[int]:
    """Multiples of `tile`; what is left over, if less than half of one, joins the last."""
    require(tile is None or tile > 0, f"tile was {tile}; it must be above 0 pixels.")
    if tile is None or length < 1.5 * tile:
        return [0, length]
    return [*range(0, length - tile // 2, tile), length]


def _shift(jitter: int, rng: torch.Generator | None) -> tuple[int, int]:
    if jitter == 0:
        return 0, 0
    down, across = torch.randint(-jitter, jitter + 1, (2,), generator=rng).tolist()
    return down, across


Size = tuple[int, int]
SMALLEST = 16  # pixels: below this a deep layer has no place left to answer


def dream(
    model: nn.Module,
    photo: Images,
    objective: Objective,
    *,
    octaves: int = 4,
    scale: float = 1.4,
    **how: Any,
) -> AscentResult:
    """DeepDream (Mordvintsev et al. 2015): ascend on a small copy first, then on larger ones.

    What one octave added is enlarged and laid over the *photo* at the next size. To enlarge the
    dreamt image itself would be shorter, and would lose the photo's detail at every octave.

    Args:
        model: as in `ascend`.
        photo: pixels in [0, 1]; a batch of one size.
        objective: what is to rise.
        octaves: how many sizes, the last of them the photo's own; 1 is plain `ascend`.
        scale: ratio of one size to the next, above 1.
        **how: everything else that `ascend` can be told: steps (for each octave), step_size, …

    Returns:
        The dream, of the photo's size, and the objective where each step of all octaves began.

    Raises:
        CourseError: no octave, a scale that does not grow, or octaves smaller than 16 pixels.
    """
    detail, traces = None, []
    for size in octave_sizes((photo.shape[2], photo.shape[3]), octaves, scale):
        base = resized(photo, size).clamp(0, 1)
        start = base if detail is None else (base + resized(detail, size)).clamp(0, 1)
        climb = ascend(model, start, objective, **how)
        detail = climb.image - base
        traces.append(climb.trace)
    return AscentResult(climb.image, torch.cat(traces))


def octave_sizes(size: Size, octaves: int, scale: float) -> list[Size]:
    """Height and width of each octave, from the smallest to `size` itself."""
    require(octaves >= 1, f"octaves was {octaves}; there is at least one, the photo's own size.")
    require(scale > 1, f"scale was {scale}; each octave is larger than the last, so above 1.")
    found = [(round(size[0] / scale**k), round(size[1] / scale**k)) for k in range(octaves)]
    least = min(found[-1])
    require(
        least >= SMALLEST or octaves == 1,
        f"octaves was {octaves} at scale {scale}; the smallest would have {least} pixels, and "
        f"needs {SMALLEST}.",
    )
    return found[::-1]


def resized(x: Tensor, size: Size) -> Tensor:
    """(n, c, h, w) at another size, without aliasing; the same size changes nothing."""
    if tuple(x.shape[2:]) == tuple(size):
        return x
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False, antialias=True)


def zoom(
    model: nn.Module,
    x: Images,
    objective: Objective,
    *,
    frames: int,
    scale: float = 1.06,
    **how: Any,
) -> Iterator[Images]:
    """A film: dream a little, step forward into the picture, dream on. Yields `frames` images.

    Args:
        model, x, objective: as in `ascend`.
        frames: how many images, `x` itself not among them.
        scale: by how much the middle is enlarged from frame to frame, at least 1.
        **how: everything else that `ascend` can be told; steps is for each frame.

    Raises:
        CourseError: a scale below 1.
    """
    require(scale >= 1, f"scale was {scale}; the film moves forward, so at least 1.")
    h, w = x.shape[2], x.shape[3]
    height, width = round(h / scale), round(w / scale)
    top, left = (h - height) // 2, (w - width) // 2
    for _ in range(frames):
        x = ascend(model, x, objective, **how).image
        yield x
        x = resized(x[:, :, top : top + height, left : left + width], (h, w)).clamp(0, 1)
