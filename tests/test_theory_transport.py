"""The earth mover's distance against SciPy, POT and closed forms; its dual against the primal."""

import ot
import pytest
import torch
from scipy.stats import wasserstein_distance

from coursekit.data import toys
from coursekit.errors import CourseError
from coursekit.theory import wasserstein_1
from coursekit.theory.transport import (
    distances,
    earth_mover,
    earth_mover_on_line,
    potential,
    potential_on_line,
    poured,
)


def piles(rng, n=17, m=23, d=1):
    x, y = torch.randn(n, d, generator=rng), 1 + 2 * torch.randn(m, d, generator=rng)
    a, b = (torch.rand(k, generator=rng, dtype=torch.float64) for k in (n, m))
    return x.double(), a / a.sum(), y.double(), b / b.sum()


@pytest.mark.parametrize("d", [1, 2, 5])
def test_the_linear_program_is_pots(d, rng):
    x, a, y, b = piles(rng, d=d)
    cost = distances(x, y)
    found = earth_mover(a, b, cost)
    assert found.cost == pytest.approx(ot.emd2(a.numpy(), b.numpy(), cost.numpy()), abs=1e-9)
    assert torch.allclose(found.plan.sum(1), a, atol=1e-9)
    assert torch.allclose(found.plan.sum(0), b, atol=1e-9)
    assert found.plan.min() >= 0


def test_primal_and_dual_meet_and_the_potentials_are_feasible(rng):
    x, a, y, b = piles(rng, d=2)
    cost = distances(x, y)
    found = earth_mover(a, b, cost)
    assert float(a @ found.u + b @ found.v) == pytest.approx(found.cost, abs=1e-9)
    assert (found.u[:, None] + found.v <= cost + 1e-9).all()
    earth = found.plan > 1e-9  # complementary slackness: no profit where earth is carried
    assert ((cost - found.u[:, None] - found.v)[earth]).abs().max() < 1e-8


def test_on_the_line_all_ways_agree(rng):
    x, a, y, b = piles(rng)
    line = earth_mover_on_line(x[:, 0], a, y[:, 0], b)
    theirs = wasserstein_distance(x[:, 0].numpy(), y[:, 0].numpy(), a.numpy(), b.numpy())
    plan = poured(x[:, 0], a, y[:, 0], b)
    assert line == pytest.approx(theirs, abs=1e-9)
    assert earth_mover(a, b, distances(x, y)).cost == pytest.approx(line, abs=1e-9)
    assert float((plan * distances(x, y)).sum()) == pytest.approx(line, abs=1e-9)
    assert torch.allclose(plan.sum(1), a) and torch.allclose(plan.sum(0), b)


def test_nothing_overtakes_in_the_poured_plan(rng):
    x, a, y, b = piles(rng, 9, 9)
    plan = poured(x[:, 0], a, y[:, 0], b)[x[:, 0].argsort()][:, y[:, 0].argsort()]
    for i in range(9):
        for j in range(9):
            crossing = plan[i + 1 :, :j].sum()
            assert plan[i, j] < 1e-12 or crossing < 1e-12


def test_samples_tend_to_the_distance_of_their_densities(rng):
    p, q = toys.gaussian(0, 1), toys.gaussian(1.5, 2)
    n = 20_000
    x, y, even = p.sample(n, rng), q.sample(n, rng), torch.full((n,), 1 / n)
    # the error of an empirical W₁ on the line is about σ/√n, here 0.02
    assert earth_mover_on_line(x, even, y, even) == pytest.approx(wasserstein_1(p, q), abs=0.1)


def test_the_potential_on_the_line_earns_the_distance(rng):
    x, a, y, b = piles(rng)
    every = torch.cat([x[:, 0], y[:, 0]])
    at = torch.linspace(float(every.min()) - 1, float(every.max()) + 1, 4_001).double()
    f = potential_on_line(torch.cat([at[:1], x[:, 0], y[:, 0]]), x[:, 0], a, y[:, 0], b)[1:]
    earned = float(a @ f[: len(x)] - b @ f[len(x) :])
    assert earned == pytest.approx(earth_mover_on_line(x[:, 0], a, y[:, 0], b), abs=1e-9)
    steep = potential_on_line(at, x[:, 0], a, y[:, 0], b).diff() / at.diff()
    assert steep.abs().max() <= 1 + 1e-6


def test_the_potential_in_space_earns_the_distance_and_is_1_lipschitz(rng):
    x, a, y, b = piles(rng, d=2)
    found = earth_mover(a, b, distances(x, y))
    earned = a @ potential(x, y, found.v) - b @ potential(y, y, found.v)
    assert float(earned) == pytest.approx(found.cost, abs=1e-8)
    at = 3 * torch.randn(200, 2, generator=rng).double()
    f = potential(at, y, found.v)
    assert ((f[:, None] - f).abs() <= distances(at, at) + 1e-9).all()


@pytest.mark.parametrize("t", [[0.3, 0.4], [-5.0, 12.0]])
def test_a_shifted_pile_is_as_far_as_it_was_shifted(t, rng):
    x = torch.randn(20, 2, generator=rng).double()
    even, shift = torch.full((20,), 0.05, dtype=torch.float64), torch.tensor(t).double()
    moved = earth_mover(even, even, distances(x, x + shift)).cost
    assert moved == pytest.approx(float(shift.norm()), rel=1e-9)


def test_senseless_piles_are_refused():
    one, two = torch.ones(1), torch.ones(2)
    with pytest.raises(CourseError, match="not the same mass"):
        earth_mover(one, two, torch.ones(1, 2))
    with pytest.raises(CourseError, match="at least 0"):
        earth_mover(torch.tensor([2.0, -1.0]), one, torch.ones(2, 1))
