"""f-divergences as games: what the best discriminator earns (Nowozin et al. 2016, eq. 4 and 6).

    D_f(p‖q) = ∫ q f(p/q) dx = max over s of  E_p T(s(x)) − E_q f*(T(s(x)))

Written in a score s whose best value is log p/q whatever f is: T(s) = f′(eˢ) is the reward on the
data and f*(T(s)) = eˢ f′(eˢ) − f(eˢ) the price on the samples. One trained discriminator then gives
a lower bound on every one of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import log

from torch import Tensor
from torch.nn.functional import logsigmoid

from coursekit.theory.densities import Density, Function, Points
from coursekit.theory.quadrature import crossings, integrate
from coursekit.theory.value import best_score, times

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
    return times(log_mass.exp(), x)


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
