"""The exercise of 00: a classifier that may refuse."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from coursekit.teaching.exercise import Exercise

Attempt = Callable[..., Any]


def _tables(shape: tuple[int, int]) -> tuple[Tensor, float, Tensor]:
    """A fresh table p(x, y), a threshold on p(x) that half of the places miss, and p(x)."""
    joint = torch.rand(*shape, dtype=torch.float64) * torch.rand(shape[1], dtype=torch.float64) ** 3
    joint = joint / joint.sum()
    return joint, float(joint.sum(0).median()) * 1.0001, joint.sum(0)


def _shape(answer: Attempt) -> str | None:
    joint, least, _ = _tables((3, 7))
    said = answer(joint, least)
    if not isinstance(said, Tensor) or said.shape != (7,):
        return "for a table of 3 classes and 7 places it should return 7 whole numbers."
    return None


def _names_the_likeliest_class(answer: Attempt) -> str | None:
    joint, _, _ = _tables((4, 30))
    wrong = int((answer(joint, 0.0) != joint.argmax(0)).sum())
    if wrong:
        return f"with least = 0 nothing is refused, but {wrong} of 30 classes are wrong."
    return None


def _refuses_what_is_unlikely(answer: Attempt) -> str | None:
    joint, least, p = _tables((4, 30))
    said = answer(joint, least)
    kept = int((said[p < least] != -1).sum())
    if kept:
        return f"{kept} of 30 places have p(x) below `least` and were given a class all the same."
    refused = int((said[p >= least] == -1).sum())
    if refused:
        return f"{refused} of 30 places were refused though p(x), the sum over y, is large enough."
    return None


def _is_not_moved_by_doubt(answer: Attempt) -> str | None:
    """Doubt in a likely place is no reason to refuse; sureness in an unlikely one none to speak."""
    joint = torch.tensor([[0.3, 0.01, 0.15], [0.3, 0.09, 0.15]], dtype=torch.float64)
    said = answer(joint, 0.2)
    if int(said[0]) == -1:
        return "it refuses where p(y|x) is one half but p(x) is 0.6: doubt is not strangeness."
    if int(said[1]) != -1:
        return "p(y|x) is 0.9 at the second place, but p(x) is only 0.1: it should refuse."
    if int(said[2]) == -1:
        return "it refuses where p(x, y) is 0.15 for both classes: p(x) is their sum, 0.3."
    return None


REFUSE = Exercise(
    "A classifier that may refuse",
    (_shape, _names_the_likeliest_class, _is_not_moved_by_doubt, _refuses_what_is_unlikely),
    (
        "p(x) is the sum of p(x, y) over the classes; which dimension is that?",
        "torch.where(joint.sum(0) < least, -1, …): what goes into the last place?",
    ),
)
