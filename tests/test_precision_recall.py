"""Density and coverage, against their definitions and on cases that are known."""

import pytest
import torch

from coursekit.errors import CourseError
from coursekit.metrics import class_coverage, density_coverage
from coursekit.nets import StridedCNN


def by_hand(real, fake, k):
    """Naeem et al. 2020, eqs. 6 and 8, in loops."""
    radius = [sorted(float((r - s).norm()) for s in real)[k] for r in real]
    hits = [[float((r - f).norm()) <= e for f in fake] for r, e in zip(real, radius, strict=True)]
    density = sum(map(sum, hits)) / (k * len(fake))
    return density, sum(map(any, hits)) / len(real)


def test_density_and_coverage_are_their_definitions(rng):
    real = torch.randn(30, 4, generator=rng, dtype=torch.float64)
    fake = 0.7 * torch.randn(20, 4, generator=rng, dtype=torch.float64) + 0.3
    found = density_coverage(real, fake, 3)
    assert (found.density, found.coverage) == pytest.approx(by_hand(real, fake, 3))


def test_real_images_are_dense_and_cover(rng):
    """Of as many points of the same law, 1 and 1 − 2^−k are expected (Naeem et al. 2020, §3.3)."""
    real, other = torch.randn(2, 2000, 5, generator=rng)
    found = density_coverage(real, other, 5)
    assert found.density == pytest.approx(1, abs=0.05)
    assert found.coverage == pytest.approx(1 - 2**-5, abs=0.015)


def test_a_generator_of_one_image_covers_nothing(rng):
    real = torch.randn(400, 2, generator=rng)
    assert density_coverage(real, torch.zeros(400, 2), 5).coverage < 0.1


def test_a_far_outlier_does_not_count(rng):
    real = torch.randn(100, 2, generator=rng)
    found = density_coverage(real, torch.full((50, 2), 40.0), 5)
    assert found.density == found.coverage == 0


def test_coverage_is_taken_within_each_class(rng):
    x, y = torch.rand(60, 1, 8, 8, generator=rng), torch.arange(60) % 3
    network = StridedCNN((1, 8, 8), 4, width=4, hidden=6, rng=rng)
    own = class_coverage(network, x, y, x, y)
    assert own.tolist() == [1.0, 1.0, 1.0]
    collapsed = torch.where((y == 1)[:, None, None, None], x[1], x)
    assert class_coverage(network, x, y, collapsed, y)[1] < 0.7
    assert class_coverage(network, x, y, x[y < 2], y[y < 2])[2].isnan()


@pytest.mark.parametrize("k", [0, 5])
def test_a_k_without_a_neighbour_is_refused(k):
    with pytest.raises(CourseError, match=f"k was {k} with 5 real"):
        density_coverage(torch.rand(5, 2), torch.rand(5, 2), k)
    with pytest.raises(CourseError, match="fake was empty"):
        density_coverage(torch.rand(5, 2), torch.rand(0, 2), 2)
