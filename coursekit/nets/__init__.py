"""Floor 0. Networks: classifiers, generators, discriminators."""

from coursekit.nets.classifiers import (
    MLP,
    LinearClassifier,
    Normalize,
    StridedCNN,
    initialise,
)

__all__ = [
    "MLP",
    "LinearClassifier",
    "Normalize",
    "StridedCNN",
    "initialise",
]
