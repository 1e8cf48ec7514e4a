"""A ladder of attacks, from blind noise to the strongest: robustness is what the whole leaves."""

from collections.abc import Mapping

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.metrics.classification import judging
from coursekit.types import Attack, Images, Labels

Survived = Bool[Tensor, " n"]


def ladder(
    model: nn.Module, x: Images, y: Labels, attacks: Mapping[str, Attack], batch: int = 500
) -> dict[str, Survived]:
    """For each attack, which images the model still reads rightly; "clean" comes first.

    Every attack is run on every image, so that a weak one shows how far it flatters.

    Args:
        model: pixels in [0, 1] -> logits.
        x, y: images and their true labels.
        attacks: name -> (model, x, y) -> adversarial x, from the weakest to the strongest.
        batch: images attacked at a time.

    Raises:
        CourseError: no images, not one label each, or an attack called "clean".
    """
    require(len(x) == len(y) > 0, f"x holds {len(x)} images and y {len(y)} labels; give one each.")
    require("clean" not in attacks, "an attack was called 'clean'; that is the rung without one.")
    rungs: dict[str, Attack] = {"clean": lambda model, x, y: x, **attacks}
    return {name: _survived(model, x, y, attack, batch) for name, attack in rungs.items()}


def worst_case(survived: Mapping[str, Survived]) -> Survived:
    """Which images survive *every* attack: an adversary uses, for each image, one that works.

    Raises:
        CourseError: no attack.
    """
    require(len(survived) > 0, "survived was empty; give the rungs of a ladder.")
    return torch.stack(list(survived.values())).all(0)


def _survived(model: nn.Module, x: Tensor, y: Tensor, attack: Attack, batch: int) -> Tensor:
    parts = zip(x.split(batch), y.split(batch), strict=True)
    return torch.cat([_right(model, attack(model, a, b), b) for a, b in parts]).cpu()


def _right(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    with judging(model):
        return model(x).argmax(1) == y
