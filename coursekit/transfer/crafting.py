"""What is particular to transfer: a step along a normal, and several sources at once."""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.threats import Threat
from coursekit.types import Images, Labels, Logits


def hyperplane_step(normals: Float[Tensor, "k d"], x: Images, y: Labels, threat: Threat) -> Images:
    """x − ε·steepest(w_y): straight away from the side of class y (Papernot et al. 2016).

    The paper divides by ‖w_y‖₂, which is the steepest direction in `L2(eps)`; in `Linf(eps)` it is
    sign(w_y), which lowers the score of class y by ε‖w_y‖₁.

    Args:
        normals: w_k for each class, in units of score per pixel.
        x, y: images in [0, 1], true classes.
        threat: the ball that the step stays in.
    """
    away = -normals[y].view_as(x)
    return threat.project(x + threat.eps * threat.steepest(away), x)


class Ensemble(nn.Module):
    """Several networks as one: the logarithm of their mean probability (Liu et al. 2017).

    Raises:
        CourseError: no network.
    """

    def __init__(self, networks: Iterable[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        require(len(self.networks) > 0, "networks was empty; an ensemble needs at least one.")

    def forward(self, x: Images) -> Logits:
        answers = torch.stack([net(x).log_softmax(1) for net in self.networks])
        return answers.logsumexp(0) - torch.tensor(float(len(answers))).log()
