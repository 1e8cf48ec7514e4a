"""Exercises of 08: attempts are graded on models and answers small enough to know the truth."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.teaching.exercise import Exercise

Attempt = Callable[..., Any]


def _like(answer: Any, wanted: Tensor) -> Tensor:
    """The answer as a tensor; an answer of another kind stops here, in words."""
    if not isinstance(answer, Tensor) or answer.shape != wanted.shape:
        raise TypeError(f"the answer should be a tensor of shape {tuple(wanted.shape)}.")
    return answer.detach()


# The gradient of logistic regression ------------------------------------------------------------


def _scene(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    W, x = (torch.randn(4, 6, generator=rng, dtype=torch.float64) for _ in range(2))
    return W, torch.randn(4, generator=rng, dtype=torch.float64), x, torch.tensor([2, 0, 3, 1])


def _has_the_shape_of_the_images(gradient: Attempt) -> str | None:
    W, b, x, y = _scene(0)
    _like(gradient(W, b, x[:3], y[:3]), x[:3])
    return None


def _agrees_with_differences(gradient: Attempt) -> str | None:
    W, b, x, y = _scene(1)

    def loss(x: Tensor) -> Tensor:
        return nn.functional.cross_entropy(x @ W.T + b, y, reduction="none")

    steps = 1e-6 * torch.eye(6, dtype=torch.float64)
    true = torch.stack([(loss(x + s) - loss(x - s)) / 2e-6 for s in steps], 1)
    answer = _like(gradient(W, b, x, y), x)
    if torch.allclose(answer, true, atol=1e-6):
        return None
    if torch.allclose(answer, -true, atol=1e-6):
        return "that is downhill: the loss should rise along the gradient."
    if torch.allclose(answer * len(y), true, atol=1e-6):
        return "each image has a loss of its own; do not average over them."
    return "it disagrees with finite differences of −log p(y | x)."


GRADIENT = Exercise(
    "The gradient of logistic regression",
    (_has_the_shape_of_the_images, _agrees_with_differences),
    (
        "The logits are z = Wx + b; first find ∂J/∂z.",
        "∂J/∂z = p − e_y: the softmax of the logits, less 1 at the true class.",
        "The chain rule multiplies by W: (p − e_y) @ W.",
    ),
)

# What an attack fooled, beyond the controls -----------------------------------------------------


def _one(*answers: int) -> Tensor:
    return torch.tensor(answers)


def _counts_only_what_was_right(fooled: Attempt) -> str | None:
    y = _one(0, 0, 0, 0, 0)
    answer = float(fooled(_one(0, 0, 1, 1, 1), _one(1, 0, 1, 1, 1), _one(0, 0, 1, 1, 1), y))
    if abs(answer - 0.5) < 1e-6:
        return None
    if abs(answer - 0.8) < 1e-6 or abs(answer - 0.2) < 1e-6:
        return "three of the five were misread before; only the other two can be fooled."
    return f"of two images that were read rightly one is fooled: 0.5, not {answer:.3g}."


def _takes_off_the_noise(fooled: Attempt) -> str | None:
    y = _one(1, 1, 1, 1)
    answer = float(fooled(y, _one(0, 0, 0, 1), _one(0, 0, 1, 1), y))
    if abs(answer - 0.25) < 1e-6:
        return None
    if abs(answer - 0.75) < 1e-6:
        return "0.75 is what the attack does; noise does 0.5 of it."
    return f"attack 0.75, noise 0.5: the difference is 0.25, not {answer:.3g}."


def _may_be_negative(fooled: Attempt) -> str | None:
    y = _one(2, 2)
    answer = float(fooled(y, y, _one(0, 2), y))
    return None if abs(answer + 0.5) < 1e-6 else "an attack may do less than noise; say so: −0.5."


FOOLED = Exercise(
    "The share fooled, beyond noise",
    (_counts_only_what_was_right, _takes_off_the_noise, _may_be_negative),
    (
        "Which images can be fooled at all? Make a mask of them.",
        "The same mask serves for the attack and for the noise.",
        "(attacked != y)[right].float().mean(), less the same for noise.",
    ),
)

# Into a leaf's box ------------------------------------------------------------------------------


def _box(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    low = 0.4 * torch.rand(40, generator=rng)
    return torch.rand(40, generator=rng), low, low + 0.3


def _arrives(into: Attempt) -> str | None:
    x, low, high = _box(2)
    answer = _like(into(x, low, high, 0.01), x)
    if (answer < low + 0.01 - 1e-6).any() or (answer > high - 0.01 + 1e-6).any():
        return "the point should lie inside the box by the margin on every pixel."
    return None


def _changes_only_what_it_must(into: Attempt) -> str | None:
    x, low, high = _box(3)
    inside = (x > low + 0.01) & (x < high - 0.01)
    moved = _like(into(x, low, high, 0.01), x) != x
    return "pixels that satisfy their conditions should stay." if (moved & inside).any() else None


def _goes_no_further(into: Attempt) -> str | None:
    x, low, high = _box(4)
    nearest = x.clamp(low + 0.01, high - 0.01)
    further = (_like(into(x, low, high, 0.01), x) - x).abs() > (nearest - x).abs() + 1e-6
    return "some pixels go further than they need to." if further.any() else None


BOX = Exercise(
    "Into a leaf's box",
    (_arrives, _changes_only_what_it_must, _goes_no_further),
    (
        "The pixels do not interact: solve one of them.",
        "Below the box the nearest point is its lower side, above it the upper one.",
        "x.clamp with tensors as bounds, each moved inwards by the margin.",
    ),
)

# One round of the substitute's questions --------------------------------------------------------


def _questions(augment: Attempt) -> tuple[Tensor, Tensor, Tensor, int]:
    """Old images, the way uphill to class 0, the answer's images, the labels it says were paid."""
    W = torch.tensor([[1.0, -2.0, 0.5, -1.0], [-1.0, 2.0, -0.5, 1.0]])
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    net[1].load_state_dict({"weight": W, "bias": torch.zeros(2)})
    x = torch.tensor([[0.5, 0.4, 0.6, 0.5], [0.5, 0.95, 0.5, 0.5]]).view(2, 1, 2, 2)
    answer, paid = augment(net, x, torch.tensor([0, 1]), 0.1)
    sign = W.sign().view(2, 1, 2, 2)
    return x, (x + 0.1 * sign).clamp(0, 1), _like(answer, torch.cat([x, x])), int(paid)


def _keeps_the_old(augment: Attempt) -> str | None:
    x, _, answer, _ = _questions(augment)
    return None if torch.equal(answer[:2], x) else "the old images come first, unchanged."


def _moves_towards_the_label(augment: Attempt) -> str | None:
    x, wanted, answer, _ = _questions(augment)
    if torch.allclose(answer[2:], wanted, atol=1e-6):
        return None
    if torch.allclose(answer[2:], (2 * x - wanted).clamp(0, 1), atol=0.06):
        return "that flees the label; the step raises the substitute's probability of it."
    return (
        "each image should move by the sign of the gradient of its label's probability, in [0, 1]."
    )


def _counts_every_label(augment: Attempt) -> str | None:
    *_, paid = _questions(augment)
    return None if paid == 4 else f"two labels were bought and two more are needed: 4, not {paid}."


AUGMENT = Exercise(
    "One round of questions",
    (_keeps_the_old, _moves_towards_the_label, _counts_every_label),
    (
        "You need the gradient of net's output for each image's own label.",
        "`input_gradient(f, x)`, f being the log-probability of the label.",
        "torch.cat([x, x + step · sign]), clamped; and every image costs one label.",
    ),
)
