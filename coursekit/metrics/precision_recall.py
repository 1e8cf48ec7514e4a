"""Density and coverage: is a sample near real ones, and is each real one near a sample."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.metrics.accuracy import features
from coursekit.types import Images, Labels


@dataclass(frozen=True)
class DensityCoverage:
    """Naeem et al. 2020, eqs. 6 and 8. Each real point carries a ball that reaches its k-th nearest
    real neighbour.

    Attributes:
        density: mean number of balls that a sample lies in, over k; 1 is expected of real images.
        coverage: share of balls with a sample in them, in [0, 1]; of as many real images,
            1 − 2^−k is expected.
    """

    density: float
    coverage: float


def density_coverage(
    real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"], k: int = 5
) -> DensityCoverage:
    """How samples lie among real images, in feature space.

    Args:
        real: features of reference images, shape (n, d).
        fake: features of samples, shape (m, d).
        k: which neighbour the balls reach, from 1 to n − 1.

    Raises:
        CourseError: no samples, or a k that the reference has no neighbour for.
    """
    require(len(fake) >= 1, "fake was empty; give at least one sample.")
    require(1 <= k < len(real), f"k was {k} with {len(real)} real; allowed is 1 to n − 1.")
    real, fake = real.double(), fake.double()
    radius = torch.cdist(real, real).kthvalue(k + 1, dim=1).values  # the first is the point itself
    inside = torch.cdist(real, fake) <= radius[:, None]
    return DensityCoverage(
        float(inside.double().sum(0).mean() / k), float(inside.any(1).double().mean())
    )


def class_coverage(
    network: nn.Module,
    real: Images,
    real_y: Labels,
    fake: Float[Tensor, "m c h w"],
    fake_y: Int[Tensor, " m"],
    k: int = 5,
) -> Float[Tensor, " classes"]:
    """Coverage within each class, on `network.features`; NaN for a class with too few images.

    Args:
        network: a classifier that took no part in the training of the generator.
        real, real_y: reference images and their labels.
        fake, fake_y: samples and the classes that were asked for.
        k: as for `density_coverage`.

    Raises:
        CourseError: no images.
    """
    rows, samples = features(network, real), features(network, fake)
    classes = int(real_y.max()) + 1
    values = torch.full((classes,), torch.nan, dtype=torch.float64)
    for c in range(classes):
        of_real, of_fake = rows[real_y == c], samples[fake_y == c]
        if len(of_real) > k and len(of_fake):
            values[c] = density_coverage(of_real, of_fake, k).coverage
    return values
