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
from coursekit.nets.dirac import DiracDiscriminator, DiracGenerator, dirac_data
from coursekit.nets.discriminators import DCGANDiscriminator, MLPDiscriminator, normalise_spectrally
from coursekit.nets.generators import DCGANGenerator, Generator, MLPGenerator, start_small
from coursekit.nets.latent import slerp, truncated
from coursekit.nets.lenses import DiffAugment, InstanceNoise, MinibatchStd, Pack, Through, Waves
from coursekit.nets.masked import Loud, Quantised, staircase
from coursekit.nets.parallel import ParallelDiscriminator, ParallelGenerator, single
from coursekit.nets.places import PlaceNet
from coursekit.nets.pretrained import pretrained, squeezenet
from coursekit.nets.sngan import SNGANDiscriminator, SNGANGenerator
from coursekit.nets.upsampling import deconvolution, resize_convolution, uneven_deconvolution

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
    "DiffAugment",
    "DiracDiscriminator",
    "DiracGenerator",
    "Generator",
    "InstanceNoise",
    "LinearClassifier",
    "Loud",
    "MLPDiscriminator",
    "MLPGenerator",
    "Maxout",
    "MinibatchStd",
    "Normalize",
    "Pack",
    "ParallelDiscriminator",
    "ParallelGenerator",
    "PlaceNet",
    "PlaneDiscriminator",
    "PooledCNN",
    "ProjectionDiscriminator",
    "Quantised",
    "SNGANDiscriminator",
    "SNGANGenerator",
    "SmallResNet",
    "StridedCNN",
    "Through",
    "Waves",
    "deconvolution",
    "dirac_data",
    "initialise",
    "normalise_spectrally",
    "pretrained",
    "resize_convolution",
    "single",
    "slerp",
    "squeezenet",
    "staircase",
    "start_small",
    "truncated",
    "uneven_deconvolution",
]
