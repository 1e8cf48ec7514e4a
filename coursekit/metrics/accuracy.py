"""Accuracy, with and without attacks, of classifiers; probabilities and features."""

from collections.abc import Mapping

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.gradients import undisturbed
from coursekit.types import Attack, Features, Images, Labels, Probabilities


def _each(model: nn.Module, what: str, x: Images, batch: int) -> Tensor:
    require(len(x) >= 1, "x was empty; give at least one image.")
    require(batch >= 1, f"batch was {batch}; it must be at least 1.")
    call = model if what == "forward" else getattr(model, what)
    with undisturbed(model), torch.no_grad():
        return torch.cat([call(part) for part in x.split(batch)])


def features(network: nn.Module, x: Images, batch: int = 500) -> Features:
    """Penultimate activations `network.features(x)` in eval mode, shape (n, d).

    Raises:
        CourseError: no images.
    """
    return _each(network, "features", x, batch)


def probabilities(classifier: nn.Module, x: Images, batch: int = 500) -> Probabilities:
    """p(y | x) in eval mode: the softmax of the logits, shape (n, k).

    Raises:
        CourseError: no images.
    """
    return _each(classifier, "forward", x, batch).softmax(1)


def accuracy(model: nn.Module, x: Images, y: Labels, batch: int = 500) -> float:
    """The share of images whose largest logit is that of the label, in eval mode.

    Raises:
        CourseError: no images, or not one label each.
    """
    require(len(x) == len(y), f"x holds {len(x)} images and y {len(y)} labels; give one each.")
    return float((_each(model, "forward", x, batch).argmax(1) == y).float().mean())


def robust_accuracy(
    model: nn.Module, x: Images, y: Labels, attack: Attack, batch: int = 500
) -> float:
    """Accuracy on `attack(model, x, y)`, attacked and judged batch by batch.

    Args:
        model: pixels in [0, 1] -> logits.
        x, y: images and their true labels.
        attack: (model, x, y) -> adversarial x; e.g. `lambda m, x, y: fgsm(m, x, y, 8 / 255)`.
        batch: images attacked at a time.

    Raises:
        CourseError: no images, not one label each, or batches of none.
    """
    require(len(x) == len(y), f"x holds {len(x)} images and y {len(y)} labels; give one each.")
    require(batch >= 1, f"batch was {batch}; it must be at least 1.")
    parts = zip(x.split(batch), y.split(batch), strict=True)
    right = [accuracy(model, attack(model, a, b), b, batch) * len(b) for a, b in parts]
    require(len(right) > 0, "x was empty; give at least one image.")
    return sum(right) / len(y)


Survived = Bool[Tensor, " n"]


def attack_suite(
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
    with undisturbed(model), torch.no_grad():
        return model(x).argmax(1) == y
