"""Threat models: budgets and projections hold for any image, any step and any ε."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from coursekit.errors import CourseError
from coursekit.threats import L2, Linf

NORMS = [Linf, L2]
anything = {
    "norm": st.sampled_from(NORMS),
    "eps": st.floats(0, 1),
    "reach": st.floats(0, 5),
    "seed": st.integers(0, 10_000),
    "black": st.booleans(),
}


def images(seed: int, black: bool = False) -> tuple[torch.Tensor, torch.Generator]:
    """Three images; digits are mostly exactly black, where the box is felt."""
    rng = torch.Generator().manual_seed(seed)
    x = torch.rand(3, 2, 4, 4, generator=rng)
    return (x * (x > 0.7) if black else x), rng


@settings(max_examples=60, deadline=None)
@given(**anything)
def test_a_projection_lies_in_the_ball_and_in_the_box(norm, eps, reach, seed, black):
    x, rng = images(seed, black)
    threat = norm(eps)
    for point in (
        threat.project(x + reach * torch.randn(x.shape, generator=rng), x),
        threat.random_start(x, rng),
        threat.noise(x, rng),
    ):
        assert (threat.norm(point - x) <= eps + 1e-6).all()
        assert point.min() >= 0
        assert point.max() <= 1


def test_each_example_has_a_norm_of_its_own():
    delta = torch.tensor([[3.0, -4.0], [0.0, 1.0]]).view(2, 1, 1, 2)
    assert torch.equal(Linf(1.0).norm(delta), torch.tensor([4.0, 1.0]))
    assert torch.equal(L2(1.0).norm(delta), torch.tensor([5.0, 1.0]))


@settings(max_examples=40, deadline=None)
@given(**anything)
def test_projecting_twice_is_projecting_once(norm, eps, reach, seed, black):
    x, rng = images(seed, black)
    once = norm(eps).project(x + reach * torch.randn(x.shape, generator=rng), x)
    torch.testing.assert_close(norm(eps).project(once, x), once, rtol=0, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(norm=st.sampled_from(NORMS), eps=st.floats(0.01, 1), seed=st.integers(0, 10_000))
def test_what_is_inside_stays_where_it_is(norm, eps, seed):
    x, rng = images(seed)
    x = 0.25 + x / 2
    threat = norm(min(eps, 0.25))
    inside = x + 0.9 * threat.eps * threat.steepest(torch.randn(x.shape, generator=rng))
    torch.testing.assert_close(threat.project(inside, x), inside, rtol=0, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(norm=st.sampled_from(NORMS), seed=st.integers(0, 10_000))
def test_no_direction_is_steeper_than_the_steepest(norm, seed):
    gradient, rng = images(seed)
    gradient = gradient - 0.5
    threat = norm(1.0)
    best = threat.steepest(gradient)
    torch.testing.assert_close(threat.norm(best), torch.ones(3))
    for _ in range(20):
        other = torch.randn(gradient.shape, generator=rng)
        other = other / threat.norm(other).view(-1, 1, 1, 1)
        gain = ((best - other) * gradient).flatten(1).sum(1)
        assert (gain >= -1e-5).all()


def test_the_projection_is_the_nearest_point_of_the_cut_linf_ball(rng):
    x, point = torch.rand(1, 1, 1, 2, generator=rng), torch.tensor([1.4, -0.3]).view(1, 1, 1, 2)
    projected = Linf(0.2).project(point, x)
    side = torch.linspace(0, 1, 201)
    a, b = torch.meshgrid(side, side, indexing="ij")
    grid = torch.stack([a, b], -1).view(-1, 1, 1, 2)
    grid = grid[Linf(0.2).norm(grid - x) <= 0.2]
    nearest = (grid - point).flatten(1).norm(dim=1).min()
    assert (projected - point).norm() <= nearest + 1e-6


@pytest.mark.parametrize("norm", NORMS)
def test_the_control_noise_has_exactly_the_budget_where_the_box_is_not_felt(norm, rng):
    x = torch.full((5, 1, 6, 6), 0.5)
    threat = norm(0.3)
    torch.testing.assert_close(threat.norm(threat.noise(x, rng) - x), torch.full((5,), 0.3))


@pytest.mark.parametrize("norm", NORMS)
def test_random_starts_fill_the_ball(norm, rng):
    """Uniform in a ball of d dimensions: the mean of (radius / ε)ᵈ is ½, standard error .009."""
    x = torch.full((1000, 1, 1, 2), 0.5)
    radius = norm(0.4).norm(norm(0.4).random_start(x, rng) - x)
    assert abs(((radius / 0.4) ** 2).mean() - 0.5) < 0.04


@pytest.mark.parametrize("norm", NORMS)
def test_a_vanished_gradient_gives_no_step_and_no_nan(norm):
    assert torch.equal(norm(0.1).steepest(torch.zeros(2, 1, 3, 3)), torch.zeros(2, 1, 3, 3))


@pytest.mark.parametrize("norm", NORMS)
def test_a_negative_budget_is_refused(norm):
    with pytest.raises(CourseError, match="eps was -0.1"):
        norm(-0.1)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("kind", ["random_start", "noise"])
def test_random_moves_favour_no_direction(norm, kind, rng):
    """Every pixel moves up as far as down, and without regard to the others: 5 standard errors."""
    x = torch.full((4000, 1, 1, 3), 0.5)
    moves = (getattr(norm(0.4), kind)(x, rng) - x).flatten(1)
    error = 4000**-0.5
    assert (moves.mean(0).abs() < 5 * error * moves.std(0)).all()
    assert (moves.T.corrcoef() - torch.eye(3)).abs().max() < 5 * error
