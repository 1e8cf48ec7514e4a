"""Exercises of 05: each attempt is graded by what it must do on fresh inputs."""

from collections import Counter
from math import isclose, log
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from coursekit.teaching.exercise import (
    Attempt,
    Exercise,
    RandomInputs,
    Wrong,
    describe_mismatch,
    number,
    tensor_like,
)


def modes_covered(samples, centres, radius):
    return (torch.cdist(samples, centres).min(0).values <= radius).sum()


def reverse_kl(counts):
    q = counts.double() / counts.sum()
    return torch.xlogy(q, q * len(q)).sum()


def my_pack(x, m):
    return x.reshape(len(x) // m, -1)


def with_spread(x):
    spread = x.std(0, unbiased=False).mean()
    return torch.cat([x, spread.expand(len(x), 1)], 1)


def overlap(n, kernel, stride):
    counts = [0] * ((n - 1) * stride + kernel)
    for i in range(n):
        for k in range(kernel):
            counts[i * stride + k] += 1
    return counts


# Modes covered --------------------------------------------------------------------------------


def _modes(fresh: RandomInputs) -> tuple[Tensor, float]:
    """Centres on a lattice of spacing 4, in any order, and a radius below 1."""
    k = fresh.integer(4, 8)
    grid = torch.cartesian_prod(torch.arange(3), torch.arange(3)).double()
    return 4 * fresh.shuffled(grid)[:k], fresh.number(0.4, 0.8)


def _counts_modes_that_are_hit(covered: Attempt, fresh: RandomInputs) -> str | None:
    (centres, radius), hit = _modes(fresh), fresh.integer(2, 3)
    samples = centres[:hit] + fresh.uniform(-0.2, 0.2, hit, 2)
    value, k = number(covered(samples, centres, radius)), len(centres)
    return None if value == hit else f"samples on {hit} of {k} modes gave {value:g}."


def _leaves_out_what_is_far(covered: Attempt, fresh: RandomInputs) -> str | None:
    centres, radius = _modes(fresh)
    value = number(covered(centres + fresh.uniform(1.5, 2, len(centres), 2), centres, radius))
    hint = "the nearest mode of a sample may still be too far away"
    return None if value == 0 else f"samples between the modes covered {value:g} of them; {hint}."


def _measures_the_distance(covered: Attempt, fresh: RandomInputs) -> str | None:
    centres, radius = _modes(fresh)
    for share, wanted in ((0.95, 1), (1.05, 0)):
        away = share * radius * torch.tensor([[0.5, 0.5]], dtype=torch.float64).sqrt()
        value = number(covered(centres[:1] + away, centres, radius))
        if value != wanted:
            seen = f"a sample {share * radius:.3f} away, with radius {radius:.3f}, gave {value:g}"
            return f"{seen}, not {wanted}: is it the Euclidean distance?"
    return None


def _counts_a_mode_once(covered: Attempt, fresh: RandomInputs) -> str | None:
    (centres, radius), n = _modes(fresh), fresh.integer(50, 200)
    value = number(covered(centres[:1] + fresh.uniform(-0.2, 0.2, n, 2), centres, radius))
    return None if value == 1 else f"{n} samples on one mode gave {value:g}; count modes."


MODES_COVERED = Exercise(
    "Modes covered",
    (
        _counts_modes_that_are_hit,
        _leaves_out_what_is_far,
        _measures_the_distance,
        _counts_a_mode_once,
    ),
    (
        "torch.cdist(samples, centres) gives all distances, shape (n, k).",
        "A mode is covered if its nearest sample is within the radius.",
    ),
    modes_covered,
)


# Reverse KL over modes ------------------------------------------------------------------------


def _is_zero_when_even(kl: Attempt, fresh: RandomInputs) -> str | None:
    k, each = fresh.integer(4, 10), fresh.integer(10, 40)
    value = number(kl(torch.full((k,), each)))
    return None if abs(value) < 1e-6 else f"even counts should give 0, not {value:.3f}."


def _is_log_k_for_one_mode(kl: Attempt, fresh: RandomInputs) -> str | None:
    counts = torch.zeros(fresh.integer(4, 10), dtype=torch.int64)
    counts[fresh.integer(0, 3)] = fresh.integer(50, 200)
    value, k = number(kl(counts)), len(counts)
    right = isclose(value, log(k), rel_tol=1e-4)
    return (
        None if right else f"one mode of {k} should give log {k} = {log(k):.3f}, not {value:.3f}."
    )


def _is_in_the_right_direction(kl: Attempt, fresh: RandomInputs) -> str | None:
    counts = torch.tensor([fresh.integer(1, 20), fresh.integer(25, 50), fresh.integer(1, 20)])
    q = counts.double() / counts.sum()
    value, wanted = number(kl(counts)), float((q * (3 * q).log()).sum())
    right = isclose(value, wanted, rel_tol=1e-4)
    return None if right else f"counts {counts.tolist()} give {wanted:.4f}, not {value:.4f}."


REVERSE_KL = Exercise(
    "Reverse KL over modes",
    (_is_zero_when_even, _is_log_k_for_one_mode, _is_in_the_right_direction),
    (
        "Σ q log(q / p), with q the shares of the samples and p = 1/k.",
        "0·log 0 is 0: torch.xlogy knows that.",
    ),
    reverse_kl,
)


# Packing --------------------------------------------------------------------------------------


def _packed(pack: Attempt, fresh: RandomInputs) -> tuple[Tensor, Tensor]:
    """Different numbers in rows, and the rows of the packs."""
    packs, m, d = fresh.integer(5, 7), fresh.integer(2, 4), fresh.integer(2, 3)
    x = fresh.normal(packs * m, d)
    return x, tensor_like(pack(x, m), torch.empty(packs, m * d))


def _uses_every_sample_once(pack: Attempt, fresh: RandomInputs) -> str | None:
    x, packs = _packed(pack, fresh)
    seen = Counter(packs.flatten().tolist())
    often = [seen[v] for v in x.flatten().tolist()]
    if min(often) == 1:  # as many numbers as places: then none is seen twice
        return None
    lost = f"{often.count(0)} of the {len(often)} numbers of x are in no pack"
    return f"{lost}, and one is there {max(often)} times; every sample should be used once."


def _keeps_samples_whole(pack: Attempt, fresh: RandomInputs) -> str | None:
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
    my_pack,
)


# The spread of a minibatch --------------------------------------------------------------------


def _spread(spread: Attempt, x: Tensor) -> Tensor:
    """The column that was added to the features."""
    answer = tensor_like(spread(x), torch.empty(len(x), x.shape[1] + 1))
    if wrong := describe_mismatch(answer[:, :-1], x):
        raise Wrong(f"the features themselves should stay; {wrong}.")
    return answer[:, -1]


def _is_zero_without_diversity(spread: Attempt, fresh: RandomInputs) -> str | None:
    n = fresh.integer(4, 8)
    value = float(_spread(spread, fresh.normal(1, 5).repeat(n, 1)).abs().max())
    hint = "take it over the samples, not over the features"
    return None if value < 1e-3 else f"{n} copies of one sample give {value:.3f}, not 0; {hint}."


def _measures_the_spread(spread: Attempt, fresh: RandomInputs) -> str | None:
    x = fresh.normal(fresh.integer(4, 8), 5)
    added, wanted = _spread(spread, x), x.var(0, correction=0).sqrt().mean()
    if not torch.allclose(added, added[:1].expand_as(added)):
        return "all rows of a batch should be told the same number."
    wrong = describe_mismatch(added[:1], wanted[None], 1e-3)
    return wrong and f"the deviations of the features, averaged: {wrong} (divide by n)."


MINIBATCH_STD = Exercise(
    "The spread of a minibatch",
    (_is_zero_without_diversity, _measures_the_spread),
    (
        "x.std(0, unbiased=False) is one deviation per feature.",
        "Average those over the features; expand the number to a column.",
    ),
    with_spread,
)


# How many kernel entries land on a pixel ------------------------------------------------------


def _counts(answer: Any) -> Tensor:
    try:
        return torch.as_tensor(answer, dtype=torch.float64).flatten()
    except (TypeError, ValueError, RuntimeError):
        raise Wrong("the answer should be a list of counts, one for each pixel.") from None


def _counts_what_lands(overlap: Attempt, fresh: RandomInputs) -> str | None:
    # The comb of kernel 3 and stride 2 beside fresh ones.
    drawn = [(fresh.integer(2, 6), fresh.integer(2, 5), fresh.integer(1, 3)) for _ in range(3)]
    for n, kernel, stride in [(5, 3, 2), *drawn]:
        answer = _counts(overlap(n, kernel, stride))
        wanted = F.conv_transpose1d(torch.ones(1, 1, n), torch.ones(1, 1, kernel), stride=stride)
        case = f"with {n} inputs, kernel {kernel}, stride {stride}"
        if len(answer) != wanted.numel():
            return f"{case} there are {wanted.numel()} pixels, not {len(answer)}."
        if wrong := describe_mismatch(answer, wanted.flatten(), place="pixel {}"):
            return f"{case} {wrong}."
    return None


OVERLAP = Exercise(
    "Where a checkerboard comes from",
    (_counts_what_lands,),
    (
        "Input i adds 1 to the pixels i·stride … i·stride + kernel − 1.",
        "The last pixel is (n − 1)·stride + kernel − 1, counted from 0.",
    ),
    overlap,
)
