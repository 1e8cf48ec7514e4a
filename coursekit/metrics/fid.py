"""Fréchet distance (its bias, and at infinity) and Inception score."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.metrics.accuracy import features, probabilities
from coursekit.types import Features, Images, Probabilities

FeaturesA = Float[Tensor, "n d_a"]
FeaturesB = Float[Tensor, "m d_b"]
Covariance = Float[Tensor, "d d"]


def frechet_distance(features_a: FeaturesA, features_b: FeaturesB) -> float:
    """The squared W₂ distance between two Gaussians fitted to the features.

    ‖μₐ − μ_b‖² + tr(Σₐ + Σ_b − 2(ΣₐΣ_b)^½) (Heusel et al. 2017, eq. 6; Dowson & Landau 1982).
    With Inception features it is called FID; with others it is on another scale, and two values
    are only comparable if network, data and n agree. It falls with n: it is biased upwards
    (Bińkowski et al. 2018, App. D), so always show a real-against-real floor of the same n.

    Args:
        features_a, features_b: shapes (n, d) and (m, d), n and m at least 2.

    Returns:
        A number ≥ 0; 0 if means and covariances agree. Computed in float64 on the CPU.

    Raises:
        CourseError: fewer than two rows, different dimensions, or values that are not finite.
    """
    a, b = _checked("features_a", features_a), _checked("features_b", features_b)
    require(
        a.shape[1] == b.shape[1],
        f"features_a has {a.shape[1]} columns and features_b {b.shape[1]}; they must agree.",
    )
    cov_a, cov_b = a.T.cov().view(a.shape[1], -1), b.T.cov().view(b.shape[1], -1)
    root = _root(cov_a)
    # tr (ΣₐΣ_b)^½ by the eigenvalues of the symmetric Σₐ^½ Σ_b Σₐ^½, which has the same ones.
    overlap = torch.linalg.eigvalsh(root @ cov_b @ root).clamp_min(0).sqrt().sum()
    distance = (a.mean(0) - b.mean(0)).square().sum() + cov_a.trace() + cov_b.trace() - 2 * overlap
    return max(0.0, float(distance))  # rounding may leave −1e-12


def _checked(name: str, features: Tensor) -> Features:
    require(len(features) >= 2, f"{name} has {len(features)} rows; a covariance needs at least 2.")
    rows = features.detach().cpu().double()
    require(bool(rows.isfinite().all()), f"{name} holds a value that is not finite.")
    return rows


def _root(covariance: Covariance) -> Covariance:
    """The symmetric square root of a positive semidefinite matrix."""
    values, vectors = torch.linalg.eigh(covariance)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T


def inception_score(probabilities: Probabilities) -> float:
    """exp E_x KL(p(y | x) ‖ p(y)) (Salimans et al. 2016, §4): 1 at worst, k classes at best.

    Each sample should be of one clear class, and all classes should occur. Blind to everything
    else: one perfect image per class, repeated for ever, has the best score there is.

    Args:
        probabilities: shape (n, k), rows sum to 1.

    Raises:
        CourseError: no rows, or rows that are not probabilities.
    """
    p = probabilities.detach().cpu().double()
    require(len(p) >= 1, "probabilities was empty; give at least one row.")
    fair = bool((p >= 0).all()) and torch.allclose(p.sum(1), p.new_ones(len(p)), atol=1e-3)
    require(fair, "probabilities must be at least 0 and each row sum to 1; were these logits?")
    marginal = p.mean(0, keepdim=True)
    divergence = torch.xlogy(p, p) - torch.xlogy(p, marginal)  # 0 · log 0 = 0
    return float(divergence.sum(1).mean().exp())


@dataclass(frozen=True)
class FIDScorer:
    """FID and IS on the features of one network, against one set of real images.

    The network must not have been trained on `real`: it would know those images better than any
    others, and call fresh real ones fakes. Values from different networks are not comparable.

    Attributes:
        network: a classifier with `features(x)`.
        real: the reference, shape (n, c, h, w); compare as many samples as it holds.
    """

    network: nn.Module
    real: Images

    @cached_property
    def reference(self) -> Features:
        """The features of the real images, computed once."""
        return features(self.network, self.real)

    def fid(self, x: Images) -> float:
        """Fréchet distance between the features of `x` and of the reference."""
        return frechet_distance(features(self.network, x), self.reference)

    def inception(self, x: Images) -> float:
        """Inception score of `x`, with this network's classes."""
        return inception_score(probabilities(self.network, x))


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
