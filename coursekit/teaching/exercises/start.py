"""The exercise of 00: a classifier that may refuse."""

import torch
from torch import Tensor

from coursekit.teaching.exercise import Attempt, Exercise, RandomInputs, tensor_like


def answer(joint, least):
    return torch.where(joint.sum(0) < least, -1, joint.argmax(0))


def _table(fresh: RandomInputs, classes: int, places: int) -> tuple[Tensor, float, Tensor]:
    """A table p(x, y), a threshold on p(x) that half of the places miss, and p(x)."""
    joint = fresh.uniform(0, 1, classes, places) * fresh.uniform(0, 1, places) ** 3
    joint = joint / joint.sum()
    return joint, float(joint.sum(0).median()) * 1.0001, joint.sum(0)


def _said(answer: Attempt, joint: Tensor, least: float) -> Tensor:
    return tensor_like(answer(joint, least), joint[0])


def _names_the_likeliest_class(answer: Attempt, fresh: RandomInputs) -> str | None:
    joint, _, _ = _table(fresh, 4, 30)
    said, right = _said(answer, joint, 0.0), joint.argmax(0)
    wrong = (said != right).nonzero().flatten()
    if not len(wrong):
        return None
    at = int(wrong[0])
    return (
        f"with least = 0 nothing is refused, but {len(wrong)} of 30 classes are wrong:"
        f" at place {at} it is {int(said[at])}, not {int(right[at])}."
    )


def _refuses_what_is_unlikely(answer: Attempt, fresh: RandomInputs) -> str | None:
    joint, least, p = _table(fresh, 4, 30)
    said = _said(answer, joint, least)
    kept = (said[p < least] != -1).sum()
    if kept:
        return f"{kept} of 30 places have p(x) below `least` and were given a class all the same."
    refused = (said[p >= least] == -1).sum()
    if refused:
        return f"{refused} of 30 places were refused though p(x), the sum over y, is large enough."
    return None


def _asks_the_density_alone(answer: Attempt, fresh: RandomInputs) -> str | None:
    """A likely but ambiguous place is answered, an unlikely one refused however clear its class."""
    likely, rare = fresh.number(0.55, 0.65), fresh.number(0.03, 0.08)
    half = (1 - likely - rare) / 2  # below the bound; twice this much is above it
    columns = [[likely / 2, likely / 2], [0.1 * rare, 0.9 * rare], [half, half]]
    said = _said(answer, torch.tensor(columns, dtype=torch.float64).T, 1.5 * half)
    if int(said[0]) == -1:
        return (
            f"it refuses where p(y|x) is one half but p(x) is {likely:.2f}:"
            " an ambiguous input need not be an unlikely one."
        )
    if int(said[1]) != -1:
        return f"p(y|x) is 0.9 at the second place, but p(x) is {rare:.2f}: it should refuse."
    if int(said[2]) == -1:
        return f"it refuses where p(x, y) is {half:.2f} for both classes: p(x) is their sum."
    return None


REFUSE = Exercise(
    "A classifier that may refuse",
    (_names_the_likeliest_class, _asks_the_density_alone, _refuses_what_is_unlikely),
    (
        "p(x) is the sum of p(x, y) over the classes; which dimension is that?",
        "torch.where(joint.sum(0) < least, -1, …): what goes into the last place?",
    ),
    answer,
)
