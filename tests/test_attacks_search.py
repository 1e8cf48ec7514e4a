"""Attacks that search: an optimiser against SciPy, the trade-off in c, and counted queries."""

import numpy as np
import pytest
import torch
from attacked import Counting, accuracy, victim
from scipy.optimize import minimize as scipy_minimize
from torch import nn
from torch.nn.functional import cross_entropy

from coursekit.attacks import (
    Goal,
    accuracy_and_confidence,
    carlini_wagner,
    hop_skip_jump,
    lbfgs_attack,
    loss_landscape,
    occlusion_map,
    occlusions,
    rotations_translations,
    saliency,
    spatial_search,
)
from coursekit.attacks.minimal_norm import minimise
from coursekit.errors import CourseError
from coursekit.gradients import input_gradient
from coursekit.nets import LinearClassifier


def sizes(a, b):
    return (a - b).flatten(1).norm(dim=1)


def some(n):
    model, x, y = victim()
    right = (model(x).argmax(1) == y).nonzero()[:n, 0]
    return model, x[right], y[right]


def stubborn(pixels):
    """A model that answers 0 to every image."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(pixels, 2))
    with torch.no_grad():
        model[1].weight.zero_()
        model[1].bias.copy_(torch.tensor([1.0, 0.0]))
    return model


# --- Optimisation --------------------------------------------------------------------------------


def test_the_box_constrained_optimiser_agrees_with_scipy(rng):
    a = torch.randn(4, 12, 12, generator=rng, dtype=torch.float64)
    a = a @ a.transpose(1, 2) + 0.1 * torch.eye(12)
    b = 3 * torch.randn(4, 12, generator=rng, dtype=torch.float64)

    def f(x, rows):
        curved = torch.einsum("ni,nij,nj->n", x, a[rows], x) / 2
        return curved - (b[rows] * x).sum(1) + torch.logsumexp(3 * x, 1)

    start = torch.full((4, 12), 0.5, dtype=torch.float64)
    mine = minimise(f, start, steps=300, tolerance=1e-12)
    for i in range(4):
        row = torch.tensor([i])
        theirs = scipy_minimize(
            lambda v, row=row: f(torch.as_tensor(v)[None], row).item(),
            start[i].numpy(),
            method="L-BFGS-B",
            bounds=[(0, 1)] * 12,
            options={"ftol": 1e-15, "gtol": 1e-9},
        )
        assert 0 < np.isin(theirs.x, (0, 1)).sum() < 12  # the box is felt, but not everywhere
        np.testing.assert_allclose(mine[i].numpy(), theirs.x, atol=1e-5)


def test_on_a_linear_model_the_shortest_way_is_the_distance_to_the_boundary(rng):
    """|z_a − z_b| / ‖w_a − w_b‖₂, where the box is not felt: both attacks must find it."""
    model = LinearClassifier((1, 6, 6), 2, rng)
    x = 0.4 + 0.2 * torch.rand(8, 1, 6, 6, generator=rng)
    with torch.no_grad():
        logits = model(x)
        y, normal = logits.argmax(1), (model[1].weight[0] - model[1].weight[1]).norm()
        exact = (logits[:, 0] - logits[:, 1]).abs() / normal
    for x_adv in (
        lbfgs_attack(model, x, y, searches=15, steps=40),
        carlini_wagner(model, x, y, searches=7, steps=200, lr=0.01),
    ):
        assert accuracy(model, x_adv, y) == 0
        assert (sizes(x_adv, x) >= exact * 0.999).all()
        torch.testing.assert_close(sizes(x_adv, x), exact, rtol=0.05, atol=1e-3)


def test_a_larger_c_buys_a_smaller_perturbation_at_a_higher_loss():
    model, x, y = some(8)
    target = (y + 1) % 10
    found = [lbfgs_attack(model, x, y, target=target, c=c) for c in (0.03, 0.3, 3.0)]
    lengths = [sizes(x_adv, x).mean() for x_adv in found]
    with torch.no_grad():
        losses = [nn.functional.cross_entropy(model(x_adv), target) for x_adv in found]
    assert lengths[0] > lengths[1] > lengths[2]
    assert losses[0] < losses[1] < losses[2]


def test_at_the_penalised_minimum_the_slope_of_the_loss_is_c(rng):
    """∇J + c·r / ‖r‖₂ = 0, where the box is not felt: the length is penalised, not its square."""
    model = LinearClassifier((1, 6, 6), 2, rng)
    x = 0.4 + 0.2 * torch.rand(8, 1, 6, 6, generator=rng)
    y = model(x).argmax(1)

    def slope(x):
        loss = lambda x: cross_entropy(model(x), 1 - y, reduction="none")  # noqa: E731
        return input_gradient(loss, x).flatten(1).norm(dim=1)

    c = 0.8 * slope(x).min().item()
    x_adv = lbfgs_attack(model, x, y, c=c, steps=100)
    assert x_adv.min() > 0 and x_adv.max() < 1
    torch.testing.assert_close(slope(x_adv), torch.full((8,), c), rtol=0.02, atol=0)


@pytest.mark.parametrize("attack", [lbfgs_attack, carlini_wagner])
def test_the_wanted_class_is_reached_and_more_search_is_no_worse(attack):
    model, x, y = some(8)
    target = (y + 1) % 10
    quick = attack(model, x, y, target=target, searches=3)
    long = attack(model, x, y, target=target, searches=5)
    assert accuracy(model, quick, target) == 1
    assert (sizes(long, x) <= sizes(quick, x) + 1e-6).all()


def test_kappa_asks_for_a_margin():
    model, x, y = some(8)
    confident = carlini_wagner(model, x, y, kappa=4.0, searches=3, steps=100)
    assert (Goal(y).margin(model(confident)) > 4).all()
    assert (
        sizes(confident, x) > sizes(carlini_wagner(model, x, y, searches=3, steps=100), x)
    ).all()


def test_where_nothing_fools_the_image_itself_comes_back():
    constant = stubborn(16)
    x, y = torch.rand(3, 1, 4, 4), torch.zeros(3, dtype=torch.long)
    assert torch.equal(lbfgs_attack(constant, x, y, searches=2), x)
    assert torch.equal(carlini_wagner(constant, x, y, searches=2, steps=3), x)
    assert torch.equal(hop_skip_jump(constant, x, y, 200, torch.Generator()).x_adv, x)


# --- Transforms ----------------------------------------------------------------------------------


def test_motions_move_by_the_angles_and_pixels_they_say(rng):
    x = torch.rand(2, 3, 8, 12, generator=rng)
    (still,) = rotations_translations((0,), (0,))
    torch.testing.assert_close(still(x), x)
    shifted = [m(x) for m in rotations_translations((0,), (-2, 0, 2))]
    right_and_down = torch.zeros_like(x)
    right_and_down[:, :, 2:, 2:] = x[:, :, :-2, :-2]
    assert any(torch.allclose(s, right_and_down, atol=1e-5) for s in shifted)
    square = torch.rand(2, 1, 9, 9, generator=rng)
    quarter = rotations_translations((90,), (0,))[0](square)
    torch.testing.assert_close(quarter, torch.rot90(square, 1, (2, 3)), atol=1e-5, rtol=0)


def test_occlusions_cover_every_place_and_nothing_else():
    x = torch.zeros(1, 1, 7, 9)
    covered = torch.cat([hide(x) for hide in occlusions((1, 7, 9), 3, 2)])
    assert len(covered) == 3 * 4
    assert ((covered == 0.5).flatten(1).sum(1) == 9).all()
    assert covered.amax(0).min() == 0.5
    with pytest.raises(CourseError, match="side was 8"):
        occlusions((1, 7, 9), 8, 1)


def test_spatial_search_finds_the_transform_that_fools_and_stops_there():
    model, x, y = some(60)
    grid = rotations_translations()
    x_adv, queries = spatial_search(model, x, y)
    answers = torch.stack([model(move(x)).argmax(1) != y for move in grid])
    fooled = answers.any(0)
    assert fooled.float().mean() > 0.5
    assert torch.equal(model(x_adv).argmax(1) != y, fooled)
    first = answers.float().argmax(0) + 1
    assert torch.equal(queries, torch.where(fooled, first, len(grid)))


def test_where_no_transform_fools_the_highest_loss_is_kept():
    model, x, y = some(40)
    grid = rotations_translations((0, 4), (0, 1))
    x_adv = spatial_search(model, x, y, grid).x_adv
    with torch.no_grad():
        tried = torch.stack([model(move(x)) for move in grid])
        kept = cross_entropy(model(x_adv), y, reduction="none")
    loss = torch.stack([cross_entropy(logits, y, reduction="none") for logits in tried])
    safe = (tried.argmax(2) == y).all(0)
    assert safe.any()
    torch.testing.assert_close(kept[safe], loss.amax(0)[safe])


def test_the_smallest_motions_are_tried_first(rng):
    x = torch.rand(1, 1, 9, 9, generator=rng)
    order = [move(x) for move in rotations_translations((-30, 20, 0), (0,))]
    by_size = [rotations_translations((angle,), (0,))[0](x) for angle in (0, 20, -30)]
    assert all(torch.equal(a, b) for a, b in zip(order, by_size, strict=True))
    torch.testing.assert_close(rotations_translations()[0](x), x)


# --- Queries -------------------------------------------------------------------------------------


def test_the_decision_attack_counts_its_queries_and_comes_nearer():
    model, x, y = victim()
    x, y = x[:30], y[:30]
    wrong = model(x).argmax(1) != y
    assert wrong.any()
    lengths = []
    for budget in (150, 1000):
        counting = Counting(model)
        found = hop_skip_jump(counting, x, y, budget, torch.Generator().manual_seed(0))
        assert found.queries.max() <= budget
        assert counting.shown >= found.queries.sum()
        assert torch.equal(found.x_adv[wrong], x[wrong])
        assert (found.queries[wrong] == 1).all()
        assert accuracy(model, found.x_adv, y) == 0
        lengths.append(sizes(found.x_adv, x)[~wrong].median())
    assert lengths[1] < 0.75 * lengths[0]


def test_the_decision_attack_sees_only_who_wins():
    """Logits may be replaced by the bare decision, and nothing changes."""
    model, x, y = some(10)

    class Decision(nn.Module):
        def forward(self, x):
            return nn.functional.one_hot(model(x).argmax(1), 10).float()

    mine, blind = (
        hop_skip_jump(m, x, y, 200, torch.Generator().manual_seed(0)) for m in (model, Decision())
    )
    assert torch.equal(mine.x_adv, blind.x_adv)


def test_the_decision_attack_can_start_from_a_given_image():
    model, x, y = some(20)
    other = x[y == 3][:1] if (y == 3).any() else x[:1]
    wanted = int(model(other).argmax(1))
    x, y = x[y != wanted], y[y != wanted]
    found = hop_skip_jump(model, x, y, 400, torch.Generator(), target=wanted, start=other)
    assert accuracy(model, found.x_adv, torch.full_like(y, wanted)) == 1
    assert (sizes(found.x_adv, x) < 0.8 * sizes(other, x)).all()


# --- Views ---------------------------------------------------------------------------------------


def test_the_loss_plane_is_the_loss_on_the_plane(rng):
    model, x, y = some(1)
    along, across = (torch.randn(1, 1, 28, 28, generator=rng) for _ in range(2))
    reach = torch.linspace(-0.1, 0.1, 3)
    loss, winner = loss_landscape(model, x, y, along, across, reach)
    corner = (x + 0.1 * along - 0.1 * across).clamp(0, 1)  # a = +.1 (last column), b = −.1
    with torch.no_grad():
        expected = nn.functional.cross_entropy(model(corner), y)
    torch.testing.assert_close(loss[0, 2], expected)
    assert winner[1, 1] == y


def test_maps_of_attention_find_the_only_pixels_that_count():
    model = LinearClassifier((1, 8, 8), 2)
    with torch.no_grad():
        model[1].weight.zero_()
        model[1].weight[0].view(8, 8)[2:4, 5:7] = 2.0
    x, y = torch.ones(2, 1, 8, 8), torch.zeros(2, dtype=torch.long)
    seen = saliency(model, x, y)
    assert (seen[:, 2:4, 5:7] == 2).all()
    assert seen.sum() == 2 * 4 * 2
    drop = occlusion_map(model, x, y, side=2, stride=1)
    # Of the four squares that hide one of these pixels, one hides all, two hide two, one hides one.
    torch.testing.assert_close(drop[:, 2:4, 5:7], torch.full((2, 2, 2), (4 + 2 + 2 + 1) / 4))
    assert (drop[:, 6:, :3] == 0).all()


def test_saliency_is_the_largest_over_the_channels():
    model = LinearClassifier((3, 2, 2), 2)
    with torch.no_grad():
        model[1].weight[0].view(3, 4).copy_(torch.tensor([[1.0], [-3.0], [2.0]]).expand(3, 4))
    seen = saliency(model, torch.full((1, 3, 2, 2), 0.5), torch.tensor([0]))
    assert torch.equal(seen, torch.full((1, 2, 2), 3.0))


def test_the_outcome_is_the_accuracy_and_how_sure_the_mistakes_are():
    """Three pixels are the logits of three classes; the second and the third image are misread."""
    x = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.5, 1.0]]).view(3, 1, 1, 3)
    right, sure = accuracy_and_confidence(nn.Flatten(), x, torch.tensor([0, 0, 0]))
    e = np.e
    assert right == pytest.approx(1 / 3)
    assert sure == pytest.approx((e / (e + 2) + e / (e + e**0.5 + 1)) / 2)
    assert np.isnan(accuracy_and_confidence(nn.Flatten(), x, torch.tensor([0, 1, 2]))[1])
