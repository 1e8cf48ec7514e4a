"""Floor 0. Networks: classifiers, generators, discriminators."""

from coursekit.nets.classifiers import (
    MLP,
    LinearClassifier,
    Normalize,
    StridedCNN,
    initialise,
)
from coursekit.nets.discriminators import (
    DCGANDiscriminator,
    MLPDiscriminator,
    normalise_spectrally,
)
from coursekit.nets.generators import (
    Completer,
    DCGANGenerator,
    Generator,
    MLPGenerator,
    start_small,
)

__all__ = [
    "Completer",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "Generator",
    "MLPDiscriminator",
    "MLPGenerator",
    "normalise_spectrally",
    "start_small",
    "MLP",
    "LinearClassifier",
    "Normalize",
    "StridedCNN",
    "initialise",
]
