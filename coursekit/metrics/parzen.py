"""A likelihood for models that have none: a Gaussian window on every sample (Parzen 1962).

It is what the first GAN papers report, and a poor measure of images; see lecture 04.
"""

from collections.abc import Sequence
from math import log, pi

import torch
from jaxtyping import Float, Int
from torch import Tensor

from coursekit.errors import require
from coursekit.types import Examples, PerExample

Samples = Float[Tensor, "m *shape"]
SampleLabels = Int[Tensor, " m"]
PerClassLogs = Float[Tensor, "n k"]


def parzen(samples: Samples, x: Examples, sigma: float) -> PerExample:
    """log (1/m) Σ_i N(x; samples_i, σ²I), in nats, shape (n,) (Goodfellow et al. 2014, §5).

    Args:
        samples: the model's, shape (m, ...); each carries a window.
        x: where the density is asked for, shape (n, ...).
        sigma: the window's standard deviation, in units of pixels, above 0.

    Raises:
        CourseError: no samples, or σ is not positive.
    """
    require(len(samples) >= 1, "samples was empty; give at least one.")
    require(sigma > 0, f"sigma was {sigma}; it must be positive.")
    points, places = samples.flatten(1).double(), x.flatten(1).double()
    squared = torch.cdist(places, points).square()
    windows = torch.logsumexp(-squared / (2 * sigma**2), 1) - log(len(points))
    return (windows - places.shape[1] / 2 * log(2 * pi * sigma**2)).float()


def best_bandwidth(samples: Samples, held_out: Examples, sigmas: Sequence[float]) -> float:
    """The σ under which held-out images are likeliest: the only thing that the estimate fits.

    Raises:
        CourseError: there is no σ to choose from, or one is not positive.
    """
    require(len(sigmas) >= 1, "sigmas was empty; give at least one width.")
    return max(sigmas, key=lambda sigma: float(parzen(samples, held_out, sigma).mean()))


def parzen_by_class(
    samples: Samples, y: SampleLabels, x: Examples, sigma: float, classes: int
) -> PerClassLogs:
    """log p(x | y) for every class, shape (n, classes): windows on that class's samples alone.

    Raises:
        CourseError: a class without samples.
    """
    columns = [parzen(samples[y == c], x, sigma) for c in range(classes)]
    return torch.stack(columns, 1)
