"""What a generator feels: the derivative of its loss in the score, and in its own parameter."""

import torch

from coursekit.theory.densities import Density, Function, Points
from coursekit.theory.quadrature import integrate
from coursekit.theory.value import times


def saturating_slope(score: Points) -> Points:
    """d/ds log(1 − D) = −D: gone where the discriminator is sure of a fake, D(G(z)) ≈ 0."""
    return -score.sigmoid()


def non_saturating_slope(score: Points) -> Points:
    """d/ds [−log D] = −(1 − D): full strength where D(G(z)) ≈ 0, gone where D(G(z)) ≈ 1."""
    return -(-score).sigmoid()


def generator_pull(slope: Function, score: Function, q: Density) -> float:
    """dL/dθ for a generator G(z) = z + θ, which slides its samples along the line.

    With the discriminator held fixed, dL/dθ = E_{x∼q} [slope(s(x)) · s′(x)].

    Args:
        slope: `saturating_slope` or `non_saturating_slope`.
        score: the discriminator, x → s, differentiable and finite on the support of q.
        q: density of the generator's samples.
    """

    def integrand(x: Points) -> Points:
        x = x.requires_grad_(True)
        s = score(x)
        (steepness,) = torch.autograd.grad(s.sum(), x)
        return times(q.density(x), slope(s) * steepness).detach()

    return integrate(integrand, q)
