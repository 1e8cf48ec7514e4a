"""Attacks made on surrogates: ensembles, hyperplanes, and a substitute of a black box."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from coursekit.attacks import fgsm
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


Oracle = Callable[[Images], Labels]  # all that the attacker may ask
Learn = Callable[[Images, Labels], nn.Module]  # trains a fresh substitute
Augment = Callable[[nn.Module, Images, Labels], Images]  # new questions from the old ones


class SurrogateRound(NamedTuple):
    """A substitute, and how many images the oracle had labelled by then."""

    net: nn.Module
    queries: int


def substitutes(
    oracle: Oracle,
    x: Images,
    learn: Learn,
    augment: Augment,
    rounds: int,
    first: nn.Module | None = None,
) -> list[SurrogateRound]:
    """Learn, ask about images near the substitute's boundaries, learn again.

    Papernot et al. 2017, Algorithm 1: S ← S ∪ {x + λ·sign(∂F_O(x)/∂x) : x ∈ S}. Every round
    doubles the questions.

    Args:
        oracle: the target's labels, one query an image.
        x: the attacker's own images, which the oracle never saw.
        learn: (x, labels) -> a network trained on them from scratch.
        augment: `jacobian_augmentation(λ)`, or a control.
        rounds: augmentations; there are `rounds + 1` substitutes.
        first: the first substitute, where `learn` has made it already of these images and labels.

    Raises:
        CourseError: a negative number of rounds.
    """
    require(rounds >= 0, f"rounds was {rounds}; it must be at least 0.")
    y = oracle(x)
    stages = [SurrogateRound(learn(x, y) if first is None else first, len(y))]
    for _ in range(rounds):
        fresh = augment(stages[-1].net, x, y)
        x, y = torch.cat([x, fresh]), torch.cat([y, oracle(fresh)])
        stages.append(SurrogateRound(learn(x, y), len(y)))
    return stages


def jacobian_augmentation(step: float) -> Augment:
    """x + λ·sign(∂F_y/∂x), y being the oracle's answer, F the substitute's probability of it.

    The logarithm grows with F, so the sign is that of −∇ₓ J(x, y): for λ > 0 one fast gradient step
    *towards* the oracle's answer, for λ < 0 one *away* from it, across the substitute's boundary.
    (The periodical step size of Papernot et al. 2016 lets λ change its sign.)
    """

    def augment(net: nn.Module, x: Images, y: Labels) -> Images:
        return fgsm(net, x, y, abs(step), target=y if step > 0 else None)

    return augment
