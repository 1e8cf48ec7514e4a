"""The value function of the game and the discriminator that maximises it.

    V(G, D) = E_{x∼p} log D(x) + E_{x∼q} log(1 − D(x))      (Goodfellow et al. 2014, eq. 1)

Everything works on scores s with D = sigmoid(s): log D = logsigmoid(s), log(1 − D) = logsigmoid(−s)
keep their digits where D itself has rounded to 0 or 1.
"""

from copy import deepcopy

from torch import nn
from torch.nn.functional import logsigmoid

from coursekit.theory.densities import Density, Function, Points
from coursekit.theory.quadrature import ORDER, integrate


def optimal_logit(log_p: Points, log_q: Points) -> Points:
    """The best discriminator's score s* = log p − log q; 0 where both densities vanish."""
    nowhere = log_p.isneginf() & log_q.isneginf()
    return (log_p - log_q).masked_fill(nowhere, 0.0)


def optimal_discriminator(log_p: Points, log_q: Points) -> Points:
    """D* = p/(p + q) = sigmoid(log p − log q) (Goodfellow et al. 2014, Proposition 1).

    From log densities it stays right where both densities underflow. Where both are exactly zero
    any value is optimal; ½ is returned.
    """
    return optimal_logit(log_p, log_q).sigmoid()


def best_score(p: Density, q: Density) -> Function:
    """The best discriminator as a function x → s*(x)."""
    return lambda x: optimal_logit(p.log_density(x), q.log_density(x))


def value(p: Density, q: Density, score: Function | None = None, order: int = ORDER) -> float:
    """V(G, D) by quadrature over the densities themselves: no sample, no noise.

    Args:
        p: density of the data.
        q: density of the generator's samples.
        score: the discriminator, x → s; by default the best one.
        order: nodes in a panel of the quadrature.
    """
    score = score or best_score(p, q)

    def integrand(x: Points) -> Points:
        s = score(x)
        on_real = times(p.density(x), logsigmoid(s))
        on_fake = times(q.density(x), logsigmoid(-s))
        return on_real + on_fake

    return integrate(integrand, p, q, order=order)


def discriminator_error(p: Density, q: Density, score: Function) -> float:
    """∫ m |D − D*| dx with m = (p + q)/2: the mean error where there is data to err on."""
    best = best_score(p, q)

    def error(x: Points) -> Points:
        return (p.density(x) + q.density(x)) / 2 * (score(x).sigmoid() - best(x).sigmoid()).abs()

    return integrate(error, p, q)


def score_of(critic: nn.Module) -> Function:
    """A trained network on the line as a function of float64 points, for the integrals here.

    The network is copied to the CPU in float64 and left as it was. It takes (n, 1); its scores may
    be of shape (n,) or (n, 1).
    """
    copy = deepcopy(critic).cpu().double().eval().requires_grad_(False)
    return lambda x: copy(x.reshape(-1, 1)).reshape(x.shape)


def times(mass: Points, x: Points) -> Points:
    """mass · x, and 0 where there is no mass: the convention 0 · ∞ = 0 of entropies."""
    return (mass * x).masked_fill(mass == 0, 0.0)
