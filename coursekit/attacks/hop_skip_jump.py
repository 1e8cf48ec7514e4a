"""Black box by decisions: the model tells only which class wins. Every question is counted."""

from math import ceil, log2, sqrt

import torch
from jaxtyping import Float
from torch import Tensor, nn

from coursekit.attacks.common import AttackResult, Goal, Target, Truth, attack, choose_rows
from coursekit.errors import require
from coursekit.types import Images

Start = Float[Tensor, "1 c h w"]
HALVINGS, STARTS = 10, 50  # the most questions that a jump and the search for a start ask


@attack
def hop_skip_jump(
    model: nn.Module,
    x: Images,
    y: Truth,
    queries: int,
    rng: torch.Generator,
    target: Target = None,
    start: Start | None = None,
    probes: int = 50,
) -> AttackResult:
    """Walk along the decision boundary towards the image (Chen, Jordan & Wainwright 2020, alg. 2).

    From an image that already fools, go to the boundary by bisection, estimate its normal from the
    model's answers to small random moves, jump along it, return to the boundary, nearer (in L2).

    Args:
        model, x, y, target: as for `fgsm`.
        queries: the most evaluations spent on one image, at least 100.
        rng: draws the starts and the moves.
        start: one image that reaches the goal; without it uniform noise is tried 50 times.
        probes: random moves in the first round; √t times as many in round t.

    Returns:
        The nearest adversarial images found, and the queries spent on each; where no start fooled
        the model, the image itself.

    Raises:
        CourseError: `queries` below 100.
    """
    require(queries >= 100, f"queries was {queries}; a walk along the boundary needs at least 100.")
    ask = _Oracle(model, Goal(y, target))
    done = ask(x)  # what the model gets wrong by itself needs no walk
    x_adv, found = _begin(ask, x, done, rng, start)
    rows = (found & ~done).nonzero()[:, 0]
    inner = ask.rows(rows)
    x_adv[rows] = _walk(inner, x[rows], x_adv[rows], queries, probes, rng)
    ask.spent[rows] = inner.spent
    return AttackResult(x_adv, ask.spent)


class _Oracle:
    """Says where the goal is reached, and counts what it was asked."""

    def __init__(self, model: nn.Module, goal: Goal, spent: Tensor | None = None) -> None:
        self.model, self.goal = model, goal
        self.spent = torch.zeros_like(goal.y[..., 0] if goal.y.dim() > 1 else goal.y).long()
        self.spent = self.spent if spent is None else spent

    def __call__(self, images: Tensor, asked: Tensor | None = None) -> Tensor:
        with torch.no_grad():
            logits = self.model(images)
        self.spent += 1 if asked is None else asked.long()
        return self.goal.reached(logits)

    def rows(self, index: Tensor) -> "_Oracle":
        return _Oracle(self.model, self.goal.rows(index), self.spent[index])


def _begin(
    ask: _Oracle, x: Tensor, done: Tensor, rng: torch.Generator, start: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Images that reach the goal, and where there is one."""
    x_adv, found = x.clone(), done.clone()
    for _ in range(STARTS if start is None else 1):
        if bool(found.all()):
            break
        trial = _noise("uniform", x, rng) if start is None else start.expand_as(x)
        arrived = ask(trial, ~found) & ~found
        x_adv, found = choose_rows(arrived, trial, x_adv), found | arrived
    return x_adv, found


def _walk(
    ask: _Oracle, x: Tensor, x_adv: Tensor, queries: int, probes: int, rng: torch.Generator
) -> Tensor:
    x_adv, turn = _to_boundary(ask, x, x_adv), 0
    while len(x):
        turn += 1
        left = queries - int(ask.spent.max()) - HALVINGS - _bisections(x)
        if left < probes // 2:
            break
        normal = _normal(ask, x, x_adv, min(left, int(probes * sqrt(turn))), rng)
        x_adv = _to_boundary(ask, x, _jump(ask, x, x_adv, normal, turn))
    return x_adv


def _bisections(x: Tensor) -> int:
    """How often to halve until d^(−3/2) of the way is left, as the authors' code does, or less.

    The random moves of 1/d of the distance lead only 1/√d of that across the boundary; an image
    that stays further away gets the same answer to all of them.
    """
    return max(12, ceil(1.5 * log2(x.shape[1:].numel())))


def _to_boundary(ask: _Oracle, x: Tensor, x_adv: Tensor) -> Tensor:
    """Bisect between each image and its adversarial one; stay on the adversarial side."""
    low, high = torch.zeros_like(x[:, :1, :1, :1]), torch.ones_like(x[:, :1, :1, :1])
    for _ in range(_bisections(x)):
        middle = (low + high) / 2
        hit = ask(x + middle * (x_adv - x)).view_as(middle)
        low, high = torch.where(hit, low, middle), torch.where(hit, middle, high)
    return torch.where(high < 1, x + high * (x_adv - x), x_adv)


def _normal(ask: _Oracle, x: Tensor, x_adv: Tensor, probes: int, rng: torch.Generator) -> Tensor:
    """Monte-Carlo estimate of the direction into the goal's side (eq. 12 and 16)."""
    radius = _length(x_adv - x) / x[0].numel()
    moves, agreeing, votes = torch.zeros_like(x), torch.zeros_like(x), torch.zeros_like(radius)
    for _ in range(probes):
        move = _noise("normal", x, rng)
        move = move / _length(move)
        asked = (x_adv + radius * move).clamp(0, 1)
        move = (asked - x_adv) / radius  # a pixel at 0 or 1 moves one way only
        vote = ask(asked).to(x).view_as(votes) * 2 - 1
        moves, agreeing, votes = moves + move, agreeing + vote * move, votes + vote
    mean = votes / probes  # subtracting it lowers the variance, but where all agree leaves nothing
    direction = agreeing - torch.where(mean.abs() < 1, mean, 0.0) * moves
    return direction / _length(direction)


def _jump(ask: _Oracle, x: Tensor, x_adv: Tensor, normal: Tensor, turn: int) -> Tensor:
    """Step along the normal by distance / √t, half as far until the goal is still reached."""
    step = _length(x_adv - x) / sqrt(turn)
    waiting = torch.ones(len(x), dtype=torch.bool, device=x.device)
    landed = x_adv
    for _ in range(HALVINGS):
        trial = (x_adv + step * normal).clamp(0, 1)
        hit = ask(trial, waiting) & waiting
        landed, waiting, step = choose_rows(hit, trial, landed), waiting & ~hit, step / 2
        if not bool(waiting.any()):
            break
    return landed


def _length(r: Tensor) -> Tensor:
    return r.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)


def _noise(kind: str, x: Tensor, rng: torch.Generator) -> Tensor:
    sample = torch.rand if kind == "uniform" else torch.randn
    return sample(x.shape, generator=rng).to(x)
