"""Defences that do not defend: they only hide the gradient from an attack (Athalye et al. 2018)."""

import torch
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.types import Images, Logits


class Loud(nn.Module):
    """The same network with its logits multiplied: the same decisions, and no gradient.

    The likeliest class leads by thousands, its probability is exactly 1 in floating point, and the
    gradient of the cross-entropy, p − onehot(y), exactly 0.

    Args:
        net: the network to hide.
        factor: on the logits, above 0.

    Raises:
        CourseError: `factor` is not above 0.
    """

    def __init__(self, net: nn.Module, factor: float = 1000.0) -> None:
        super().__init__()
        require(factor > 0, f"factor was {factor}; it must be above 0.")
        self.net, self.factor = net, factor

    def forward(self, x: Images) -> Logits:
        return self.factor * self.net(x)


class Quantised(nn.Module):
    """Pixels rounded to a few levels before the network sees them: a staircase, flat almost always.

    Args:
        net: the network behind the staircase.
        levels: grey levels that remain, at least 2.
        straight_through: on the way back pretend that the staircase is its own average, the
            diagonal (Bengio, Léonard & Courville 2013; as an attack Athalye et al. 2018, §4.1.1).

    Raises:
        CourseError: fewer than two levels.
    """

    def __init__(self, net: nn.Module, levels: int = 16, straight_through: bool = False) -> None:
        super().__init__()
        require(levels >= 2, f"levels was {levels}; at least black and white remain.")
        self.net, self.levels, self.straight_through = net, levels, straight_through

    def forward(self, x: Images) -> Logits:
        return self.net(staircase(x, self.levels, self.straight_through))


def staircase(x: Tensor, levels: int, straight_through: bool = False) -> Tensor:
    """The nearest of `levels` equally spaced values in [0, 1]; its slope is 0, or taken to be 1."""
    stairs = torch.round(x * (levels - 1)) / (levels - 1)
    return x + (stairs - x).detach() if straight_through else stairs
