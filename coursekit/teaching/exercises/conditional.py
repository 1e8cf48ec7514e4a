"""Exercises of 04: each attempt is graded by what it must do on fresh inputs."""

from collections.abc import Callable
from math import isclose, log
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from coursekit.teaching.exercise import Exercise

Attempt = Callable[..., Any]


def _normal(*shape: int, seed: int = 5) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


# The auxiliary loss ---------------------------------------------------------------------------


def _is_log_k_without_an_opinion(loss: Attempt) -> str | None:
    value = float(loss(torch.zeros(4, 7, dtype=torch.float64), torch.tensor([0, 6, 3, 3])))
    right = isclose(value, log(7), rel_tol=1e-9)
    return None if right else f"with equal logits for 7 classes it is {value:.3f}, not log 7."


def _vanishes_when_sure_and_right(loss: Attempt) -> str | None:
    y = torch.tensor([2, 0, 1])
    value = float(loss(40.0 * F.one_hot(y, 3).double(), y))
    hint = "is the softmax taken twice?"
    return None if abs(value) < 1e-6 else f"sure and right, it is {value:.3f}, not 0; {hint}"


def _agrees_with_the_formula(loss: Attempt) -> str | None:
    logits, y = 3 * _normal(6, 5), torch.tensor([0, 4, 2, 2, 1, 3])
    wanted = -logits.softmax(1).gather(1, y[:, None]).log().mean()
    right = isclose(float(loss(logits, y)), float(wanted), rel_tol=1e-6)
    return None if right else "it is not the mean of −log softmax(logits)[y]."


def _survives_far_logits(loss: Attempt) -> str | None:
    value = float(loss(torch.tensor([[1000.0, -1000.0]], dtype=torch.float64), torch.tensor([1])))
    right = isclose(value, 2000, rel_tol=1e-9)
    return None if right else f"on logits ±1000 it gives {value}, not 2000; use logsumexp."


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
        "log softmax(l)[y] = l[y] − log Σ exp l.",
        "logits.logsumexp(1) - logits.gather(1, y[:, None]).squeeze(1), then the mean.",
    ),
)


# Class-conditional BatchNorm ------------------------------------------------------------------

_Y = torch.tensor([0, 1, 1, 0, 2])


def _is_plain_with_equal_rows(norm: Attempt) -> str | None:
    h = 2 * _normal(5, 3, 4, 4) + 1
    gain, shift = _normal(1, 3, seed=6).expand(3, -1), _normal(1, 3, seed=7).expand(3, -1)
    wanted = F.batch_norm(h, None, None, gain[0], shift[0], training=True, eps=1e-5)
    right = torch.allclose(norm(h, gain, shift, _Y), wanted, atol=1e-4)
    return None if right else "with equal rows for all classes it is not plain BatchNorm."


def _listens_to_the_class(norm: Attempt) -> str | None:
    h, gain, shift = _normal(5, 3, 4, 4), _normal(3, 3, seed=6), _normal(3, 3, seed=7)
    out, other = norm(h, gain, shift, _Y), norm(h, gain, shift, (_Y + 1) % 3)
    return None if not torch.allclose(out, other) else "other labels do not change the result."


def _normalises_all_classes_together(norm: Attempt) -> str | None:
    h, gain, shift = _normal(5, 3, 4, 4), _normal(3, 3, seed=6), _normal(3, 3, seed=7)
    plain = F.batch_norm(h, None, None, training=True, eps=1e-5)
    wanted = gain[_Y][:, :, None, None] * plain + shift[_Y][:, :, None, None]
    right = torch.allclose(norm(h, gain, shift, _Y), wanted, atol=1e-4)
    hint = "statistics are of the whole batch; only gain and shift are of the class"
    return None if right else f"it is not γ_y·(h − μ)/σ + β_y: {hint}."


CLASS_NORM = Exercise(
    "Class-conditional BatchNorm",
    (_is_plain_with_equal_rows, _listens_to_the_class, _normalises_all_classes_together),
    (
        "μ and σ² of each channel: over examples and places, dimensions (0, 2, 3).",
        "gain[y] has shape (n, c); it wants two more dimensions to meet (n, c, h, w).",
        "gain[y][:, :, None, None] * (h - mean) / (variance + 1e-5).sqrt() + shift[y]...",
    ),
)


# Bayes ----------------------------------------------------------------------------------------


def _sums_to_one(bayes: Attempt) -> str | None:
    p = bayes(_normal(6, 4), torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64))
    right = torch.allclose(p.sum(1), torch.ones(6, dtype=torch.float64))
    return None if right else "each row should sum to 1 over the classes."


def _is_bayes(bayes: Attempt) -> str | None:
    logs, prior = _normal(6, 4), torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    wanted = logs.exp() * prior
    even = logs.exp() / logs.exp().sum(1, keepdim=True)
    found = bayes(logs, prior)
    if torch.allclose(found, even):
        return "it takes all classes to be as likely beforehand; use the prior."
    right = torch.allclose(found, wanted / wanted.sum(1, keepdim=True))
    return None if right else "it is not p(x|y)·p(y) / Σ p(x|y')·p(y')."


def _survives_small_densities(bayes: Attempt) -> str | None:
    logs = torch.tensor([[-5000.0, -5000.0 + log(3)]], dtype=torch.float64)
    p = bayes(logs, torch.tensor([0.5, 0.5], dtype=torch.float64))
    right = torch.allclose(p, torch.tensor([[0.25, 0.75]], dtype=torch.float64))
    hint = "densities of images are e^−5000 and less: stay in logarithms"
    return None if right else f"on log-densities near −5000 it gives {p.tolist()}; {hint}."


BAYES = Exercise(
    "A classifier from a conditional generative model",
    (_sums_to_one, _is_bayes, _survives_small_densities),
    (
        "p(y|x) ∝ p(x|y)·p(y): add logarithms, then normalise over y.",
        "Normalising the exponentials of logarithms has a name, and a safe implementation.",
        "(log_likelihoods + prior.log()).softmax(1).",
    ),
)


# Wrong labels ---------------------------------------------------------------------------------

_TRUE = torch.arange(2000) % 5


def _corrupted(corrupt: Attempt, rate: float) -> Tensor:
    return corrupt(_TRUE.clone(), rate, 5, torch.Generator().manual_seed(3))


def _stays_in_the_set(corrupt: Attempt) -> str | None:
    y = _corrupted(corrupt, 1.0)
    inside = int(y.min()) >= 0 and int(y.max()) <= 4
    return None if inside else f"of 5 classes it makes labels {int(y.min())} to {int(y.max())}."


def _spoils_the_right_share(corrupt: Attempt) -> str | None:
    for rate in (0.0, 0.3, 1.0):
        wrong = float((_corrupted(corrupt, rate) != _TRUE).float().mean())
        if abs(wrong - rate) > 0.05:  # more than four standard deviations of a fair draw
            hint = "a label drawn from all classes is right by chance" if wrong < rate else "fewer"
            return f"at rate {rate} a share {wrong:.2f} is wrong; {hint}."
    return None


def _uses_every_other_class(corrupt: Attempt) -> str | None:
    y = _corrupted(corrupt, 1.0)
    seen = len(set(zip(_TRUE.tolist(), y.tolist(), strict=True)))
    return None if seen == 20 else "a wrong label should be any of the other classes."


CORRUPT = Exercise(
    "Labels, a share of which is wrong",
    (_stays_in_the_set, _spoils_the_right_share, _uses_every_other_class),
    (
        "Which rows: torch.rand(len(y), generator=rng) < rate.",
        "A wrong label is the true one moved on by 1 to k − 1 places, round a circle of k.",
        "(y + torch.randint(1, k, y.shape, generator=rng)) % k, where the row was chosen.",
    ),
)
