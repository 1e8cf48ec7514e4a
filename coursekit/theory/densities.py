"""Densities on the line, their tails, and integrals of them."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from math import copysign, inf, isfinite
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from coursekit.errors import require

Points = Float[Tensor, "*shape"]  # numbers on the line, or functions of them; float64
Function = Callable[[Tensor], Tensor]  # of points, in any arrangement

# Quantiles where a density changes its face: far tail, shoulder, middle.
LEVELS = torch.tensor([1e-40, 1e-12, 1e-6, 1e-3, 0.02, 0.1, 0.25, 0.5], dtype=torch.float64)


@runtime_checkable
class StandardDensity(Protocol):
    """An even standard density: centre 0, scale 1."""

    @property
    def cdf(self) -> Function: ...

    @property
    def quantile(self) -> Function: ...

    @property
    def edges(self) -> tuple[float, ...]: ...


@runtime_checkable
class Density(Protocol):
    """Σ wᵢ f((x − cᵢ)/sᵢ)/sᵢ: a mixture of copies of one shape f."""

    @property
    def weights(self) -> tuple[float, ...]: ...

    @property
    def centres(self) -> tuple[float, ...]: ...

    @property
    def scales(self) -> tuple[float, ...]: ...

    @property
    def shape(self) -> StandardDensity: ...

    @property
    def edges(self) -> tuple[float, ...]: ...

    def log_density(self, x: Points) -> Points: ...

    def density(self, x: Points) -> Points: ...

    def cdf(self, x: Points) -> Points: ...


def float64(values: tuple[float, ...] | list[float]) -> Float[Tensor, " n"]:
    """The values as a float64 tensor."""
    return torch.tensor(values, dtype=torch.float64)


def survival(p: Density, x: Points) -> Points:
    """P(X > x): 1 − cdf, but without its cancellation in the upper tail."""
    mirrored = p.shape.cdf((float64(p.centres) - x[..., None]) / float64(p.scales))
    return mirrored @ float64(p.weights)


def landmarks(p: Density) -> Float[Tensor, " n"]:
    """Points between which every component is smooth and none has a thin peak."""
    reach = p.shape.quantile(LEVELS)
    spans = float64(p.scales)[:, None] * reach
    centres = float64(p.centres)[:, None]
    return torch.cat([(centres + spans).flatten(), (centres - spans).flatten()])


def width(p: Density) -> float:
    """Distance from the centre to the 16 % quantile of the narrowest component."""
    return min(p.scales) * -float(p.shape.quantile(float64([0.16])))


def unbounded(p: Density) -> bool:
    """Whether the support has no ends."""
    return not p.shape.edges


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
    marks = torch.cat([*map(landmarks, densities), float64(list(kinks))])
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
