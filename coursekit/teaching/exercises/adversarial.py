"""Exercises of 07: attempts are graded on a linear model, where the right answer is known."""

import torch
from torch import Tensor, nn

from coursekit.teaching.exercise import (
    Attempt,
    Exercise,
    RandomInputs,
    describe_mismatch,
    largest,
    leaves_the_box,
    number,
    tensor_like,
)


def project_l2(x_adv, x, eps):
    delta = x_adv - x
    length = delta.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)
    return (x + delta * (eps / length).clamp(max=1)).clamp(0, 1)


def smallest_eps(w, b, x):
    return (x @ w + b).abs() / w.abs().sum()


def robust_accuracy_of_all(right):
    return right.all(0).float().mean()


def _scene(fresh: RandomInputs) -> tuple[nn.Module, Tensor, Tensor, Tensor]:
    """A linear model with two classes, grey images, labels, and the sign of each loss gradient."""
    weight = 0.5 * fresh.normal(2, 16).float()
    linear = nn.Linear(16, 2)
    linear.load_state_dict({"weight": weight, "bias": torch.zeros(2)})
    x, y = fresh.uniform(0.3, 0.7, 6, 1, 4, 4).float(), fresh.labels(6, 2)
    towards_one = (weight[1] - weight[0]).sign().view(1, 1, 4, 4)
    uphill = torch.where(y == 0, 1.0, -1.0).view(-1, 1, 1, 1) * towards_one
    return nn.Sequential(nn.Flatten(), linear), x, y, uphill


# Projection onto an L2 ball -------------------------------------------------------------------


def _directions(fresh: RandomInputs) -> Tensor:
    """Six perturbations of length 1."""
    return nn.functional.normalize(fresh.normal(6, 16)).view(6, 1, 4, 4)


def _shortens_to_eps(project: Attempt, fresh: RandomInputs) -> str | None:
    x, unit, eps = fresh.uniform(0.3, 0.7, 6, 1, 4, 4), _directions(fresh), fresh.number(0.1, 0.15)
    length = eps * torch.cat([fresh.uniform(1.2, 2, 4), fresh.uniform(0.3, 0.8, 2)])
    answer = tensor_like(project(x + length.view(-1, 1, 1, 1) * unit, x, eps), x)
    left = (answer - x).flatten(1).norm(dim=1)
    further, where = largest(left - eps, "image {}")
    if further > 1e-5:
        return f"{where} still leaves the ε-ball, by {further:.3g}; the length is each image's own."
    short, where = largest(eps - left[:4], "image {}")
    if short > 1e-5:
        return f"{where} was outside, so its length should be exactly ε; {short:.3g} is missing."
    wrong = describe_mismatch(answer[:4], (x + eps * unit)[:4], 1e-5)
    return wrong and f"the direction changed: scale the perturbation, do not clip it; {wrong}."


def _leaves_the_inside_alone(project: Attempt, fresh: RandomInputs) -> str | None:
    x, share = fresh.uniform(0.3, 0.7, 6, 1, 4, 4), fresh.uniform(0.1, 0.9, 6, 1, 1, 1)
    share[fresh.integer(0, 5)] = 0  # an image that was not moved at all
    near = x + 0.2 * share * _directions(fresh)
    wrong = describe_mismatch(project(near, x, 0.2), near)
    return wrong and f"what is already within ε should stay where it is; {wrong}."


def _returns_valid_pixels(project: Attempt, fresh: RandomInputs) -> str | None:
    _, x, _, direction = _scene(fresh)
    wrong = leaves_the_box(tensor_like(project(x.round() + 0.2 * direction, x.round(), 1.0), x))
    return wrong and f"{wrong}; the ball is cut with the box."


PROJECTION = Exercise(
    "Projection onto the L2 ball",
    (_shortens_to_eps, _leaves_the_inside_alone, _returns_valid_pixels),
    (
        "Work on the perturbation x_adv − x, and measure its length for each image.",
        "Multiply it by min(1, ε / length), shaped (n, 1, 1, 1); mind a length of 0, and the box.",
    ),
    project_l2,
)

# The smallest ε for a linear model -------------------------------------------------------------


def _flips_at_that_eps(smallest: Attempt, fresh: RandomInputs) -> str | None:
    w, b, x = fresh.normal(20), fresh.normal(), fresh.normal(8, 20)
    score = fresh.shuffled(torch.tensor([1, -1]).repeat(4)) * fresh.uniform(0.5, 3, 8)
    x = x + ((score - x @ w - b) / (w @ w))[:, None] * w  # scores of either sign, as wanted
    answer = tensor_like(smallest(w, b, x), score)
    low, where = largest(-answer, "row {}")
    if low > 0:
        return f"at {where} it is {-low:.3g}; a size is never negative, on either side."
    for share, flipped in ((0.999, False), (1.001, True)):
        moved = x - share * answer[:, None] * w.sign() * score.sign()[:, None]
        off = (((moved @ w + b) * score) < 0) != flipped
        if off.any():
            i, late = int(off.float().argmax()), "too small to change the sign"
            late = late if flipped else "larger than it need be"
            return f"for row {i} your ε of {answer[i]:.3g} is {late}; w·x + b is {score[i]:.3f}."
    return None


def _vanishes_on_the_boundary(smallest: Attempt, fresh: RandomInputs) -> str | None:
    w, b, x = fresh.normal(5), fresh.uniform(0.5, 2, 1)[0], fresh.normal(1, 5)
    x = x - ((x @ w + b) / (w @ w))[:, None] * w
    value = float(tensor_like(smallest(w, b, x), x[:, 0]))
    wrong = abs(value) > 1e-6
    return f"on the boundary w·x + b = 0, the smallest ε is 0, not {value:.3g}." if wrong else None


SMALLEST = Exercise(
    "The smallest ε that fools a linear model",
    (_vanishes_on_the_boundary, _flips_at_that_eps),
    (
        "By how much does a step of size ε along −sign(w) lower w·x + b?",
        "By ε‖w‖₁; it has to lower |w·x + b| to 0.",
    ),
    smallest_eps,
)

# Robust accuracy against several attacks -------------------------------------------------------


def _counts_images_that_survive_all(robust: Attempt, fresh: RandomInputs) -> str | None:
    n, attacks = fresh.integer(6, 10), fresh.integer(2, 4)
    right = torch.ones(attacks, n).bool()
    right[torch.arange(attacks), fresh.shuffled(torch.arange(n))[:attacks]] = False
    wanted, each, value = (n - attacks) / n, (n - 1) / n, number(robust(right))
    if abs(value - wanted) < 1e-6:
        return None
    verdict = f"{attacks} attacks fool one image each, of {n}: {wanted:.3f}, not {value:.3f}"
    return f"{verdict}, which each leaves by itself." if abs(value - each) < 1e-6 else f"{verdict}."


def _never_rises_with_more_attacks(robust: Attempt, fresh: RandomInputs) -> str | None:
    right = fresh.uniform(0, 1, 5, 40) < 0.9
    right[:, fresh.integer(0, 39)] = False  # an image counts once, however many attacks fool it
    shares = [number(robust(right[:k])) for k in range(1, 6)]
    for k, (before, after) in enumerate(zip(shares, shares[1:], strict=False), 1):
        if after > before:
            more = f"from {before:.3f} under {k} to {after:.3f} under {k + 1} attacks"
            return f"it rises {more}; one more can never make a network more robust."
    exact = float(right.all(0).double().mean())
    last = shares[-1]
    return None if abs(last - exact) < 1e-6 else f"it should be {exact:.3f} here, not {last:.3f}."


ROBUST = Exercise(
    "Robust accuracy against several attacks",
    (_counts_images_that_survive_all, _never_rises_with_more_attacks),
    (
        "An adversary has all the attacks at hand and uses, for each image, one that works.",
        "An image counts only if it is right under every attack.",
    ),
    robust_accuracy_of_all,
)
