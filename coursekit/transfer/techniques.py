"""Five techniques behind one interface: images in [0, 1] → labels, and how each is attacked.

The estimators are scikit-learn's own and answer by their own `predict`. To craft, each lends what
the attack of Papernot, McDaniel & Goodfellow 2016 needs: a gradient, a hyperplane, a tree.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from torch import nn

from coursekit.attacks import fgsm
from coursekit.data import Split
from coursekit.metrics import probabilities
from coursekit.threats import Linf
from coursekit.transfer.crafting import hyperplane_step
from coursekit.transfer.trees import leaf_path
from coursekit.transfer.views import SmoothNeighbours, hyperplanes, linear_view
from coursekit.types import Images, Labels


@runtime_checkable  # the tests enforce it in signatures
class Classifier(Protocol):
    """What a source and a target have in common."""

    technique: ClassVar[str]

    def predict(self, x: Images) -> Labels:
        """One class for each image, as the model itself decides."""
        ...

    def craft(self, x: Images, y: Labels, eps: float) -> Images:
        """Images moved so that *this* model misreads them, by its technique's own attack."""
        ...


@dataclass(frozen=True)
class Network:
    """A torch network, attacked by the fast gradient sign."""

    net: nn.Module
    technique: ClassVar[str] = "DNN"

    def predict(self, x: Images) -> Labels:
        return probabilities(self.net, x).argmax(1)

    def craft(self, x: Images, y: Labels, eps: float) -> Images:
        return fgsm(self.net, x, y, eps)


@dataclass(frozen=True)
class Logistic:
    """Multinomial logistic regression, attacked by the fast gradient sign of its softmax."""

    model: LogisticRegression
    technique: ClassVar[str] = "LR"

    @classmethod
    def learn(cls, split: Split, seed: int = 0) -> "Logistic":
        # A loose tolerance: the last digits of the weights change no cell of the matrix.
        how = LogisticRegression(C=0.1, tol=1e-3, max_iter=1000, random_state=seed)
        return cls(how.fit(rows(split.x), split.y.cpu().numpy()))

    def predict(self, x: Images) -> Labels:
        return labels(self.model.predict(rows(x)), x)

    def craft(self, x: Images, y: Labels, eps: float) -> Images:
        return fgsm(linear_view(self.model).to(x.device), x, y, eps)


@dataclass(frozen=True)
class Margin:
    """A linear support vector machine, one against the rest, attacked along a hyperplane normal."""

    model: LinearSVC
    technique: ClassVar[str] = "SVM"

    @classmethod
    def learn(cls, split: Split, seed: int = 0) -> "Margin":
        how = LinearSVC(C=0.01, dual=True, tol=1e-2, max_iter=5000, random_state=seed)
        return cls(how.fit(rows(split.x), split.y.cpu().numpy()))

    def predict(self, x: Images) -> Labels:
        return labels(self.model.predict(rows(x)), x)

    def craft(self, x: Images, y: Labels, eps: float) -> Images:
        return hyperplane_step(hyperplanes(self.model).to(x), x, y, Linf(eps))


@dataclass(frozen=True)
class Tree:
    """A decision tree, attacked by walking to a neighbouring leaf; that attack knows no ε."""

    model: DecisionTreeClassifier
    technique: ClassVar[str] = "DT"

    @classmethod
    def learn(cls, split: Split, seed: int = 0) -> "Tree":
        how = DecisionTreeClassifier(random_state=seed)
        return cls(how.fit(rows(split.x), split.y.cpu().numpy()))

    def predict(self, x: Images) -> Labels:
        return labels(self.model.predict(rows(x)), x)

    def craft(self, x: Images, y: Labels, eps: float) -> Images:
        return leaf_path(self.model, x, y)


@dataclass(frozen=True)
class Neighbours:
    """k nearest neighbours; the fast gradient sign of its softmax-weighted smoothing attacks it."""

    model: KNeighborsClassifier
    smooth: SmoothNeighbours
    technique: ClassVar[str] = "kNN"

    @classmethod
    def learn(cls, split: Split, seed: int = 0, k: int = 5) -> "Neighbours":
        how = KNeighborsClassifier(n_neighbors=k, algorithm="brute")
        return cls(
            how.fit(rows(split.x), split.y.cpu().numpy()), SmoothNeighbours(split.x, split.y)
        )

    def predict(self, x: Images) -> Labels:
        return labels(self.model.predict(rows(x)), x)

    def craft(self, x: Images, y: Labels, eps: float) -> Images:
        return fgsm(self.smooth, x, y, eps)


def rows(x: Images) -> np.ndarray:
    """Images as scikit-learn takes them: a NumPy array (n, pixels)."""
    return x.detach().flatten(1).cpu().numpy()


def labels(answers: np.ndarray, like: Images) -> Labels:
    """scikit-learn's answers as the course's labels, on the device of the images."""
    return torch.as_tensor(answers, dtype=torch.int64, device=like.device)
