"""Exercises of 04: each attempt is graded by what it must do on fresh inputs."""

from math import isclose, log

import torch
from torch import Tensor
from torch.nn import functional as F

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


def auxiliary_loss(logits, y):
    right = logits.gather(1, y[:, None]).squeeze(1)
    return (logits.logsumexp(1) - right).mean()


def class_norm(h, gain, shift, y):
    mean = h.mean((0, 2, 3), keepdim=True)
    variance = h.var((0, 2, 3), correction=0, keepdim=True)
    plain = (h - mean) / (variance + 1e-5).sqrt()
    return gain[y][:, :, None, None] * plain + shift[y][:, :, None, None]


def bayes(logs, prior):
    return (logs + prior.log()).softmax(1)


def corrupt(y, rate, k, rng):
    wrong = torch.rand(len(y), generator=rng) < rate
    other = (y + torch.randint(1, k, y.shape, generator=rng)) % k
    return torch.where(wrong, other, y)


# The auxiliary loss ---------------------------------------------------------------------------


def _is_log_k_without_an_opinion(loss: Attempt, fresh: RandomInputs) -> str | None:
    n, k = fresh.integer(4, 8), fresh.integer(4, 9)
    value = number(loss(torch.zeros(n, k, dtype=torch.float64), fresh.labels(n, k)))
    right = isclose(value, log(k), rel_tol=1e-6)
    return None if right else f"with equal logits it is {value:.3f}, not log {k} = {log(k):.3f}."


def _vanishes_when_sure_and_right(loss: Attempt, fresh: RandomInputs) -> str | None:
    k = fresh.integer(3, 6)
    y = fresh.labels(k, k)
    value = number(loss(40.0 * F.one_hot(y, k).double(), y))
    hint = "is the softmax taken twice?" if value < 2 else "does each row go with its own label?"
    return None if abs(value) < 1e-6 else f"sure and right, it is {value:.3f}, not 0; {hint}"


def _agrees_with_the_formula(loss: Attempt, fresh: RandomInputs) -> str | None:
    n, k = fresh.integer(4, 8), fresh.integer(4, 9)
    logits, y = 3 * fresh.normal(n, k), fresh.labels(n, k)
    wanted = float(-logits.softmax(1).gather(1, y[:, None]).log().mean())
    value = number(loss(logits, y))
    right = isclose(value, wanted, rel_tol=1e-6)
    return None if right else f"it is {value:.4f}; the mean of −log softmax(l)[y] is {wanted:.4f}."


def _survives_far_logits(loss: Attempt, fresh: RandomInputs) -> str | None:
    far = fresh.integer(1000, 5000)
    value = number(loss(torch.tensor([[far, -far]]).double(), torch.tensor([1])))
    right = isclose(value, 2 * far, rel_tol=1e-6)
    return None if right else f"on logits ±{far} it gives {value:g}, not {2 * far}; use logsumexp."


AUXILIARY_LOSS = Exercise(
    "The auxiliary loss of ACGAN",
    (
        _is_log_k_without_an_opinion,
        _vanishes_when_sure_and_right,
        _agrees_with_the_formula,
        _survives_far_logits,
    ),
    (
        "−log p(y | x), averaged; p is the softmax of the logits, taken once.",
        "log softmax(l)[y] = l[y] − log Σ exp l, and `gather` picks l[y].",
    ),
    auxiliary_loss,
)


# Class-conditional BatchNorm ------------------------------------------------------------------

_Layer = tuple[Tensor, Tensor, Tensor, Tensor]


def _layer(fresh: RandomInputs) -> _Layer:
    """A map that is not normal at all, gains and shifts of three classes, labels."""
    c, side = fresh.integer(2, 4), fresh.integer(3, 5)
    h = 2 * fresh.normal(6, c, side, side) + fresh.normal(1, c, 1, 1)
    return h.float(), fresh.normal(3, c).float(), fresh.normal(3, c).float(), fresh.labels(6, 3)


def _is_plain_with_equal_rows(norm: Attempt, fresh: RandomInputs) -> str | None:
    h, gain, shift, y = _layer(fresh)
    wanted = F.batch_norm(h, None, None, gain[0], shift[0], training=True, eps=1e-5)
    wrong = describe_mismatch(
        norm(h, gain[:1].expand(3, -1), shift[:1].expand(3, -1), y), wanted, 1e-4
    )
    return wrong and f"with equal rows for all classes it is not plain BatchNorm: {wrong}."


def _listens_to_the_class(norm: Attempt, fresh: RandomInputs) -> str | None:
    h, gain, shift, y = _layer(fresh)
    heard = not close(norm(h, gain, shift, y), norm(h, gain, shift, (y + 1) % 3))
    return None if heard else "other labels do not change the result."


def _normalises_all_classes_together(norm: Attempt, fresh: RandomInputs) -> str | None:
    h, gain, shift, y = _layer(fresh)
    plain = F.batch_norm(h, None, None, training=True, eps=1e-5)
    wanted = gain[y][:, :, None, None] * plain + shift[y][:, :, None, None]
    wrong = describe_mismatch(norm(h, gain, shift, y), wanted, 1e-4)
    hint = "statistics are of the whole batch; only gain and shift are of the class"
    return wrong and f"it is not γ_y·(h − μ)/σ + β_y: {wrong}; {hint}."


CLASS_NORM = Exercise(
    "Class-conditional BatchNorm",
    (_is_plain_with_equal_rows, _listens_to_the_class, _normalises_all_classes_together),
    (
        "μ and σ² of each channel: over examples and places, dimensions (0, 2, 3).",
        "gain[y] has shape (n, c); it wants two more dimensions to meet (n, c, h, w).",
    ),
    class_norm,
)


# Bayes ----------------------------------------------------------------------------------------


def _sums_to_one(bayes: Attempt, fresh: RandomInputs) -> str | None:
    logs, prior = fresh.normal(6, 4), fresh.masses(4)
    sums = tensor_like(bayes(logs, prior), logs).sum(1)
    wrong = describe_mismatch(sums, torch.ones_like(sums), place="row {}")
    return wrong and f"each row should sum to 1 over the classes; {wrong}."


def _is_bayes(bayes: Attempt, fresh: RandomInputs) -> str | None:
    logs, prior = fresh.normal(6, 4), fresh.masses(4)
    wanted = logs.exp() * prior
    answer = bayes(logs, prior)
    if close(answer, logs.exp() / logs.exp().sum(1, keepdim=True)):
        return "it takes all classes to be as likely beforehand; use the prior."
    wrong = describe_mismatch(answer, wanted / wanted.sum(1, keepdim=True))
    return wrong and f"it is not p(x|y)·p(y) / Σ p(x|y')·p(y'): {wrong}."


def _survives_small_densities(bayes: Attempt, fresh: RandomInputs) -> str | None:
    near, prior, base = fresh.normal(3, 4), fresh.masses(4), fresh.number(-9000, -3000)
    wanted = near.exp() * prior
    wrong = describe_mismatch(bayes(near + base, prior), wanted / wanted.sum(1, keepdim=True))
    hint = "densities of images are that small: stay in logarithms"
    return wrong and f"on log-densities near {base:.0f} {wrong}; {hint}."


BAYES = Exercise(
    "A classifier from a conditional generative model",
    (_sums_to_one, _is_bayes, _survives_small_densities),
    (
        "p(y|x) ∝ p(x|y)·p(y): add logarithms, then normalise over y.",
        "Normalising the exponentials of logarithms has a name, and a safe implementation.",
    ),
    bayes,
)


# Wrong labels ---------------------------------------------------------------------------------


def _corrupted(corrupt: Attempt, fresh: RandomInputs, rate: float) -> tuple[Tensor, Tensor, int]:
    """True labels, what became of them, and the number of classes."""
    k, seed = fresh.integer(4, 7), fresh.integer(0, 10**6)
    y = fresh.labels(4000, k)
    answer, again = (
        tensor_like(corrupt(y.clone(), rate, k, torch.Generator().manual_seed(seed)), y)
        for _ in range(2)
    )
    if not torch.equal(answer, again):
        raise Wrong("two generators with one seed give different labels; draw all from rng.")
    return y, answer, k


def _stays_in_the_set(corrupt: Attempt, fresh: RandomInputs) -> str | None:
    _, answer, k = _corrupted(corrupt, fresh, 1.0)
    low, high = int(answer.min()), int(answer.max())
    return None if low >= 0 and high < k else f"of {k} classes it makes labels {low} to {high}."


def _spoils_the_right_share(corrupt: Attempt, fresh: RandomInputs) -> str | None:
    for rate in (0.0, fresh.number(0.2, 0.6), 1.0):
        y, answer, k = _corrupted(corrupt, fresh, rate)
        share = float((answer != y).double().mean())
        if abs(share - rate) > 0.05:  # six standard deviations of a fair draw of 4,000
            lucky = abs(share - rate * (k - 1) / k) < 0.05
            hint = "; a label drawn from all classes is right by chance" if lucky else ""
            return f"at rate {rate:.2f} a share {share:.2f} is wrong{hint}."
        early, late = (answer != y).double().view(2, -1).mean(1).tolist()
        if abs(early - late) > 0.1:  # six standard deviations
            seen = f"of the first half {early:.2f} are wrong, of the second {late:.2f}"
            return f"at rate {rate:.2f} {seen}; every label has a draw of its own."
    return None


def _uses_every_other_class(corrupt: Attempt, fresh: RandomInputs) -> str | None:
    y, answer, k = _corrupted(corrupt, fresh, 1.0)
    share = (F.one_hot(y, k).T @ F.one_hot(answer, k)) / F.one_hot(y, k).sum(0)[:, None]
    off = (share - 1 / (k - 1)).abs().fill_diagonal_(0)
    far, which = largest(off, "{} becomes {}")
    if far <= 0.09:  # five standard deviations of a fair draw of 570
        return None
    seen = f"{which} with a share of {float(share.flatten()[off.argmax()]):.2f}"
    return f"the other classes should be equally likely: {seen}, not {1 / (k - 1):.2f}."


CORRUPT = Exercise(
    "Labels, a share of which is wrong",
    (_stays_in_the_set, _spoils_the_right_share, _uses_every_other_class),
    (
        "Which rows: torch.rand(len(y), generator=rng) < rate.",
        "A wrong label is the true one moved on by 1 to k − 1 places, round a circle of k.",
    ),
    corrupt,
)
