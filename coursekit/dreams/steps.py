"""The parts of one step: the direction made of a gradient, and what is done to the image after."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from coursekit.errors import require
from coursekit.types import Images


def as_it_is(gradient: Tensor) -> Tensor:
    """Plain gradient ascent: the step is as long as the layer's gradient happens to be."""
    return gradient


def per_mean(gradient: Tensor) -> Tensor:
    """g / mean|g|: each image moves by the step size on average, whatever layer asks."""
    size = gradient.flatten(1).abs().mean(1).clamp_min(1e-30)  # a dead unit gives no direction
    return gradient / size.view(-1, 1, 1, 1)


def multiscale(gradient: Tensor) -> Tensor:
    """The gradient plus itself blurred, at σ = 1 and 2 pixels: coarse change counts for more.

    The simplest form of the gradient pyramid in Mordvintsev's TensorFlow notebook (2016).
    """
    return per_mean(gradient + gaussian(gradient, 1) + gaussian(gradient, 2))


@dataclass(frozen=True)
class Blur:
    """After each step a Gaussian blur, σ in pixels (Yosinski et al. 2015, §3)."""

    sigma: float = 0.5

    def __call__(self, x: Images) -> Images:
        return gaussian(x, self.sigma)


@dataclass(frozen=True)
class Decay:
    """After each step a `rate` of the way back to mid-grey (Yosinski et al. 2015, §3: L2 decay)."""

    rate: float = 0.02

    def __post_init__(self) -> None:
        require(0 <= self.rate <= 1, f"rate was {self.rate}; it must lie in [0, 1].")

    def __call__(self, x: Images) -> Images:
        return x + self.rate * (0.5 - x)


def gaussian(x: Tensor, sigma: float) -> Tensor:
    """Each channel of (n, c, h, w) blurred by a Gaussian of width `sigma` pixels; edges repeat.

    Raises:
        CourseError: `sigma` is not above 0.
    """
    require(sigma > 0, f"sigma was {sigma}; a blur has a width above 0 pixels.")
    reach = max(1, round(3 * sigma))
    offsets = torch.arange(-reach, reach + 1, device=x.device, dtype=x.dtype)
    weights = torch.exp(-(offsets**2) / (2 * sigma**2))
    weights = (weights / weights.sum()).expand(x.shape[1], 1, 1, -1)
    padded = F.pad(x, (reach,) * 4, mode="replicate")
    rows = F.conv2d(padded, weights, groups=x.shape[1])
    return F.conv2d(rows, weights.transpose(2, 3), groups=x.shape[1])
