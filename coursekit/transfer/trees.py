"""Decision trees have no gradient. They are fooled by walking to a leaf of another class."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from sklearn.tree import DecisionTreeClassifier
from torch import Tensor

from coursekit.errors import require
from coursekit.types import Images, Labels, PerExample

BELOW, ABOVE = -1.0, 2.0  # "no condition" on a pixel in [0, 1]
HALF_A_LEVEL = 0.5 / 255
AT_ONCE = 2**22  # numbers in memory at a time


@dataclass(frozen=True)
class Leaves:
    """Every leaf of a tree as a box: low < x[feature] < high on the features of its path.

    Attributes:
        feature, low, high: the conditions of each leaf, padded with void ones to the same number.
        winner: the class of each leaf.
        shared: how many nodes the paths from the root to two leaves have in common.
        number: node number in scikit-learn's tree → row here (−1 for nodes that are no leaf).
    """

    feature: Int[Tensor, "leaves d"]
    low: Float[Tensor, "leaves d"]
    high: Float[Tensor, "leaves d"]
    winner: Int[Tensor, " leaves"]
    shared: Float[Tensor, "leaves leaves"]
    number: Int[Tensor, " nodes"]

    @classmethod
    def of(cls, model: DecisionTreeClassifier) -> "Leaves":
        """Read scikit-learn's arrays: left means x[feature] ≤ threshold."""
        tree = model.tree_
        found = _walk(tree.children_left, tree.children_right, tree.feature, tree.threshold)
        nodes = np.array([node for node, _, _ in found])
        number = torch.full((tree.node_count,), -1)
        number[torch.from_numpy(nodes)] = torch.arange(len(nodes))
        passed = torch.zeros(len(nodes), tree.node_count)
        for row, (_, path, _) in enumerate(found):
            passed[row, path] = 1
        winner = torch.as_tensor(model.classes_[tree.value[nodes, 0].argmax(1)]).long()
        boxes = _padded([box for _, _, box in found])
        return cls(*boxes, winner, passed @ passed.T, number)

    def moves(self, rows: Tensor, margin: float) -> Float[Tensor, "n leaves d"]:
        """The least change of each condition's feature that takes each row into each leaf."""
        room = (self.high - self.low) / 4  # a box narrower than the margin is entered in its middle
        inside = torch.minimum(torch.full_like(room, margin), room)
        here = rows[:, self.feature]
        entered = here.clamp(self.low + inside, self.high - inside).clamp(0, 1)
        fits = (here > self.low) & (here <= self.high)
        return torch.where(fits, torch.zeros_like(here), entered - here)


def leaf_path(
    model: DecisionTreeClassifier, x: Images, y: Labels, margin: float = HALF_A_LEVEL
) -> Images:
    """Climb until another class lies below, and change the features on the way down to it.

    Papernot et al. 2016, Algorithm 2: from the leaf of x go up, node by node, until the other
    branch holds a leaf of another class than y; then satisfy the conditions of that leaf's path.
    Of several such leaves the one that asks for the smallest change (L2) is taken. Few pixels
    change, each as far as its threshold demands: this attack has no ε.

    Args:
        model: a fitted tree; x, y: images in [0, 1], true classes. What the tree misclassifies
            already is left alone.
        margin: how far beyond a threshold a pixel is moved, in units of pixels.

    Raises:
        CourseError: the tree knows only one class, or the margin is not positive.
    """
    return _attack(model, x, y, margin, 2.0, climb=True)[0]


def nearest_leaf(
    model: DecisionTreeClassifier,
    x: Images,
    y: Labels,
    norm: float = 2.0,
    margin: float = HALF_A_LEVEL,
) -> tuple[Images, PerExample]:
    """The exact optimum: of all the leaves of another class the one that is nearest to x.

    Exhaustive search over the boxes. With `norm=torch.inf` the distances are the smallest ε at
    which each image can be fooled: the tree's robustness, exactly (up to the margin).

    Returns:
        The moved images, and the distance of each in `norm`; 0 where the tree is wrong anyway.
    """
    return _attack(model, x, y, margin, norm, climb=False)


def path_pixels(model: DecisionTreeClassifier, x: Images) -> Bool[Tensor, "n d"]:
    """Which pixels of each image the tree asks about, on the way from root to leaf."""
    leaves, rows = Leaves.of(model), x.detach().cpu().flatten(1)
    home = leaves.number[torch.as_tensor(model.apply(rows.float().numpy()))]
    bounded = (leaves.low[home] > BELOW) | (leaves.high[home] < ABOVE)
    return torch.zeros_like(rows).scatter_add_(1, leaves.feature[home], bounded.to(rows)) > 0


def _attack(
    model: DecisionTreeClassifier, x: Tensor, y: Tensor, margin: float, norm: float, climb: bool
) -> tuple[Tensor, Tensor]:
    require(margin > 0, f"margin was {margin}; it must be above 0.")
    leaves, rows, truth = Leaves.of(model), x.detach().cpu().flatten(1).double(), y.cpu()
    require(len(leaves.winner.unique()) > 1, "the tree knows only one class; there is no other.")
    size = max(1, AT_ONCE // leaves.low.numel())
    home = leaves.number[torch.as_tensor(model.apply(rows.float().numpy()))]
    parts = zip(rows.split(size), truth.split(size), home.split(size), strict=True)
    moved = [_moved(leaves, *part, margin, norm, climb) for part in parts]
    x_adv, distance = (torch.cat(column) for column in zip(*moved, strict=True))
    return x_adv.view_as(x).to(x), distance.to(x)


def _moved(
    leaves: Leaves, rows: Tensor, y: Tensor, home: Tensor, margin: float, norm: float, climb: bool
) -> tuple[Tensor, Tensor]:
    """Each row in the chosen leaf of another class, and how far that was."""
    steps = leaves.moves(rows, margin)
    cost = torch.linalg.vector_norm(steps, norm, dim=2)
    score = cost - (1e6 * leaves.shared[home] if climb else 0)  # the nearest in the tree first
    score = score.masked_fill(leaves.winner == y[:, None], torch.inf)
    score = score.scatter(1, home[:, None], _stay(leaves, y, home, score))
    each, best = torch.arange(len(rows)), score.argmin(1)
    x_adv = rows.clone()
    x_adv.scatter_add_(1, leaves.feature[best], steps[each, best])
    return x_adv, cost[each, best]


def _stay(leaves: Leaves, y: Tensor, home: Tensor, score: Tensor) -> Tensor:
    """Where the tree is wrong as it is, its own leaf is the nearest."""
    wrong: Bool[Tensor, " n"] = leaves.winner[home] != y
    return torch.where(wrong, -torch.inf, score.gather(1, home[:, None])[:, 0])[:, None]


def _walk(
    left: np.ndarray, right: np.ndarray, feature: np.ndarray, threshold: np.ndarray
) -> list[tuple[int, list[int], dict[int, tuple[float, float]]]]:
    """(node, path from the root, feature → (low, high)) of every leaf."""
    found: list[tuple[int, list[int], dict[int, tuple[float, float]]]] = []
    waiting: list[tuple[int, list[int], dict[int, tuple[float, float]]]] = [(0, [], {})]
    while waiting:
        node, path, box = waiting.pop()
        path = [*path, node]
        if left[node] < 0:
            found.append((node, path, box))
            continue
        f, t = int(feature[node]), float(threshold[node])
        low, high = box.get(f, (BELOW, ABOVE))
        waiting += [
            (int(left[node]), path, box | {f: (low, min(high, t))}),
            (int(right[node]), path, box | {f: (max(low, t), high)}),
        ]
    return found


def _padded(boxes: list[dict[int, tuple[float, float]]]) -> tuple[Tensor, Tensor, Tensor]:
    longest = max(1, *(len(box) for box in boxes))
    feature = torch.zeros(len(boxes), longest, dtype=torch.int64)
    low, high = torch.full((2, *feature.shape), 0.0, dtype=torch.float64)
    low, high = low + BELOW, high + ABOVE
    for row, box in enumerate(boxes):
        for column, (f, (a, b)) in enumerate(box.items()):
            feature[row, column], low[row, column], high[row, column] = f, a, b
    return feature, low, high
