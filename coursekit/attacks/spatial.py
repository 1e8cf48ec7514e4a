"""Black box by grid search: turned, shifted and partly covered images that a person still reads."""

from collections.abc import Callable, Sequence
from itertools import product
from math import cos, radians, sin

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.attacks.common import AttackResult, Goal, Truth, attack, attack_result, choose_rows
from coursekit.errors import require
from coursekit.threats import L2
from coursekit.types import Images

Transform = Callable[[Tensor], Tensor]  # images -> images of the same shape, pixels in [0, 1]


@attack
def spatial_search(
    model: nn.Module,
    x: Images,
    y: Truth,
    transforms: Sequence[Transform] | None = None,
    batch: int | None = None,
) -> AttackResult:
    """Try every transform; keep the first that fools, else the one of highest loss.

    Grid search in the manner of Engstrom et al. 2019 (§3). It asks the model only for its logits.

    Args:
        model, x, y, batch: as for `fgsm`.
        transforms: for example `occlusions(...)`; by default `rotations_translations()`.

    Returns:
        An `AttackResult` with the queries spent until each image fooled (all of them where none
        did). Distances are L2, of the pixels: they say little about a rotation.

    Raises:
        CourseError: no transforms.
    """
    grid = rotations_translations() if transforms is None else list(transforms)
    require(len(grid) > 0, "transforms was empty; give at least one.")
    goal = Goal(y)
    x_adv, highest = x.clone(), torch.full((len(x),), -torch.inf, device=x.device, dtype=x.dtype)
    queries = torch.zeros(len(x), dtype=torch.long, device=x.device)
    active = torch.arange(len(x), device=x.device)
    done = torch.zeros_like(queries, dtype=torch.bool)
    for transform in grid:
        if len(active) == 0:
            break
        tried, mine = transform(x[active]), goal.rows(active)
        with torch.no_grad():
            logits = model(tried)
        loss, fooled = mine.loss(logits), mine.reached(logits)
        keep = fooled | (loss > highest[active])
        x_adv[active] = choose_rows(keep, tried, x_adv[active])
        highest[active] = torch.maximum(loss, highest[active])
        queries[active] += 1
        done[active] = fooled
        active = active[~fooled]
    return attack_result(x, x_adv, done, queries, L2(0).norm)


def rotations_translations(
    angles: Sequence[float] = (-30, -24, -18, -12, -6, 0, 6, 12, 18, 24, 30),
    shifts: Sequence[float] = (-3, 0, 3),
) -> list[Transform]:
    """Rotations (degrees, anticlockwise) and translations (pixels, both ways), smallest first.

    The ranges are those of Engstrom et al. 2019 for MNIST. What enters the frame is black.
    """
    grid = sorted(product(angles, shifts, shifts), key=lambda m: abs(m[0]) / 30 + _reach(m[1:]))
    return [_motion(*each) for each in grid]


def occlusions(shape: tuple[int, int, int], side: int, stride: int) -> list[Transform]:
    """A grey square of `side` pixels at every position of a grid.

    Raises:
        CourseError: `side` does not fit into the image, or `stride` below 1.
    """
    height, width = shape[1:]
    require(
        1 <= side <= min(height, width) and stride >= 1,
        f"side was {side} and stride {stride}; a square of 1 to {min(height, width)} pixels fits.",
    )
    corners = product(range(0, height - side + 1, stride), range(0, width - side + 1, stride))
    return [_occlusion(top, left, side) for top, left in corners]


def _reach(shift: tuple[float, ...]) -> float:
    return sum(abs(s) for s in shift) / 3


def _motion(angle: float, right: float, down: float) -> Transform:
    def move(x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        turn, stretch = radians(angle), width / height
        # grid_sample asks where each pixel comes *from*, in units of half the image.
        back = [
            [cos(turn), -sin(turn) / stretch, -2 * right / width],
            [sin(turn) * stretch, cos(turn), -2 * down / height],
        ]
        theta = torch.tensor(back, device=x.device, dtype=x.dtype).expand(len(x), 2, 3)
        places = F.affine_grid(theta, list(x.shape), align_corners=False)
        return F.grid_sample(x, places, align_corners=False).clamp(0, 1)

    return move


def _occlusion(top: int, left: int, side: int) -> Transform:
    def cover(x: Tensor) -> Tensor:
        x = x.clone()
        x[:, :, top : top + side, left : left + side] = 0.5
        return x

    return cover
