"""Numbers that stand for "these samples look like those", and what each is blind to."""

import torch
from jaxtyping import Float
from torch import Tensor

from coursekit.errors import require
from coursekit.types import Features, Probabilities

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
