"""The exercises of 04 on networks that are told a class: a loss, and a layer."""

from math import isclose, log

import torch
from torch import Tensor
from torch.nn import functional as F

from coursekit.teaching.exercise import Exercise
from coursekit.teaching.grading import Attempt, Fresh, close, miss, number
from coursekit.teaching.solutions import conditional as worked

# The auxiliary loss ---------------------------------------------------------------------------


def _is_log_k_without_an_opinion(loss: Attempt, fresh: Fresh) -> str | None:
    n, k = fresh.integer(4, 8), fresh.integer(4, 9)
    value = number(loss(torch.zeros(n, k, dtype=torch.float64), fresh.labels(n, k)))
    right = isclose(value, log(k), rel_tol=1e-6)
    return None if right else f"with equal logits it is {value:.3f}, not log {k} = {log(k):.3f}."


def _vanishes_when_sure_and_right(loss: Attempt, fresh: Fresh) -> str | None:
    k = fresh.integer(3, 6)
    y = fresh.labels(k, k)
    value = number(loss(40.0 * F.one_hot(y, k).double(), y))
    hint = "is the softmax taken twice?" if value < 2 else "does each row go with its own label?"
    return None if abs(value) < 1e-6 else f"sure and right, it is {value:.3f}, not 0; {hint}"


def _agrees_with_the_formula(loss: Attempt, fresh: Fresh) -> str | None:
    n, k = fresh.integer(4, 8), fresh.integer(4, 9)
    logits, y = 3 * fresh.normal(n, k), fresh.labels(n, k)
    wanted = float(-logits.softmax(1).gather(1, y[:, None]).log().mean())
    value = number(loss(logits, y))
    right = isclose(value, wanted, rel_tol=1e-6)
    return None if right else f"it is {value:.4f}; the mean of −log softmax(l)[y] is {wanted:.4f}."


def _survives_far_logits(loss: Attempt, fresh: Fresh) -> str | None:
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
    worked.auxiliary_loss,
)


# Class-conditional BatchNorm ------------------------------------------------------------------

_Layer = tuple[Tensor, Tensor, Tensor, Tensor]


def _layer(fresh: Fresh) -> _Layer:
    """A map that is not normal at all, gains and shifts of three classes, labels."""
    c, side = fresh.integer(2, 4), fresh.integer(3, 5)
    h = 2 * fresh.normal(6, c, side, side) + fresh.normal(1, c, 1, 1)
    return h.float(), fresh.normal(3, c).float(), fresh.normal(3, c).float(), fresh.labels(6, 3)


def _is_plain_with_equal_rows(norm: Attempt, fresh: Fresh) -> str | None:
    h, gain, shift, y = _layer(fresh)
    wanted = F.batch_norm(h, None, None, gain[0], shift[0], training=True, eps=1e-5)
    wrong = miss(norm(h, gain[:1].expand(3, -1), shift[:1].expand(3, -1), y), wanted, 1e-4)
    return wrong and f"with equal rows for all classes it is not plain BatchNorm: {wrong}."


def _listens_to_the_class(norm: Attempt, fresh: Fresh) -> str | None:
    h, gain, shift, y = _layer(fresh)
    heard = not close(norm(h, gain, shift, y), norm(h, gain, shift, (y + 1) % 3))
    return None if heard else "other labels do not change the result."


def _normalises_all_classes_together(norm: Attempt, fresh: Fresh) -> str | None:
    h, gain, shift, y = _layer(fresh)
    plain = F.batch_norm(h, None, None, training=True, eps=1e-5)
    wanted = gain[y][:, :, None, None] * plain + shift[y][:, :, None, None]
    wrong = miss(norm(h, gain, shift, y), wanted, 1e-4)
    hint = "statistics are of the whole batch; only gain and shift are of the class"
    return wrong and f"it is not γ_y·(h − μ)/σ + β_y: {wrong}; {hint}."


CLASS_NORM = Exercise(
    "Class-conditional BatchNorm",
    (_is_plain_with_equal_rows, _listens_to_the_class, _normalises_all_classes_together),
    (
        "μ and σ² of each channel: over examples and places, dimensions (0, 2, 3).",
        "gain[y] has shape (n, c); it wants two more dimensions to meet (n, c, h, w).",
    ),
    worked.class_norm,
)
