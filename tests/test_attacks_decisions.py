"""HopSkipJump by hand (Chen, Jordan & Wainwright 2020): boundary, normal, jump and budget."""

from importlib import import_module

import pytest
import torch
from attacked import some, stubborn, victim
from seeds import seeded

from coursekit.attacks import hop_skip_jump
from coursekit.attacks.common import Goal
from coursekit.errors import CourseError
from coursekit.nets import LinearClassifier
from coursekit.threats import L2, Linf, Streams

# the function of this name hides the module
decisions = import_module("coursekit.attacks.hop_skip_jump")


def oracle(model, n):
    return decisions._Oracle.of(model, Goal(torch.zeros(n, dtype=torch.int64)), n)


def streams(n, seed=0):
    return Streams([seeded(seed + i) for i in range(n)])


def normal(model, x, x_adv, probes, ball=L2, seed=0):
    """The estimate, of length 1."""
    n = len(x)
    counts = torch.full((n,), probes)
    found = decisions._normal(oracle(model, n), x, x_adv, counts, ball, streams(n, seed))
    return L2(1.0).steepest(found)


@pytest.fixture
def plane(rng):
    """A linear model of two classes, undecided on grey, and its normal, which leads to class 1."""
    model = LinearClassifier((1, 28, 28), 2, rng=rng).requires_grad_(False)
    weight = model[-1].weight
    model[-1].bias.copy_(-0.5 * weight.sum(1))
    return model, (weight[1] - weight[0]).view(1, 1, 28, 28)


def test_bisection_leaves_less_of_the_way_than_the_random_moves_cross(plane, rng):
    """Moves of 1/d of the distance lead about d^(−3/2) of it across; further off all agree."""
    model, _ = plane
    a, b = (torch.rand(60, 1, 28, 28, generator=rng) for _ in range(2))
    first, second = model(a).argmax(1), model(b).argmax(1)
    a, b = a[(first == 0) & (second == 1)], b[(first == 0) & (second == 1)]
    assert len(a) >= 5
    edge = decisions._to_boundary(oracle(model, len(a)), a, b, L2)
    assert (model(edge).argmax(1) == 1).all()

    def lead(x):
        return (model(x)[:, 1] - model(x)[:, 0]).double()

    beyond = lead(edge) / (lead(b) - lead(a))  # the lead is linear on the way from a to b
    assert (beyond < 1.02 * 784**-1.5).all()


def test_in_the_largest_norm_bisection_projects_into_smaller_cubes(plane, rng):
    """The cube of half-width r cuts every pixel of the way at r; the way itself is not straight."""
    model, _ = plane
    a, b = (torch.rand(60, 1, 28, 28, generator=rng) for _ in range(2))
    first, second = model(a).argmax(1), model(b).argmax(1)
    a, b = a[(first == 0) & (second == 1)], b[(first == 0) & (second == 1)]
    edge = decisions._to_boundary(oracle(model, len(a)), a, b, Linf)
    assert (model(edge).argmax(1) == 1).all()
    radius = (edge - a).flatten(1).abs().amax(1)
    cut = lambda r: a + torch.clamp(b - a, -r.view(-1, 1, 1, 1), r.view(-1, 1, 1, 1))  # noqa: E731
    torch.testing.assert_close(edge, cut(radius))
    assert (model(cut(radius - 2e-6)).argmax(1) == 0).all()  # a cube hardly smaller holds none


def test_the_normal_is_the_formula_of_the_paper(plane):
    """Eq. 16: Σ (vote − mean vote) · move, of length 1. At grey 0.5 nothing is clipped."""
    model, way = plane
    x_adv = torch.full((1, 1, 28, 28), 0.5)
    x, radius = torch.zeros_like(x_adv), float(x_adv.norm()) / 784
    off = 0.5 * radius / 28  # so far from the boundary, most of the moves agree, not all
    x_adv = x_adv + off * way / way.norm()
    found = normal(model, x, x_adv, 300, seed=5)

    draws = seeded(5)
    moves = torch.cat([torch.randn(1, 1, 28, 28, generator=draws) for _ in range(300)])
    moves = moves / moves.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    radius = float((x_adv - x).norm()) / 784
    votes = (model(x_adv + radius * moves).argmax(1) == 1).float() * 2 - 1
    assert 0.1 < votes.mean() < 0.9
    by_hand = ((votes - votes.mean()).view(-1, 1, 1, 1) * moves).sum(0, keepdim=True)
    torch.testing.assert_close(found, by_hand / by_hand.norm(), rtol=1e-3, atol=1e-4)
    assert torch.cosine_similarity(found.flatten(), way.flatten(), dim=0) > 0.2


def test_where_all_moves_agree_their_mean_shows_the_way_and_not_nothing():
    x, x_adv = torch.zeros(2, 1, 8, 8), torch.full((2, 1, 8, 8), 0.5)
    there, back = (normal(stubborn(64, 0.0, lead), x, x_adv, 20) for lead in (2.0, -2.0))
    torch.testing.assert_close(there.flatten(1).norm(dim=1), torch.ones(2))
    torch.testing.assert_close(there, -back)


def test_a_move_that_the_border_of_the_box_cuts_counts_as_it_was_asked():
    """From black, a pixel can only become lighter, whatever was drawn."""
    x, x_adv = torch.ones(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
    assert (normal(stubborn(64, 0.0, 2.0), x, x_adv, 20) >= 0).all()


def test_each_image_has_its_own_number_of_moves():
    """A budget that is nearly spent allows fewer; the others are not cut short."""
    x, x_adv = torch.zeros(3, 1, 8, 8), torch.full((3, 1, 8, 8), 0.5)
    ask, probes = oracle(stubborn(64, 0.0, 2.0), 3), torch.tensor([5, 20, 12])
    decisions._normal(ask, x, x_adv, probes, L2, streams(3))
    assert torch.equal(ask.spent, probes)


@pytest.mark.parametrize(("turn", "share"), [(1, 1.0), (4, 0.5), (9, 1 / 3)])
def test_the_jump_is_the_distance_over_the_root_of_the_round(turn, share):
    x, x_adv = torch.zeros(1, 1, 8, 8), torch.full((1, 1, 8, 8), 0.05)
    way = torch.zeros(1, 1, 8, 8)
    way[0, 0, 3, 3] = 7.0  # the direction counts, not the length
    landed = decisions._jump(oracle(stubborn(64, 0.0, 2.0), 1), x, x_adv, way, turn, L2)
    torch.testing.assert_close(landed, x_adv + 0.4 * share * way / 7)  # the distance is 0.4
    way[0, 0, 4, 4] = -0.1
    landed = decisions._jump(oracle(stubborn(64, 0.0, 2.0), 1), x, x_adv, way, turn, Linf)
    torch.testing.assert_close(landed, (x_adv + 0.05 * share * way.sign()))  # the distance is 0.05


def test_the_jump_is_halved_until_the_goal_is_still_reached(plane):
    """Towards class 0 only a short jump stays in class 1; the other image jumps away from it."""
    model, way = plane
    middle = torch.full((1, 1, 28, 28), 0.5)
    beyond = middle + 0.1 * way / way.norm()  # the plane is 0.1 behind
    x_adv, x = torch.cat([beyond, beyond]), torch.cat([beyond + 0.02, beyond + 0.02])
    ask = oracle(model, 2)
    landed = decisions._jump(ask, x, x_adv, torch.cat([-way, way]), 1, L2)
    moved = (landed - x_adv).flatten(1).norm(dim=1)
    torch.testing.assert_close(moved, torch.tensor([0.56 / 8, 0.56]))  # the distance is 0.02 · 28
    assert ask.spent.tolist() == [4, 1]


def test_the_probes_grow_with_the_root_of_the_round(monkeypatch):
    model, x, y = some(3)
    told, normal = [], decisions._normal

    def listening(ask, x, x_adv, probes, ball, rng):
        told.append(probes.unique().tolist())
        return normal(ask, x, x_adv, probes, ball, rng)

    monkeypatch.setattr(decisions, "_normal", listening)
    monkeypatch.setattr(decisions, "PROBES", 40)
    hop_skip_jump(model, x, y, 600, seeded(0))
    assert len(told) >= 4
    assert told[:-1] == [[int(40 * t**0.5)] for t in range(1, len(told))]


def test_an_image_goes_on_when_the_queries_of_another_are_spent(monkeypatch):
    """The second has asked 440 of 500 already; the first is done no sooner and no worse for it."""
    model, x, y = victim()
    noise = streams(len(x)).rand(1, 28, 28)
    apart = (model(x).argmax(1) == y) & (model(noise).argmax(1) != y)
    two = apart.nonzero()[:2, 0]
    x, goal, noise = x[two], Goal(y[two]), noise[two]

    monkeypatch.setattr(decisions, "PROBES", 20)

    def walk(rows, spent):
        ask = decisions._Oracle.of(model, goal.rows(rows), len(rows))
        ask.spent += torch.tensor(spent)
        own = streams(2).rows(rows)
        return decisions._walk(ask, x[rows], noise[rows], 500, L2, own), ask.spent

    both, spent = walk(torch.tensor([0, 1]), [0, 440])
    alone, spent_alone = walk(torch.tensor([0]), [0])
    assert spent[0] == spent_alone[0] > 450 and 440 < spent[1] <= 500
    torch.testing.assert_close(both[:1], alone, rtol=0, atol=1e-4)


def test_the_walk_returns_the_nearest_image_of_all_its_rounds(monkeypatch):
    """A round may lead away from the image; here most do, without a return to the boundary."""
    model, x, y = some(6)
    ends, to_boundary = [], decisions._to_boundary

    def once(ask, x, x_adv, ball):
        ends.append(x_adv if ends else to_boundary(ask, x, x_adv, ball))
        return ends[-1]

    monkeypatch.setattr(decisions, "_to_boundary", once)
    found = hop_skip_jump(model, x, y, 150, seeded(0))
    lengths = torch.stack([(end - x).flatten(1).norm(dim=1) for end in ends])
    assert (lengths[-1] > lengths.amin(0)).any()
    torch.testing.assert_close(found.distances, lengths.amin(0))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"queries": 99}, "queries was 99"),
        ({"norm": "L1"}, "norm was 'L1'; choose one of L2, Linf"),
        ({"rng": None}, "rng was None"),
    ],
)
def test_what_is_out_of_range_is_refused(arguments, sentence):
    x, y = torch.rand(1, 1, 8, 8), torch.zeros(1, dtype=torch.long)
    given = {"queries": 100, "rng": torch.Generator()} | arguments
    with pytest.raises(CourseError, match=sentence):
        hop_skip_jump(stubborn(64, 0.0, 2.0), x, y, **given)
