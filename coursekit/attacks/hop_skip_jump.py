"""Black box by decisions: the model tells only which class wins. Every query is counted."""

from math import ceil, log2, sqrt

import torch
from torch import Tensor, nn

from coursekit.attacks.common import AttackResult, Goal, Truth, attack, attack_result
from coursekit.errors import CourseError, choose, require
from coursekit.threats import L2, Linf, Random, Streams, column
from coursekit.types import Images

Ball = type[L2] | type[Linf]
BALLS: dict[str, Ball] = {"L2": L2, "Linf": Linf}
HALVINGS, STARTS = 10, 50  # the most queries of a jump, and of the search for a start
PROBES = 50  # random moves in the first round; √t times as many in round t


@attack
def hop_skip_jump(
    model: nn.Module,
    x: Images,
    y: Truth,
    queries: int,
    rng: Random,
    norm: str = "L2",
    batch: int | None = None,
) -> AttackResult:
    """Walk along the decision boundary towards the image (Chen, Jordan & Wainwright 2020, alg. 2).

    From an image that already fools, go to the boundary by bisection, estimate its normal from the
    model's answers to small random moves, jump along it, return to the boundary, nearer. In L∞ the
    way to the boundary is the projection into smaller and smaller balls, and the jump goes along
    the sign of the normal.

    Args:
        model, x, y, batch: as for `fgsm`.
        queries: the most evaluations spent on each image, at least 100. An image goes on until its
            own are spent.
        rng: draws the starts (uniform noise, at most 50 times) and the moves.
        norm: "L2" or "Linf", in which the distance is made small.

    Returns:
        The nearest adversarial images found. Where no start fooled the model, the attack failed
        and the image itself is returned.

    Raises:
        CourseError: `queries` below 100, an unknown `norm`, or no `rng`.
    """
    require(queries >= 100, f"queries was {queries}; a walk along the boundary needs at least 100.")
    ball = BALLS[choose("norm", norm, BALLS)]
    if not isinstance(rng, Streams):
        raise CourseError("rng was None; the starts and the moves are random, so give a generator.")
    ask = _Oracle.of(model, Goal(y), len(x))
    done = ask(x)  # what the model gets wrong by itself needs no walk
    x_adv, found = _begin(ask, x, done, rng)
    rows = (found & ~done).nonzero()[:, 0]
    x_adv[rows] = _walk(ask.rows(rows), x[rows], x_adv[rows], queries, ball, rng.rows(rows))
    return attack_result(x, x_adv, found, ask.spent, ball(0.0).norm)


class _Oracle:
    """Says where the goal is reached, and counts what it was asked about each image.

    Args:
        at: which of the images it is asked about.
        spent: queries so far, of all images; shared by the oracles of some of them.
    """

    def __init__(self, model: nn.Module, goal: Goal, at: Tensor, spent: Tensor) -> None:
        self.model, self.goal, self.at, self.spent = model, goal, at, spent

    @classmethod
    def of(cls, model: nn.Module, goal: Goal, n: int) -> "_Oracle":
        at = torch.arange(n, device=goal.y.device)
        return cls(model, goal, at, torch.zeros_like(at))

    def __call__(self, images: Tensor) -> Tensor:
        self.spent[self.at] += 1
        with torch.no_grad():
            return self.goal.reached(self.model(images))

    def rows(self, index: Tensor) -> "_Oracle":
        return _Oracle(self.model, self.goal.rows(index), self.at[index], self.spent)


def _begin(ask: _Oracle, x: Tensor, done: Tensor, rng: Streams) -> tuple[Tensor, Tensor]:
    """Images that reach the goal, and where there is one."""
    x_adv, found = x.clone(), done.clone()
    for _ in range(STARTS):
        at = (~found).nonzero()[:, 0]
        if len(at) == 0:
            break
        trial = rng.rows(at).rand(*x.shape[1:]).to(x)
        hit = ask.rows(at)(trial)
        x_adv[at[hit]], found[at] = trial[hit], hit
    return x_adv, found


def _walk(ask: _Oracle, x: Tensor, x_adv: Tensor, queries: int, ball: Ball, rng: Streams) -> Tensor:
    """Rounds of normal, jump and bisection for each image until its queries are spent."""
    x_adv = _to_boundary(ask, x, x_adv, ball)
    nearest, turn, norm = x_adv.clone(), 0, ball(0.0).norm
    at = torch.arange(len(x), device=x.device)
    while True:
        turn += 1
        left = queries - ask.spent[ask.at] - HALVINGS - _bisections(x, ball)
        on = (left >= PROBES // 2).nonzero()[:, 0]
        if len(on) == 0:
            return nearest
        ask, x, x_adv, at, rng = ask.rows(on), x[on], x_adv[on], at[on], rng.rows(on)
        normal = _normal(ask, x, x_adv, left[on].clamp(max=int(PROBES * sqrt(turn))), ball, rng)
        x_adv = _to_boundary(ask, x, _jump(ask, x, x_adv, normal, turn, ball), ball)
        nearer = norm(x_adv - x) < norm(nearest[at] - x)
        nearest[at[nearer]] = x_adv[nearer]


def _bisections(x: Tensor, ball: Ball) -> int:
    """How often to halve until the share θ of the way is left: d^(−3/2) in L2, d^(−2) in L∞.

    The random moves of 1/d of the distance lead only 1/√d of that across the boundary; an image
    that stays further away gets the same answer to all of them. float32 has no more than 24 bits.
    """
    exponent = 1.5 if ball is L2 else 2.0
    return min(24, max(12, ceil(exponent * log2(x.shape[1:].numel()))))


def _to_boundary(ask: _Oracle, x: Tensor, x_adv: Tensor, ball: Ball) -> Tensor:
    """Bisect for the smallest ball that x_adv, projected into it, is still adversarial in."""
    distance = ball(0.0).norm(x_adv - x)
    low, high = torch.zeros_like(distance), torch.ones_like(distance)
    nearest = x_adv.clone()
    for _ in range(_bisections(x, ball)):
        middle = (low + high) / 2
        trial = ball(middle * distance).project(x_adv, x)
        hit = ask(trial)
        nearest[hit] = trial[hit]
        low, high = torch.where(hit, low, middle), torch.where(hit, middle, high)
    return nearest


def _normal(
    ask: _Oracle, x: Tensor, x_adv: Tensor, probes: Tensor, ball: Ball, rng: Streams
) -> Tensor:
    """Monte-Carlo estimate of the direction into the goal's side (eq. 12 and 16)."""
    radius = ball(0.0).norm(x_adv - x) / x[0].numel()
    moves, agreeing, votes = torch.zeros_like(x), torch.zeros_like(x), torch.zeros_like(radius)
    for k in range(int(probes.max())):
        at = (probes > k).nonzero()[:, 0]
        move = L2(1.0).steepest(rng.rows(at).randn(*x.shape[1:]).to(x))
        asked = (x_adv[at] + column(radius[at], x) * move).clamp(0, 1)
        move = (asked - x_adv[at]) / column(radius[at], x)  # at 0 or 1 a pixel moves one way only
        vote = ask.rows(at)(asked).to(x) * 2 - 1
        moves[at] += move
        agreeing[at] += column(vote, x) * move
        votes[at] += vote
    mean = votes / probes  # subtracting it lowers the variance, but where all agree leaves nothing
    return agreeing - column(torch.where(mean.abs() < 1, mean, 0.0), x) * moves


def _jump(ask: _Oracle, x: Tensor, x_adv: Tensor, normal: Tensor, turn: int, ball: Ball) -> Tensor:
    """Step along the normal by distance / √t, half as far until the goal is still reached."""
    step = ball(0.0).norm(x_adv - x) / sqrt(turn)
    direction, landed = ball(1.0).steepest(normal), x_adv.clone()
    waiting = torch.arange(len(x), device=x.device)
    for _ in range(HALVINGS):
        trial = (x_adv + column(step, x) * direction)[waiting].clamp(0, 1)
        hit = ask.rows(waiting)(trial)
        landed[waiting[hit]] = trial[hit]
        waiting, step = waiting[~hit], step / 2
        if len(waiting) == 0:
            break
    return landed
