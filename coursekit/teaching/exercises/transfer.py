"""Exercises of 08: attempts are graded on models and answers small enough to know the truth."""

import torch
from torch import Tensor, nn

from coursekit.gradients import input_gradient
from coursekit.teaching.exercise import (
    Attempt,
    Exercise,
    RandomInputs,
    Wrong,
    close,
    describe_mismatch,
    largest,
    number,
    tensor_like,
)


def logistic_gradient(W, b, x, y):
    p = (x @ W.T + b).softmax(1)
    p[torch.arange(len(y)), y] -= 1
    return p @ W


def fooled_beyond_noise(clean, attacked, noisy, y):
    right = clean == y
    attack = (attacked != y)[right].float().mean()
    noise = (noisy != y)[right].float().mean()
    return attack - noise


def into_the_box(x, low, high, margin):
    return torch.minimum(torch.maximum(x, low + margin), high - margin)


def next_questions(net, x, labels, step):
    def of_label(x):
        return net(x).log_softmax(1).gather(1, labels[:, None])

    fresh = (x + step * input_gradient(of_label, x).sign()).clamp(0, 1)
    return torch.cat([x, fresh]), 2 * len(x)


# What an attack fooled, beyond the controls -----------------------------------------------------


def _answers(fresh: RandomInputs, wrong: int, attack: int, noise: int) -> tuple[Tensor, ...]:
    """Answers to images as they are, attacked, and noisy, of which so many are wrong; the truth.

    Wrong answers stay wrong; attack and noise fool so many of the other seven.
    """
    y = fresh.shuffled(torch.arange(7 + wrong) % 3)
    order = fresh.shuffled(torch.arange(len(y)))
    bad, good = order[:wrong], order[wrong:]
    answers = []
    for fooled in (0, attack, noise):
        answer = y.clone()
        slips = torch.cat([bad, fresh.shuffled(good)[:fooled]])
        answer[slips] = (y[slips] + 1) % 3
        answers.append(answer)
    return *answers, y


def _counts_only_what_was_right(fooled: Attempt, fresh: RandomInputs) -> str | None:
    wrong, attack = fresh.integer(3, 5), fresh.integer(1, 6)
    value, n = number(fooled(*_answers(fresh, wrong, attack, 0))), 7 + wrong
    if abs(value - attack / 7) < 1e-6:
        return None
    if min(abs(value - share / n) for share in (attack, attack + wrong)) < 1e-6:
        return f"{wrong} of the {n} were wrong before; only the other 7 can be fooled."
    return f"of 7 images that were correct {attack}: {attack / 7:.3f}, not {value:.3f}."


def _takes_off_the_noise(fooled: Attempt, fresh: RandomInputs) -> str | None:
    attack, noise = fresh.integer(4, 6), fresh.integer(1, 3)
    value = number(fooled(*_answers(fresh, 0, attack, noise)))
    if abs(value - (attack - noise) / 7) < 1e-6:
        return None
    both = f"the attack fools {attack} of 7, noise fools {noise}"
    if abs(value - attack / 7) < 1e-6:
        return f"{both}: {value:.3f} leaves out what noise does."
    return f"{both}: {(attack - noise) / 7:.3f}, not {value:.3f}."


def _may_be_negative(fooled: Attempt, fresh: RandomInputs) -> str | None:
    attack, noise = fresh.integer(0, 2), fresh.integer(3, 6)
    value, wanted = number(fooled(*_answers(fresh, 0, attack, noise))), (attack - noise) / 7
    if abs(value - wanted) < 1e-6:
        return None
    return f"an attack may do less than noise; say so: {wanted:.3f}, not {value:.3f}."


FOOLED = Exercise(
    "The share fooled, beyond noise",
    (_counts_only_what_was_right, _takes_off_the_noise, _may_be_negative),
    (
        "Which images can be fooled at all? Make a mask of them.",
        "The same mask serves for the attack and for the noise.",
    ),
    fooled_beyond_noise,
)

# One round of the substitute's questions --------------------------------------------------------


def _questions(augment: Attempt, fresh: RandomInputs) -> tuple[Tensor, Tensor, Tensor, Tensor, int]:
    """Old images; where the step leads, and where the way back would; the answer; what was paid.

    The classes' weights are opposite, so that score and probability rise together; the substitute
    takes everything for class 0, so that its own answer will not do for the label.
    """
    w, n, step = fresh.normal(4), fresh.integer(2, 5), fresh.number(0.05, 0.1)
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2)).double()
    net[1].load_state_dict({"weight": torch.stack([w, -w]), "bias": torch.tensor([5.0, -5.0])})
    labels, x = fresh.labels(n, 2), fresh.uniform(0.3, 0.7, n, 4)
    uphill = torch.where(labels[:, None] == 0, 1, -1) * w.sign()
    x[:, 0] = 0.5 + 0.48 * uphill[:, 0]  # this pixel meets the edge of [0, 1]
    x, move = x.view(n, 1, 2, 2), step * uphill.view(n, 1, 2, 2)
    answer = augment(net, x.clone(), labels, step)
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Wrong("the answer should be a pair: the images, and how many labels they cost.")
    images = tensor_like(answer[0], torch.cat([x, x]))
    return x, (x + move).clamp(0, 1), (x - move).clamp(0, 1), images, int(number(answer[1]))


def _keeps_the_old(augment: Attempt, fresh: RandomInputs) -> str | None:
    x, _, _, images, _ = _questions(augment, fresh)
    wrong = describe_mismatch(images[: len(x)], x)
    return wrong and f"the old images come first, unchanged; {wrong}."


def _moves_towards_the_label(augment: Attempt, fresh: RandomInputs) -> str | None:
    x, there, back, images, _ = _questions(augment, fresh)
    wrong = describe_mismatch(images[len(x) :], there)
    if wrong and close(images[len(x) :], back):
        return "that flees the label; the step raises the substitute's probability of it."
    rule = "a new image moves by the sign of the gradient of its label's probability, in [0, 1]"
    return wrong and f"{rule}; {wrong}."


def _counts_every_label(augment: Attempt, fresh: RandomInputs) -> str | None:
    x, *_, paid = _questions(augment, fresh)
    n = len(x)
    both = f"{n} labels were bought and {n} more are needed"
    return None if paid == 2 * n else f"{both}: {2 * n}, not {paid}."


AUGMENT = Exercise(
    "One round of questions",
    (_keeps_the_old, _moves_towards_the_label, _counts_every_label),
    (
        "You need the gradient of net's output for each image's own label.",
        "`input_gradient(f, x)`, f being the log-probability of the label. What does asking cost?",
    ),
    next_questions,
)


# The gradient of logistic regression ------------------------------------------------------------


def _model(fresh: RandomInputs) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """W, b, images and labels; more pixels than classes."""
    k, n = fresh.integer(3, 5), fresh.integer(4, 6)
    return 0.5 * fresh.normal(k, 7), fresh.normal(k), fresh.normal(n, 7), fresh.labels(n, k)


def _has_the_shape_of_the_images(gradient: Attempt, fresh: RandomInputs) -> str | None:
    W, b, x, y = _model(fresh)
    tensor_like(gradient(W, b, x[:3], y[:3]), x[:3])
    return None


def _agrees_with_differences(gradient: Attempt, fresh: RandomInputs) -> str | None:
    W, b, x, y = _model(fresh)

    def loss(x: Tensor) -> Tensor:
        return nn.functional.cross_entropy(x @ W.T + b, y, reduction="none")

    steps = 1e-6 * torch.eye(7, dtype=torch.float64)
    true = torch.stack([(loss(x + s) - loss(x - s)) / 2e-6 for s in steps], 1)
    answer = tensor_like(gradient(W, b, x, y), x)
    wrong = describe_mismatch(answer, true)
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
    logistic_gradient,
)

# Into a leaf's box ------------------------------------------------------------------------------


def _box(fresh: RandomInputs) -> tuple[Tensor, Tensor, Tensor, float]:
    """Pixels below, inside, above, and inside by less than the margin; the sides; the margin."""
    low, margin = fresh.uniform(0.1, 0.5, 42), fresh.number(0.01, 0.03)
    high, along = low + 0.3, fresh.uniform(0.2, 0.8, 42)
    barely = [low + along * margin, high - along * margin]
    x = torch.stack([along * low, low + 0.3 * along, high + along * (1 - high), *barely])
    x = x.gather(0, fresh.labels(42, 5)[None])[0]
    return x, low, high, margin


def _arrives(into: Attempt, fresh: RandomInputs) -> str | None:
    x, low, high, margin = _box(fresh)
    answer = tensor_like(into(x, low, high, margin), x)
    short, where = largest(torch.maximum(low + margin - answer, answer - high + margin))
    if short <= 1e-6:
        return None
    return (
        f"every pixel should lie inside the box by the margin; {short:.3g} is missing at {where}."
    )


def _changes_only_what_it_must(into: Attempt, fresh: RandomInputs) -> str | None:
    x, low, high, margin = _box(fresh)
    moved = (tensor_like(into(x, low, high, margin), x) - x).abs()
    moved[(x < low + margin) | (x > high - margin)] = 0
    far, where = largest(moved)
    still = "pixels that satisfy their conditions should stay"
    return f"{still}; one moves by {far:.3g}, {where}." if far > 1e-6 else None


def _goes_no_further(into: Attempt, fresh: RandomInputs) -> str | None:
    x, low, high, margin = _box(fresh)
    nearest = x.clamp(low + margin, high - margin)
    wrong = describe_mismatch(into(x, low, high, margin), nearest)
    return wrong and f"some pixels go further than they need to: {wrong}."


BOX = Exercise(
    "Into a leaf's box",
    (_arrives, _changes_only_what_it_must, _goes_no_further),
    (
        "The pixels do not interact: solve one of them.",
        "Below the box the nearest point is its lower side, above it the upper one.",
    ),
    into_the_box,
)
