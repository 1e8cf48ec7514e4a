"""The bias of the Fréchet distance, and most of it removed."""

import pytest
import torch

from coursekit.errors import CourseError
from coursekit.metrics import frechet_at_infinity, frechet_distance


@pytest.mark.parametrize("seed", range(3))
def test_extrapolation_removes_most_of_the_bias(seed):
    rng = torch.Generator().manual_seed(seed)
    reference = torch.randn(50_000, 16, generator=rng, dtype=torch.float64)
    x = torch.randn(1_000, 16, generator=rng, dtype=torch.float64)
    x[:, 0] += 0.5  # the truth is 0.25
    plain = frechet_distance(x[:200], reference)
    found = frechet_at_infinity(x, reference, (125, 250, 500, 1_000), rng)
    assert plain > 0.5  # 0.25 and a bias of 16·21/(4·200) = 0.42
    assert found.limit == pytest.approx(0.25, abs=0.1)
    assert found.rate == pytest.approx(16 * 21 / 4, rel=0.3)


def test_sizes_that_do_not_fit_are_refused(rng):
    x = torch.randn(10, 2, generator=rng)
    for counts in ((5, 5), (5, 11), (1, 5), ()):
        with pytest.raises(CourseError, match="two or more sizes"):
            frechet_at_infinity(x, x, counts, rng)
