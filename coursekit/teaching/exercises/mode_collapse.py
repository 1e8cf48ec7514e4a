"""Exercises of 05: each attempt is graded by what it must do on fresh inputs."""

from collections.abc import Callable
from math import isclose, log
from typing import Any

import torch

from coursekit.teaching.exercise import Exercise

Attempt = Callable[..., Any]


def _rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# Modes covered --------------------------------------------------------------------------------

_CENTRES = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])


def _counts_modes_that_are_hit(covered: Attempt) -> str | None:
    value = int(covered(_CENTRES[:2] + 0.01, _CENTRES, 0.5))
    return None if value == 2 else f"samples on two of three modes gave {value}."


def _leaves_out_what_is_far(covered: Attempt) -> str | None:
    between = torch.tensor([[2.0, 0.1], [0.1, 2.0], [50.0, 50.0]])
    value = int(covered(between, _CENTRES, 0.5))
    hint = "the nearest mode of a sample may still be too far away"
    return None if value == 0 else f"samples between the modes covered {value} of them; {hint}."


def _counts_a_mode_once(covered: Attempt) -> str | None:
    crowd = 0.05 * torch.randn(200, 2, generator=_rng(1))
    value = int(covered(crowd, _CENTRES, 0.5))
    return None if value == 1 else f"200 samples on one mode gave {value}; count modes."


MODES_COVERED = Exercise(
    "Modes covered",
    (_counts_modes_that_are_hit, _leaves_out_what_is_far, _counts_a_mode_once),
    (
        "torch.cdist(samples, centres) gives all distances, shape (n, k).",
        "A mode is covered if its nearest sample is within the radius.",
        "(distances.min(dim=0).values <= radius).sum().",
    ),
)


# Reverse KL over modes ------------------------------------------------------------------------


def _is_zero_when_even(kl: Attempt) -> str | None:
    value = float(kl(torch.full((8,), 25)))
    return None if abs(value) < 1e-6 else f"even counts should give 0, not {value:.3f}."


def _is_log_k_for_one_mode(kl: Attempt) -> str | None:
    counts = torch.zeros(8, dtype=torch.int64)
    counts[3] = 100
    value = float(kl(counts))
    right = isclose(value, log(8), rel_tol=1e-4)
    return None if right else f"one mode of eight should give log 8 = 2.079, not {value:.3f}."


def _is_in_the_right_direction(kl: Attempt) -> str | None:
    value = float(kl(torch.tensor([3, 1])))
    wanted = 0.75 * log(1.5) + 0.25 * log(0.5)
    right = isclose(value, wanted, rel_tol=1e-3)
    return None if right else f"counts 3 and 1 should give {wanted:.4f}, not {value:.4f}."


REVERSE_KL = Exercise(
    "Reverse KL over modes",
    (_is_zero_when_even, _is_log_k_for_one_mode, _is_in_the_right_direction),
    (
        "Σ q log(q / p), with q the shares of the samples and p = 1/k.",
        "0·log 0 is 0: torch.xlogy knows that.",
        "q = counts.double() / counts.sum(); torch.xlogy(q, q * len(q)).sum().",
    ),
)


# Packing --------------------------------------------------------------------------------------


def _has_the_right_shape(pack: Attempt) -> str | None:
    shape = tuple(pack(torch.rand(12, 2, generator=_rng(2)), 3).shape)
    return None if shape == (4, 6) else f"12 points of the plane, m = 3: {shape}, not (4, 6)."


def _uses_every_sample_once(pack: Attempt) -> str | None:
    x = torch.arange(24.0).view(12, 2)
    seen = pack(x, 3).flatten().sort().values
    right = torch.equal(seen, torch.arange(24.0))
    return None if right else "every number of x should be seen once; do not repeat a sample."


def _keeps_samples_whole(pack: Attempt) -> str | None:
    x = torch.arange(24.0).view(12, 2)
    points = {tuple(p) for p in pack(x, 3).reshape(-1, 2).tolist()}
    right = points == {tuple(p) for p in x.tolist()}
    return None if right else "the coordinates of different samples are mixed up."


PACK = Exercise(
    "Packing samples",
    (_has_the_right_shape, _uses_every_sample_once, _keeps_samples_whole),
    (
        "A pack is one long row: m samples, one after the other.",
        "No sample is used twice: n samples make n/m packs.",
        "x.reshape(len(x) // m, -1).",
    ),
)


# The spread of a minibatch --------------------------------------------------------------------


def _appends_one_feature(spread: Attempt) -> str | None:
    x = torch.rand(6, 5, generator=_rng(3))
    out = spread(x)
    if tuple(out.shape) != (6, 6):
        return f"6 rows of 5 features should become (6, 6), not {tuple(out.shape)}."
    return None if torch.equal(out[:, :5], x) else "the features themselves should stay."


def _is_zero_without_diversity(spread: Attempt) -> str | None:
    x = torch.arange(5.0).repeat(6, 1)
    value = float(spread(x)[:, -1].abs().max())
    hint = "take it over the samples, not over the features"
    return (
        None
        if value < 1e-3
        else f"six copies of one sample should give 0, not {value:.3f}; {hint}."
    )


def _measures_the_spread(spread: Attempt) -> str | None:
    x = torch.tensor([[-1.0, 2.0], [1.0, 8.0]])
    added = spread(x)[:, -1]
    if not torch.allclose(added, added[:1].expand_as(added)):
        return "all rows of a batch should be told the same number."
    value = float(added[0])
    right = abs(value - 2) < 1e-3
    return None if right else f"deviations 1 and 3 should average 2, not {value:.3f} (divide by n)."


MINIBATCH_STD = Exercise(
    "The spread of a minibatch",
    (_appends_one_feature, _is_zero_without_diversity, _measures_the_spread),
    (
        "x.std(0, unbiased=False) is one deviation per feature.",
        "Average those over the features; expand the number to a column.",
        "torch.cat([x, x.std(0, unbiased=False).mean().expand(len(x), 1)], 1).",
    ),
)


# How many kernel entries land on a pixel ------------------------------------------------------


def _counts_all(overlap: Attempt) -> str | None:
    total = int(sum(int(v) for v in overlap(5, 3, 2)))
    return None if total == 15 else f"5 inputs with 3 entries each make 15 in all, not {total}."


def _knows_the_length(overlap: Attempt) -> str | None:
    length = len(overlap(5, 3, 2))
    return (
        None
        if length == 11
        else f"5 inputs, kernel 3, stride 2 reach over 11 pixels, not {length}."
    )


def _sees_the_comb(overlap: Attempt) -> str | None:
    uneven, even = ([int(v) for v in overlap(5, k, 2)][3:-3] for k in (3, 4))
    if len(set(uneven)) == 1:
        return "with kernel 3 and stride 2 the inner pixels should differ."
    return None if len(set(even)) == 1 else "with kernel 4 and stride 2 the inner pixels are even."


OVERLAP = Exercise(
    "Where a checkerboard comes from",
    (_counts_all, _knows_the_length, _sees_the_comb),
    (
        "Input i adds 1 to the pixels i·stride … i·stride + kernel − 1.",
        "The last pixel is (n − 1)·stride + kernel − 1, counted from 0.",
        "Start from a list of zeros; two loops.",
    ),
)
