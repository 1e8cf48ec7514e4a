"""Divergences between densities, between masses and between samples; f-divergences."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, log

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid
from torch.special import xlogy

from coursekit.errors import require
from coursekit.theory.densities import (
    ORDER,
    Density,
    Function,
    Points,
    crossings,
    float64,
    integrate,
    survival,
)
from coursekit.theory.games import best_score, mul_zero_inf

Masses = Float[Tensor, " k"]  # at least 0, summing to 1


def kl(p: Density, q: Density, order: int = ORDER) -> float:
    """KL(p‖q) = ∫ p log(p/q) dx; ∞ where p has mass and q has none. `kl(q, p)` is the reverse."""

    def integrand(x: Points) -> Points:
        log_p = p.log_density(x)
        return mul_zero_inf(log_p.exp(), log_p - q.log_density(x))

    return integrate(integrand, p, q, order=order)


def entropy(p: Density) -> float:
    """H(p) = −∫ p log p dx, in nats; may be negative."""
    return integrate(lambda x: -mul_zero_inf(p.density(x), p.log_density(x)), p)


def jensen_shannon(p: Density, q: Density, order: int = ORDER) -> float:
    """JS(p‖q) = ½ KL(p‖m) + ½ KL(q‖m) with m = (p + q)/2; between 0 and log 2 (Lin 1991)."""

    def integrand(x: Points) -> Points:
        log_p, log_q = p.log_density(x), q.log_density(x)
        log_m = torch.logaddexp(log_p, log_q) - log(2)
        to_p = mul_zero_inf(log_p.exp(), log_p - log_m)
        to_q = mul_zero_inf(log_q.exp(), log_q - log_m)
        return 0.5 * to_p + 0.5 * to_q

    return integrate(integrand, p, q, order=order)


def total_variation_distance(p: Density, q: Density) -> float:
    """TV = ½ ∫ |p − q| dx, the largest difference of probability over all events; at most 1.

    Between two points where p = q the sign of p − q is constant, so the distribution functions give
    each piece exactly.
    """
    signs = crossings(best_score(p, q), p, q)
    x = float64([-inf, *signs, *p.edges, *q.edges, inf]).unique()
    return float(0.5 * (p.cdf(x).diff() - q.cdf(x).diff()).abs().sum())


def hellinger_squared(p: Density, q: Density) -> float:
    """H² = ½ ∫ (√p − √q)² dx; between 0 and 1, and H² ≤ TV ≤ H √(2 − H²)."""
    return integrate(lambda x: 0.5 * (p.density(x).sqrt() - q.density(x).sqrt()) ** 2, p, q)


def wasserstein_1(p: Density, q: Density) -> float:
    """W₁ = ∫ |F_p − F_q| dx: on the line the earth mover needs only the distribution functions.

    ∞ where only one of the two has a first moment (Vallender 1974 for the formula).
    """

    def gap(x: Points) -> Points:
        above = p.cdf(x) + q.cdf(x) > 1  # there the upper tails keep their digits
        return torch.where(above, survival(q, x) - survival(p, x), p.cdf(x) - q.cdf(x))

    return integrate(lambda x: gap(x).abs(), p, q, kinks=crossings(gap, p, q))


def jensen_shannon_of_masses(p: Masses, q: Masses) -> float:
    """JS of two discrete distributions on the same atoms; zeros are allowed.

    Raises:
        CourseError: different shapes, a negative mass, or masses that do not sum to 1.
    """
    require(p.shape == q.shape, f"p has {len(p)} masses and q {len(q)}; give the same number.")
    for name, masses in (("p", p), ("q", q)):
        fair = bool(masses.min() >= 0) and abs(float(masses.sum()) - 1) < 1e-9
        require(fair, f"the masses of {name} must be at least 0 and sum to 1.")
    m = (p + q) / 2
    terms = xlogy(p, p) - xlogy(p, m) + xlogy(q, q) - xlogy(q, m)
    return float(0.5 * terms.sum())


def jensen_shannon_of_samples(x: Float[Tensor, "n *d"], y: Float[Tensor, "k *d"]) -> float:
    """JS between two samples, each row an atom of equal mass: log 2 where they share no row."""
    rows = torch.cat([x, y]).reshape(len(x) + len(y), -1)
    _, atom = rows.unique(dim=0, return_inverse=True)
    counts = [
        part.bincount(minlength=int(atom.max()) + 1) for part in (atom[: len(x)], atom[len(x) :])
    ]
    return jensen_shannon_of_masses(counts[0].double() / len(x), counts[1].double() / len(y))


Weighed = Callable[[Tensor, Tensor], Tensor]  # (log of a density, score) -> density × something


@dataclass(frozen=True)
class FDivergence:
    """One f-divergence, by what its discriminator earns at a point.

    Attributes:
        name: as a figure calls it.
        reward: (log p, s) → p · T(s).
        price: (log q, s) → q · f*(T(s)).
    """

    name: str
    reward: Weighed
    price: Weighed


def _plain(log_mass: Points, x: Points) -> Points:
    """mass · x."""
    return mul_zero_inf(log_mass.exp(), x)


def _tilted(log_mass: Points, s: Points) -> Points:
    """mass · eˢ in one exponential: s alone may be too large for float64.

    Beyond |s| = 1e15 the sum has no digits left; such far tails weigh nothing and are left out.
    """
    lost = log_mass.isneginf() | (s.abs() > 1e15)
    return (log_mass + s).masked_fill(lost, -float("inf")).exp()


def _log_2d(s: Points) -> Points:
    """log(2 D): 0 where the discriminator has no opinion."""
    return log(2) + logsigmoid(s)


F_DIVERGENCES = (
    FDivergence("KL(p‖q)", lambda p, s: _plain(p, 1 + s), _tilted),
    FDivergence("KL(q‖p)", lambda p, s: -_tilted(p, -s), lambda q, s: _plain(q, s - 1)),
    FDivergence(
        "JS", lambda p, s: _plain(p, _log_2d(s)) / 2, lambda q, s: -_plain(q, _log_2d(-s)) / 2
    ),
    FDivergence(
        "H²",
        lambda p, s: (p.exp() - _tilted(p, -s / 2)) / 2,
        lambda q, s: (_tilted(q, s / 2) - q.exp()) / 2,
    ),
    FDivergence("TV", lambda p, s: _plain(p, s.sign()) / 2, lambda q, s: _plain(q, s.sign()) / 2),
)


def f_value(f: FDivergence, p: Density, q: Density, score: Function | None = None) -> float:
    """What the discriminator `score` earns in the game of `f`; by default the best one, giving D_f.

    Any other score earns no more: a lower bound of the divergence.
    """
    score = score or best_score(p, q)

    def integrand(x: Points) -> Points:
        s = score(x)
        return f.reward(p.log_density(x), s) - f.price(q.log_density(x), s)

    return integrate(integrand, p, q, kinks=crossings(score, p, q))
