"""A black box imitated: a substitute learns the oracle's answers, and its examples transfer."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn

from coursekit.attacks import fgsm
from coursekit.errors import require
from coursekit.types import Images, Labels

Oracle = Callable[[Images], Labels]  # all that the attacker may ask
Learn = Callable[[Images, Labels], nn.Module]  # trains a fresh substitute
Augment = Callable[[nn.Module, Images, Labels], Images]  # new questions from the old ones


class Stage(NamedTuple):
    """A substitute, and how many images the oracle had labelled by then."""

    net: nn.Module
    queries: int


def substitutes(
    oracle: Oracle, x: Images, learn: Learn, augment: Augment, rounds: int
) -> list[Stage]:
    """Learn, ask about images near the substitute's boundaries, learn again.

    Papernot et al. 2017, Algorithm 1: S ← S ∪ {x + λ·sign(∂F_O(x)/∂x) : x ∈ S}. Every round
    doubles the questions.

    Args:
        oracle: the target's labels, one query an image.
        x: the attacker's own images, which the oracle never saw.
        learn: (x, labels) -> a network trained on them from scratch.
        augment: `jacobian_augmentation(λ)`, or a control.
        rounds: augmentations; there are `rounds + 1` substitutes.

    Raises:
        CourseError: a negative number of rounds.
    """
    require(rounds >= 0, f"rounds was {rounds}; it must be at least 0.")
    y = oracle(x)
    stages = [Stage(learn(x, y), len(y))]
    for _ in range(rounds):
        fresh = augment(stages[-1].net, x, y)
        x, y = torch.cat([x, fresh]), torch.cat([y, oracle(fresh)])
        stages.append(Stage(learn(x, y), len(y)))
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
