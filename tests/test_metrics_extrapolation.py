"""The bias of the Fréchet distance: exact on the line, by simulation elsewhere, and removed."""

import pytest
import torch

from coursekit.errors import CourseError
from coursekit.metrics import (
    expected_bias,
    expected_on_line,
    frechet_at_infinity,
    frechet_distance,
)


def against_standard(x):
    """The Fréchet distance of the rows of x from N(0, I) itself."""
    mean, cov = x.mean(0), x.T.cov().view(x.shape[1], -1)
    root = torch.linalg.eigvalsh(cov).clamp_min(0).sqrt()
    return float(mean.square().sum() + cov.trace() + len(mean) - 2 * root.sum())


@pytest.mark.parametrize("n", [2, 5, 50])
def test_on_the_line_the_bias_is_exact(n, rng):
    x = torch.randn(20_000, n, generator=rng, dtype=torch.float64)
    drawn = x.mean(1) ** 2 + (x.std(1) - 1) ** 2
    error = float(drawn.std()) / 20_000**0.5
    assert float(drawn.mean()) == pytest.approx(expected_on_line(n), abs=5 * error)


@pytest.mark.parametrize("scale", [1.0, 0.8])
def test_in_many_dimensions_it_is_right_to_first_order(scale, rng):
    """The next order is about d/n of it: 2 % here, and 5 % are allowed."""
    d, n = 20, 1_000
    drawn = [
        against_standard(scale * torch.randn(n, d, generator=rng, dtype=torch.float64))
        for _ in range(40)
    ]
    found = sum(drawn) / 40 - d * (1 - scale) ** 2
    # standard error of 40 draws: the shift of a scaled cloud fluctuates by (1 − s)·√(2d/n)·…
    allowed = 0.05 * expected_bias(d, n) + 4 * torch.tensor(drawn).std().item() / 40**0.5
    assert found == pytest.approx(expected_bias(d, n, scale), abs=allowed)


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
    with pytest.raises(CourseError, match="at least 2 draws"):
        expected_on_line(1)
