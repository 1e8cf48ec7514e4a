"""The exercises of 05 on modes: how many are covered, and how evenly."""

from math import isclose, log

import torch
from torch import Tensor

from coursekit.teaching.exercise import Exercise
from coursekit.teaching.grading import Attempt, Fresh, number
from coursekit.teaching.solutions import mode_collapse as worked

# Modes covered --------------------------------------------------------------------------------


def _modes(fresh: Fresh) -> tuple[Tensor, float]:
    """Centres on a lattice of spacing 4, in any order, and a radius below 1."""
    k = fresh.integer(4, 8)
    grid = torch.cartesian_prod(torch.arange(3), torch.arange(3)).double()
    return 4 * fresh.shuffled(grid)[:k], fresh.number(0.4, 0.8)


def _counts_modes_that_are_hit(covered: Attempt, fresh: Fresh) -> str | None:
    (centres, radius), hit = _modes(fresh), fresh.integer(2, 3)
    samples = centres[:hit] + fresh.uniform(-0.2, 0.2, hit, 2)
    value, k = number(covered(samples, centres, radius)), len(centres)
    return None if value == hit else f"samples on {hit} of {k} modes gave {value:g}."


def _leaves_out_what_is_far(covered: Attempt, fresh: Fresh) -> str | None:
    centres, radius = _modes(fresh)
    value = number(covered(centres + fresh.uniform(1.5, 2, len(centres), 2), centres, radius))
    hint = "the nearest mode of a sample may still be too far away"
    return None if value == 0 else f"samples between the modes covered {value:g} of them; {hint}."


def _measures_the_distance(covered: Attempt, fresh: Fresh) -> str | None:
    centres, radius = _modes(fresh)
    for share, wanted in ((0.95, 1), (1.05, 0)):
        away = share * radius * torch.tensor([[0.5, 0.5]], dtype=torch.float64).sqrt()
        value = number(covered(centres[:1] + away, centres, radius))
        if value != wanted:
            seen = f"a sample {share * radius:.3f} away, with radius {radius:.3f}, gave {value:g}"
            return f"{seen}, not {wanted}: is it the Euclidean distance?"
    return None


def _counts_a_mode_once(covered: Attempt, fresh: Fresh) -> str | None:
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
    worked.modes_covered,
)


# Reverse KL over modes ------------------------------------------------------------------------


def _is_zero_when_even(kl: Attempt, fresh: Fresh) -> str | None:
    k, each = fresh.integer(4, 10), fresh.integer(10, 40)
    value = number(kl(torch.full((k,), each)))
    return None if abs(value) < 1e-6 else f"even counts should give 0, not {value:.3f}."


def _is_log_k_for_one_mode(kl: Attempt, fresh: Fresh) -> str | None:
    counts = torch.zeros(fresh.integer(4, 10), dtype=torch.int64)
    counts[fresh.integer(0, 3)] = fresh.integer(50, 200)
    value, k = number(kl(counts)), len(counts)
    right = isclose(value, log(k), rel_tol=1e-4)
    return (
        None if right else f"one mode of {k} should give log {k} = {log(k):.3f}, not {value:.3f}."
    )


def _is_in_the_right_direction(kl: Attempt, fresh: Fresh) -> str | None:
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
    worked.reverse_kl,
)
