"""From coarse to fine: DeepDream proper, and the film that falls into its own picture."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.dreams.ascent import Climb, ascend
from coursekit.dreams.objectives import Objective
from coursekit.errors import require
from coursekit.types import Images

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
) -> Climb:
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
    for size in sizes((photo.shape[2], photo.shape[3]), octaves, scale):
        base = resized(photo, size).clamp(0, 1)
        start = base if detail is None else (base + resized(detail, size)).clamp(0, 1)
        climb = ascend(model, start, objective, **how)
        detail = climb.image - base
        traces.append(climb.trace)
    return Climb(climb.image, torch.cat(traces))


def sizes(size: Size, octaves: int, scale: float) -> list[Size]:
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
