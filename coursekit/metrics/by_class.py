"""Quality and diversity within each class: what one FID over all classes cannot see."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor, nn

from coursekit.metrics.accuracy import features, probabilities
from coursekit.metrics.fid import frechet_distance
from coursekit.types import Features, Images, Labels, Probabilities, Scalar

PerClass = Float[Tensor, " k"]


def by_class(measure: Callable[[Tensor], float], rows: Tensor, y: Labels, classes: int) -> PerClass:
    """`measure` of the rows of each class, shape (classes,); NaN where a class has fewer than 2."""
    parts = [rows[y == c] for c in range(classes)]
    values = [measure(part) if len(part) > 1 else torch.nan for part in parts]
    return torch.tensor(values, dtype=torch.float64)


def total_variance(rows: Tensor) -> float:
    """The trace of the covariance matrix of the rows, (n, ...): half the mean squared distance of
    two of them."""
    return float(rows.flatten(1).double().var(0).sum())


def entropy(p: Probabilities) -> Scalar:
    """−Σ p·log p in nats, averaged over the rows: 0 for a sure judge, log k for a clueless one."""
    return -torch.xlogy(p, p).sum(1).mean()


@dataclass(frozen=True)
class ClassScorer:
    """Looks at samples class by class, through a classifier and a labelled reference.

    The network must have been trained neither on the reference nor on what the players learnt from.
    Ask for as many samples of each class as the reference holds: FID is biased by that number.

    Attributes:
        network: a classifier with `features(x)`.
        real, labels: the reference.
    """

    network: nn.Module
    real: Images
    labels: Labels

    @cached_property
    def classes(self) -> int:
        return int(self.labels.max()) + 1

    @cached_property
    def reference(self) -> list[Features]:
        """The features of the reference, one tensor per class."""
        rows = features(self.network, self.real)
        return [rows[self.labels == c] for c in range(self.classes)]

    def says(self, x: Images) -> Labels:
        """The class that the judge sees in each image."""
        return probabilities(self.network, x).argmax(1)

    def fid(self, x: Images, y: Labels) -> PerClass:
        """Fréchet distance of each class to the reference's (intra-FID: Miyato & Koyama 2018).

        NaN for a class of which there are fewer than two samples.
        """
        rows = features(self.network, x)
        pairs = [(rows[y == c], real) for c, real in enumerate(self.reference)]
        values = [frechet_distance(*pair) if len(pair[0]) > 1 else torch.nan for pair in pairs]
        return torch.tensor(values, dtype=torch.float64)

    def spread(self, x: Images, y: Labels) -> PerClass:
        """Total variance of the pixels within each class, over the reference's: 1 is as varied."""
        real = by_class(total_variance, self.real, self.labels, self.classes)
        return by_class(total_variance, x, y, self.classes) / real

    def feature_spread(self, x: Images, y: Labels) -> PerClass:
        """The same for the judge's features."""
        real = torch.tensor([total_variance(rows) for rows in self.reference])
        rows = features(self.network, x)
        return by_class(total_variance, rows, y, self.classes) / real

    def doubt(self, x: Images) -> float:
        """Mean entropy of the judge's p(y | x), in nats."""
        return float(entropy(probabilities(self.network, x)))
