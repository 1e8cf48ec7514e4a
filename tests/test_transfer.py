"""Transfer: views against scikit-learn, tree attacks against exhaustive search, the bookkeeping."""

import numpy as np
import pytest
import torch
from seeds import seeded
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from torch import nn

from coursekit import transfer
from coursekit.attacks import fgsm
from coursekit.data import Dataset, Split
from coursekit.errors import CourseError
from coursekit.gradients import input_gradient
from coursekit.nets import MLP, LinearClassifier
from coursekit.threats import L2, Linf


def blobs(n: int, seed: int = 0, classes: int = 3) -> Split:
    """Images of 2×3 pixels around one centre a class, in [0, 1]."""
    rng = seeded(seed)
    centres = torch.rand(classes, 1, 2, 3, generator=seeded(99))
    y = torch.arange(n) % classes
    x = (centres[y] + 0.15 * torch.randn(n, 1, 2, 3, generator=rng)).clamp(0, 1)
    return Split(x, y)


def rows(x):
    return x.flatten(1).numpy()


TRAIN, TEST = blobs(120), blobs(60, seed=1)
LEARNERS = [
    transfer.Logistic.learn,
    transfer.LinearSVM.learn,
    transfer.Tree.learn,
    transfer.KNN.learn,
]


# Views ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_the_linear_view_is_scikit_learns_model(classes):
    train = blobs(150, classes=classes)
    model = LogisticRegression(max_iter=1000).fit(rows(train.x), train.y.numpy())
    ours = transfer.linear_view(model)(TEST.x).softmax(1)
    np.testing.assert_allclose(ours.detach(), model.predict_proba(rows(TEST.x)), atol=1e-5)


def test_its_gradient_is_that_of_finite_differences():
    model = LogisticRegression(max_iter=1000).fit(rows(TRAIN.x).astype(float), TRAIN.y.numpy())
    x, y = TEST.x[:5], TEST.y[:5]
    view = transfer.linear_view(model)
    ours = input_gradient(lambda x: nn.functional.cross_entropy(view(x), y, reduction="none"), x)
    for pixel in range(6):
        step = 1e-5 * np.eye(6)[pixel]
        up, down = (-model.predict_log_proba(rows(x) + s * step) for s in (1, -1))
        slope = ((up - down) / 2e-5)[np.arange(5), y.numpy()]
        np.testing.assert_allclose(ours.flatten(1)[:, pixel], slope, rtol=1e-3, atol=1e-4)


def test_classes_with_a_gap_are_refused():
    model = LogisticRegression().fit(rows(TRAIN.x), TRAIN.y.numpy() * 2)
    with pytest.raises(CourseError, match=r"classes were \[0, 2, 4\]"):
        transfer.linear_view(model)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(("threat", "norm"), [(L2(0.01), 2), (Linf(0.01), 1)])
def test_a_step_along_the_normal_lowers_the_score_by_eps_times_the_dual_norm(classes, threat, norm):
    train = blobs(120, classes=classes)
    model = LinearSVC(dual=True, max_iter=20000).fit(rows(train.x), train.y.numpy())
    w = transfer.hyperplanes(model).float()
    x, y = 0.2 + 0.6 * TEST.x, TEST.y % classes
    moved = transfer.hyperplane_step(w, x, y, threat)
    fall = ((x - moved).flatten(1) * w[y]).sum(1)
    torch.testing.assert_close(fall, threat.eps * w[y].norm(norm, dim=1), rtol=1e-4, atol=1e-6)
    if classes > 2:
        scores = [model.decision_function(rows(v)) for v in (x, moved)]
        theirs = (scores[0] - scores[1])[np.arange(len(y)), y.numpy()]
        np.testing.assert_allclose(fall, theirs, rtol=1e-3, atol=1e-5)


def test_cold_smoothed_neighbours_are_the_nearest_neighbour():
    smooth = transfer.SmoothKNN(TRAIN.x, TRAIN.y, temperature=1e-4)
    nearest = KNeighborsClassifier(1).fit(rows(TRAIN.x), TRAIN.y.numpy())
    assert (smooth(TEST.x).argmax(1).numpy() == nearest.predict(rows(TEST.x))).all()


def test_smoothed_neighbours_are_the_formula_of_the_paper():
    smooth = transfer.SmoothKNN(TRAIN.x, TRAIN.y, temperature=0.3)
    weight = torch.exp(-(torch.cdist(TEST.x.flatten(1), TRAIN.x.flatten(1)) ** 2) / 0.3)
    by_hand = weight @ nn.functional.one_hot(TRAIN.y).float() / weight.sum(1, keepdim=True)
    torch.testing.assert_close(smooth(TEST.x).exp(), by_hand, atol=1e-4, rtol=1e-3)
    x, y = TRAIN.x[:119], TRAIN.y[:119]  # of an odd number there is one median
    apart = NearestNeighbors(n_neighbors=2).fit(rows(x)).kneighbors(rows(x))[0][:, 1]
    default = transfer.SmoothKNN(x, y).temperature
    assert default == pytest.approx(np.median(apart**2) / 3, rel=1e-3)
    with pytest.raises(CourseError, match="temperature was 0"):
        transfer.SmoothKNN(TRAIN.x, TRAIN.y, temperature=0.0)
    with pytest.raises(CourseError, match="at least 2"):
        transfer.SmoothKNN(TRAIN.x[:1], TRAIN.y[:1])


# Trees ------------------------------------------------------------------------------------------


def small_tree(seed: int) -> tuple[DecisionTreeClassifier, torch.Tensor, torch.Tensor]:
    """A tree over two features, points, and what it says of them."""
    rng = seeded(seed)
    place = torch.rand(300, 2, generator=rng)
    kind = torch.cdist(place, torch.rand(8, 2, generator=rng)).argmin(1) % 3
    tree = DecisionTreeClassifier(max_leaf_nodes=12, random_state=0)
    tree.fit(place.numpy(), kind.numpy())
    x = torch.rand(40, 1, 1, 2, generator=rng)
    return tree, x, torch.from_numpy(tree.predict(rows(x)))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("norm", [1.0, 2.0, torch.inf])
def test_the_nearest_leaf_is_where_a_search_of_the_plane_finds_it(seed, norm):
    tree, x, y = small_tree(seed)
    moved, distance = transfer.nearest_leaf(tree, x, y, norm, margin=1e-4)
    assert (tree.predict(rows(moved)) != y.numpy()).all()
    assert (moved.min() >= 0) and (moved.max() <= 1)
    torch.testing.assert_close(
        torch.linalg.vector_norm((moved - x).flatten(1), norm, dim=1), distance, atol=1e-5, rtol=0
    )
    line = (torch.arange(300) + 0.5) / 300
    grid = torch.cartesian_prod(line, line)
    other = torch.from_numpy(tree.predict(grid.numpy()))[None] != y[:, None]
    apart = torch.linalg.vector_norm(x.flatten(1)[:, None] - grid, norm, dim=2)
    searched = apart.masked_fill(~other, torch.inf).amin(1)
    assert (distance <= searched + 3e-4).all()  # no point of the grid is nearer, but for the margin
    assert (searched <= distance + 2 / 300).all()  # and the grid is no coarser than this


@pytest.mark.parametrize("seed", range(5))
def test_climbing_ends_below_the_first_ancestor_that_has_another_class(seed):
    tree, x, y = small_tree(seed)
    left, right = tree.tree_.children_left, tree.tree_.children_right
    parent = {child: node for side in (left, right) for node, child in enumerate(side)}
    winner = tree.tree_.value[:, 0].argmax(1)

    def below(node):
        return below(left[node]) | below(right[node]) if left[node] >= 0 else {node}

    moved = transfer.leaf_path(tree, x, y)
    homes, arrived = (tree.apply(rows(v)) for v in (x, moved))
    for node, leaf, truth in zip(homes, arrived, y.tolist(), strict=True):
        assert winner[node] == truth != winner[leaf]
        while all(winner[other] == truth for other in below(node)):
            node = parent[node]
        assert leaf in below(node)


def test_a_tree_of_images_is_fooled_by_few_pixels_and_what_is_misread_is_left_alone():
    tree = transfer.Tree.learn(blobs(300, seed=3))
    x, y = TEST.x, TEST.y
    moved = transfer.leaf_path(tree.model, x, y)
    wrong = tree.predict(x) != y
    assert wrong.any()
    assert torch.equal(moved[wrong], x[wrong])
    assert (tree.predict(moved) != y).all()
    exact, _ = transfer.nearest_leaf(tree.model, x, y)
    near, far = ((v - x).flatten(1).norm(dim=1) for v in (exact, moved))
    assert (near <= far + 1e-5).all()


def test_climbing_goes_no_further_than_the_attack_of_an_independent_library():
    attacks = pytest.importorskip("art.attacks.evasion")
    estimators = pytest.importorskip("art.estimators.classification")
    tree = transfer.Tree.learn(blobs(300, seed=3))
    right = tree.predict(TEST.x) == TEST.y
    x, y = TEST.x[right], TEST.y[right]
    wrapped = estimators.SklearnClassifier(tree.model)
    theirs = attacks.DecisionTreeAttack(wrapped, offset=0.01, verbose=False).generate(rows(x))
    ours = rows(transfer.leaf_path(tree.model, x, y, margin=0.01))
    assert (tree.model.predict(theirs) != y.numpy()).all()
    length = [np.linalg.norm(v - rows(x), axis=1) for v in (ours, theirs)]
    assert (length[0] <= length[1] + 1e-4).all()


def test_the_pixels_of_a_path_are_those_of_scikit_learns_decision_path():
    tree, x, _ = small_tree(0)
    wide = DecisionTreeClassifier(random_state=0).fit(rows(TRAIN.x), TRAIN.y.numpy())
    for model, given in ((tree, x), (wide, TEST.x)):
        asked, passed = transfer.path_pixels(model, given), model.decision_path(rows(given))
        for row in range(len(given)):
            pixels = model.tree_.feature[passed[row].indices]
            assert asked[row].nonzero()[:, 0].tolist() == sorted(set(pixels[pixels >= 0]))
    assert not transfer.path_pixels(wide, TEST.x).all()


def test_a_tree_of_one_class_and_a_margin_of_nothing_are_refused():
    tree = DecisionTreeClassifier().fit(rows(TRAIN.x), np.zeros(len(TRAIN)))
    with pytest.raises(CourseError, match="only one class"):
        transfer.leaf_path(tree, TEST.x, TEST.y * 0)
    with pytest.raises(CourseError, match="margin was 0"):
        transfer.leaf_path(transfer.Tree.learn(TRAIN).model, TEST.x, TEST.y, margin=0.0)


# The five techniques ----------------------------------------------------------------------------


@pytest.mark.parametrize("learn", LEARNERS)
def test_every_technique_classifies_and_fools_itself(learn):
    model = learn(TRAIN)
    before = model.predict(TEST.x)
    assert (before == TEST.y).float().mean() > 0.7
    x_adv = model.craft(TEST.x, TEST.y, 0.3)
    assert (model.predict(x_adv) != TEST.y).float().mean() > (before != TEST.y).float().mean() + 0.2
    assert torch.equal(model.predict(TEST.x), before)
    assert x_adv.min() >= 0 and x_adv.max() <= 1
    if model.technique != "DT":
        assert (x_adv - TEST.x).abs().max() <= 0.3 + 1e-6
        assert torch.equal(model.craft(TEST.x, TEST.y, 0.0), TEST.x)


def test_the_techniques_bear_the_names_of_the_paper(rng):
    models = [
        transfer.Network(LinearClassifier((1, 2, 3), 3, rng)),
        *(learn(TRAIN) for learn in LEARNERS),
    ]
    assert tuple(model.technique for model in models) == transfer.TECHNIQUES
    assert torch.tensor(transfer.PAPER).shape == (5, 5)


def test_an_ensemble_is_the_mean_probability(rng):
    nets = [MLP((6, 3), rng=rng), MLP((6, 4, 3), rng=rng)]
    mean = sum(net(TEST.x).softmax(1) for net in nets) / 2
    torch.testing.assert_close(transfer.Ensemble(nets)(TEST.x).exp(), mean)
    with pytest.raises(CourseError, match="networks was empty"):
        transfer.Ensemble([])


# The matrix -------------------------------------------------------------------------------------


def test_fooled_counts_only_what_was_right_before():
    clean = torch.tensor([[True, True, False, False]])
    wrong, l2 = torch.tensor([[[True, False, True, False]]]), torch.zeros(1)
    result = transfer.Transfer(wrong, clean, clean, l2)
    assert result.misclassified().item() == 0.5
    assert result.fooled().item() == 0.5
    assert result.fooled_by_noise().item() == 0
    nobody = transfer.Transfer(wrong, torch.ones_like(clean), clean, l2)
    assert nobody.fooled().item() == 0


def test_the_matrix_has_its_controls_and_leaves_the_models_alone(rng):
    models = [transfer.Logistic.learn(TRAIN), transfer.Tree.learn(blobs(120, seed=5))]
    result = transfer.transfer_matrix(models, models, TEST.x, TEST.y, 0.2, rng)
    assert result.wrong.shape == (2, 2, 60)
    moved = transfer.Logistic.learn(TRAIN).craft(TEST.x, TEST.y, 0.2) - TEST.x
    assert result.l2[0] == pytest.approx(moved.flatten(1).norm(dim=1).mean().item())
    assert result.clean.shape == result.noisy.shape == (2, 60)
    assert result.misclassified()[1, 1] == 1  # the tree's own examples
    nothing = transfer.transfer_matrix(models[:1], models, TEST.x, TEST.y, 0.0, rng)
    assert (nothing.fooled() == 0).all()
    assert torch.equal(nothing.wrong[0], nothing.clean)
    with pytest.raises(CourseError, match="one of each"):
        transfer.transfer_matrix([], models, TEST.x, TEST.y, 0.1, rng)


def test_the_control_of_the_matrix_is_noise_of_the_same_size():
    models = [transfer.Logistic.learn(TRAIN), transfer.Tree.learn(blobs(120, seed=5))]
    draws = [seeded(1) for _ in range(2)]
    result = transfer.transfer_matrix(models[:1], models, TEST.x, TEST.y, 0.3, draws[0])
    noise = Linf(0.3).noise(TEST.x, draws[1])
    for model, noisy, clean in zip(models, result.noisy, result.clean, strict=True):
        assert torch.equal(noisy, model.predict(noise) != TEST.y)
        assert torch.equal(clean, model.predict(TEST.x) != TEST.y)
    assert not torch.equal(result.noisy, result.clean)


def test_only_pairs_of_different_parts_are_averaged():
    """Two techniques on three parts; a pair of parts i, j has rate 10·source + target + i = j."""
    parts, rates = 3, torch.zeros(6, 6)
    for s in range(6):
        for t in range(6):
            rates[s, t] = 10 * (s // 3) + t // 3 + 1000 * (s % 3 == t % 3) + 0.1 * (s % 3)
    result = transfer.across_parts(rates, parts)
    assert result.shape == (3, 2, 2)
    for part in range(parts):
        wanted = torch.tensor([[0.0, 1.0], [10.0, 11.0]]) + 0.1 * part
        torch.testing.assert_close(result[part], wanted)
    many = torch.stack([rates, 2 * rates])[:, None]
    torch.testing.assert_close(transfer.across_parts(many, parts)[1, 0], 2 * result)
    with pytest.raises(CourseError, match="do not fit 4 parts"):
        transfer.across_parts(rates, 4)
    with pytest.raises(CourseError, match="do not fit 1 parts"):
        transfer.across_parts(rates, 1)


def test_a_network_in_the_matrix_is_attacked_as_one_likes(rng):
    net = LinearClassifier((1, 2, 3), 3, rng)
    wanted = torch.rand(TEST.x.shape, generator=rng)
    model = transfer.Network(net, lambda given, x, y, eps: wanted if given is net else x)
    assert torch.equal(model.craft(TEST.x, TEST.y, 0.1), wanted)
    fast = transfer.Network(net).craft(TEST.x, TEST.y, 0.1)
    assert torch.equal(fast, fgsm(net, TEST.x, TEST.y, 0.1))


def test_the_bootstrap_of_independent_images_has_the_standard_error_of_a_share(rng):
    wrong = (torch.arange(400) % 5 == 0).float()
    drawn = transfer.bootstrap(wrong[None], torch.ones(400), None, rng, times=4000)
    assert drawn.shape == (4000, 1)
    assert drawn.mean() == pytest.approx(0.2, abs=0.003)
    assert drawn.std() == pytest.approx((0.2 * 0.8 / 400) ** 0.5, rel=0.06)


def test_the_bootstrap_draws_whole_originals(rng):
    """Ten copies of each of 40 originals: as uncertain as 40 images, not as 400."""
    origin = 7 * (torch.arange(400) // 10)
    wrong = (origin % 2 == 0).float()
    drawn = transfer.bootstrap(wrong, torch.ones(400), origin, rng, times=4000)
    assert drawn.std() == pytest.approx((0.25 / 40) ** 0.5, rel=0.06)


def test_the_bootstrap_weighs_the_images(rng):
    """Only images of weight 1 count, in each drawing anew."""
    wrong, weight = torch.tensor([1.0, 1.0, 0.0, 1.0]), torch.tensor([1.0, 1.0, 1.0, 0.0])
    drawn = transfer.bootstrap(wrong, weight, torch.tensor([0, 0, 1, 2]), rng, times=500)
    shares = {round(value, 4) for value in drawn.unique().tolist()}
    assert shares == {0.0, 0.5, 0.6667, 0.8, 1.0}  # 2a / (2a + b), a and b times drawn


def test_the_parties_share_no_original():
    origin = torch.arange(200) // 4
    train, test = blobs(200), blobs(80, seed=2)
    data = Dataset(
        "blobs",
        Split(train.x, origin % 3, origin),
        Split(test.x, test.y, 1000 + torch.arange(80)),
        ("a", "b", "c"),
    )
    roles = transfer.make_splits(data, 5, 30, 25)
    assert len(roles.parts) == 5
    assert all(len(part) <= 30 for part in roles.parts)
    assert len(roles.eval) == 25
    everyone = [*roles.parts, roles.eval, roles.attacker]
    for i, a in enumerate(everyone):
        for b in everyone[:i]:
            assert not torch.isin(a.origin, b.origin).any()


# Substitutes ------------------------------------------------------------------------------------


def test_every_round_doubles_the_questions_and_the_oracle_labels_them_all(rng):
    asked, learned = [], []

    def oracle(x):
        asked.append(len(x))
        return (x.flatten(1).sum(1) > 3).long()

    def learn(x, y):
        learned.append((len(x), torch.equal(y, (x.flatten(1).sum(1) > 3).long())))
        return MLP((6, 2), rng=rng)

    stages = transfer.substitutes(
        oracle, TEST.x[:10], learn, transfer.jacobian_augmentation(0.1), 3
    )
    assert [stage.queries for stage in stages] == [10, 20, 40, 80]
    assert asked == [10, 10, 20, 40]
    assert learned == [(10, True), (20, True), (40, True), (80, True)]
    first, augment = stages[0].net, transfer.jacobian_augmentation(0.1)
    again = transfer.substitutes(oracle, TEST.x[:10], learn, augment, 1, first)
    assert again[0].net is first and [stage.queries for stage in again] == [10, 20]
    assert asked[4:] == [10, 10] and learned[4:] == [(20, True)]  # asked anew, not trained anew
    with pytest.raises(CourseError, match="rounds was -1"):
        transfer.substitutes(oracle, TEST.x, learn, transfer.jacobian_augmentation(0.1), -1)


def test_jacobian_augmentation_moves_by_the_sign_of_the_labels_probability(rng):
    net, x, y = MLP((6, 3), rng=rng), 0.3 + 0.4 * TEST.x[:9], TEST.y[:9]
    moved = transfer.jacobian_augmentation(0.05)(net, x, y)
    probability = lambda x: net(x).softmax(1).gather(1, y[:, None])  # noqa: E731
    slope = input_gradient(probability, x)
    assert torch.equal((moved - x).sign(), slope.sign())
    torch.testing.assert_close((moved - x).abs(), torch.full_like(x, 0.05))
    assert (probability(moved) > probability(x)).all()
    assert (probability(transfer.jacobian_augmentation(-0.05)(net, x, y)) < probability(x)).all()
