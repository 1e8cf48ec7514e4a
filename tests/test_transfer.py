"""Transfer: views against scikit-learn, tree attacks against exhaustive search, the bookkeeping."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from torch import nn

from coursekit.data import Dataset, Split
from coursekit.errors import CourseError
from coursekit.gradients import input_gradient
from coursekit.nets import MLP, LinearClassifier, PooledCNN, SmallResNet
from coursekit.threats import L2, Linf
from coursekit.transfer import (
    KNN,
    PAPER,
    TECHNIQUES,
    Ensemble,
    LinearSVM,
    Logistic,
    Network,
    SmoothKNN,
    Transfer,
    Tree,
    across_parts,
    hyperplane_step,
    hyperplanes,
    jacobian_augmentation,
    leaf_path,
    linear_view,
    make_splits,
    nearest_leaf,
    substitutes,
    transfer_matrix,
    wilson,
)


def blobs(n: int, seed: int = 0, classes: int = 3) -> Split:
    """Images of 2×3 pixels around one centre a class, in [0, 1]."""
    rng = torch.Generator().manual_seed(seed)
    centres = torch.rand(classes, 1, 2, 3, generator=torch.Generator().manual_seed(99))
    y = torch.arange(n) % classes
    x = (centres[y] + 0.15 * torch.randn(n, 1, 2, 3, generator=rng)).clamp(0, 1)
    return Split(x, y)


def rows(x):
    return x.flatten(1).numpy()


TRAIN, TEST = blobs(120), blobs(60, seed=1)
LEARNERS = [Logistic.learn, LinearSVM.learn, Tree.learn, KNN.learn]


@pytest.mark.parametrize("make", [PooledCNN, SmallResNet])
def test_deeper_networks_take_their_shapes_and_weights_from_the_generator(make, rng):
    x = torch.rand(3, 3, 8, 12, generator=rng)
    a, b, c = (make((3, 8, 12), 5, 4, torch.Generator().manual_seed(s)).eval() for s in (1, 1, 2))
    assert a(x).shape == (3, 5)
    assert torch.equal(a(x), b(x))
    assert not torch.equal(a(x), c(x))
    with pytest.raises(CourseError, match=r"shape was \(1, 28, 30\)"):
        make((1, 28, 30), 10)


# Views ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_the_linear_view_is_scikit_learns_model(classes):
    train = blobs(150, classes=classes)
    model = LogisticRegression(max_iter=1000).fit(rows(train.x), train.y.numpy())
    ours = linear_view(model)(TEST.x).softmax(1)
    np.testing.assert_allclose(ours.detach(), model.predict_proba(rows(TEST.x)), atol=1e-5)


def test_its_gradient_is_that_of_finite_differences():
    model = LogisticRegression(max_iter=1000).fit(rows(TRAIN.x).astype(float), TRAIN.y.numpy())
    x, y = TEST.x[:5], TEST.y[:5]
    view = linear_view(model)
    ours = input_gradient(lambda x: nn.functional.cross_entropy(view(x), y, reduction="none"), x)
    for pixel in range(6):
        step = 1e-5 * np.eye(6)[pixel]
        up, down = (-model.predict_log_proba(rows(x) + s * step) for s in (1, -1))
        slope = ((up - down) / 2e-5)[np.arange(5), y.numpy()]
        np.testing.assert_allclose(ours.flatten(1)[:, pixel], slope, rtol=1e-3, atol=1e-4)


def test_classes_with_a_gap_are_refused():
    model = LogisticRegression().fit(rows(TRAIN.x), TRAIN.y.numpy() * 2)
    with pytest.raises(CourseError, match=r"classes were \[0, 2, 4\]"):
        linear_view(model)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(("threat", "norm"), [(L2(0.01), 2), (Linf(0.01), 1)])
def test_a_step_along_the_normal_lowers_the_score_by_eps_times_the_dual_norm(classes, threat, norm):
    train = blobs(120, classes=classes)
    model = LinearSVC(dual=True, max_iter=20000).fit(rows(train.x), train.y.numpy())
    w = hyperplanes(model).float()
    x, y = 0.2 + 0.6 * TEST.x, TEST.y % classes
    moved = hyperplane_step(w, x, y, threat)
    fall = ((x - moved).flatten(1) * w[y]).sum(1)
    torch.testing.assert_close(fall, threat.eps * w[y].norm(norm, dim=1), rtol=1e-4, atol=1e-6)
    if classes > 2:
        scores = [model.decision_function(rows(v)) for v in (x, moved)]
        theirs = (scores[0] - scores[1])[np.arange(len(y)), y.numpy()]
        np.testing.assert_allclose(fall, theirs, rtol=1e-3, atol=1e-5)


def test_cold_smoothed_neighbours_are_the_nearest_neighbour():
    smooth = SmoothKNN(TRAIN.x, TRAIN.y, temperature=1e-4)
    nearest = KNeighborsClassifier(1).fit(rows(TRAIN.x), TRAIN.y.numpy())
    assert (smooth(TEST.x).argmax(1).numpy() == nearest.predict(rows(TEST.x))).all()


def test_smoothed_neighbours_are_the_formula_of_the_paper():
    smooth = SmoothKNN(TRAIN.x, TRAIN.y, temperature=0.3)
    weight = torch.exp(-(torch.cdist(TEST.x.flatten(1), TRAIN.x.flatten(1)) ** 2) / 0.3)
    by_hand = weight @ nn.functional.one_hot(TRAIN.y).float() / weight.sum(1, keepdim=True)
    torch.testing.assert_close(smooth(TEST.x).exp(), by_hand, atol=1e-4, rtol=1e-3)
    x, y = TRAIN.x[:119], TRAIN.y[:119]  # of an odd number there is one median
    apart = NearestNeighbors(n_neighbors=2).fit(rows(x)).kneighbors(rows(x))[0][:, 1]
    default = SmoothKNN(x, y).temperature
    assert default == pytest.approx(np.median(apart**2) / 3, rel=1e-3)
    with pytest.raises(CourseError, match="temperature was 0"):
        SmoothKNN(TRAIN.x, TRAIN.y, temperature=0.0)
    with pytest.raises(CourseError, match="at least 2"):
        SmoothKNN(TRAIN.x[:1], TRAIN.y[:1])


# Trees ------------------------------------------------------------------------------------------


def small_tree(seed: int) -> tuple[DecisionTreeClassifier, torch.Tensor, torch.Tensor]:
    """A tree over two features, points, and what it says of them."""
    rng = torch.Generator().manual_seed(seed)
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
    moved, distance = nearest_leaf(tree, x, y, norm, margin=1e-4)
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

    moved = leaf_path(tree, x, y)
    homes, arrived = (tree.apply(rows(v)) for v in (x, moved))
    for node, leaf, truth in zip(homes, arrived, y.tolist(), strict=True):
        assert winner[node] == truth != winner[leaf]
        while all(winner[other] == truth for other in below(node)):
            node = parent[node]
        assert leaf in below(node)


def test_a_tree_of_images_is_fooled_by_few_pixels_and_what_is_misread_is_left_alone():
    tree = Tree.learn(blobs(300, seed=3))
    x, y = TEST.x, TEST.y
    moved = leaf_path(tree.model, x, y)
    wrong = tree.predict(x) != y
    assert wrong.any()
    assert torch.equal(moved[wrong], x[wrong])
    assert (tree.predict(moved) != y).all()
    exact, _ = nearest_leaf(tree.model, x, y)
    near, far = ((v - x).flatten(1).norm(dim=1) for v in (exact, moved))
    assert (near <= far + 1e-5).all()


def test_climbing_goes_no_further_than_the_attack_of_an_independent_library():
    attacks = pytest.importorskip("art.attacks.evasion")
    estimators = pytest.importorskip("art.estimators.classification")
    tree = Tree.learn(blobs(300, seed=3))
    right = tree.predict(TEST.x) == TEST.y
    x, y = TEST.x[right], TEST.y[right]
    wrapped = estimators.SklearnClassifier(tree.model)
    theirs = attacks.DecisionTreeAttack(wrapped, offset=0.01, verbose=False).generate(rows(x))
    ours = rows(leaf_path(tree.model, x, y, margin=0.01))
    assert (tree.model.predict(theirs) != y.numpy()).all()
    length = [np.linalg.norm(v - rows(x), axis=1) for v in (ours, theirs)]
    assert (length[0] <= length[1] + 1e-4).all()


def test_a_tree_of_one_class_and_a_margin_of_nothing_are_refused():
    tree = DecisionTreeClassifier().fit(rows(TRAIN.x), np.zeros(len(TRAIN)))
    with pytest.raises(CourseError, match="only one class"):
        leaf_path(tree, TEST.x, TEST.y * 0)
    with pytest.raises(CourseError, match="margin was 0"):
        leaf_path(Tree.learn(TRAIN).model, TEST.x, TEST.y, margin=0.0)


# The five techniques ----------------------------------------------------------------------------


@pytest.mark.parametrize("learn", LEARNERS)
def test_every_technique_reads_and_fools_itself(learn):
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
    models = [Network(LinearClassifier((1, 2, 3), 3, rng)), *(learn(TRAIN) for learn in LEARNERS)]
    assert tuple(model.technique for model in models) == TECHNIQUES
    assert torch.tensor(PAPER).shape == (5, 5)


def test_an_ensemble_is_the_mean_probability(rng):
    nets = [MLP((6, 3), rng=rng), MLP((6, 4, 3), rng=rng)]
    mean = sum(net(TEST.x).softmax(1) for net in nets) / 2
    torch.testing.assert_close(Ensemble(nets)(TEST.x).exp(), mean)
    with pytest.raises(CourseError, match="networks was empty"):
        Ensemble([])


# The matrix -------------------------------------------------------------------------------------


def test_fooled_counts_only_what_was_right_before():
    clean = torch.tensor([[True, True, False, False]])
    misread = torch.tensor([[[True, False, True, False]]])
    result = Transfer(misread, clean, clean)
    assert result.misclassified().item() == 0.5
    assert result.fooled().item() == 0.5
    assert result.fooled_by_noise().item() == 0
    nobody = Transfer(misread, torch.ones_like(clean), clean)
    assert nobody.fooled().item() == 0


def test_the_matrix_has_its_controls_and_leaves_the_models_alone(rng):
    models = [Logistic.learn(TRAIN), Tree.learn(blobs(120, seed=5))]
    result = transfer_matrix(models, models, TEST.x, TEST.y, 0.2, rng)
    assert result.misread.shape == (2, 2, 60)
    assert result.clean.shape == result.noisy.shape == (2, 60)
    assert result.misclassified()[1, 1] == 1  # the tree's own examples
    nothing = transfer_matrix(models[:1], models, TEST.x, TEST.y, 0.0, rng)
    assert (nothing.fooled() == 0).all()
    assert torch.equal(nothing.misread[0], nothing.clean)
    with pytest.raises(CourseError, match="one of each"):
        transfer_matrix([], models, TEST.x, TEST.y, 0.1, rng)


def test_the_control_of_the_matrix_is_noise_of_the_same_size():
    models = [Logistic.learn(TRAIN), Tree.learn(blobs(120, seed=5))]
    draws = [torch.Generator().manual_seed(1) for _ in range(2)]
    result = transfer_matrix(models[:1], models, TEST.x, TEST.y, 0.3, draws[0])
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
    result = across_parts(rates, parts)
    assert result.shape == (3, 2, 2)
    for part in range(parts):
        wanted = torch.tensor([[0.0, 1.0], [10.0, 11.0]]) + 0.1 * part
        torch.testing.assert_close(result[part], wanted)
    with pytest.raises(CourseError, match="do not fit 4 parts"):
        across_parts(rates, 4)
    with pytest.raises(CourseError, match="do not fit 1 parts"):
        across_parts(rates, 1)


@pytest.mark.parametrize(
    ("share", "n", "low", "high"), [(0.5, 100, 0.4038, 0.5962), (0.0, 10, 0.0, 0.2775)]
)
def test_wilsons_interval(share, n, low, high):
    assert wilson(share, n) == pytest.approx((low, high), abs=1e-4)


def test_the_parties_share_no_original():
    origin = torch.arange(200) // 4
    train, test = blobs(200), blobs(80, seed=2)
    data = Dataset(
        "blobs",
        Split(train.x, origin % 3, origin),
        Split(test.x, test.y, 1000 + torch.arange(80)),
        ("a", "b", "c"),
    )
    roles = make_splits(data, 5, 30, 25)
    assert len(roles.parts) == 5
    assert all(len(part) <= 30 for part in roles.parts)
    assert len(roles.judged) == 25
    everyone = [*roles.parts, roles.judged, roles.spare]
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

    stages = substitutes(oracle, TEST.x[:10], learn, jacobian_augmentation(0.1), 3)
    assert [stage.queries for stage in stages] == [10, 20, 40, 80]
    assert asked == [10, 10, 20, 40]
    assert learned == [(10, True), (20, True), (40, True), (80, True)]
    with pytest.raises(CourseError, match="rounds was -1"):
        substitutes(oracle, TEST.x, learn, jacobian_augmentation(0.1), -1)


def test_jacobian_augmentation_moves_by_the_sign_of_the_labels_probability(rng):
    net, x, y = MLP((6, 3), rng=rng), 0.3 + 0.4 * TEST.x[:9], TEST.y[:9]
    moved = jacobian_augmentation(0.05)(net, x, y)
    probability = lambda x: net(x).softmax(1).gather(1, y[:, None])  # noqa: E731
    slope = input_gradient(probability, x)
    assert torch.equal((moved - x).sign(), slope.sign())
    torch.testing.assert_close((moved - x).abs(), torch.full_like(x, 0.05))
    assert (probability(moved) > probability(x)).all()
    assert (probability(jacobian_augmentation(-0.05)(net, x, y)) < probability(x)).all()
