"""A small BigGAN: one shared code of the condition, which enters every normalisation."""

from abc import abstractmethod
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.nets.classifiers import Shape, check_multiple
from coursekit.nets.conditional import check_labels
from coursekit.nets.generators import Generator, Noise, dcgan_init
from coursekit.types import Images, Labels, Rng

Code = Float[Tensor, "n code"]

PARTS = 3  # of z: one for the first layer, one for each normalisation


class CodedBatchNorm2d(nn.Module):
    """(1 + A·c)·(h − μ)/σ + B·c: gain and shift are linear in a code c (Brock et al. 2019, §3).

    Without the 1 the gain of a small code is about 0, and nothing passes.

    Args:
        channels: of the map h, shape (n, channels, height, width).
        code: length of c.
        rng: draws A and B from N(0, 0.1²): codes must differ from the start to be told apart.
    """

    def __init__(self, channels: int, code: int, rng: Rng = None) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain = nn.Linear(code, channels, bias=False)
        self.shift = nn.Linear(code, channels, bias=False)
        for layer in (self.gain, self.shift):
            nn.init.normal_(layer.weight, 0.0, 0.1, generator=rng)

    def forward(self, h: Tensor, c: Code) -> Tensor:
        gain, shift = 1 + self.gain(c), self.shift(c)
        return gain[:, :, None, None] * self.norm(h) + shift[:, :, None, None]


class CodedGenerator(Generator):
    """(z, y) → image, y being whatever `code` can read: a class, or words.

    z → a quarter-size map → twice resized and convolved, `CodedBatchNorm2d` before each.
    Convolutions rather than transposed ones, so that `lipschitz.matrices` finds every weight.

    Args:
        shape: (channels, height, width); both sides a multiple of 4.
        code: length of the code, or of each layer's.
        width: channels of the last hidden map; the one before has twice as many.
        noise_dim: length of z.
        hierarchical: z is cut into three parts; the first makes the map, the others join the code
            of one normalisation each (Brock et al. 2019, §3.1). Else all of z makes the map.
        rng: draws the initial weights.
        shared: all normalisations read one code; else each has one of its own, and `code` gives
            them side by side, shape (n, 2·code).

    Raises:
        CourseError: a side that is not a multiple of 4, or a z that three does not divide.
    """

    def __init__(
        self,
        shape: Shape,
        code: int,
        width: int,
        noise_dim: int,
        hierarchical: bool,
        rng: Rng,
        shared: bool = True,
    ) -> None:
        super().__init__()
        c, h, w = check_multiple(shape, 4)
        whole = not hierarchical or noise_dim % PARTS == 0
        require(whole, f"noise_dim was {noise_dim}; of three parts it is a multiple of 3.")
        self.noise_dim, self.hierarchical, self.shared = noise_dim, hierarchical, shared
        part = noise_dim // PARTS if hierarchical else 0
        self.map = (2 * width, h // 4, w // 4)
        self.first = nn.Linear(part or noise_dim, 2 * width * h * w // 16)
        self.convolve = nn.ModuleList(
            nn.Conv2d(i, o, 3, padding=1) for i, o in ((2 * width, width), (width, c))
        )
        dcgan_init(self, rng)
        self.norms = nn.ModuleList(
            CodedBatchNorm2d(channels, code + part, rng) for channels in (2 * width, width)
        )
        self.resize = nn.Upsample(scale_factor=2)

    @abstractmethod
    def code(self, y: Any) -> Code:
        """The code of each condition, shape (n, code)."""

    def forward(self, z: Noise, y: Any = None) -> Images:
        return self.from_code(z, self.code(y))

    def from_code(self, z: Noise, c: Code) -> Images:
        """The image for z and a code, such as one between two conditions."""
        parts = z.chunk(PARTS, 1) if self.hierarchical else (z, z[:, :0], z[:, :0])
        codes = (c, c) if self.shared else c.chunk(2, 1)
        h = self.first(parts[0]).view(-1, *self.map)
        layers = zip(codes, parts[1:], self.norms, self.convolve, strict=True)
        for own, part, norm, convolve in layers:
            h = convolve(self.resize(norm(h, torch.cat([own, part], 1)).relu()))
        return h.sigmoid()


class BigGANGenerator(CodedGenerator):
    """`CodedGenerator` of classes: one embedding for all layers (Brock et al. 2019, §3).

    The embedding takes no part in spectral normalisation or orthogonal regularisation: its rows
    are names, not a map.

    Args:
        shape, width, noise_dim, hierarchical, rng: as for `CodedGenerator`.
        classes: how many labels.
        code: length of the embedding.
        shared: one embedding for all normalisations; else each has one of its own.
    """

    def __init__(
        self,
        shape: Shape,
        classes: int,
        width: int = 16,
        noise_dim: int = 48,
        code: int = 32,
        hierarchical: bool = True,
        rng: Rng = None,
        shared: bool = True,
    ) -> None:
        super().__init__(shape, code, width, noise_dim, hierarchical, rng, shared)
        self.classes = classes
        self.embed = nn.Embedding(classes, code if shared else 2 * code)
        nn.init.normal_(self.embed.weight, generator=rng)

    def code(self, y: Labels | None) -> Code:
        return self.embed(check_labels(y, self.classes))
