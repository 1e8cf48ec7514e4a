"""Toy data: densities on the line with exact quantiles, and points in the plane."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from scipy import special
from torch import Tensor

from coursekit.data.dataset import Dataset, Sampler, Split
from coursekit.errors import require
from coursekit.types import Features, PerExample

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


__all__ = ["Gaussians", "Mixture1D", "gaussian", "grid", "ring", "stacked", "student_t", "uniform"]


Centres = Float[Tensor, "k d"]


@dataclass(frozen=True, eq=False)
class Gaussians:
    """Equally likely round Gaussians: p(x) = 1/k Σ N(x; cᵢ, σ² I).

    Attributes:
        centres: the k modes, shape (k, d).
        sigma: standard deviation of each in every direction, positive.
    """

    centres: Centres
    sigma: float

    def __post_init__(self) -> None:
        require(self.sigma > 0, f"sigma was {self.sigma}; it must be positive.")

    def sample(self, n: int, rng: torch.Generator) -> Features:
        """`n` independent points, shape (n, d)."""
        return self._draw(n, rng)[0]

    def log_density(self, x: Features) -> PerExample:
        """log p(x), in the dtype of `x`."""
        k, d = self.centres.shape
        offsets = (x[:, None] - self.centres.to(x)) / self.sigma
        constant = math.log(k) + d * math.log(self.sigma * math.sqrt(2 * math.pi))
        return torch.logsumexp(-0.5 * offsets.square().sum(-1), 1) - constant

    def density(self, x: Features) -> PerExample:
        """p(x) at each row of `x`."""
        return self.log_density(x).exp()

    def batches(
        self, size: int, rng: torch.Generator, device: torch.device | str = "cpu"
    ) -> Sampler:
        """An endless iterator of fresh (x, mode), x of shape (size, d)."""
        return Sampler(self._draw, size, rng, device)

    def _draw(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        mode = torch.randint(len(self.centres), (n,), generator=rng)
        noise = torch.randn(n, self.centres.shape[1], generator=rng)
        return self.centres[mode] + self.sigma * noise, mode


def ring(modes: int = 8, radius: float = 2.0, sigma: float = 0.05) -> Gaussians:
    """`modes` Gaussians evenly on a circle (Metz et al. 2017, "Unrolled GANs", §3.1).

    Papers differ in radius and sigma; what decides the difficulty is their ratio.

    Raises:
        CourseError: `modes` below 1, or a radius or sigma that is not positive.
    """
    require(modes >= 1, f"modes was {modes}; a ring has at least one.")
    require(radius > 0, f"radius was {radius}; it must be positive.")
    angle = torch.arange(modes) * (2 * math.pi / modes)
    return Gaussians(radius * torch.stack([angle.cos(), angle.sin()], 1), sigma)


def grid(side: int = 5, spacing: float = 2.0, sigma: float = 0.05) -> Gaussians:
    """side × side Gaussians centred on the origin (Srivastava et al. 2017, "VEEGAN", §4.1).

    Raises:
        CourseError: `side` below 1, or a spacing or sigma that is not positive.
    """
    require(side >= 1, f"side was {side}; a grid has at least one mode.")
    require(spacing > 0, f"spacing was {spacing}; it must be positive.")
    line = spacing * (torch.arange(side) - (side - 1) / 2)
    return Gaussians(torch.cartesian_prod(line, line).reshape(-1, 2), sigma)


@dataclass(frozen=True, eq=False)
class Stacked:
    """Images of three channels, each a random row of `digits`; label 100a + 10b + c.

    The stack is made when it is drawn: all n³ of them would not fit anywhere.
    """

    digits: Split

    def sample(self, n: int, rng: torch.Generator) -> Split:
        """`n` random stacks with their labels."""
        return Split(*self._draw(n, rng))

    def split(self, k: int) -> tuple["Stacked", ...]:
        """`k` parts whose digits come from disjoint originals."""
        return tuple(Stacked(part) for part in self.digits.split(k))

    def batches(self, size: int, rng: torch.Generator) -> Sampler:
        """An endless iterator of fresh (x, y), on the device of the digits."""
        return Sampler(self._draw, size, rng, self.digits.y.device)

    def _draw(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        rows = torch.randint(len(self.digits), (n, 3), generator=rng).to(self.digits.y.device)
        x = self.digits.x[:, 0].index_select(0, rows.flatten()).unflatten(0, (n, 3))
        a, b, c = self.digits.y[rows].unbind(1)
        return x, 100 * a + 10 * b + c


@dataclass(frozen=True, eq=False)
class StackedDigits:
    """The train and test side of stacked digits: 1,000 modes, shape (3, h, w)."""

    train: Stacked
    test: Stacked
    shape: tuple[int, int, int]
    modes: int = 1000


def stacked(dataset: Dataset) -> StackedDigits:
    """Stacked digits (Metz et al. 2017, §3.3.1): three digits as red, green and blue, 1,000 modes.

    Args:
        dataset: a grey set of ten classes, such as `digits` or `mnist`.

    Raises:
        CourseError: the set is not grey or has not ten classes.
    """
    c, h, w = dataset.shape
    classes = len(dataset.classes)
    require(
        c == 1 and classes == 10,
        f"dataset was {dataset.name!r} with {c} channels and {classes} classes; "
        "stacked digits need a grey set of ten classes.",
    )
    return StackedDigits(Stacked(dataset.train), Stacked(dataset.test), (3, h, w))
