"""Differentiable views of scikit-learn's estimators, so that one gradient serves every attack."""

import torch
from jaxtyping import Float
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.types import Images, Labels, Logits


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


class SmoothNeighbours(nn.Module):
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
