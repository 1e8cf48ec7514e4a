"""Exercises of 12: each attempt is graded by what it must do on fresh inputs."""

import torch
from torch.nn import functional as F

from coursekit.teaching.exercise import (
    Attempt,
    Exercise,
    RandomInputs,
    describe_mismatch,
    number,
    tensor_like,
)


def field_of_view(kernels, strides):
    field = 1
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        field = stride * (field - 1) + kernel
    return field


def cycle_loss(forth, back, a, b):
    there_and_back = (back(forth(a)) - a).abs().mean()
    back_and_there = (forth(back(b)) - b).abs().mean()
    return there_and_back + back_and_there


def warped(frame, flow):
    h, w = frame.shape[2:]
    columns = torch.arange(w) + flow[:, 0]
    rows = torch.arange(h)[:, None] + flow[:, 1]
    grid = torch.stack([2 * columns / (w - 1) - 1, 2 * rows / (h - 1) - 1], 3)
    return F.grid_sample(frame, grid, align_corners=True)


def flicker(moved, later, visible):
    squares = (moved - later).square() * visible
    return squares.sum() / visible.sum()


# The field of a patch ---------------------------------------------------------------------------


def _field(kernels: list[int], strides: list[int]) -> int:
    """By following one score back to the first and the last pixel it depends on."""
    first = last = 0
    for kernel, stride in zip(kernels[::-1], strides[::-1], strict=True):
        first, last = first * stride, last * stride + kernel - 1
    return last - first + 1


def _counts_pixels(attempt: Attempt, fresh: RandomInputs) -> str | None:
    layers = fresh.integer(2, 5)
    kernels = [fresh.integer(2, 5) for _ in range(layers)]
    strides = [fresh.integer(1, 3) for _ in range(layers - 1)] + [2]
    kernels[0], strides[0] = 5, 3  # so that the order of the layers matters
    found = number(attempt(list(kernels), list(strides)))
    wanted = _field(kernels, strides)
    if found == wanted:
        return None
    if found == _field(kernels[::-1], strides[::-1]):
        return "the layers are taken in the wrong order: begin at the score."
    layered = f"kernels {kernels} and strides {strides}"
    return f"with {layered} it is {found:g}, not {wanted}."


def _counts_one_without_layers(attempt: Attempt, fresh: RandomInputs) -> str | None:
    kernel = fresh.integer(2, 6)
    found = number(attempt([kernel], [fresh.integer(1, 3)]))
    return None if found == kernel else f"one layer of {kernel} × {kernel} sees {found:g} pixels."


FIELD = Exercise(
    "The receptive field of one score",
    (_counts_one_without_layers, _counts_pixels),
    (
        "Begin at the score, a field of 1, and go back layer by layer.",
        "f outputs side by side need stride·(f − 1) + kernel inputs.",
    ),
    field_of_view,
)


# The cycle loss ---------------------------------------------------------------------------------


def _counts_both_ways(attempt: Attempt, fresh: RandomInputs) -> str | None:
    a, b = fresh.normal(3, 1, 4, 4), fresh.normal(3, 1, 4, 4)
    k, c, s = fresh.number(1.5, 3), fresh.number(0.2, 0.9), fresh.number(0.3, 2)
    forth, back = (lambda x: k * x + s), (lambda x: c * x.square())
    first = (back(forth(a)) - a).abs().mean()
    second = (forth(back(b)) - b).abs().mean()
    found = number(attempt(forth, back, a, b))
    if abs(found - float(first)) < 1e-6 or abs(found - float(second)) < 1e-6:
        return "only one way round is counted; there are two."
    if abs(found - float(first + second)) < 1e-5 * float(first + second):
        return None
    return f"it is {found:.4f}, not {float(first + second):.4f}: |F(G(a)) − a| and |G(F(b)) − b|."


def _forgives_a_permutation(attempt: Attempt, fresh: RandomInputs) -> str | None:
    a, b, by = fresh.normal(3, 1, 4, 4), fresh.normal(3, 1, 4, 4), fresh.integer(1, 3)
    found = number(attempt(lambda x: x.roll(by, 3), lambda x: x.roll(-by, 3), a, b))
    return None if abs(found) < 1e-6 else f"maps that undo each other cost {found:.4f}, not 0."


CYCLE = Exercise(
    "The cycle loss",
    (_forgives_a_permutation, _counts_both_ways),
    ("G is `forth` and F is `back`: there and back again must be where it began.",),
    cycle_loss,
)


# Backward warping -------------------------------------------------------------------------------


def _moves_whole_pixels(attempt: Attempt, fresh: RandomInputs) -> str | None:
    frame = fresh.uniform(0.1, 1, 2, 1, 7, 9).float()
    right, down = fresh.integer(1, 3), fresh.integer(1, 3)
    flow = torch.tensor([float(right), float(down)]).view(1, 2, 1, 1).expand(2, -1, 7, 9)
    found = tensor_like(attempt(frame, flow.clone()), frame)
    inner = slice(3, -3)
    wanted = frame.roll((-down, -right), (2, 3))[:, :, 3:-3, inner]
    seen = found[:, :, 3:-3, inner]
    others = {
        "the flow's sign is wrong: p + flow(p) is where to look.": (down, right),
        "the flow is (right, down), not (down, right).": (-right, -down),
    }
    if torch.allclose(seen, wanted, atol=1e-4):
        return None
    for sentence, shift in others.items():
        if torch.allclose(seen, frame.roll(shift, (2, 3))[:, :, 3:-3, inner], atol=1e-4):
            return sentence
    return f"moved by ({right}, {down}) pixels, {describe_mismatch(seen, wanted, 1e-4)}."


def _leaves_what_stays(attempt: Attempt, fresh: RandomInputs) -> str | None:
    frame = fresh.uniform(0.1, 1, 1, 1, 6, 8).float()
    found = tensor_like(attempt(frame, torch.zeros(1, 2, 6, 8)), frame)
    if torch.allclose(found, frame, atol=1e-4):
        return None
    return "a flow of 0 changes the image: do grid and align_corners agree?"


WARP = Exercise(
    "Backward warping by a flow",
    (_leaves_what_stays, _moves_whole_pixels),
    (
        "The pixel at (row r, column c) is looked up at (r + down, c + right).",
        "With align_corners=True the columns 0 and w − 1 are −1 and 1; (x, y) stands last.",
    ),
    warped,
)


# The warping error ------------------------------------------------------------------------------


def _counts_visible_pixels(attempt: Attempt, fresh: RandomInputs) -> str | None:
    moved, later = fresh.uniform(0, 1, 2, 1, 5, 6), fresh.uniform(0, 1, 2, 1, 5, 6)
    visible = fresh.uniform(0, 1, 2, 1, 5, 6) < 0.6
    visible[0, 0, 0, 0], visible[1, 0, 4, 5] = True, False
    gap = (moved - later).square()
    found, wanted = number(attempt(moved, later, visible)), float(gap[visible].mean())
    named = {
        "hidden pixels are counted; leave them out of the sum.": gap.mean(),
        "it is divided by all pixels; divide by those that are visible.": (gap * visible).mean(),
        "it is not squared.": (moved - later).abs()[visible].mean(),
    }
    if abs(found - wanted) < 1e-6:
        return None
    for sentence, value in named.items():
        if abs(found - float(value)) < 1e-6:
            return sentence
    return f"it is {found:.4f}, not {wanted:.4f}."


FLICKER = Exercise(
    "The warping error where the flow can be right",
    (_counts_visible_pixels,),
    ("A mean over the visible pixels only: in the numerator and in the denominator.",),
    flicker,
)
