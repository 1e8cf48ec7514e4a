"""Gradient ascent on the image. The weights are only looked at."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from coursekit.dreams.objectives import Objective
from coursekit.dreams.steps import as_it_is, per_mean
from coursekit.errors import require
from coursekit.gradients import input_gradient, undisturbed
from coursekit.types import Images

Change = Callable[[Tensor], Tensor]


class Climb(NamedTuple):
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
    after: Change = as_it_is,
    rng: torch.Generator | None = None,
) -> Climb:
    """`steps` times x ← after(clamp(x + step_size · direction(∇ₓ objective))).

    Args:
        model: run in eval mode and left as it was found: weights, modes, `.grad`, buffers, hooks.
        x: where to begin, pixels in [0, 1]. Not modified.
        objective: what is to rise.
        steps: how many steps.
        step_size: in units of pixels if the direction is normalised.
        direction: gradient -> direction: `per_mean`, `multiscale`, or `as_it_is`.
        jitter: before each look the image is shifted, around its edges, by up to so many pixels.
        tile: the gradient is taken in tiles of about this side (see `slope`); None: all at once.
        after: done to the image after each step: `Blur`, `Decay`.
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
            gradient, value = slope(model, objective, moved, tile)
            uphill = direction(gradient).roll((-shift[0], -shift[1]), (2, 3))
            x = after((x + step_size * uphill).clamp(0, 1))
            trace.append(value.mean())
    return Climb(x, torch.stack(trace) if trace else torch.zeros(0))


def slope(
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
        found, value = _slope(model, objective, piece)
        gradient[:, :, rows, columns] = share * found
        total += share * value
    return gradient, total


def _slope(model: nn.Module, objective: Objective, x: Images) -> tuple[Tensor, Tensor]:
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
