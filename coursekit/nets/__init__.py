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
from coursekit.nets.dirac import DiracDiscriminator, DiracGenerator, dirac_data
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
from coursekit.nets.lenses import InstanceNoise, MinibatchStd, Pack, Through, Waves
from coursekit.nets.parallel import ParallelDiscriminator, ParallelGenerator, single
from coursekit.nets.pretrained import squeezenet
from coursekit.nets.upsampling import deconvolution, resize_convolution, uneven_deconvolution

__all__ = [
    "Completer",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "DiracDiscriminator",
    "DiracGenerator",
    "Generator",
    "InstanceNoise",
    "LinearClassifier",
    "MLP",
    "MLPDiscriminator",
    "MLPGenerator",
    "Maxout",
    "MinibatchStd",
    "Normalize",
    "Pack",
    "ParallelDiscriminator",
    "ParallelGenerator",
    "StridedCNN",
    "Through",
    "Waves",
    "deconvolution",
    "dirac_data",
    "initialise",
    "normalise_spectrally",
    "resize_convolution",
    "single",
    "slerp",
    "squeezenet",
    "start_small",
    "uneven_deconvolution",
]
