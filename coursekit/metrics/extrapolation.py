"""The bias of the Fréchet distance in the number of samples, and a way around it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma

import torch

from coursekit.errors import require
from coursekit.metrics.fidelity import FeaturesA, FeaturesB, frechet_distance


@dataclass(frozen=True)
class Extrapolation:
    """A straight line through (1/n, FID_n).

    Attributes:
        counts: the n that were tried.
        values: the mean FID at each.
        limit: where the line meets 1/n = 0.
        rate: its slope: the bias at n is about rate/n.
    """

    counts: tuple[int, ...]
    values: tuple[float, ...]
    limit: float
    rate: float


def frechet_at_infinity(
    features_a: FeaturesA,
    features_b: FeaturesB,
    counts: Sequence[int],
    rng: torch.Generator,
    draws: int = 4,
) -> Extrapolation:
    """FID_∞: subsets of n samples against the same reference, extrapolated (Chong & Forsyth 2020).

    Only the bias of the *samples* is removed; that of the reference stays, and is the same for
    every generator that is held against it.

    Args:
        features_a: of the samples, at least as many as the largest count.
        features_b: of the reference.
        counts: at least two different sizes of subset, each at least 2.
        rng: chooses the subsets.
        draws: subsets of each size, averaged.

    Raises:
        CourseError: fewer than two sizes, or one that is too small or too large.
    """
    fair = len(set(counts)) > 1 and min(counts) >= 2 and max(counts) <= len(features_a)
    require(
        fair, f"counts was {tuple(counts)}; give two or more sizes from 2 to {len(features_a)}."
    )

    def mean_of(n: int) -> float:
        rows = [torch.randperm(len(features_a), generator=rng)[:n] for _ in range(draws)]
        scores = [
            frechet_distance(features_a[row.to(features_a.device)], features_b) for row in rows
        ]
        return sum(scores) / draws

    values = tuple(mean_of(n) for n in counts)
    inverse = torch.tensor([1.0 / n for n in counts], dtype=torch.float64)
    design = torch.stack([torch.ones_like(inverse), inverse], 1)
    fitted = torch.linalg.lstsq(design, torch.tensor(values, dtype=torch.float64)[:, None]).solution
    return Extrapolation(tuple(counts), values, float(fitted[0]), float(fitted[1]))


def expected_on_line(n: int) -> float:
    """E of the Fréchet distance between N(0, 1) itself and `n` draws from it, exactly.

    E x̄² + E(s − 1)² = 1/n + 2 − 2·c₄(n), where E s = c₄(n) = √(2/(n−1))·Γ(n/2)/Γ((n−1)/2).

    Raises:
        CourseError: fewer than 2 draws.
    """
    require(n >= 2, f"n was {n}; a variance needs at least 2 draws.")
    c4 = (2 / (n - 1)) ** 0.5 * exp(lgamma(n / 2) - lgamma((n - 1) / 2))
    return 1 / n + 2 - 2 * c4


def expected_bias(d: int, n: int, scale: float = 1.0) -> float:
    """What n draws of N(0, s²I) in d dimensions add to their distance from N(0, I), to order 1/n.

    s²·d/n for the mean; s·d(d + 1)/(4n) for the covariance, since E tr Σ̂^½ falls short of s·d by
    s·d(d + 1)/(8n). A narrower cloud (s < 1) is flattered: its bias is smaller.
    """
    return scale**2 * d / n + scale * d * (d + 1) / (4 * n)
