"""What theory asks of a density on the line, and what follows from it: tails, landmarks, widths.

`coursekit.data.toys` makes them (`gaussian`, `uniform`, `student_t`, `Mixture1D`); this room only
says what they must know.
"""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

Points = Float[Tensor, "*shape"]  # numbers on the line, or functions of them; float64
Function = Callable[[Tensor], Tensor]  # of points, in any arrangement

# Quantiles where a density changes its face: far tail, shoulder, middle.
LEVELS = torch.tensor([1e-40, 1e-12, 1e-6, 1e-3, 0.02, 0.1, 0.25, 0.5], dtype=torch.float64)


@runtime_checkable
class Shape(Protocol):
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
    def shape(self) -> Shape: ...

    @property
    def edges(self) -> tuple[float, ...]: ...

    def log_density(self, x: Points) -> Points: ...

    def density(self, x: Points) -> Points: ...

    def cdf(self, x: Points) -> Points: ...


def numbers(values: tuple[float, ...] | list[float]) -> Float[Tensor, " n"]:
    """The values as a float64 tensor."""
    return torch.tensor(values, dtype=torch.float64)


def survival(p: Density, x: Points) -> Points:
    """P(X > x): 1 − cdf, but without its cancellation in the upper tail."""
    mirrored = p.shape.cdf((numbers(p.centres) - x[..., None]) / numbers(p.scales))
    return mirrored @ numbers(p.weights)


def landmarks(p: Density) -> Float[Tensor, " n"]:
    """Points between which every component is smooth and none has a thin peak."""
    reach = p.shape.quantile(LEVELS)
    spans = numbers(p.scales)[:, None] * reach
    centres = numbers(p.centres)[:, None]
    return torch.cat([(centres + spans).flatten(), (centres - spans).flatten()])


def width(p: Density) -> float:
    """Distance from the centre to the 16 % quantile of the narrowest component."""
    return min(p.scales) * -float(p.shape.quantile(numbers([0.16])))


def unbounded(p: Density) -> bool:
    """Whether the support has no ends."""
    return not p.shape.edges
