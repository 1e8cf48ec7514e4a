"""How often a classifier is right: on images as they are, and as an attack leaves them."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.types import Attack, Features, Images, Labels, Probabilities


@contextmanager
def judging(model: nn.Module) -> Iterator[None]:
    """Eval mode without gradients; every part of `model` is put back into the mode it was in.

    A judge in train mode normalises by the batch and updates its running statistics: the score then
    depends on which images are judged together, and judging changes the judge.
    """
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, training in modes:
            part.training = training


def _each(model: nn.Module, what: str, x: Images, batch: int) -> Tensor:
    require(len(x) >= 1, "x was empty; give at least one image.")
    require(batch >= 1, f"batch was {batch}; it must be at least 1.")
    call = model if what == "forward" else getattr(model, what)
    with judging(model):
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
