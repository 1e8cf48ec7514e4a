"""HopSkipJump by hand (Chen, Jordan & Wainwright 2020): boundary, normal, jump and budget."""

from importlib import import_module

import pytest
import torch
from attacked import victim
from torch import nn

from coursekit.attacks import hop_skip_jump
from coursekit.attacks.common import Goal
from coursekit.nets import LinearClassifier

# the function of this name hides the module
decisions = import_module("coursekit.attacks.hop_skip_jump")


def oracle(model, n):
    return decisions._Oracle(model, Goal(torch.zeros(n, dtype=torch.int64)))


def always(fooled):
    """A model that sees class 1 everywhere, or nowhere."""
    model = nn.Sequential(nn.Flatten(), nn.LazyLinear(2))
    model(torch.zeros(1, 64))
    nn.init.zeros_(model[1].weight)
    model[1].bias.data = torch.tensor([0.0, 1.0 if fooled else -1.0])
    return model


@pytest.fixture
def plane(rng):
    """A linear model of two classes, undecided on grey, and its normal, which leads to class 1."""
    model = LinearClassifier((1, 28, 28), 2, rng=rng).requires_grad_(False)
    weight = model[-1].weight
    model[-1].bias.copy_(-0.5 * weight.sum(1))
    return model, (weight[1] - weight[0]).view(1, 1, 28, 28)


def test_bisection_leaves_less_of_the_way_than_the_random_moves_cross(plane, rng):
    """Moves of 1/d of the distance lead about d^(−3/2) of it across; further off all agree."""
    model, normal = plane
    a, b = (torch.rand(60, 1, 28, 28, generator=rng) for _ in range(2))
    first, second = model(a).argmax(1), model(b).argmax(1)
    a, b = a[(first == 0) & (second == 1)], b[(first == 0) & (second == 1)]
    assert len(a) >= 5
    edge = decisions._to_boundary(oracle(model, len(a)), a, b)
    assert (model(edge).argmax(1) == 1).all()

    def lead(x):
        return (model(x)[:, 1] - model(x)[:, 0]).double()

    beyond = lead(edge) / (lead(b) - lead(a))  # the lead is linear on the way from a to b
    assert (beyond < 1.02 * 784**-1.5).all()


def test_the_normal_is_the_formula_of_the_paper(plane):
    """Eq. 16: Σ (vote − mean vote) · move, of length 1. At grey 0.5 nothing is clipped."""
    model, normal = plane
    x_adv = torch.full((1, 1, 28, 28), 0.5)
    x, radius = torch.zeros_like(x_adv), float(x_adv.norm()) / 784
    off = 0.5 * radius / 28  # so far from the boundary, most of the moves agree, not all
    x_adv = x_adv + off * normal / normal.norm()
    draws = torch.Generator().manual_seed(5)
    found = decisions._normal(oracle(model, 1), x, x_adv, 300, draws)

    draws = torch.Generator().manual_seed(5)
    moves = torch.cat([torch.randn(1, 1, 28, 28, generator=draws) for _ in range(300)])
    moves = moves / moves.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    radius = float((x_adv - x).norm()) / 784
    votes = (model(x_adv + radius * moves).argmax(1) == 1).float() * 2 - 1
    assert 0.1 < votes.mean() < 0.9
    by_hand = ((votes - votes.mean()).view(-1, 1, 1, 1) * moves).sum(0, keepdim=True)
    torch.testing.assert_close(found, by_hand / by_hand.norm(), rtol=1e-3, atol=1e-4)
    assert torch.cosine_similarity(found.flatten(), normal.flatten(), dim=0) > 0.2


def test_where_all_moves_agree_their_mean_shows_the_way_and_not_nothing():
    x, x_adv = torch.zeros(2, 1, 8, 8), torch.full((2, 1, 8, 8), 0.5)
    there, back = (
        decisions._normal(oracle(always(f), 2), x, x_adv, 20, torch.Generator().manual_seed(1))
        for f in (True, False)
    )
    torch.testing.assert_close(there.flatten(1).norm(dim=1), torch.ones(2))
    torch.testing.assert_close(there, -back)


def test_a_move_that_the_border_of_the_box_cuts_counts_as_it_was_asked():
    """From black, a pixel can only become lighter, whatever was drawn."""
    x, x_adv = torch.ones(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
    found = decisions._normal(oracle(always(True), 1), x, x_adv, 20, torch.Generator())
    assert (found >= 0).all()


@pytest.mark.parametrize(("turn", "share"), [(1, 1.0), (4, 0.5), (9, 1 / 3)])
def test_the_jump_is_the_distance_over_the_root_of_the_round(turn, share):
    x, x_adv = torch.zeros(1, 1, 8, 8), torch.full((1, 1, 8, 8), 0.05)
    normal = torch.zeros(1, 1, 8, 8)
    normal[0, 0, 3, 3] = 1
    landed = decisions._jump(oracle(always(True), 1), x, x_adv, normal, turn)
    torch.testing.assert_close(landed, x_adv + 0.4 * share * normal)  # the distance is 0.4


def test_the_probes_grow_with_the_root_of_the_round(monkeypatch):
    model, x, y = victim()
    right = (model(x).argmax(1) == y).nonzero()[:3, 0]
    told, normal = [], decisions._normal

    def listening(ask, x, x_adv, probes, rng):
        told.append(probes)
        return normal(ask, x, x_adv, probes, rng)

    monkeypatch.setattr(decisions, "_normal", listening)
    hop_skip_jump(model, x[right], y[right], 600, torch.Generator().manual_seed(0), probes=40)
    assert len(told) >= 4
    assert told[:-1] == [int(40 * t**0.5) for t in range(1, len(told))]
