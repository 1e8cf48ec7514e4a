"""Goodfellow et al. 2014, Proposition 1 and Theorem 1, derived by SymPy instead of believed.

At one point x the discriminator chooses a number y = D(x) and earns a·log y + b·log(1 − y), where
a = p(x) and b = q(x).
"""

from collections.abc import Sequence

import sympy as sp

a, b = sp.symbols("a b", positive=True)  # the two densities at one point
y = sp.symbols("y", positive=True)  # the discriminator's answer there
integrand = a * sp.log(y) + b * sp.log(1 - y)


def stationary_points() -> list[sp.Expr]:
    """Every y at which the integrand has slope zero."""
    return list(sp.solve(sp.diff(integrand, y), y))


def masses(letter: str, atoms: int) -> list[sp.Symbol]:
    """Positive symbols p_1 … p_k (or q_1 … q_k)."""
    return list(sp.symbols(f"{letter}_1:{atoms + 1}", positive=True))


def criterion(p: Sequence[sp.Expr], q: Sequence[sp.Expr]) -> sp.Expr:
    """C(G) = max over D of V(G, D): the integrand at D* = p/(p + q), summed over the atoms."""
    (best,) = stationary_points()
    at_best = integrand.subs(y, best)
    return sp.Add(
        *(at_best.subs({a: i, b: j}, simultaneous=True) for i, j in zip(p, q, strict=True))
    )


def jensen_shannon(p: Sequence[sp.Expr], q: Sequence[sp.Expr]) -> sp.Expr:
    """JS(p‖q) = ½ Σ p log(p/m) + ½ Σ q log(q/m), m = (p + q)/2."""
    pairs = [(i, j, (i + j) / 2) for i, j in zip(p, q, strict=True)]
    return sp.Add(*(i * sp.log(i / m) + j * sp.log(j / m) for i, j, m in pairs)) / 2


def normalised(expression: sp.Expr, *families: Sequence[sp.Symbol]) -> sp.Expr:
    """Logarithms taken apart, then the last mass of each family replaced by 1 − the others."""
    apart = sp.expand(sp.expand_log(sp.factor(expression, deep=True), force=False))
    rests = {f[-1]: 1 - sp.Add(*f[:-1]) for f in families}
    logs = {term: sp.Dummy() for term in apart.atoms(sp.log)}  # only the factors are to change
    back = {dummy: term for term, dummy in logs.items()}
    return sp.expand(apart.subs(logs).subs(rests)).subs(back)
