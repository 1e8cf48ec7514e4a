"""The Square attack: its schedule and its moves, exactly; and every query counted."""

import pytest
import torch
from attacked import Counting, accuracy, some, stubborn, victim
from seeds import seeded

from coursekit.attacks import Goal, pgd, square_attack
from coursekit.attacks.square import _pyramid, _side
from coursekit.errors import CourseError
from coursekit.threats import L2, Linf


def shown_to_a_stubborn_model(threat, moves, shape=(4, 3, 8, 8)):
    """All images that the attack tries on a model that never changes its mind, as perturbations."""
    model = stubborn(shape[1] * shape[2] * shape[3], 2.0, 0.0)
    seen, x = [], torch.full(shape, 0.5)
    model.register_forward_hook(lambda _model, shown, _logits: seen.append(shown[0] - x))
    square_attack(model, x, torch.zeros(len(x)).long(), threat, moves + 2, seeded())
    assert len(seen) == moves + 4  # the door looks twice, the attack at the images, at its start
    return seen[3], torch.stack(seen[4:])


def test_the_squares_shrink_as_published():
    """Andriushchenko et al. 2020, §3, and at 500 as in their code: of 10,000 queries the share of
    the pixels is halved after these; a square never vanishes nor leaves the image."""
    changes = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000]
    for halvings, (first, last) in enumerate(zip([1, *changes], [*changes, 10_000], strict=True)):
        side = max(1, round((0.3 / 2**halvings * 28 * 28) ** 0.5))
        for query in (first + (halvings > 0), last):
            assert _side(torch.Size((28, 28)), 0.3, query / 10_000) == side
    assert _side(torch.Size((28, 28)), 0.0001, 0.9) == 1
    assert _side(torch.Size((8, 28)), 1.0, 0.0) == 8


def test_in_linf_it_shows_stripes_and_then_squares_of_one_sign_a_channel():
    """§3: vertical stripes of ±ε; then −ε or ε for every channel. All are painted on the stripes,
    as no move is an improvement, and every one of them changes something."""
    stripes, squares = shown_to_a_stubborn_model(Linf(0.1), 60)
    every = torch.cat([stripes[None], squares])
    torch.testing.assert_close(every.abs(), torch.full((61, 4, 3, 8, 8), 0.1))
    assert torch.equal(stripes, stripes[:, :, :1].expand_as(stripes))
    assert not torch.equal(stripes, stripes[..., :1].expand_as(stripes))
    painted = squares != stripes
    up, down = (painted & (squares > 0)).any((3, 4)), (painted & (squares < 0)).any((3, 4))
    assert not (up & down).any()
    assert (up.any(2) & down.any(2)).any()  # channels have signs of their own
    assert painted.flatten(2).any(2).all()


def test_a_square_of_one_pixel_is_never_painted_in_the_colour_that_is_there():
    """Half of them would be, and each would cost a query."""
    stripes, squares = shown_to_a_stubborn_model(Linf(0.1), 600, (5, 1, 6, 6))
    assert ((squares[300:] != stripes).flatten(2).sum(2) == 1).all()


def test_places_and_colours_are_drawn_for_each_image_on_its_own():
    _, squares = shown_to_a_stubborn_model(Linf(0.1), 40, (2, 1, 8, 8))
    assert (squares[:, 0] != squares[:, 1]).flatten(1).any(1).float().mean() > 0.9


@pytest.mark.parametrize("side", [1, 2, 3, 5, 8])
def test_the_pyramid_is_built_of_rectangles(side):
    """Equation 4: rectangle k around the middle of each half, of weight 1 / (k + 1)²."""
    halves = []
    for rows, sign in ((side // 2, 1.0), (side - side // 2, -1.0)):
        half = torch.zeros(rows, side, dtype=torch.float64)
        for k in range(side // 2 + 1):
            a, b = rows // 2, side // 2
            half[max(0, a - k) : a + k + 1, max(0, b - k) : b + k + 1] += 1 / (k + 1) ** 2
        halves.append(sign * half / half.norm().clamp_min(1e-12))
    expected = torch.cat(halves)
    torch.testing.assert_close(_pyramid(side), expected / expected.norm())


def test_in_l2_every_move_has_the_length_of_the_ball_and_leaves_all_but_two_squares_in_shape():
    start, moves = shown_to_a_stubborn_model(L2(0.5), 60, (3, 1, 15, 15))
    every = torch.cat([start[None], moves])
    torch.testing.assert_close(every.flatten(2).norm(dim=2), torch.full((61, 3), 0.5))
    tiles = start.view(3, 5, 3, 5, 3).transpose(2, 3).flatten(3)
    torch.testing.assert_close(
        tiles.norm(dim=3), torch.full((3, 5, 5), 0.1)
    )  # 25 tiles of one length
    late = moves[30:]  # squares of three by three, of which two may change
    ratio = late / start
    same = (ratio - ratio.flatten(2).median(2).values[..., None, None, None]).abs() < 1e-3
    changed = (~same).flatten(2).sum(2)
    assert ((changed > 0) & (changed <= 18)).all()


def test_it_counts_its_queries_and_needs_no_gradient(rng):
    model, x, y = some(40)
    counting = Counting(model)
    few, many = (square_attack(counting, x, y, Linf(0.15), q, seeded()) for q in (200, 1000))
    assert counting.shown == 4 * 16 + few.queries.sum() + many.queries.sum()  # the door: 2 × 16
    assert few.queries.max() <= 200
    assert many.queries.max() <= 1000
    fooled = model(many.x_adv).argmax(1) != y
    assert torch.equal(many.success, fooled)
    assert (many.queries[~fooled] == 1000).all()
    noise = accuracy(model, Linf(0.15).noise(x, rng), y)
    strong = accuracy(model, pgd(model, x, y, Linf(0.15), 20), y)
    assert strong - 0.05 <= accuracy(model, many.x_adv, y) < accuracy(model, few.x_adv, y) < noise


def test_in_l2_more_queries_fool_more_and_random_noise_fools_less(rng):
    model, x, y = some(40)
    few, many = (square_attack(model, x, y, L2(2.5), q, seeded()) for q in (20, 300))
    size = (many.x_adv - x).flatten(1).norm(dim=1)
    assert (size <= 2.5 + 1e-5).all()
    assert ((many.x_adv >= 0) & (many.x_adv <= 1)).all()
    torch.testing.assert_close(many.distances, torch.where(many.success, size, torch.inf))
    noise = accuracy(model, L2(2.5).noise(x, rng), y)
    assert accuracy(model, many.x_adv, y) < accuracy(model, few.x_adv, y) < noise
    failed = ~many.success
    held, started = (Goal(y).margin(model(run.x_adv))[failed] for run in (many, few))
    assert (held >= started).all()


def test_an_image_that_the_model_gets_wrong_costs_one_query():
    model, x, y = victim()
    wrong = (model(x).argmax(1) != y).nonzero()[:5, 0]
    found = square_attack(model, x[wrong], y[wrong], Linf(0.1), 50, seeded())
    assert torch.equal(found.x_adv, x[wrong])
    assert found.success.all()
    assert (found.distances == 0).all()
    assert (found.queries == 1).all()


def test_a_ball_of_radius_zero_costs_two_queries():
    model, x, y = some(3)
    for kind in (Linf, L2):
        found = square_attack(model, x, y, kind(0.0), 50, seeded())
        assert (found.queries == 2).all()
        torch.testing.assert_close(found.x_adv, x)


@pytest.mark.parametrize(
    ("changes", "sentence"), [({"queries": 0}, "queries was 0"), ({"rng": None}, "give rng")]
)
def test_what_cannot_be_is_said_in_a_sentence(changes, sentence):
    model, x, y = some(3)
    given = {"threat": Linf(0.1), "queries": 5, "rng": seeded()} | changes
    with pytest.raises(CourseError, match=sentence):
        square_attack(model, x, y, **given)
