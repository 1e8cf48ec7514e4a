"""Toy densities: where the truth is known, success can be counted.

One dimension, from `densities_1d`: `gaussian`, `uniform`, `student_t`, `Mixture1D`. Two
dimensions: `ring` and `grid`, on which mode collapse can be seen. Images: `stacked`, 1,000 modes of
digits.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from coursekit.data.dataset import Dataset, Sampler, Split
from coursekit.data.densities_1d import Mixture1D, gaussian, student_t, uniform
from coursekit.errors import require
from coursekit.types import Features, PerExample

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
