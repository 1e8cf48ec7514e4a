"""Black box by scores: the model tells its logits and no gradient. Every question is counted."""

from math import sqrt

import torch
from torch import Tensor, nn

from coursekit.attacks.common import AttackResult, Goal, Target, Truth, attack, choose_rows
from coursekit.errors import require
from coursekit.types import Images

# The pixels a square covers halve at these shares of the budget (Andriushchenko et al. 2020, §3).
HALVINGS = (0.001, 0.005, 0.02, 0.1, 0.2, 0.4, 0.6, 0.8)


@attack
def square_attack(
    model: nn.Module,
    x: Images,
    y: Truth,
    eps: float,
    queries: int,
    rng: torch.Generator,
    target: Target = None,
    share: float = 0.3,
) -> AttackResult:
    """Score-based random search in the L∞ ball (Andriushchenko et al. 2020, algorithms 1 and 2).

    It sees logits, no gradients: squares of ±ε at random places, kept where the margin grows.
    An image that fools the model leaves the search.

    Args:
        model, x, y, target: as for `fgsm`.
        eps: radius of the L∞ ball, in units of pixels.
        queries: the most evaluations spent on one image, at least 1.
        rng: draws the squares.
        share: of the pixels, how many the first squares cover.

    Returns:
        The images, and the queries spent on each.

    Raises:
        CourseError: `eps` outside [0, 1] or `queries` below 1.
    """
    require(0 <= eps <= 1, f"eps was {eps}; it must lie in [0, 1] (8/255, not 8).")
    require(queries >= 1, f"queries was {queries}; it must be at least 1.")
    goal = Goal(y, target)
    stripes = _signs((len(x), x.shape[1], 1, x.shape[3]), rng, x)
    x_adv = (x + eps * stripes).clamp(0, 1)
    margin = _margin(model, x_adv, goal)
    spent = torch.ones(len(x), dtype=torch.long, device=x.device)
    for query in range(1, queries):
        active = (margin <= 0).nonzero()[:, 0]
        if len(active) == 0:
            break
        side = _side(x.shape[2:], share, query / queries)
        trial = _paint(x_adv[active], x[active], eps, side, rng)
        score = _margin(model, trial, goal.rows(active))
        gain = score > margin[active]
        x_adv[active] = choose_rows(gain, trial, x_adv[active])
        margin[active] = torch.where(gain, score, margin[active])
        spent[active] += 1
    return AttackResult(x_adv, spent)


def _margin(model: nn.Module, x: Tensor, goal: Goal) -> Tensor:
    with torch.no_grad():
        return goal.margin(model(x))


def _signs(shape: tuple[int, ...], rng: torch.Generator, like: Tensor) -> Tensor:
    return torch.randint(0, 2, shape, generator=rng).to(like) * 2 - 1


def _side(size: torch.Size, share: float, progress: float) -> int:
    """The side of the next square: its share of the pixels halves as the budget runs out."""
    share = share / 2 ** sum(progress > at for at in HALVINGS)
    return min(*size, max(1, round(sqrt(share * size[0] * size[1]))))


def _paint(x_adv: Tensor, x: Tensor, eps: float, side: int, rng: torch.Generator) -> Tensor:
    """One square of ±ε, of one sign for each channel, at a random place in each image."""
    n, c, h, w = x.shape
    top = torch.randint(0, h - side + 1, (n, 1), generator=rng)
    left = torch.randint(0, w - side + 1, (n, 1), generator=rng)
    rows = (torch.arange(h) >= top) & (torch.arange(h) < top + side)
    columns = (torch.arange(w) >= left) & (torch.arange(w) < left + side)
    inside = (rows[:, None, :, None] & columns[:, None, None, :]).to(x.device)
    painted = (x + eps * _signs((n, c, 1, 1), rng, x)).clamp(0, 1)
    return torch.where(inside, painted, x_adv)
