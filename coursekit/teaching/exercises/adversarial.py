"""Exercises of 07: attempts are graded on a linear model, where the right answer is known."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.teaching.exercise import Exercise

Attempt = Callable[..., Any]


def _scene(seed: int = 0) -> tuple[nn.Module, Tensor, Tensor, Tensor]:
    """A linear model with two classes, grey images, labels, and the sign of each loss gradient."""
    rng = torch.Generator().manual_seed(seed)
    weight = torch.randn(2, 16, generator=rng)
    linear = nn.Linear(16, 2)
    linear.load_state_dict({"weight": weight, "bias": torch.zeros(2)})
    x = 0.3 + 0.4 * torch.rand(6, 1, 4, 4, generator=rng)
    y = torch.tensor([0, 1, 1, 0, 1, 0])
    towards_one = (weight[1] - weight[0]).sign().view(1, 1, 4, 4)
    uphill = torch.where(y == 0, 1.0, -1.0).view(-1, 1, 1, 1) * towards_one
    return nn.Sequential(nn.Flatten(), linear), x, y, uphill


def _images(answer: Any, like: Tensor) -> Tensor:
    """The answer as a tensor; an answer of another kind stops here, in words."""
    if not isinstance(answer, Tensor) or answer.shape != like.shape:
        raise TypeError(f"the answer should be a tensor of shape {tuple(like.shape)}.")
    return answer.detach()


# FGSM -----------------------------------------------------------------------------------------


def _moves_by_eps(fgsm: Attempt) -> str | None:
    model, x, y, _ = _scene()
    moved = (_images(fgsm(model, x, y, 0.1), x) - x).abs()
    right = torch.allclose(moved, torch.full_like(moved, 0.1), atol=1e-6)
    return None if right else "every pixel should move by exactly ε: only the sign counts."


def _climbs(fgsm: Attempt) -> str | None:
    model, x, y, uphill = _scene(1)
    share = ((_images(fgsm(model, x, y, 0.1), x) - x).sign() == uphill).float().mean()
    if share < 0.5:
        return "the loss of the true class falls; the attack should make it rise."
    return None if share == 1 else "some pixels move the wrong way: each image has its own label."


def _keeps_to_the_box(fgsm: Attempt) -> str | None:
    model, x, y, _ = _scene(2)
    x_adv = _images(fgsm(model, x.round(), y, 0.3), x)
    if x_adv.min() < 0 or x_adv.max() > 1:
        return f"pixels left [0, 1]: they reach from {x_adv.min():.2f} to {x_adv.max():.2f}."
    return None


FGSM = Exercise(
    "The fast gradient sign method",
    (_moves_by_eps, _climbs, _keeps_to_the_box),
    (
        "You need the gradient of the loss with respect to the image, not to the weights.",
        "`input_gradient(f, x)` gives it; f maps images to their losses, one for each.",
        "x + eps * gradient.sign(), and then the pixels must be valid again.",
    ),
)

# Projection onto an L2 ball -------------------------------------------------------------------


def _distance(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).flatten(1).norm(dim=1)


def _unit(n: int) -> Tensor:
    """`n` perturbations of length 1 whose entries differ."""
    rng = torch.Generator().manual_seed(8)
    return nn.functional.normalize(torch.randn(n, 16, generator=rng)).view(n, 1, 4, 4)


def _shortens_to_eps(project: Attempt) -> str | None:
    _, x, _, _ = _scene(3)
    length, eps = torch.tensor([0.05, 0.15, 0.25, 0.3, 0.35, 0.4]), 0.2
    answer = _images(project(x + length.view(-1, 1, 1, 1) * _unit(6), x, eps), x)
    outside = length > eps
    if (_distance(answer, x) > eps + 1e-5).any():
        return "some perturbations are still longer than ε; the length is each image's own."
    along = torch.allclose(answer[outside], (x + eps * _unit(6))[outside], atol=1e-5)
    if along:
        return None
    if torch.allclose(_distance(answer, x)[outside], torch.full((4,), eps), atol=1e-5):
        return "the direction changed: scale the perturbation, do not clip it."
    return "a perturbation longer than ε should come back along its direction, of length exactly ε."


def _leaves_the_inside_alone(project: Attempt) -> str | None:
    _, x, _, _ = _scene(4)
    near = x + 0.08 * _unit(6)
    right = torch.allclose(_images(project(near, x, 0.2), x), near, atol=1e-6)
    return None if right else "what is already within ε should stay where it is."


def _returns_valid_pixels(project: Attempt) -> str | None:
    _, x, _, direction = _scene(5)
    answer = _images(project(x.round() + 0.2 * direction, x.round(), 1.0), x)
    if answer.min() < 0 or answer.max() > 1:
        return "pixels left [0, 1]; the ball is cut with the box."
    return None


PROJECTION = Exercise(
    "Projection onto the L2 ball",
    (_shortens_to_eps, _leaves_the_inside_alone, _returns_valid_pixels),
    (
        "Work on the perturbation x_adv − x, and measure its length for each image.",
        "Multiply it by min(1, ε / length), shaped (n, 1, 1, 1) so that it broadcasts.",
        "Guard against a length of 0, add x again and clamp to [0, 1].",
    ),
)

# The smallest ε for a linear model -------------------------------------------------------------


def _flips_at_that_eps(smallest: Attempt) -> str | None:
    rng = torch.Generator().manual_seed(6)
    w, b = torch.randn(20, generator=rng, dtype=torch.float64), torch.tensor(0.7).double()
    x = torch.randn(8, 20, generator=rng, dtype=torch.float64)
    answer, score = smallest(w, b, x), x @ w + b
    if not isinstance(answer, Tensor) or answer.shape != score.shape:
        raise TypeError("the answer should be one number for each row of x.")
    if (answer < 0).any():
        return "a size is never negative, on whichever side of the boundary x lies."
    for share, flipped in ((0.999, False), (1.001, True)):
        moved = x - share * answer[:, None] * w.sign() * score.sign()[:, None]
        if not ((((moved @ w + b) * score) < 0) == flipped).all():
            late = "larger than it need be" if not flipped else "too small to change the sign"
            return f"at least one of your ε is {late}."
    return None


def _vanishes_on_the_boundary(smallest: Attempt) -> str | None:
    w, b = torch.tensor([2.0, -1.0]), torch.tensor(-3.0)
    answer = float(smallest(w, b, torch.tensor([[2.0, 1.0]])))
    return None if abs(answer) < 1e-6 else "on the boundary w·x + b = 0, the smallest ε is 0."


SMALLEST = Exercise(
    "The smallest ε that fools a linear model",
    (_vanishes_on_the_boundary, _flips_at_that_eps),
    (
        "By how much does a step of size ε along −sign(w) lower w·x + b?",
        "By ε‖w‖₁; it has to lower |w·x + b| to 0.",
        "(x @ w + b).abs() divided by the sum of |w|.",
    ),
)

# Robust accuracy against several attacks -------------------------------------------------------


def _counts_images_that_survive_all(robust: Attempt) -> str | None:
    right = torch.tensor([[1, 1, 0, 1], [1, 0, 1, 1], [1, 1, 1, 0]]).bool()
    answer = float(robust(right))
    if abs(answer - 0.25) < 1e-6:
        return None
    if abs(answer - 0.75) < 1e-6:
        return "0.75 is what each attack leaves by itself; together they fool three images of four."
    return f"for an attack each on images 2, 3 and 4 it should be 0.25, not {answer:.3g}."


def _never_rises_with_more_attacks(robust: Attempt) -> str | None:
    right = torch.rand(5, 40, generator=torch.Generator().manual_seed(7)) < 0.9
    shares = [float(robust(right[:k])) for k in range(1, 6)]
    falling = all(b <= a for a, b in zip(shares, shares[1:], strict=False))
    if not falling:
        return "a further attack can never make a network more robust."
    exact = float(right.all(0).float().mean())
    return None if abs(shares[-1] - exact) < 1e-6 else f"it should be {exact:.3f} here."


ROBUST = Exercise(
    "Robust accuracy against several attacks",
    (_counts_images_that_survive_all, _never_rises_with_more_attacks),
    (
        "An adversary has all the attacks at hand and uses, for each image, one that works.",
        "An image counts only if it is right under every attack: `all` over the attacks.",
    ),
)
