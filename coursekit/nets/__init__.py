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
from coursekit.nets.conditional import (
    AuxiliaryDiscriminator,
    ClassBatchNorm2d,
    ClassNormGenerator,
    ConcatGenerator,
    ConditionalGenerator,
    PlaneDiscriminator,
    ProjectionDiscriminator,
)
from coursekit.nets.deeper import PooledCNN, SmallResNet
from coursekit.nets.discriminators import DCGANDiscriminator, MLPDiscriminator, normalise_spectrally
from coursekit.nets.generators import DCGANGenerator, Generator, MLPGenerator, start_small
from coursekit.nets.latent import slerp, truncated
from coursekit.nets.masked import Loud, Quantised, staircase
from coursekit.nets.places import PlaceNet
from coursekit.nets.pretrained import pretrained, squeezenet

__all__ = [
    "MLP",
    "AuxiliaryDiscriminator",
    "ClassBatchNorm2d",
    "ClassNormGenerator",
    "Completer",
    "ConcatGenerator",
    "ConditionalGenerator",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "Generator",
    "LinearClassifier",
    "Loud",
    "MLPDiscriminator",
    "MLPGenerator",
    "Maxout",
    "Normalize",
    "PlaceNet",
    "PlaneDiscriminator",
    "PooledCNN",
    "ProjectionDiscriminator",
    "Quantised",
    "SmallResNet",
    "StridedCNN",
    "initialise",
    "normalise_spectrally",
    "pretrained",
    "slerp",
    "squeezenet",
    "staircase",
    "start_small",
    "truncated",
]
