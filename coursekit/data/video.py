"""Short films of moving digits whose flow is known exactly, and what a flow is good for."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from coursekit.data.dataset import Split
from coursekit.errors import require
from coursekit.types import Images

Flow = Float[Tensor, "n 2 h w"]  # pixels to the right, and pixels down


class Film(NamedTuple):
    """Films of t frames, and between each frame and the one before it the exact backward flow.

    Attributes:
        frames: shape (n, t, 1, h, w), in [0, 1].
        flow: shape (n, t − 1, 2, h, w). `flow[:, i]` lies on the grid of frame i + 1 and says how
            far to the right and how far down its content lay in frame i, in pixels: what moves to
            the right has a negative first entry.
        visible: shape (n, t − 1, 1, h, w). Whether that content could be seen in frame i; where it
            was hidden behind a digit, or has been uncovered, no flow can bring it back.
        y: labels of the digits from back to front, shape (n, digits).
    """

    frames: Float[Tensor, "n t 1 h w"]
    flow: Float[Tensor, "n t-1 2 h w"]
    visible: Bool[Tensor, "n t-1 1 h w"]
    y: Int[Tensor, "n digits"]


def moving_digits(
    split: Split,
    n: int,
    rng: torch.Generator,
    frames: int = 8,
    digits: int = 2,
    side: int = 32,
    speed: int = 2,
) -> Film:
    """Digits of half their size that cross a black square and are reflected by its edges.

    After Srivastava et al. 2015, "Moving MNIST", with two changes that make the flow exact: a digit
    moves by whole pixels, and in front of another it hides it, wherever it has any ink.

    Args:
        split: grey images with sides that are even, such as those of `digits` or `mnist`.
        n: number of films.
        rng: draws digits, places and speeds.
        frames: t, at least 2.
        digits: how many in each film; later ones are in front.
        side: of the square, at least half of that of the images.
        speed: the largest number of pixels a frame in each direction, at least 1. Each digit has a
            constant speed of its own, at least 1 in one direction.

    Raises:
        CourseError: fewer than two frames, no digit, a speed below 1, or a square too small.
    """
    require(frames >= 2, f"frames was {frames}; a flow needs at least 2.")
    require(digits >= 1, f"digits was {digits}; a film shows at least one.")
    require(speed >= 1, f"speed was {speed}; it must be at least 1 pixel a frame.")
    small = split.x.shape[-1] // 2
    require(side > small, f"side was {side}; digits of {small} pixels need more to move.")
    rows = torch.randint(len(split), (n, digits), generator=rng)
    rows = rows.to(split.y.device)
    sprites = F.avg_pool2d(split.x[rows.flatten()], 2).unflatten(0, (n, digits))[:, :, 0].cpu()
    places = _paths(n, digits, frames, side - small, speed, rng)
    images = torch.zeros(n, frames, side, side)
    front = torch.full((n, frames, side, side), -1)  # which digit is seen; −1 is the ground
    for k in range(digits):
        moved = _placed(sprites[:, k], places[:, :, k], side)
        images = torch.where(moved > 0, moved, images)
        front = torch.where(moved > 0, k, front)
    flow, visible = _flow(front, places)
    return Film(images[:, :, None], flow, visible, split.y[rows])


def _paths(n: int, digits: int, frames: int, room: int, speed: int, rng: torch.Generator) -> Tensor:
    """Places (right, down) of each digit's corner in [0, room], shape (n, frames, digits, 2)."""
    start = torch.randint(room + 1, (n, 1, digits, 2), generator=rng)
    steps = torch.randint(-speed, speed + 1, (n, 1, digits, 2), generator=rng)
    still = (steps == 0).all(-1)
    steps[..., 0] = torch.where(still, 1, steps[..., 0])  # no digit stands still
    unfolded = start + steps * torch.arange(frames).view(1, -1, 1, 1)
    wrapped = unfolded % (2 * room)
    return torch.where(wrapped > room, 2 * room - wrapped, wrapped)


def _placed(sprites: Tensor, places: Tensor, side: int) -> Tensor:
    """Each sprite (n, s, s) on black squares at `places` (n, t, 2): (n, t, side, side)."""
    s = sprites.shape[-1]
    line = torch.arange(side)
    columns, rows = line - places[..., :1], line - places[..., 1:]  # (n, t, side)
    inside = ((rows >= 0) & (rows < s))[..., :, None] & ((columns >= 0) & (columns < s))[
        ..., None, :
    ]
    index = rows.clamp(0, s - 1)[..., :, None] * s + columns.clamp(0, s - 1)[..., None, :]
    found = sprites.flatten(1).gather(1, index.flatten(1)).view_as(index)
    return torch.where(inside, found, 0.0)


def _flow(front: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Backward flow, and where it leads to what is seen, from the maps of what is in front."""
    n, frames, side, _ = front.shape
    back = places[:, :-1] - places[:, 1:]  # (n, t − 1, digits, 2), from the later frame back
    ground = torch.zeros_like(back[:, :, :1])
    motions = torch.cat([ground, back], 2)  # −1 is the first
    now = (front[:, 1:] + 1).flatten(2)
    flow = motions.gather(2, now[..., None].expand(-1, -1, -1, 2)).unflatten(2, (side, side))
    line = torch.arange(side)
    columns = (line + flow[..., 0]).clamp(0, side - 1)
    rows = (line[:, None] + flow[..., 1]).clamp(0, side - 1)
    before = front[:, :-1].flatten(2).gather(2, (rows * side + columns).flatten(2))
    visible = (before + 1 == now).view(n, frames - 1, 1, side, side)
    return flow.permute(0, 1, 4, 2, 3).float(), visible


def warp(frame: Images, flow: Flow) -> Images:
    """Backward warping: the pixel at p is `frame` at p + flow(p), bilinear between pixels.

    Pixel centres are whole numbers. `grid_sample` calls the outermost *centres* −1 and 1 with
    `align_corners=True`, and the outermost *edges* without it; a grid in the units of one read in
    the units of the other shrinks every image by 1/side. Beyond the edge the frame is black.

    Args:
        frame: shape (n, c, h, w).
        flow: shape (n, 2, h, w), pixels to the right and down.
    """
    h, w = frame.shape[2:]
    rows = torch.arange(h, device=frame.device, dtype=frame.dtype)[:, None] + flow[:, 1]
    columns = torch.arange(w, device=frame.device, dtype=frame.dtype) + flow[:, 0]
    grid = torch.stack([2 * columns / (w - 1) - 1, 2 * rows / (h - 1) - 1], 3)
    return F.grid_sample(frame, grid, mode="bilinear", align_corners=True)


def warping_error(
    frames: Float[Tensor, "n t c h w"],
    flow: Float[Tensor, "n t-1 2 h w"],
    visible: Bool[Tensor, "n t-1 1 h w"],
) -> Float[Tensor, ""]:
    """How far each frame is from the one before it, warped by the flow: flicker, not motion.

    Lai et al. 2018, "Learning Blind Video Temporal Consistency", §5.1.
    Mean squared difference over visible pixels and channels. Zero for a black film too: it says
    nothing of what the frames show.
    """
    c = frames.shape[2]
    moved = warp(frames[:, :-1].flatten(0, 1), flow.flatten(0, 1))
    squares = (moved - frames[:, 1:].flatten(0, 1)).square() * visible.flatten(0, 1)
    return squares.sum() / (c * visible.sum()).clamp_min(1)
