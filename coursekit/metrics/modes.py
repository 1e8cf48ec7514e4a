"""Samples beside the distribution they should have: modes, neighbours, Parzen likelihood."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, pi

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.metrics.accuracy import features, probabilities
from coursekit.types import Examples, Images, Labels, PerExample

Samples = Float[Tensor, "m *shape"]


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


Points = Float[Tensor, "n d"]
Centres = Float[Tensor, "k d"]
Counts = Int[Tensor, " k"]
References = Float[Tensor, "m *shape"]
Numbers = Int[Tensor, " n"]


@dataclass(frozen=True)
class Coverage:
    """How samples fall on known modes.

    Attributes:
        counts: samples within the radius of each centre, shape (k,).
        quality: share of all samples that lie within the radius of some centre.
    """

    counts: Counts
    quality: float

    def covered(self, least: int = 1) -> int:
        """Modes with at least `least` samples."""
        return int((self.counts >= least).sum())

    @property
    def reverse_kl(self) -> float:
        """KL(samples' modes ‖ uniform) in nats; 0 is even, log k is one mode. NaN: none is hit."""
        share = self.counts.double() / self.counts.sum()
        return float(torch.xlogy(share, share * len(share)).sum())


def mode_coverage(samples: Points, centres: Centres, radius: float) -> Coverage:
    """Count each sample for its nearest centre within `radius` (Srivastava et al. 2017, §4.1).

    Args:
        samples: shape (n, d).
        centres: shape (k, d).
        radius: three standard deviations of a mode, by custom; positive.

    Raises:
        CourseError: no samples, no centres, or a radius that is not positive.
    """
    require(len(samples) >= 1, "samples was empty; give at least one.")
    require(len(centres) >= 1, "centres was empty; give at least one.")
    require(radius > 0, f"radius was {radius}; it must be positive.")
    distance, mode = torch.cdist(samples, centres.to(samples)).min(1)
    near = distance <= radius
    counts = torch.bincount(mode[near], minlength=len(centres))
    return Coverage(counts.cpu(), float(near.float().mean()))


def stacked_coverage(classifier: nn.Module, x: Images, *sure: float) -> list[Coverage]:
    """Which of the 1,000 stacks of three digits appear (Metz et al. 2017, §3.3.1).

    A classifier of single digits reads each channel; its three answers are the mode. It must answer
    something even to noise, so the papers' count takes in whatever looks least unlike a digit.

    Args:
        classifier: single grey images -> ten logits.
        x: stacks, shape (n, 3, h, w).
        sure: count only stacks whose three digits are each read with at least this probability; 0,
            as in the papers, counts all.

    Returns:
        one `Coverage` for each `sure`; `x` is read once for all of them.

    Raises:
        CourseError: `x` has not three channels.
    """
    require(x.shape[1] == 3, f"x has {x.shape[1]} channels; a stack has three.")
    confidence, digit = probabilities(classifier, x.flatten(0, 1)[:, None]).view(-1, 3, 10).max(2)
    mode, least = digit @ digit.new_tensor([100, 10, 1]), confidence.amin(1)
    counts = [torch.bincount(mode[least >= s], minlength=1000).cpu() for s in sure]
    return [Coverage(count, float(count.sum()) / len(x)) for count in counts]


def nearest(
    samples: Examples, references: References, chunk: int = 500
) -> tuple[PerExample, Numbers]:
    """For each sample the Euclidean distance to its nearest reference, and that one's number.

    A generator that has learnt its training images by heart is nearer to them than fresh real
    images are; one that has not is no nearer.

    Raises:
        CourseError: no references.
    """
    require(len(references) >= 1, "references was empty; give at least one.")
    rows = references.flatten(1)
    found = [torch.cdist(part, rows).min(1) for part in samples.flatten(1).split(chunk)]
    return torch.cat([f.values for f in found]), torch.cat([f.indices for f in found])


def gradient_energy(x: Images) -> PerExample:
    """Mean squared difference of neighbouring pixels: high for sharp edges, low for a blur."""
    across, down = x.diff(dim=3).square(), x.diff(dim=2).square()
    return across.mean((1, 2, 3)) + down.mean((1, 2, 3))


def chroma(x: Images) -> PerExample:
    """Mean difference of the largest and the least of a pixel's channels, in [0, 1]: 0 for grey.

    The chroma of the HSV model (Smith 1978), averaged over the places of each image.
    """
    return (x.amax(1) - x.amin(1)).mean((1, 2))


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
