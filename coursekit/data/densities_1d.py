"""Densities on a line with everything known exactly: density, distribution function, sampler.

Where theory says "for any p and q", these are the p and q it is tried on. All functions compute
in the dtype of `x`, so float64 in gives quadrature-grade float64 out.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from scipy import special
from torch import Tensor

from coursekit.data.dataset import Sampler
from coursekit.errors import require
from coursekit.types import PerExample

Points = Float[Tensor, "*shape"]  # real numbers, in any arrangement


class StandardDensity(NamedTuple):
    """A standard density: centre 0, scale 1."""

    log_density: Callable[[Tensor], Tensor]
    cdf: Callable[[Tensor], Tensor]
    quantile: Callable[[Tensor], Tensor]
    edges: tuple[float, ...] = ()  # where the density jumps


NORMAL = StandardDensity(
    log_density=lambda z: -0.5 * z**2 - 0.5 * math.log(2 * math.pi),
    cdf=torch.special.ndtr,
    quantile=torch.special.ndtri,
)
BOX = StandardDensity(
    log_density=lambda z: torch.full_like(z, -math.log(2)).masked_fill(z.abs() > 1, -math.inf),
    cdf=lambda z: (0.5 * (z + 1)).clamp(0, 1),
    quantile=lambda u: 2 * u - 1,
    edges=(-1.0, 1.0),
)


@dataclass(frozen=True)
class Mixture1D:
    """p(x) = Σ wᵢ f((x − cᵢ) / sᵢ) / sᵢ, a mixture of shifted and scaled copies of one shape f.

    Attributes:
        weights: positive, made to sum to 1.
        centres: one per component.
        scales: one per component, positive; the standard deviations where f is Gaussian.
        shape: the standard density f; Gaussian unless said otherwise.

    Raises:
        CourseError: lengths that differ, or a weight or scale that is not positive.
    """

    weights: tuple[float, ...]
    centres: tuple[float, ...]
    scales: tuple[float, ...]
    shape: StandardDensity = NORMAL

    def __post_init__(self) -> None:
        lengths = {len(self.weights), len(self.centres), len(self.scales)}
        require(len(lengths) == 1, "weights, centres and scales must have the same length.")
        require(all(w > 0 for w in self.weights), f"weights were {self.weights}; all must be > 0.")
        require(all(s > 0 for s in self.scales), f"scales were {self.scales}; all must be > 0.")
        total = sum(self.weights)
        object.__setattr__(self, "weights", tuple(w / total for w in self.weights))

    @property
    def edges(self) -> tuple[float, ...]:
        """Where the density jumps, in order: a quadrature must be cut there."""
        pairs = zip(self.centres, self.scales, strict=True)
        return tuple(sorted({c + s * edge for c, s in pairs for edge in self.shape.edges}))

    def interval(self, tail: float = 1e-12) -> tuple[float, float]:
        """An interval outside which each component has at most `tail` mass on either side."""
        reach = self.shape.quantile(torch.tensor(tail, dtype=torch.float64))  # shapes are even
        centres, spans = self._centres(reach), self._scales(reach) * -reach
        return float((centres - spans).min()), float((centres + spans).max())

    def density(self, x: Points) -> Points:
        """p(x), in the shape and dtype of `x`."""
        return self.log_density(x).exp()

    def log_density(self, x: Points) -> Points:
        """log p(x); −∞ outside the support, finite far out in a tail where p(x) underflows."""
        scales = self._scales(x)
        parts = self.shape.log_density((x[..., None] - self._centres(x)) / scales) - scales.log()
        return torch.logsumexp(parts + self._like(self.weights, x).log(), -1)

    def cdf(self, x: Points) -> Points:
        """P(X ≤ x)."""
        parts = self.shape.cdf((x[..., None] - self._centres(x)) / self._scales(x))
        return parts @ self._like(self.weights, x)

    def sample(
        self, n: int, rng: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> PerExample:
        """`n` independent draws, shape (n,), by inverting the distribution function."""
        return self._draw(n, rng)[0].to(dtype)

    def batches(
        self, size: int, rng: torch.Generator, device: torch.device | str = "cpu"
    ) -> Sampler:
        """An endless iterator of fresh (x, component), x of shape (size, 1)."""
        return Sampler(self._column, size, rng, device)

    def _column(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        x, component = self._draw(n, rng)
        return x.float()[:, None], component

    def _draw(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        u = torch.rand(n, generator=rng, dtype=torch.float64).clamp_min(2.0**-53)
        weights = self._like(self.weights, u)
        component = torch.multinomial(weights, n, replacement=True, generator=rng)
        z = self.shape.quantile(u)
        return self._centres(u)[component] + self._scales(u)[component] * z, component

    def _centres(self, x: Tensor) -> Tensor:
        return self._like(self.centres, x)

    def _scales(self, x: Tensor) -> Tensor:
        return self._like(self.scales, x)

    @staticmethod
    def _like(values: tuple[float, ...], x: Tensor) -> Tensor:
        return torch.tensor(values, dtype=x.dtype, device=x.device)


def gaussian(mean: float = 0.0, std: float = 1.0) -> Mixture1D:
    """N(mean, std²)."""
    return Mixture1D((1.0,), (mean,), (std,))


def uniform(low: float = 0.0, high: float = 1.0) -> Mixture1D:
    """Uniform on [low, high].

    Raises:
        CourseError: `low` is not below `high`.
    """
    require(low < high, f"low was {low} and high {high}; low must be below high.")
    return Mixture1D((1.0,), ((low + high) / 2,), ((high - low) / 2,), BOX)


def student_t(df: float = 2.0, centre: float = 0.0, scale: float = 1.0) -> Mixture1D:
    """Student's t with `df` degrees of freedom: heavy tails, p(x) ~ |x|^−(df + 1); 1 is Cauchy.

    Raises:
        CourseError: `df` is not positive.
    """
    require(df > 0, f"df was {df}; the degrees of freedom must be positive.")
    constant = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(df * math.pi)
    shape = StandardDensity(
        log_density=lambda z: constant - 0.5 * (df + 1) * torch.log1p(z**2 / df),
        cdf=lambda z: torch.as_tensor(special.stdtr(df, z.cpu().numpy())).to(z),
        quantile=lambda u: torch.as_tensor(special.stdtrit(df, u.cpu().numpy())).to(u),
    )
    return Mixture1D((1.0,), (centre,), (scale,), shape)
