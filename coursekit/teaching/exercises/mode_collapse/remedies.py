"""The exercises of 05 on remedies: packing, the spread of a minibatch, even upsampling."""

from collections import Counter
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from coursekit.teaching.exercise import Exercise
from coursekit.teaching.grading import Attempt, Fresh, Wrong, miss, tensor_like
from coursekit.teaching.solutions import mode_collapse as worked

# Packing --------------------------------------------------------------------------------------


def _packed(pack: Attempt, fresh: Fresh) -> tuple[Tensor, Tensor]:
    """Different numbers in rows, and the rows of the packs."""
    packs, m, d = fresh.integer(5, 7), fresh.integer(2, 4), fresh.integer(2, 3)
    x = fresh.normal(packs * m, d)
    return x, tensor_like(pack(x, m), torch.empty(packs, m * d))


def _uses_every_sample_once(pack: Attempt, fresh: Fresh) -> str | None:
    x, packs = _packed(pack, fresh)
    seen = Counter(packs.flatten().tolist())
    often = [seen[v] for v in x.flatten().tolist()]
    if min(often) == 1:  # as many numbers as places: then none is seen twice
        return None
    lost = f"{often.count(0)} of the {len(often)} numbers of x are in no pack"
    return f"{lost}, and one is there {max(often)} times; every sample should be used once."


def _keeps_samples_whole(pack: Attempt, fresh: Fresh) -> str | None:
    x, packs = _packed(pack, fresh)
    points = {tuple(p) for p in packs.reshape(-1, x.shape[1]).tolist()}
    torn = sum(tuple(p) not in points for p in x.tolist())
    return f"the coordinates of {torn} of {len(x)} samples are mixed up." if torn else None


PACK = Exercise(
    "Packing samples",
    (_uses_every_sample_once, _keeps_samples_whole),
    (
        "A pack is one long row: m samples, one after the other.",
        "No sample is used twice: n samples make n/m packs.",
    ),
    worked.my_pack,
)


# The spread of a minibatch --------------------------------------------------------------------


def _spread(spread: Attempt, x: Tensor) -> Tensor:
    """The column that was added to the features."""
    answer = tensor_like(spread(x), torch.empty(len(x), x.shape[1] + 1))
    if wrong := miss(answer[:, :-1], x):
        raise Wrong(f"the features themselves should stay; {wrong}.")
    return answer[:, -1]


def _is_zero_without_diversity(spread: Attempt, fresh: Fresh) -> str | None:
    n = fresh.integer(4, 8)
    value = float(_spread(spread, fresh.normal(1, 5).repeat(n, 1)).abs().max())
    hint = "take it over the samples, not over the features"
    return None if value < 1e-3 else f"{n} copies of one sample give {value:.3f}, not 0; {hint}."


def _measures_the_spread(spread: Attempt, fresh: Fresh) -> str | None:
    x = fresh.normal(fresh.integer(4, 8), 5)
    added, wanted = _spread(spread, x), x.var(0, correction=0).sqrt().mean()
    if not torch.allclose(added, added[:1].expand_as(added)):
        return "all rows of a batch should be told the same number."
    wrong = miss(added[:1], wanted[None], 1e-3)
    return wrong and f"the deviations of the features, averaged: {wrong} (divide by n)."


MINIBATCH_STD = Exercise(
    "The spread of a minibatch",
    (_is_zero_without_diversity, _measures_the_spread),
    (
        "x.std(0, unbiased=False) is one deviation per feature.",
        "Average those over the features; expand the number to a column.",
    ),
    worked.with_spread,
)


# How many kernel entries land on a pixel ------------------------------------------------------


def _counts(answer: Any) -> Tensor:
    try:
        return torch.as_tensor(answer, dtype=torch.float64).flatten()
    except (TypeError, ValueError, RuntimeError):
        raise Wrong("the answer should be a list of counts, one for each pixel.") from None


def _counts_what_lands(overlap: Attempt, fresh: Fresh) -> str | None:
    # The comb of kernel 3 and stride 2 beside fresh ones.
    drawn = [(fresh.integer(2, 6), fresh.integer(2, 5), fresh.integer(1, 3)) for _ in range(3)]
    for n, kernel, stride in [(5, 3, 2), *drawn]:
        answer = _counts(overlap(n, kernel, stride))
        wanted = F.conv_transpose1d(torch.ones(1, 1, n), torch.ones(1, 1, kernel), stride=stride)
        case = f"with {n} inputs, kernel {kernel}, stride {stride}"
        if len(answer) != wanted.numel():
            return f"{case} there are {wanted.numel()} pixels, not {len(answer)}."
        if wrong := miss(answer, wanted.flatten(), place="pixel {}"):
            return f"{case} {wrong}."
    return None


OVERLAP = Exercise(
    "Where a checkerboard comes from",
    (_counts_what_lands,),
    (
        "Input i adds 1 to the pixels i·stride … i·stride + kernel − 1.",
        "The last pixel is (n − 1)·stride + kernel − 1, counted from 0.",
    ),
    worked.overlap,
)
