"""The smallest game with the dynamics of a GAN: min over x, max over y of x·y.

A step is linear, so its matrix says everything: eigenvalues beyond the unit circle spiral out, on
it they go round for ever, within it they come home to (0, 0) (Gidel et al. 2019, §3; Mescheder et
al. 2018, §2).
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Point = Float[Tensor, "2"]  # (x, y), float64
Step = Callable[[Tensor, float], Tensor]  # (point, learning rate) -> next point


def simultaneous(point: Point, rate: float) -> Point:
    """Both players step from the same point: |λ|² = 1 + rate²."""
    x, y = point
    return torch.stack([x - rate * y, y + rate * x])


def alternating(point: Point, rate: float) -> Point:
    """y answers an x that has already moved, as in GAN training: |λ| = 1 for rate < 2."""
    x, y = point
    x = x - rate * y
    return torch.stack([x, y + rate * x])


def extragradient(point: Point, rate: float) -> Point:
    """Look ahead, then step with the gradient found there (Korpelevich 1976).

    |λ|² = 1 − rate² + rate⁴, below 1 for rate < 1.
    """
    ahead_x, ahead_y = simultaneous(point, rate)
    x, y = point
    return torch.stack([x - rate * ahead_y, y + rate * ahead_x])


def update_matrix(step: Step, rate: float) -> Float[Tensor, "2 2"]:
    """The matrix of one step: its columns are where the two unit vectors go."""
    return torch.stack([step(axis, rate) for axis in torch.eye(2, dtype=torch.float64)], dim=1)


def play(step: Step, start: Point, rate: float, rounds: int) -> Float[Tensor, "{rounds}+1 2"]:
    """The path of the game, `start` first."""
    path = [start.double()]
    for _ in range(rounds):
        path.append(step(path[-1], rate))
    return torch.stack(path)
