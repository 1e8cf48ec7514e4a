"""Splits of the data, and scikit-learn's models and torch networks behind one interface."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from torch import Tensor, nn

from coursekit.attacks import fgsm
from coursekit.data import Dataset, Split
from coursekit.errors import require
from coursekit.metrics import probabilities
from coursekit.threats import Linf
from coursekit.transfer.surrogate import hyperplane_step
from coursekit.transfer.trees import leaf_path
from coursekit.types import Images, Labels, Logits


class Splits(NamedTuple):
    """Data of the parties of a transfer experiment: no original is in two of them.

    Attributes:
        parts: what the models learn from, one part each.
        eval: the images that are attacked; no model learns from them.
        attacker: the images of an adversary who has no training set.
    """

    parts: tuple[Split, ...]
    eval: Split
    attacker: Split


def make_splits(data: Dataset, parts: int, size: int, n: int) -> Splits:
    """Divide a data set among the parties of a transfer experiment.

    The training set goes to `parts` models, as in Papernot et al. 2016; half of the test set
    is attacked, half is the adversary's.

    Args:
        parts: how many parts the training set is divided into.
        size: images that a part keeps at most.
        n: images that are attacked at most.

    Raises:
        CourseError: a number below 1, or more parts than originals.
    """
    attacked, attacker = data.test.split(2)
    return Splits(tuple(p.take(size) for p in data.train.split(parts)), attacked.take(n), attacker)


def linear_view(model: LogisticRegression) -> nn.Module:
    """The network that a fitted logistic regression is: logits W·x + b.

    Raises:
        CourseError: its classes are not 0, 1, 2 …
    """
    weight, bias = _planes(model)
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.load_state_dict({"weight": weight.float(), "bias": bias.float()})
    return nn.Sequential(nn.Flatten(), layer).eval()


def hyperplanes(model: LinearSVC) -> Float[Tensor, "k d"]:
    """The normals w_k of a fitted linear SVM, one class against the rest: row k is class k's."""
    return _planes(model)[0]


def _planes(model: LogisticRegression | LinearSVC) -> tuple[Tensor, Tensor]:
    known = torch.as_tensor(model.classes_)
    require(
        bool((known == torch.arange(len(known))).all()),
        f"the classes were {known.tolist()}; they must be 0, 1, 2 … without a gap.",
    )
    weight, bias = torch.as_tensor(model.coef_), torch.as_tensor(model.intercept_)
    if len(known) == 2:  # scikit-learn keeps one hyperplane where two classes share it
        weight, bias = torch.cat([-weight, weight]) / 2, torch.cat([-bias, bias]) / 2
    return weight, bias


class SmoothKNN(nn.Module):
    """p(k | x) ∝ Σ exp(−‖x − z‖² / T) over the training points z of class k.

    The vote of the nearest neighbours made differentiable (Papernot et al. 2016): the softmax
    weighs all points, the near ones most. Returns log p as logits.

    Args:
        x, y: the training points and their classes.
        temperature: T, in squared pixels; by default a third of the median squared distance of a
            point to its nearest neighbour. There the smoothed vote agrees well with the real one:
            hotter and far points outvote near ones, colder and a single point decides.

    Raises:
        CourseError: fewer than two points, or a temperature that is not positive.
    """

    points: Tensor
    classes: Tensor

    def __init__(self, x: Images, y: Labels, temperature: float | None = None) -> None:
        super().__init__()
        require(len(x) >= 2, f"x held {len(x)} points; neighbours need at least 2.")
        self.register_buffer("points", x.flatten(1).clone())
        self.register_buffer("classes", y.clone())
        self.temperature = self._typical() if temperature is None else temperature
        require(self.temperature > 0, f"temperature was {self.temperature}; it must be above 0.")

    def forward(self, x: Images) -> Logits:
        weight = -self._squared(x.flatten(1)) / self.temperature
        known = int(self.classes.max()) + 1
        votes = [weight[:, self.classes == k].logsumexp(1) for k in range(known)]
        return torch.stack(votes, 1).log_softmax(1)

    def _squared(self, rows: Tensor) -> Tensor:
        """‖x − z‖² for all pairs, from three matrix products (no (n, points, d) in memory)."""
        ours, theirs = rows.square().sum(1, keepdim=True), self.points.square().sum(1)
        return (ours - 2 * rows @ self.points.T + theirs).clamp_min(0)

    def _typical(self) -> float:
        some = self.points[:500]
        return float(self._squared(some).topk(2, largest=False).values[:, 1].median()) / 3


@runtime_checkable  # the tests enforce it in signatures
class Classifier(Protocol):
    """What a source and a target have in common."""

    technique: ClassVar[str]

    def predict(self, x: Images) -> Labels:
        """One class for each image, as the model itself decides."""
        ...

    def craft(self, x: Images, y: Labels, eps: float) -> Images:
        """Images changed so that *this* model misclassifies them, by its technique's attack."""
        ...


@dataclass(frozen=True)
class Network:
    """A torch network, attacked by the fast gradient sign unless another attack is given.

    Attributes:
        attack: (network, x, y, eps) -> adversarial images.
    """

    net: nn.Module
    attack: Callable[..., Images] = fgsm
    technique: ClassVar[str] = "DNN"

    def predict(self, x: Images) -> Labels:
        return probabilities(self.net, x).argmax(1)

    def craft(self, x: Images, y: Labels, eps: float) -> Images:
        return self.attack(self.net, x, y, eps)


@dataclass(frozen=True)
class _Fitted:
    """A fitted model of scikit-learn's, which takes NumPy arrays (n, pixels)."""

    model: Any

    @staticmethod
    def fit(model: Any, split: Split) -> Any:
        return model.fit(rows(split.x), split.y.cpu().numpy())

    def predict(self, x: Images) -> Labels:
        answers = self.model.predict(rows(x))
        return torch.as_tensor(answers, dtype=torch.int64, device=x.device)


class Logistic(_Fitted):
    """Multinomial logistic regression, attacked by the fast gradient sign of its softmax."""

    technique: ClassVar[str] = "LR"

    @classmethod
    def learn(cls, split: Split, seed: int = 0) -> "Logistic":
        # A loose tolerance: the last digits of the weights change no cell of the matrix.
        how = LogisticRegression(C=0.1, tol=1e-3, max_iter=1000, random_state=seed)
        return cls(cls.fit(how, split))

    def craft(self, x: Images, y: Labels, eps: float) -> Images:
        return fgsm(linear_view(self.model).to(x.device), x, y, eps)


class LinearSVM(_Fitted):
    """A linear support vector machine, one against the rest, attacked along a hyperplane normal."""

    technique: ClassVar[str] = "SVM"

    @classmethod
    def learn(cls, split: Split, seed: int = 0) -> "LinearSVM":
        how = LinearSVC(C=0.01, dual=True, tol=1e-2, max_iter=5000, random_state=seed)
        return cls(cls.fit(how, split))

    def craft(self, x: Images, y: Labels, eps: float) -> Images:
        return hyperplane_step(hyperplanes(self.model).to(x), x, y, Linf(eps))


class Tree(_Fitted):
    """A decision tree, attacked by walking to a neighbouring leaf; that attack has no ε."""

    technique: ClassVar[str] = "DT"

    @classmethod
    def learn(cls, split: Split, seed: int = 0) -> "Tree":
        return cls(cls.fit(DecisionTreeClassifier(random_state=seed), split))

    def craft(self, x: Images, y: Labels, eps: float) -> Images:
        return leaf_path(self.model, x, y)


@dataclass(frozen=True)
class KNN(_Fitted):
    """k nearest neighbours; the fast gradient sign of its softmax-weighted smoothing attacks it."""

    smooth: SmoothKNN
    technique: ClassVar[str] = "kNN"

    @classmethod
    def learn(cls, split: Split, seed: int = 0, k: int = 5) -> "KNN":
        how = KNeighborsClassifier(n_neighbors=k, algorithm="brute")
        return cls(cls.fit(how, split), SmoothKNN(split.x, split.y))

    def craft(self, x: Images, y: Labels, eps: float) -> Images:
        return fgsm(self.smooth, x, y, eps)


def rows(x: Images) -> np.ndarray:
    """Images as scikit-learn takes them: a NumPy array (n, pixels)."""
    return x.detach().flatten(1).cpu().numpy()
