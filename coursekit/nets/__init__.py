"""Floor 0. Networks: classifiers, generators, discriminators."""

from coursekit.nets.classifiers import (
    MLP,
    LinearClassifier,
    Maxout,
    Normalize,
    StridedCNN,
    initialise,
)
from coursekit.nets.completers import Completer
from coursekit.nets.discriminators import (
    DCGANDiscriminator,
    MLPDiscriminator,
    normalise_spectrally,
)
from coursekit.nets.generators import (
    DCGANGenerator,
    Generator,
    MLPGenerator,
    start_small,
)
from coursekit.nets.latent import slerp
from coursekit.nets.masked import Loud, Quantised, staircase
from coursekit.nets.places import PlaceNet
from coursekit.nets.pretrained import pretrained, squeezenet

__all__ = [
    "Completer",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "Generator",
    "LinearClassifier",
    "Loud",
    "MLP",
    "MLPDiscriminator",
    "MLPGenerator",
    "Maxout",
    "Normalize",
    "PlaceNet",
    "Quantised",
    "StridedCNN",
    "initialise",
    "normalise_spectrally",
    "pretrained",
    "slerp",
    "squeezenet",
    "staircase",
    "start_small",
]
