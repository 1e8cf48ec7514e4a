"""Floor 0. Networks that are told a class: four ways to say it, on the bodies of DCGAN.

Two in the generator: an embedding beside z (`ConcatGenerator`), a gain and a shift in BatchNorm
(`ClassNormGenerator`). Three in the discriminator: an image-sized plane beside x
(`PlaneDiscriminator`), a second head that names the class (`AuxiliaryDiscriminator`), an inner
product with the features (`ProjectionDiscriminator`).
"""

from coursekit.nets.conditional.discriminators import (
    AuxiliaryDiscriminator,
    PlaneDiscriminator,
    ProjectionDiscriminator,
)
from coursekit.nets.conditional.generators import (
    ClassBatchNorm2d,
    ClassNormGenerator,
    ConcatGenerator,
    ConditionalGenerator,
)

__all__ = [
    "AuxiliaryDiscriminator",
    "ClassBatchNorm2d",
    "ClassNormGenerator",
    "ConcatGenerator",
    "ConditionalGenerator",
    "PlaneDiscriminator",
    "ProjectionDiscriminator",
]
