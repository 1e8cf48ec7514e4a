"""FAB: along the boundary, as near to the image as it can (Croce & Hein 2020, ICML)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from coursekit.attacks.common import Goal, Rows, choose_rows, labels
from coursekit.attacks.square import Found
from coursekit.threats import L2, Threat, column

ALPHA, ETA, BETA = 0.1, 1.05, 0.9  # the weight of x at most, the overshoot, the step back
TARGETS = 9  # the classes tried, the likeliest first


def others(logits: Tensor, y: Tensor) -> Tensor:
    """The classes other than `y`, the likeliest first: (n, k − 1)."""
    first = logits.scatter(1, y[:, None], torch.inf)
    return first.sort(dim=1, descending=True, stable=True).indices[:, 1:]


def approach(
    model: nn.Module, x: Tensor, aim: Goal, towards: Tensor, threat: Threat, steps: int
) -> Found:
    """FAB towards one class for each image (algorithm 1), from `x`, which must not fool the model.

    The plane z_towards = z_y of the linearised model is taken for the boundary; the next point is a
    mean of the projections of the present one and of `x` onto the plane within [0, 1]. A point that
    fools the model is drawn back towards `x`. No random numbers are used.

    Args:
        model: in eval mode.
        x: pixels in [0, 1], shape (n, c, h, w).
        aim: when an image counts as fooling.
        towards: a class for each image, (n,).
        threat: `Linf(eps)` or `L2(eps)`: the norm that is made small, and how small it must be.
        steps: at most; an image leaves as soon as a point inside the ball is found.

    Returns:
        The points inside the ball that fool the model, else `x`; where; the queries.
    """
    every = torch.arange(len(x), device=x.device)
    now = _Approach(every, x, x, aim, towards, threat)
    best, found, spent = x.clone(), every < 0, torch.zeros_like(every)
    for _ in range(steps):
        if len(now.at) == 0:
            break
        now.x_adv = now.step(model)
        with torch.no_grad():
            reached = now.aim.reached(model(now.x_adv))
        spent[now.at] += 2
        inside = reached & (now.threat.norm(now.x_adv - now.x) <= now.threat.eps)
        best[now.at[inside]], found[now.at[inside]] = now.x_adv[inside], True
        now.x_adv = choose_rows(reached, now.x + BETA * (now.x_adv - now.x), now.x_adv)
        if bool(inside.any()):
            now = now.rows((~inside).nonzero()[:, 0])
    return best, found, spent


@dataclass
class _Approach(Rows):
    """The images that FAB works on, and all that belongs to each."""

    at: Tensor
    x: Tensor
    x_adv: Tensor
    aim: Goal
    towards: Tensor
    threat: Threat

    def step(self, model: nn.Module) -> Tensor:
        """The next point: a mean of two projections, each with an overshoot (equation 9)."""
        lead, normal = self._plane(model)
        n, points = len(self.x), torch.cat([self.x_adv, self.x])
        gap = -torch.cat([lead, lead + (normal * (self.x - self.x_adv)).flatten(1).sum(1)])
        move = onto_plane(points, torch.cat([normal, normal]), gap, self.threat)
        length = self.threat.norm(move).clamp_min(1e-8)
        weight = (length[:n] / (length[:n] + length[n:])).clamp(max=ALPHA)
        there, back = points + ETA * move, column(weight, self.x)
        return ((1 - back) * there[:n] + back * there[n:]).clamp(0, 1)

    def _plane(self, model: nn.Module) -> tuple[Tensor, Tensor]:
        """By how much the class leads y (below 0 before the boundary), and the gradient of that."""
        x = self.x_adv.detach().requires_grad_(True)
        with torch.enable_grad():
            logits = model(x)
            pair = torch.stack([self.towards, labels(self.aim.y)], 1)
            lead = logits.gather(1, pair)
            lead = lead[:, 0] - lead[:, 1]
            gradient = torch.autograd.grad(lead.sum(), x)[0]
        return lead.detach().nan_to_num(0, 0, 0), gradient.nan_to_num(0, 0, 0)


def onto_plane(x: Tensor, normal: Tensor, gap: Tensor, threat: Threat) -> Tensor:
    """The smallest δ with ⟨normal, δ⟩ = gap and x + δ in [0, 1]; the corner if there is none.

    With every pixel's direction s = sign(gap·normal) and the room u that the box leaves it there,
    δ = s·min(λ·v, u), where v is 1 in L∞ and |normal| in L2. The sum Σ|normal|·min(λ·v, u) grows
    with λ and is concave, so that Newton's method from 0 climbs to |gap| and never passes it
    (Croce & Hein 2020, equation 7, solve the same problem by sorting).

    Args:
        x: pixels in [0, 1], shape (n, c, h, w).
        normal: the plane's normal vector, of the same shape.
        gap: what ⟨normal, δ⟩ must be, shape (n,).
        threat: `Linf` or `L2`; its radius plays no part.
    """
    weight, up = normal.flatten(1).abs(), (normal * column(gap, normal) > 0).flatten(1)
    unit = weight.mean(1, keepdim=True).clamp_min(1e-30)
    weight, goal, flat = weight / unit, gap.abs() / unit[:, 0], x.flatten(1)
    room = torch.where(up, 1 - flat, flat).clamp_min(0) * weight.sign()
    speed = weight if isinstance(threat, L2) else torch.ones_like(weight)
    full = room / speed.clamp_min(1e-30)  # the λ at which a pixel comes to its bound
    slopes, rooms = weight * speed, weight * room
    every, amount = rooms.sum(1), torch.zeros_like(goal)
    for _ in range(1 + flat.shape[1]):
        free = (full > amount[:, None]).to(weight)
        slope, held = (slopes * free).sum(1), every - (rooms * free).sum(1)
        more = torch.where(slope > 0, (goal - held) / slope, torch.inf)
        if not bool((more > amount).any()):
            break
        amount = amount.maximum(more)
    size = torch.minimum(amount[:, None] * speed, room).nan_to_num(0)
    return torch.where(up, size, -size).view_as(x)
