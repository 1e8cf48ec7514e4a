"""Floor 0. Networks: classifiers, generators, discriminators."""

from coursekit.nets.classifiers import (
    MLP,
    LinearClassifier,
    Maxout,
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
from coursekit.nets.pretrained import squeezenet

__all__ = [
    "Completer",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "Generator",
    "LinearClassifier",
    "MLP",
    "MLPDiscriminator",
    "MLPGenerator",
    "Maxout",
    "Normalize",
    "StridedCNN",
    "initialise",
    "normalise_spectrally",
    "squeezenet",
    "start_small",
]
