"""A judge of generated images: a feature network and the real images it compares them with."""

from dataclasses import dataclass
from functools import cached_property

from torch import nn

from coursekit.metrics.classification import features, probabilities
from coursekit.metrics.fidelity import frechet_distance, inception_score
from coursekit.types import Features, Images


@dataclass(frozen=True)
class Judge:
    """FID and IS on the features of one network, against one set of real images.

    The network must not have been trained on `real`: it would know those images better than any
    others, and call fresh real ones fakes. Values from different judges are not comparable.

    Attributes:
        network: a classifier with `features(x)`.
        real: the reference, shape (n, c, h, w); compare as many samples as it holds.
    """

    network: nn.Module
    real: Images

    @cached_property
    def reference(self) -> Features:
        """The features of the real images, computed once."""
        return features(self.network, self.real)

    def fid(self, x: Images) -> float:
        """Fréchet distance between the features of `x` and of the reference."""
        return frechet_distance(features(self.network, x), self.reference)

    def inception(self, x: Images) -> float:
        """Inception score of `x`, with this network's classes."""
        return inception_score(probabilities(self.network, x))
