"""Integrals over the line: Gauss–Legendre between break points, on a stretched axis.

With x = c + w·sinh(u) a tail |x|^−a falls like e^{−(a−1)|u|}, so heavy tails end after a few dozen
units of u and nothing has to be cut off. Every weight is positive: where one integrand lies below
another at each point, so do their integrals, rounding apart.
"""

from collections.abc import Iterable
from functools import lru_cache
from math import copysign, inf, isfinite

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from coursekit.errors import require
from coursekit.theory.densities import Density, Function, landmarks, numbers, unbounded, width

Line = Float[Tensor, " n"]
Edges = Float[Tensor, " e"]
ORDER = 24  # nodes in a panel
PANEL = 0.25  # the widest panel, in units of u


def integrate(
    f: Function, *densities: Density, kinks: Iterable[float] = (), order: int = ORDER
) -> float:
    """∫ f(x) dx over the interval that holds the supports of `densities`.

    Args:
        f: smooth but for `kinks` and for the break points of `densities`, on whose scale it varies.
        densities: at least one; their landmarks become break points.
        kinks: further points where f or a derivative of it jumps.
        order: nodes in a panel. Another order is another rule, which a check can be held against.

    Returns:
        The integral; ±∞ where f is infinite, or where a tail has not settled by the point beyond
        which the densities hold less than 1e-40.
    """
    x, w = nodes(*densities, kinks=kinks, order=order)
    panels = (f(x) * w).view(-1, order).sum(1)
    total, ends = float(panels.sum()), [float(panels[0]), float(panels[-1])]
    settled = 1e-9 + 1e-6 * abs(total - sum(ends))
    loose = [end for end in ends if abs(end) > settled]
    if loose and isfinite(total) and any(unbounded(d) for d in densities):
        return copysign(inf, loose[0])
    return total


def nodes(
    *densities: Density, kinks: Iterable[float] = (), order: int = ORDER
) -> tuple[Line, Line]:
    """The points and the positive weights of the rule, `order` of them in a panel.

    Raises:
        CourseError: no density was given.
    """
    require(len(densities) > 0, "densities was empty; the rule needs one to know its scale.")
    marks = torch.cat([*map(landmarks, densities), numbers(list(kinks))])
    centre, span = marks.median(), min(map(width, densities))
    edges = torch.asinh((marks - centre) / span).unique()
    u, w = _gauss_legendre(_split(edges), order)
    return centre + span * torch.sinh(u), span * torch.cosh(u) * w


def crossings(f: Function, *densities: Density) -> list[float]:
    """The points where `f` changes sign, to rounding, by bisection: the kinks of |f|."""
    x, _ = nodes(*densities, order=8)
    sign = f(x).sign().nan_to_num(0.0)
    change = (sign[:-1] * sign[1:] < 0).nonzero().flatten()
    low, high, below = x[change], x[change + 1], sign[change]
    for _ in range(60):
        middle = (low + high) / 2
        left = f(middle).sign() == below
        low, high = torch.where(left, middle, low), torch.where(left, high, middle)
    return [float(root) for root in (low + high) / 2]


def _split(edges: Edges) -> Line:
    """Further edges, evenly between those given, so that no panel is wider than PANEL."""
    gaps = edges.diff()
    pieces = (gaps / PANEL).ceil().clamp_min(1).long()
    first = torch.repeat_interleave(pieces.cumsum(0) - pieces, pieces)
    share = (torch.arange(int(pieces.sum())) - first) / torch.repeat_interleave(pieces, pieces)
    start = torch.repeat_interleave(edges[:-1], pieces)
    return torch.cat([start + share * torch.repeat_interleave(gaps, pieces), edges[-1:]])


def _gauss_legendre(edges: Edges, order: int) -> tuple[Line, Line]:
    t, w = _unit_rule(order)
    middle, half = (edges[1:] + edges[:-1]) / 2, edges.diff() / 2
    return (middle[:, None] + half[:, None] * t).flatten(), (half[:, None] * w).flatten()


@lru_cache
def _unit_rule(order: int) -> tuple[Line, Line]:
    """Gauss–Legendre on [−1, 1]."""
    t, w = np.polynomial.legendre.leggauss(order)
    return torch.from_numpy(t), torch.from_numpy(w)
