"""Black box by scores: the model tells its logits and no gradient. Every question is counted."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import sqrt

import torch
from torch import Tensor, nn

from coursekit.attacks.common import (
    AttackResult,
    Goal,
    Rows,
    Truth,
    attack,
    attack_result,
    choose_rows,
    rows_of,
)
from coursekit.errors import CourseError, require
from coursekit.threats import L2, Linf, Random, Streams, Threat, column
from coursekit.types import Images

# The pixels a square covers halve at these shares of the budget (Andriushchenko et al. 2020, §3;
# the step at 0.05 is in their code only).
HALVINGS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
SHARE = 0.3  # of the pixels, how many the first squares cover
BLOCK = 256  # moves whose random numbers are drawn at once

Found = tuple[Tensor, Tensor, Tensor]  # the images, where they fool the model, the queries


@attack
def square_attack(
    model: nn.Module,
    x: Images,
    y: Truth,
    threat: Threat,
    queries: int,
    rng: Random,
    batch: int | None = None,
) -> AttackResult:
    """Score-based random search (Andriushchenko et al. 2020, algorithms 1 to 3).

    It sees logits, no gradients. In the L∞ ball it paints squares of ±ε at random places; in the L2
    ball it moves the perturbation of one square into another. A move is kept where it raises the
    margin, max_{k≠y} z_k − z_y. An image that fools the model leaves the search. A square whose
    colours are already there is painted in the opposite ones, so that no query is wasted.

    Args:
        model, x, y, batch: as for `fgsm`.
        threat: `Linf(eps)` or `L2(eps)`; `eps` may hold one radius for each image.
        queries: the most evaluations spent on one image, at least 1; the first is of `x` itself.
        rng: a generator, which draws the squares.

    Returns:
        The images; where the attack failed, those of the largest margin. The queries spent on each.

    Raises:
        CourseError: `queries` below 1, or another threat; images, labels or logits that are none,
            see `common.check_inputs`.
    """
    require(queries >= 1, f"queries was {queries}; it must be at least 1.")
    require(rng is not None, "the attack draws its squares at random; give rng.")
    goal = Goal(y)
    with torch.no_grad():
        fooled = goal.reached(model(x))
    x_adv, spent = x.clone(), torch.ones_like(fooled, dtype=torch.long)
    left = (~fooled).nonzero()[:, 0]
    few, ball, streams = x[left], threat.rows(left), rows_of(rng, left, len(x))
    found = search(model, few, goal.rows(left), ball, streams, queries - 1, SHARE, queries)
    x_adv[left], fooled[left], used = found
    spent[left] += used
    return attack_result(x, x_adv, fooled, spent, threat.norm)


def search(
    model: nn.Module,
    x: Tensor,
    goal: Goal,
    threat: Threat,
    rng: Streams,
    queries: int,
    share: float,
    over: int,
) -> Found:
    """The search itself, from stripes or tiles on; the squares shrink as if it had `over` queries.

    Args:
        model: in eval mode.
        x, goal, threat, rng: as for `square_attack`, of images that do not fool the model.
        queries: the most evaluations spent on one image.
        share: of the pixels, how many the first squares cover, in (0, 1].
        over: the length of the schedule by which the squares shrink.
    """
    best, spent = x.clone(), torch.zeros(len(x), dtype=torch.long, device=x.device)
    done = torch.zeros_like(spent, dtype=torch.bool)
    start, move = _moves(threat)
    every, none = torch.arange(len(x), device=x.device), torch.full_like(x[:, 0, 0, 0], -torch.inf)
    low, high = threat.project(x - 2, x), threat.project(x + 2, x)
    now = _Search(every, x, x, low, high, none, goal, threat, rng, torch.empty(len(x), 0, 0))
    for query in range(queries):
        if len(now.at) == 0:
            break
        side = _side(x.shape[2:], share, query / over)
        trial = move(now, side, now.draw(query - 1, x.shape[1])) if query else start(now)
        with torch.no_grad():
            logits = model(trial)
        margin, reached = now.goal.margin(logits), now.goal.reached(logits)
        gain = (margin > now.margin) | reached
        now.x_adv, now.margin = choose_rows(gain, trial, now.x_adv), margin.maximum(now.margin)
        spent[now.at] += 1
        leaving = reached if query else reached | (now.low == now.high).flatten(1).all(1)  # ε = 0
        if bool(leaving.any()):
            best[now.at], done[now.at] = now.x_adv, reached
            now = now.rows((~leaving).nonzero()[:, 0])
    best[now.at] = now.x_adv
    return best, done, spent


@dataclass
class _Search(Rows):
    """The images that do not fool the model yet, and all that belongs to each."""

    at: Tensor
    x: Tensor
    x_adv: Tensor
    low: Tensor  # the lowest and the highest values within the ball
    high: Tensor
    margin: Tensor
    goal: Goal
    threat: Threat
    rng: Streams
    block: Tensor  # random numbers for the next moves

    def draw(self, move: int, channels: int) -> Tensor:
        """Uniform numbers for one move: four coordinates, a turn, and one for each channel."""
        if move % BLOCK == 0:
            self.block = self.rng.rand(BLOCK, 5 + channels).to(self.x)
        return self.block[:, move % BLOCK]


Start = Callable[[_Search], Tensor]
Move = Callable[[_Search, int, Tensor], Tensor]


def _moves(threat: Threat) -> tuple[Start, Move]:
    if isinstance(threat, Linf):
        return _stripes, _paint
    if isinstance(threat, L2):
        return _tiles, _shift
    raise CourseError(f"threat was {threat!r}; squares are known for Linf and L2.")


def _signs(uniform: Tensor) -> Tensor:
    return (uniform < 0.5).to(uniform) * 2 - 1


def _side(size: torch.Size, share: float, progress: float) -> int:
    """The side of the next square: its share of the pixels halves as the budget runs out."""
    share = share / 2 ** sum(progress > at for at in HALVINGS)
    return min(*size, max(1, round(sqrt(share * size[0] * size[1]))))


def _window(numbers: Tensor, side: int, size: torch.Size) -> Tensor:
    """The pixels of one square for each image, at a place given by two numbers: (n, 1, side²)."""
    height, width = size[-2:]
    top, left = numbers[:, 0] * (height - side + 1), numbers[:, 1] * (width - side + 1)
    corner = top.long() * width + left.long()
    return corner[:, None, None] + _offsets(side, width).to(corner.device)


@cache
def _offsets(side: int, width: int) -> Tensor:
    """The pixels of a square, counted from its corner."""
    return (width * torch.arange(side)[:, None] + torch.arange(side)).flatten()


def _stripes(now: _Search) -> Tensor:
    """L∞: vertical stripes of ±ε, one pixel wide, of each channel on its own."""
    signs = _signs(now.rng.rand(now.x.shape[1], 1, now.x.shape[3]).to(now.x))
    return torch.where(signs > 0, now.high, now.low)


def _paint(now: _Search, side: int, numbers: Tensor) -> Tensor:
    """L∞: one square of ±ε, of one sign for each channel (algorithm 2)."""
    window = _window(numbers, side, now.x.shape).expand(-1, now.x.shape[1], -1)
    old, low, high = (t.flatten(2).gather(2, window) for t in (now.x_adv, now.low, now.high))
    up = numbers[:, 5:, None] < 0.5
    new = torch.where(up, high, low)
    there = (new == old).flatten(1).all(1)
    new = torch.where(up ^ there[:, None, None], high, low)
    return now.x_adv.flatten(2).scatter(2, window, new).view_as(now.x)


@cache
def _pyramid(side: int) -> Tensor:
    """L2: η, a pyramid over one half of the square and its negative over the other, of norm 1.

    Pixel r away from the middle of its half has Σ_{k≥r} 1 / (k + 1)² (equation 4).
    """
    steps = 1 / torch.arange(1, side // 2 + 2).double() ** 2
    heights = steps.flip(0).cumsum(0).flip(0)
    away, halves = (torch.arange(side) - side // 2).abs(), []
    for rows, sign in ((side // 2, 1.0), (side - side // 2, -1.0)):
        down = (torch.arange(rows) - rows // 2).abs()
        half = heights[torch.maximum(down[:, None], away[None])]
        halves.append(sign * half / half.norm().clamp_min(1e-12))
    eta = torch.cat(halves)
    return eta / eta.norm()


def _bump(side: int, turn: Tensor, signs: Tensor) -> Tensor:
    """η or its transpose for each image, with a sign for each channel: (n, c, side²)."""
    eta = _pyramid(side).to(turn)
    shape = torch.where(turn[:, None, None] < 0.5, eta, eta.T).flatten(1)
    return shape[:, None] * _signs(signs)[..., None]


def _scaled(now: _Search, delta: Tensor) -> Tensor:
    """The image with a perturbation of the ball's full length."""
    size = delta.flatten(1).norm(dim=1).clamp_min(1e-12)
    scaled = column(now.threat.eps, now.x) * delta.view_as(now.x) / column(size, now.x)
    return now.threat.project(now.x + scaled, now.x)


def _tiles(now: _Search) -> Tensor:
    """L2: five by five pyramids over the image, each of a sign of its own."""
    n, channels, height, width = now.x.shape
    side = max(1, min(height, width) // 5)
    down, across = height // side, width // side
    numbers = now.rng.rand(down * across, 1 + channels).to(now.x)
    bumps = _bump(side, numbers[..., 0].flatten(), numbers[..., 1:].flatten(0, 1))
    tiles = bumps.view(n, down, across, channels, side, side).permute(0, 3, 1, 4, 2, 5)
    tiles = tiles.reshape(n, channels, down * side, across * side)
    delta = torch.zeros_like(now.x)
    top, left = (height - down * side) // 2, (width - across * side) // 2
    delta[:, :, top : top + down * side, left : left + across * side] = tiles
    return _scaled(now, delta)


def _shift(now: _Search, side: int, numbers: Tensor) -> Tensor:
    """L2: what two squares hold, and what is left of ε, goes into the first (algorithm 3)."""
    n, channels, height, width = now.x.shape
    side = min(max(3, side | 1), height, width)
    one = _window(numbers[:, :2], side, now.x.shape).expand(-1, channels, -1)
    two = _window(numbers[:, 2:4], side, now.x.shape).expand(-1, channels, -1)
    delta = (now.x_adv - now.x).flatten(2)
    unused = column(now.threat.eps, delta) ** 2 - delta.square().sum((1, 2), keepdim=True)
    before = delta.square().sum(2, keepdim=True)
    old = delta.gather(2, one)
    delta = delta.scatter(2, one, 0.0).scatter(2, two, 0.0)
    freed = before - delta.square().sum(2, keepdim=True)
    new = _bump(side, numbers[:, 4], numbers[:, 5:])
    new = new + old / old.norm(dim=2, keepdim=True).clamp_min(1e-12)
    length = (unused.clamp_min(0) / channels + freed.clamp_min(0)).sqrt()
    new = new / new.norm(dim=2, keepdim=True).clamp_min(1e-12) * length
    return _scaled(now, delta.scatter(2, one, new))
