"""Attacks that search: an optimiser against SciPy, known distances, and counted queries."""

import numpy as np
import pytest
import torch
from attacked import Counting, accuracy, some, stubborn, victim
from scipy.optimize import minimize as scipy_minimize
from seeds import seeded
from torch import nn
from torch.nn.functional import cross_entropy

from coursekit import attacks
from coursekit.attacks.common import RobustnessWarning
from coursekit.attacks.minimal_norm import minimise
from coursekit.errors import CourseError
from coursekit.gradients import input_gradient
from coursekit.nets import LinearClassifier
from coursekit.threats import L2, Linf


def sizes(a, b):
    return (a - b).flatten(1).norm(dim=1)


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
    for found in (
        attacks.lbfgs_attack(model, x, y, searches=15, steps=40),
        attacks.carlini_wagner(model, x, y, searches=7, steps=200, lr=0.01),
    ):
        assert accuracy(model, found.x_adv, y) == 0
        torch.testing.assert_close(found.distances, sizes(found.x_adv, x))
        assert (found.distances >= exact * 0.999).all()
        torch.testing.assert_close(found.distances, exact, rtol=0.05, atol=1e-3)


def test_deepfool_goes_to_the_nearest_hyperplane_and_crosses_it(rng):
    """Moosavi-Dezfooli et al. 2016, eq. 8: min over k of |f_k − f_y| / ‖w_k − w_y‖₂."""
    model = LinearClassifier((3, 4, 4), 10, rng)
    x = 0.4 + 0.2 * torch.rand(8, 3, 4, 4, generator=rng)
    with torch.no_grad():
        logits, weight = model(x), model[1].weight
        y = logits.argmax(1)
        lead = logits.gather(1, y[:, None]) - logits
        normals = (weight[y][:, None] - weight).norm(dim=2)
    exact = (lead / normals).scatter(1, y[:, None], torch.inf).amin(1)
    found = attacks.deepfool(model, x, y)
    assert found.success.all()
    torch.testing.assert_close(found.distances, 1.02 * exact, rtol=1e-3, atol=1e-6)
    assert (found.queries == 3).all()  # the image, its linearisation, the point beyond


def test_a_larger_c_buys_a_smaller_perturbation_at_a_higher_loss():
    model, x, y = some(8)
    target = (y + 1) % 10
    found = [attacks.lbfgs_attack(model, x, y, target=target, c=c) for c in (0.03, 0.3, 3.0)]
    lengths = [sizes(each.x_adv, x).mean() for each in found]
    with torch.no_grad():
        losses = [nn.functional.cross_entropy(model(each.x_adv), target) for each in found]
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
    x_adv = attacks.lbfgs_attack(model, x, y, c=c, steps=100).x_adv
    assert x_adv.min() > 0 and x_adv.max() < 1
    torch.testing.assert_close(slope(x_adv), torch.full((8,), c), rtol=0.02, atol=0)


@pytest.mark.parametrize("attack", [attacks.lbfgs_attack, attacks.carlini_wagner])
def test_the_wanted_class_is_reached_and_more_search_is_no_worse(attack):
    model, x, y = some(8)
    target = (y + 1) % 10
    quick = attack(model, x, y, target=target, searches=3)
    long = attack(model, x, y, target=target, searches=5)
    assert accuracy(model, quick.x_adv, target) == 1
    assert quick.success.all()
    assert (long.distances <= quick.distances + 1e-6).all()


def test_kappa_asks_for_a_margin():
    model, x, y = some(8)
    plain, confident = (
        attacks.carlini_wagner(model, x, y, kappa=kappa, searches=3, steps=100)
        for kappa in (0.0, 4.0)
    )
    assert confident.success.all()
    assert (attacks.Goal(y).margin(model(confident.x_adv)) > 4).all()
    assert (confident.distances > plain.distances).all()


@pytest.mark.filterwarnings("ignore::coursekit.attacks.common.RobustnessWarning")
@pytest.mark.parametrize(
    "attack",
    [
        lambda m, x, y: attacks.lbfgs_attack(m, x, y, searches=2),
        lambda m, x, y: attacks.lbfgs_attack(m, x, y, c=0.1),
        lambda m, x, y: attacks.carlini_wagner(m, x, y, searches=2, steps=3),
        lambda m, x, y: attacks.deepfool(m, x, y, steps=3),
        lambda m, x, y: attacks.hop_skip_jump(m, x, y, 200, torch.Generator()),
    ],
    ids=["L-BFGS", "L-BFGS fixed c", "Carlini-Wagner", "DeepFool", "HopSkipJump"],
)
def test_where_nothing_fools_the_attack_says_so(attack):
    """A failure is no success at distance 0; an image that is wrong by itself is one."""
    x = torch.rand(3, 1, 4, 4, generator=seeded(0))
    found = attack(stubborn(16, 2.0, 0.0), x, torch.tensor([0, 1, 0]))
    assert found.success.tolist() == [False, True, False]
    assert found.distances.tolist() == [torch.inf, 0, torch.inf]
    assert torch.equal(found.x_adv, x)


@pytest.mark.parametrize("attack", [attacks.lbfgs_attack, attacks.carlini_wagner, attacks.deepfool])
def test_a_gradient_that_is_zero_is_noticed(attack):
    x, y = torch.rand(3, 1, 4, 4), torch.zeros(3, dtype=torch.long)
    with pytest.warns(RobustnessWarning, match="zero on 3 of 3 images"):
        attack(stubborn(16, 2.0, 0.0), x, y, steps=1)


@pytest.mark.parametrize("attack", [attacks.lbfgs_attack, attacks.carlini_wagner, attacks.deepfool])
def test_every_forward_of_an_image_is_counted(attack):
    model, x, y = victim()
    counting = Counting(model.eval())
    found = attack(counting, x[:20], y[:20], steps=5)
    door = 2 * 16  # the model is tried on 16 images, twice, before the attack begins
    assert counting.shown - door == found.queries.sum()
    wrong = model(x[:20]).argmax(1) != y[:20]
    assert wrong.any() and (found.queries[wrong] == 1).all() and (found.queries[~wrong] > 1).all()


# --- Two pixels ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plane():
    """A random network of two pixels and three classes, some images, and the truth by brute force.

    The truth: for each image the nearest of 1001 × 1001 points that the network gives another
    class, in L2 and in L∞. On grey the three logits are equal, so that borders cross the middle.
    """
    rng = seeded(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 3))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=rng))
        model[3].bias -= model(torch.full((1, 1, 1, 2), 0.5))[0]
        x = torch.rand(12, 1, 1, 2, generator=rng)
        line = torch.linspace(0, 1, 1001)
        grid = torch.cartesian_prod(line, line)
        classes, y = model(grid).argmax(1), model(x).argmax(1)
        assert len(classes.unique()) == 3
        pairs = zip(x.view(-1, 2), y, strict=True)
        ways = [(grid[classes != label] - image).abs() for image, label in pairs]
    nearest = {
        "L2": torch.stack([way.norm(dim=1).min() for way in ways]),
        "Linf": torch.stack([way.amax(1).min() for way in ways]),
    }
    return model, x, y, nearest


def near(found, nearest):
    """The share of the images whose distance is the least possible; the grid is 0.001 wide."""
    assert (found.distances > nearest - 0.001).all()
    return (found.distances < nearest + 0.01).float().mean()


def test_carlini_wagner_finds_the_nearest_point_of_two_pixels(plane):
    """On seeds 0 to 3 of the network 90 to 100 % were the nearest, of 20 images."""
    model, x, y, nearest = plane
    found = attacks.carlini_wagner(model, x, y, searches=7, steps=200, lr=0.03)
    assert near(found, nearest["L2"]) >= 0.8


def test_deepfool_comes_near_the_nearest_point_of_two_pixels(plane):
    """On seeds 0 to 3 between 65 and 100 % were within a tenth: it follows one straight line."""
    model, x, y, nearest = plane
    found = attacks.deepfool(model, x, y)
    near(found, nearest["L2"])
    assert (found.distances < 1.1 * nearest["L2"]).float().mean() >= 0.5


@pytest.mark.parametrize("norm", ["L2", "Linf"])
def test_hop_skip_jump_finds_the_nearest_point_of_two_pixels(norm, plane):
    """On seeds 0 to 3 it was the nearest for 75 to 100 %; the others came to another border."""
    model, x, y, nearest = plane
    found = attacks.hop_skip_jump(model, x, y, 1000, seeded(0), norm=norm)
    assert torch.equal(model(found.x_adv).argmax(1) != y, found.success)
    size = {"L2": L2(0.0).norm, "Linf": Linf(0.0).norm}[norm]
    torch.testing.assert_close(found.distances, size(found.x_adv - x))
    assert near(found, nearest[norm]) >= 0.6


# --- Transforms ----------------------------------------------------------------------------------


def test_motions_move_by_the_angles_and_pixels_they_say(rng):
    x = torch.rand(2, 3, 8, 12, generator=rng)
    (still,) = attacks.rotations_translations((0,), (0,))
    torch.testing.assert_close(still(x), x)
    shifted = [m(x) for m in attacks.rotations_translations((0,), (-2, 0, 2))]
    right_and_down = torch.zeros_like(x)
    right_and_down[:, :, 2:, 2:] = x[:, :, :-2, :-2]
    assert any(torch.allclose(s, right_and_down, atol=1e-5) for s in shifted)
    square = torch.rand(2, 1, 9, 9, generator=rng)
    quarter = attacks.rotations_translations((90,), (0,))[0](square)
    torch.testing.assert_close(quarter, torch.rot90(square, 1, (2, 3)), atol=1e-5, rtol=0)


def test_occlusions_cover_every_place_and_nothing_else():
    x = torch.zeros(1, 1, 7, 9)
    covered = torch.cat([hide(x) for hide in attacks.occlusions((1, 7, 9), 3, 2)])
    assert len(covered) == 3 * 4
    assert ((covered == 0.5).flatten(1).sum(1) == 9).all()
    assert covered.amax(0).min() == 0.5
    with pytest.raises(CourseError, match="side was 8"):
        attacks.occlusions((1, 7, 9), 8, 1)


def test_spatial_search_finds_the_transform_that_fools_and_stops_there():
    model, x, y = some(60)
    grid = attacks.rotations_translations()
    found = attacks.spatial_search(model, x, y)
    answers = torch.stack([model(move(x)).argmax(1) != y for move in grid])
    fooled = answers.any(0)
    assert fooled.float().mean() > 0.5
    assert torch.equal(model(found.x_adv).argmax(1) != y, fooled)
    assert torch.equal(found.success, fooled)
    first = answers.float().argmax(0) + 1
    assert torch.equal(found.queries, torch.where(fooled, first, len(grid)))


def test_where_no_transform_fools_the_highest_loss_is_kept():
    model, x, y = some(40)
    grid = attacks.rotations_translations((0, 4), (0, 1))
    x_adv = attacks.spatial_search(model, x, y, grid).x_adv
    with torch.no_grad():
        tried = torch.stack([model(move(x)) for move in grid])
        kept = cross_entropy(model(x_adv), y, reduction="none")
    loss = torch.stack([cross_entropy(logits, y, reduction="none") for logits in tried])
    safe = (tried.argmax(2) == y).all(0)
    assert safe.any()
    torch.testing.assert_close(kept[safe], loss.amax(0)[safe])


def test_the_smallest_motions_are_tried_first(rng):
    x = torch.rand(1, 1, 9, 9, generator=rng)
    order = [move(x) for move in attacks.rotations_translations((-30, 20, 0), (0,))]
    by_size = [attacks.rotations_translations((angle,), (0,))[0](x) for angle in (0, 20, -30)]
    assert all(torch.equal(a, b) for a, b in zip(order, by_size, strict=True))
    torch.testing.assert_close(attacks.rotations_translations()[0](x), x)


# --- Queries -------------------------------------------------------------------------------------


def test_the_decision_attack_counts_its_queries_and_comes_nearer():
    model, x, y = victim()
    x, y = x[:30], y[:30]
    wrong = model(x).argmax(1) != y
    assert wrong.any()
    lengths = []
    for budget in (150, 1000):
        counting = Counting(model)
        found = attacks.hop_skip_jump(counting, x, y, budget, seeded(0))
        assert found.queries.max() <= budget
        assert counting.shown - 2 * 16 == found.queries.sum()
        assert found.success.all()
        assert torch.equal(found.x_adv[wrong], x[wrong])
        assert (found.queries[wrong] == 1).all()
        assert accuracy(model, found.x_adv, y) == 0
        lengths.append(found.distances[~wrong].median())
    assert lengths[1] < 0.75 * lengths[0]


@pytest.mark.parametrize("norm", ["L2", "Linf"])
def test_every_image_spends_its_own_queries(norm):
    """No image stops because another has spent its own; one more round would cost too much."""
    model, x, y = some(12)
    found = attacks.hop_skip_jump(model, x, y, 500, seeded(0), norm=norm)
    most = 10 + 20 + 50 // 2  # a jump, a bisection (20 steps in L-infinity), a minimum of moves
    assert (found.queries > 500 - most).all() and (found.queries <= 500).all()


def test_the_decision_attack_sees_only_who_wins():
    """Logits may be replaced by the bare decision, and nothing changes."""
    model, x, y = some(10)

    class Decision(nn.Module):
        def forward(self, x):
            return 2 * nn.functional.one_hot(model(x).argmax(1), 10).float()

    mine, blind = (attacks.hop_skip_jump(m, x, y, 200, seeded(0)) for m in (model, Decision()))
    assert torch.equal(mine.x_adv, blind.x_adv)


# --- Views ---------------------------------------------------------------------------------------


def test_maps_of_attention_find_the_only_pixels_that_count():
    model = LinearClassifier((1, 8, 8), 2)
    with torch.no_grad():
        model[1].weight.zero_()
        model[1].weight[0].view(8, 8)[2:4, 5:7] = 2.0
    x, y = torch.ones(2, 1, 8, 8), torch.zeros(2, dtype=torch.long)
    seen = attacks.saliency(model, x, y)
    assert (seen[:, 2:4, 5:7] == 2).all()
    assert seen.sum() == 2 * 4 * 2


def test_saliency_is_the_largest_over_the_channels():
    model = LinearClassifier((3, 2, 2), 2)
    with torch.no_grad():
        model[1].weight[0].view(3, 4).copy_(torch.tensor([[1.0], [-3.0], [2.0]]).expand(3, 4))
    seen = attacks.saliency(model, torch.full((1, 3, 2, 2), 0.5), torch.tensor([0]))
    assert torch.equal(seen, torch.full((1, 2, 2), 3.0))


def test_the_outcome_is_the_accuracy_and_how_sure_the_mistakes_are():
    """Three pixels are the logits of three classes; the second and the third image are misread."""
    x = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.5, 1.0]]).view(3, 1, 1, 3)
    right, sure = attacks.accuracy_and_confidence(nn.Flatten(), x, torch.tensor([0, 0, 0]))
    e = np.e
    assert right == pytest.approx(1 / 3)
    assert sure == pytest.approx((e / (e + 2) + e / (e + e**0.5 + 1)) / 2)
    assert np.isnan(attacks.accuracy_and_confidence(nn.Flatten(), x, torch.tensor([0, 1, 2]))[1])
