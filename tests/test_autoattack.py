"""AutoAttack's parts against hand values, brute force and exact distances; then the whole."""

import inspect

import pytest
import torch
from attacked import Counting, stubborn, victim
from scipy.optimize import linprog, minimize
from seeds import seeded
from torch import nn

from coursekit.attacks import Goal, apgd, auto_attack
from coursekit.attacks.autoattack import checkpoints
from coursekit.attacks.common import RobustnessWarning
from coursekit.attacks.fab import approach, onto_plane, others
from coursekit.errors import CourseError
from coursekit.nets import LinearClassifier, ScaledLogits
from coursekit.threats import L2, Linf

THREATS = (Linf, L2)
GRID = 121


def sizes(threat, a, b):
    return threat.norm(a - b)


def two_pixels(classes, seed):
    """A curved network on images of two pixels, and 24 images that it gets right."""
    rng = seeded(seed)
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 12), nn.Tanh(), nn.Linear(12, classes))
    with torch.no_grad():
        for parameter, scale in zip(model.parameters(), (12.0, 6.0, 1.0, 0.3), strict=True):
            parameter.copy_(scale * torch.randn(parameter.shape, generator=rng))
        x = torch.rand(24, 1, 1, 2, generator=rng)
        x[:6] = x[:6].round()  # some in a corner of the box
        return model.requires_grad_(False), x, model(x).argmax(1)


def whole_ball(threat, x):
    """A grid of the ball around each image, within the box: (images, points, 1, 1, 2)."""
    line = torch.linspace(-1, 1, GRID)
    grid = torch.stack(torch.meshgrid(line, line, indexing="ij"), -1).view(-1, 1, 1, 2)
    every = []
    for image in x:
        points = (image + threat.eps * grid).clamp(0, 1)
        every.append(threat.project(points, image.expand_as(points)))
    return torch.stack(every)


def largest_margin(model, threat, x, y):
    points = whole_ball(threat, x)
    goals = (Goal(label.expand(points.shape[1])) for label in y)
    return torch.stack(
        [goal.margin(model(few)).max() for goal, few in zip(goals, points, strict=True)]
    )


# --- Auto-PGD ------------------------------------------------------------------------------------


def test_the_checkpoints_are_those_of_the_paper():
    """Croce & Hein 2020, §3.1: p₁ = 0.22, then gaps that shrink by 0.03 down to 0.06."""
    assert checkpoints(100) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert checkpoints(1) == [1]


def test_the_difference_of_logits_ratio_has_the_values_of_the_paper():
    logits, y = torch.tensor([[3.0, 1.0, 0.0, 2.0], [0.0, 1.0, 4.0, 2.0]]), torch.tensor([0, 1])
    free = Goal(y, kind="dlr").loss(logits)
    torch.testing.assert_close(free, torch.tensor([(2 - 3) / (3 - 1), (4 - 1) / (4 - 1.0)]))
    towards = Goal(y, torch.tensor([3, 0]), "dlr").loss(logits)
    torch.testing.assert_close(
        towards, torch.tensor([(2 - 3) / (3 - 0.5), (0 - 1) / (4 - (1 + 0) / 2)])
    )


@pytest.mark.parametrize("target", [None, 3])
def test_the_difference_of_logits_ratio_has_neither_unit_nor_origin(rng, target):
    logits, y = torch.randn(9, 5, generator=rng), torch.randint(3, (9,), generator=rng)
    goal = Goal(y, target, "dlr")
    torch.testing.assert_close(goal.loss(40 * logits + 7), goal.loss(logits))


@pytest.mark.parametrize("threat", [Linf(0.08), L2(0.1)])
@pytest.mark.parametrize("loss", ["cross_entropy", "dlr", "margin"])
def test_auto_pgd_climbs_to_the_top_of_the_ball(threat, loss):
    """On two pixels the whole ball can be searched: from ten starts few stay on a lower hill."""
    model, x, y = two_pixels(4, 4)
    found = apgd(model, x, y, threat, restarts=10, loss=loss, rng=seeded())
    best = largest_margin(model, threat, x, y)
    assert (found.success == (best > 0)).float().mean() >= 0.9
    assert 4 <= found.success.sum() < 20
    assert (sizes(threat, found.x_adv, x) <= threat.eps + 1e-6).all()
    goal = Goal(y, kind=loss)
    reached, points = goal.loss(model(found.x_adv)), whole_ball(threat, x)
    tops = torch.stack(
        [
            Goal(y[i].expand(GRID**2), kind=loss).loss(model(few)).max()
            for i, few in enumerate(points)
        ]
    )
    stood = ~found.success & (best < 0)
    short = tops[stood] - reached[stood]
    assert short.quantile(0.8) < 0.01


@pytest.mark.parametrize("threat", [Linf(0.05), L2(0.5)])
def test_auto_pgd_returns_the_best_of_all_points_that_it_came_by(threat):
    model, x, y = victim()
    x, y, seen = x[:20], y[:20], []
    handle = model.register_forward_hook(lambda _, shown, logits: seen.append((shown[0], logits)))
    with pytest.MonkeyPatch.context() as patch:  # nobody leaves, so that rows stay rows
        patch.setattr(Goal, "reached", lambda _, logits: torch.zeros(len(logits)).bool())
        found = apgd(model, x, y, threat, steps=12, rng=seeded())
    handle.remove()
    walk = seen[3:]  # the door looks twice, and the attack once at the images as they are
    assert len(walk) == 13
    losses = torch.stack([Goal(y).loss(logits) for _, logits in walk])
    assert (losses.argmax(0) != 12).any()  # the last is not always the best
    best = losses.argmax(0)
    points = torch.stack([shown for shown, _ in walk])
    assert torch.equal(found.x_adv, points[best, torch.arange(20)].detach())


def test_auto_pgd_starts_with_a_step_of_twice_the_radius_and_halves_it_when_it_does_not_rise():
    """A tent whose top the first step jumps over: with a constant step it would never be met."""

    class Tent(nn.Module):
        def forward(self, x):
            height = 1 - (x.flatten(1) - 0.53).abs().sum(1)
            return torch.stack([2 - height, height, -1 - 0 * height, -2 - 0 * height], 1)

    x, y, seen = torch.full((1, 1, 1, 1), 0.5), torch.zeros(1).long(), []
    model = Tent()
    model.register_forward_hook(lambda _, shown, __: seen.append(shown[0].item()))
    found = apgd(model, x, y, Linf(0.2), steps=100)
    assert seen[3:5] == pytest.approx([0.5, 0.7])
    assert found.x_adv.item() == pytest.approx(0.53, abs=0.01)
    assert found.queries.item() == 102
    assert not found.success.item()
    assert found.distances.item() == torch.inf


def test_more_starts_fool_more():
    """The ratio of two pixels' logits has lower hills, on which half of the single starts end."""
    model, x, y = two_pixels(4, 4)
    once, often = (
        apgd(model, x, y, Linf(0.08), restarts=r, loss="dlr", rng=seeded()) for r in (1, 10)
    )
    assert torch.equal(often.success | once.success, often.success)
    assert often.success.sum() > once.success.sum()


def test_auto_pgd_reaches_the_class_that_is_asked_for():
    model, x, y = victim()
    x, y = x[:40], y[:40]
    target = (y + 1) % 10
    found = apgd(model, x, y, Linf(0.3), steps=30, loss="dlr", target=target)
    assert torch.equal(model(found.x_adv).argmax(1) == target, found.success)
    assert found.success.float().mean() > 0.8


# --- FAB -----------------------------------------------------------------------------------------


def nearest(x, normal, gap, threat):
    """The same problem by SciPy: a linear programme for L∞, sequential quadratic for L2."""
    d = len(x)
    bounds = [(-v, 1 - v) for v in x]
    if isinstance(threat, Linf):  # variables δ and t, |δ| ≤ t
        cost = [0.0] * d + [1.0]
        a = [[s * (i == j) for j in range(d)] + [-1.0] for i in range(d) for s in (1.0, -1.0)]
        answer = linprog(
            cost, a, [0.0] * 2 * d, [[*normal, 0.0]], [gap], bounds=[*bounds, (0, None)]
        )
        return answer.fun
    answer = minimize(
        lambda v: (v**2).sum(),
        [0.0] * d,
        bounds=bounds,
        constraints={"type": "eq", "fun": lambda v: (v * normal).sum() - gap},
        options={"ftol": 1e-14, "maxiter": 500},
    )
    return answer.fun**0.5


@pytest.mark.parametrize("kind", THREATS)
def test_the_projection_onto_a_plane_within_the_box_is_the_nearest_point(rng, kind):
    threat, n, d = kind(1.0), 30, 9
    x = torch.rand(n, 1, 3, 3, generator=rng, dtype=torch.float64)
    x[:10] = x[:10].round()
    normal = torch.randn(n, 1, 3, 3, generator=rng, dtype=torch.float64)
    normal[::3, :, 0] = 0  # pixels that play no part
    up, down = (torch.where(s * normal > 0, 1 - x, x) for s in (1, -1))
    most = torch.stack([(normal.abs() * room).flatten(1).sum(1) for room in (up, down)])
    share = 1.8 * torch.rand(n, generator=rng, dtype=torch.float64) - 0.9
    gap = torch.where(share > 0, share * most[0], share * most[1])
    delta = onto_plane(x, normal, gap, threat)
    assert ((x + delta >= -1e-12) & (x + delta <= 1 + 1e-12)).all()
    torch.testing.assert_close((normal * delta).flatten(1).sum(1), gap)
    flat = [v.view(n, d).numpy() for v in (x, normal)]
    exact = [nearest(a, w, g, threat) for a, w, g in zip(*flat, gap.tolist(), strict=True)]
    found = threat.norm(delta)
    torch.testing.assert_close(found, torch.tensor(exact).double(), rtol=1e-5, atol=1e-7)
    assert (delta[normal == 0] == 0).all()


@pytest.mark.parametrize("kind", THREATS)
def test_a_plane_out_of_the_boxs_reach_gives_the_corner_and_no_plane_gives_no_move(kind):
    x, normal = torch.full((1, 1, 1, 2), 0.4), torch.tensor([1.0, -2.0]).view(1, 1, 1, 2)
    corner = onto_plane(x, normal, torch.tensor([50.0]), kind(1.0))
    torch.testing.assert_close(x + corner, torch.tensor([1.0, 0.0]).view(1, 1, 1, 2))
    for gap, plane in ((3.0, 0 * normal), (0.0, normal)):
        assert (onto_plane(x, plane, torch.tensor([gap]), kind(1.0)) == 0).all()


@pytest.mark.parametrize("kind", THREATS)
def test_on_a_linear_model_fab_comes_to_the_boundary_the_shortest_way(rng, kind):
    """The distance is |z_a − z_b| / ‖w_a − w_b‖ in the dual norm, where the box is not felt."""
    model = LinearClassifier((1, 6, 6), 2, rng)
    x = 0.4 + 0.2 * torch.rand(8, 1, 6, 6, generator=rng)
    with torch.no_grad():
        logits = model(x)
        y, normal = logits.argmax(1), model[1].weight[0] - model[1].weight[1]
        dual = normal.abs().sum() if kind is Linf else normal.norm()
        exact = (logits[:, 0] - logits[:, 1]).abs() / dual
    x_adv, found, _ = approach(model, x, Goal(y), 1 - y, kind(1.06 * exact), 100)
    assert found.all() and (model(x_adv).argmax(1) != y).all()
    assert (sizes(kind(1.0), x_adv, x) <= 1.06 * exact + 1e-6).all()
    x_adv, found, queries = approach(model, x, Goal(y), 1 - y, kind(0.99 * exact), 100)
    assert not found.any() and (queries == 200).all()
    assert torch.equal(x_adv, x)


def test_the_other_classes_come_in_the_order_of_their_logits():
    logits = torch.tensor([[0.0, 3.0, 1.0, 2.0], [5.0, 5.0, 1.0, 2.0]])
    assert others(logits, torch.tensor([0, 1])).tolist() == [[1, 3, 2], [0, 3, 2]]


# --- The whole -----------------------------------------------------------------------------------


@pytest.mark.parametrize("threat", [Linf(0.05), L2(0.15)])
@pytest.mark.parametrize("classes", [2, 3, 4])
def test_on_two_pixels_autoattack_finds_all_that_there_is(threat, classes):
    model, x, y = two_pixels(classes, classes)
    found = auto_attack(model, x, y, threat, queries=200)
    best = largest_margin(model, threat, x, y)
    sure = best.abs() > 0.02  # nearer than this, the grid may have missed the spot
    assert sure.sum() >= 20
    assert (best > 0).sum() >= 5
    assert torch.equal(found.success[sure], best[sure] > 0)
    assert torch.equal(model(found.x_adv).argmax(1) != y, found.success)
    assert (sizes(threat, found.x_adv, x) <= threat.eps + 1e-6).all()
    assert ((found.x_adv >= 0) & (found.x_adv <= 1)).all()


@pytest.mark.parametrize("threat", [Linf(0.1), L2(1.5)])
def test_autoattack_says_what_it_did(threat):
    """Queries are what the model was shown; the wrong cost one; the rest is inside the ball."""
    model, x, y = victim()
    x, y = x[:30], y[:30].clone()
    y[:3] = (y[:3] + 1) % 10
    wrong = model(x).argmax(1) != y
    counting = Counting(model)
    found = auto_attack(counting, x, y, threat, seeded(), steps=10, queries=40)
    assert counting.shown == 2 * 16 + found.queries.sum()  # the door looks at 16 images, twice
    assert torch.equal(found.x_adv[wrong], x[wrong])
    assert (found.queries[wrong] == 1).all()
    assert found.success[wrong].all()
    assert (found.distances[wrong] == 0).all()
    assert torch.equal(model(found.x_adv).argmax(1) != y, found.success)
    size = sizes(threat, found.x_adv, x)
    assert (size <= threat.eps + 1e-6).all()
    assert ((found.x_adv >= 0) & (found.x_adv <= 1)).all()
    torch.testing.assert_close(found.distances, torch.where(found.success, size, torch.inf))
    assert 0.2 < found.success.float().mean() < 1
    assert (size[~found.success] > 0).all()  # an attempt, not the image


def test_the_four_come_with_the_budgets_of_the_standard_version():
    defaults = {k: v.default for k, v in inspect.signature(auto_attack).parameters.items()}
    assert (defaults["steps"], defaults["queries"]) == (100, 5000)
    for classes in (2, 3, 10, 12):
        model = stubborn(4, *(-float(k) for k in range(classes)))
        x, y = torch.full((2, 1, 2, 2), 0.5), torch.zeros(2).long()
        with pytest.warns(RobustnessWarning, match="exactly zero"):
            found = auto_attack(model, x, y, Linf(0.1), steps=7, queries=30)
        targets = min(9, classes - 1)
        climbs, walks = (1 + targets) * (7 + 1), targets * 2 * 7
        assert (found.queries == 1 + climbs + walks + 30).all()
        assert not found.success.any()


def test_where_the_cross_entropy_is_flat_the_other_attacks_find_the_way():
    model, x, y = victim()
    x, y = x[:25], y[:25]
    loud = ScaledLogits(model, 1e6)
    with pytest.warns(RobustnessWarning, match="exactly zero"):
        hidden = auto_attack(loud, x, y, Linf(0.2), steps=20, queries=30)
    plain = auto_attack(model, x, y, Linf(0.2), steps=20, queries=30)
    assert hidden.success.sum() >= plain.success.sum() - 1
    assert plain.success.float().mean() > 0.8


@pytest.mark.parametrize("kind", THREATS)
def test_an_image_fares_the_same_in_every_batch(kind):
    """Random starts included. In double precision, as sums may be taken in another order."""
    model, x, y = victim()
    double = nn.Sequential(nn.Flatten(), nn.Linear(784, 20), nn.Tanh(), nn.Linear(20, 10)).double()
    with torch.no_grad():
        for parameter in double.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=seeded(len(parameter))) / 5)
    x = x[:17].double()
    y = double(x).argmax(1)
    radii = torch.linspace(0.01, 0.1, 17).double() * (1 if kind is Linf else 20)
    for run in (
        lambda **b: auto_attack(double, x, y, kind(radii), seeded(), steps=6, queries=20, **b),
        lambda **b: apgd(double, x, y, kind(radii), steps=6, restarts=2, rng=seeded(), **b),
    ):
        whole, pieces = run(), run(batch=5)
        assert 0 < whole.success.sum() < 17
        for a, b in zip(whole, pieces, strict=True):
            torch.testing.assert_close(a, b)
    alone = auto_attack(double, x[:1], y[:1], kind(radii[:1]), seeded(), steps=6, queries=20)
    assert (
        alone.queries[0]
        == auto_attack(double, x, y, kind(radii), seeded(), steps=6, queries=20).queries[0]
    )


def test_the_same_generator_gives_the_same_images():
    model, x, y = victim()
    runs = [
        auto_attack(model, x[:12], y[:12], Linf(0.03), rng, steps=5, queries=20).x_adv
        for rng in (None, None, seeded(1), seeded(1), seeded(2))
    ]
    assert torch.equal(runs[0], runs[1])
    assert torch.equal(runs[2], runs[3])
    assert not torch.equal(runs[3], runs[4])


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda m, x, y: auto_attack(m, x, y, Linf(0.1), steps=0), "steps was 0"),
        (lambda m, x, y: auto_attack(m, x, y, Linf(0.1), queries=0), "queries was 0"),
        (lambda m, x, y: auto_attack(m, x + 1, y, Linf(0.1)), "pixels lie in"),
        (lambda m, x, y: apgd(m, x, y, Linf(0.1), restarts=2), "give rng"),
        (lambda m, x, y: apgd(m, x, y, Linf(0.1), steps=0), "steps was 0"),
        (lambda m, x, y: apgd(m, x, y, Linf(0.1), loss="hinge"), "loss was 'hinge'"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(call, sentence):
    model, x, y = victim()
    with pytest.raises(CourseError, match=sentence):
        call(model, x[:4], y[:4])


@pytest.mark.parametrize("run", [auto_attack, apgd])
def test_a_ball_of_another_kind_is_refused(run):
    class L1:
        eps = 1.0
        rows = norm = project = steepest = random_start = noise = lambda self, *_: self

    model, x, y = victim()
    with pytest.raises(CourseError, match="knows Linf and L2"):
        run(model, x[:4], y[:4], L1())
