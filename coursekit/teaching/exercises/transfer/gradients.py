"""The exercises of 08 on what an attacker computes on a model of his own."""

import torch
from torch import Tensor, nn

from coursekit.teaching.exercise import Exercise
from coursekit.teaching.grading import Attempt, Fresh, close, largest, miss, tensor_like
from coursekit.teaching.solutions import transfer as worked

# The gradient of logistic regression ------------------------------------------------------------


def _model(fresh: Fresh) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """W, b, images and labels; more pixels than classes."""
    k, n = fresh.integer(3, 5), fresh.integer(4, 6)
    return 0.5 * fresh.normal(k, 7), fresh.normal(k), fresh.normal(n, 7), fresh.labels(n, k)


def _has_the_shape_of_the_images(gradient: Attempt, fresh: Fresh) -> str | None:
    W, b, x, y = _model(fresh)
    tensor_like(gradient(W, b, x[:3], y[:3]), x[:3])
    return None


def _agrees_with_differences(gradient: Attempt, fresh: Fresh) -> str | None:
    W, b, x, y = _model(fresh)

    def loss(x: Tensor) -> Tensor:
        return nn.functional.cross_entropy(x @ W.T + b, y, reduction="none")

    steps = 1e-6 * torch.eye(7, dtype=torch.float64)
    true = torch.stack([(loss(x + s) - loss(x - s)) / 2e-6 for s in steps], 1)
    answer = tensor_like(gradient(W, b, x, y), x)
    wrong = miss(answer, true)
    if wrong and close(answer, -true):
        return f"that is downhill: the loss should rise along the gradient; {wrong}."
    if wrong and close(answer * len(y), true):
        return f"each image has a loss of its own; do not average over them: {wrong}."
    return wrong and f"it disagrees with finite differences of −log p(y | x): {wrong}."


GRADIENT = Exercise(
    "The gradient of logistic regression",
    (_has_the_shape_of_the_images, _agrees_with_differences),
    (
        "The logits are z = Wx + b; first find ∂J/∂z. The chain rule then multiplies by W.",
        "∂J/∂z = p − e_y: the softmax of the logits, less 1 at the true class.",
    ),
    worked.logistic_gradient,
)

# Into a leaf's box ------------------------------------------------------------------------------


def _box(fresh: Fresh) -> tuple[Tensor, Tensor, Tensor, float]:
    """Pixels below, inside, above, and inside by less than the margin; the sides; the margin."""
    low, margin = fresh.uniform(0.1, 0.5, 42), fresh.number(0.01, 0.03)
    high, along = low + 0.3, fresh.uniform(0.2, 0.8, 42)
    barely = [low + along * margin, high - along * margin]
    x = torch.stack([along * low, low + 0.3 * along, high + along * (1 - high), *barely])
    x = x.gather(0, fresh.labels(42, 5)[None])[0]
    return x, low, high, margin


def _arrives(into: Attempt, fresh: Fresh) -> str | None:
    x, low, high, margin = _box(fresh)
    answer = tensor_like(into(x, low, high, margin), x)
    short, where = largest(torch.maximum(low + margin - answer, answer - high + margin))
    if short <= 1e-6:
        return None
    return (
        f"every pixel should lie inside the box by the margin; {short:.3g} is missing at {where}."
    )


def _changes_only_what_it_must(into: Attempt, fresh: Fresh) -> str | None:
    x, low, high, margin = _box(fresh)
    moved = (tensor_like(into(x, low, high, margin), x) - x).abs()
    moved[(x < low + margin) | (x > high - margin)] = 0
    far, where = largest(moved)
    still = "pixels that satisfy their conditions should stay"
    return f"{still}; one moves by {far:.3g}, {where}." if far > 1e-6 else None


def _goes_no_further(into: Attempt, fresh: Fresh) -> str | None:
    x, low, high, margin = _box(fresh)
    nearest = x.clamp(low + margin, high - margin)
    wrong = miss(into(x, low, high, margin), nearest)
    return wrong and f"some pixels go further than they need to: {wrong}."


BOX = Exercise(
    "Into a leaf's box",
    (_arrives, _changes_only_what_it_must, _goes_no_further),
    (
        "The pixels do not interact: solve one of them.",
        "Below the box the nearest point is its lower side, above it the upper one.",
    ),
    worked.into_the_box,
)
