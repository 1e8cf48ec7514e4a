"""Accuracy, with and without attacks, of classifiers; probabilities and features."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.gradients import undisturbed
from coursekit.threats import Threat
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

    An answer with NaN or infinity in it is never right.

    Raises:
        CourseError: no images, or not one label each.
    """
    require(len(x) == len(y), f"x holds {len(x)} images and y {len(y)} labels; give one each.")
    return float(_right(_each(model, "forward", x, batch), y).float().mean())


def _right(logits: Tensor, y: Tensor) -> Tensor:
    return (logits.argmax(1) == y) & logits.isfinite().all(1)


def robust_accuracy(
    model: nn.Module, x: Images, y: Labels, attack: Attack, batch: int | None = None
) -> float:
    """Accuracy on `attack(model, x, y)`.

    Args:
        model: pixels in [0, 1] -> logits.
        x, y: images and their true labels.
        attack: (model, x, y) -> adversarial x, or an `AttackResult` that holds it; e.g.
            `lambda m, x, y: fgsm(m, x, y, 8 / 255)`.
        batch: images attacked at a time; by default all, which this package's attacks divide by
            themselves.

    Raises:
        CourseError: no images, not one label each, or batches of none.
    """
    require(len(x) == len(y), f"x holds {len(x)} images and y {len(y)} labels; give one each.")
    require(len(x) >= 1, "x was empty; give at least one image.")
    return float(_survived(model, x, y, attack, batch).float().mean())


def accuracy_against_eps(
    model: nn.Module,
    x: Images,
    y: Labels,
    attack: Callable[[nn.Module, Tensor, Tensor, Threat], Any],
    threats: Sequence[Threat],
    batch: int | None = None,
) -> list[float]:
    """Robust accuracy for several radii in one call, in the order of `threats`.

    A ball lies in every larger one of its norm: what is fooled at a small radius is fooled at all
    larger ones, and is not attacked again. So the curve never rises.

    Args:
        model, x, y, batch: as for `robust_accuracy`.
        attack: (model, x, y, threat) -> adversarial x, or an `AttackResult`.
        threats: balls of one norm, of one radius each, e.g. `[Linf(e) for e in (0, 0.1, 0.2)]`.

    Raises:
        CourseError: no images, not one label each, no threats, or threats of several norms.
    """
    require(len(x) == len(y), f"x holds {len(x)} images and y {len(y)} labels; give one each.")
    require(len(x) >= 1, "x was empty; give at least one image.")
    single = all(not isinstance(threat.eps, Tensor) for threat in threats)
    alike = len({type(threat) for threat in threats}) == 1
    require(single and alike, "threats were not balls of one norm, with one radius each.")
    found = [0.0] * len(threats)
    left = torch.arange(len(x), device=x.device)
    for k in sorted(range(len(threats)), key=lambda k: float(threats[k].eps)):
        if len(left):
            under = partial(_attack_within, attack, threats[k])
            left = left[_survived(model, x[left], y[left], under, batch).to(x.device)]
        found[k] = len(left) / len(x)
    return found


def _attack_within(
    attack: Callable[..., Any], threat: Threat, model: nn.Module, x: Tensor, y: Tensor
) -> Any:
    return attack(model, x, y, threat)


Survived = Bool[Tensor, " n"]


def attack_suite(
    model: nn.Module, x: Images, y: Labels, attacks: Mapping[str, Attack], batch: int | None = None
) -> dict[str, Survived]:
    """For each attack, which images the model still classifies correctly; "clean" comes first.

    Every attack is run on every image, so that a weak one shows how far it flatters.

    Args:
        model: pixels in [0, 1] -> logits.
        x, y: images and their true labels.
        attacks: name -> (model, x, y) -> adversarial x, from the weakest to the strongest.
        batch: images attacked at a time; by default all, which this package's attacks divide by
            themselves.

    Raises:
        CourseError: no images, not one label each, or an attack called "clean".
    """
    require(len(x) == len(y), f"x holds {len(x)} images and y {len(y)} labels; give one each.")
    require(len(x) >= 1, "x was empty; give at least one image.")
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


def _survived(model: nn.Module, x: Tensor, y: Tensor, attack: Attack, batch: int | None) -> Tensor:
    require(batch is None or batch >= 1, f"batch was {batch}; it must be at least 1.")
    right, size = [], len(x) if batch is None else batch
    for a, b in zip(x.split(size), y.split(size), strict=True):
        found = attack(model, a, b)
        images: Any = getattr(found, "x_adv", found)
        logits = _each(model, "forward", images, 500)
        right.append(_right(logits, b))
    return torch.cat(right).cpu()
