"""The networks of SN-GAN for 32-pixel colour images, told a class (Miyato et al. 2018, Table 3),
and what SAGAN and BigGAN added to them."""

import torch
from torch import nn

from coursekit.errors import require
from coursekit.nets.attention import SelfAttention
from coursekit.nets.biggan import CodedBatchNorm2d
from coursekit.nets.classifiers import Shape, check_multiple
from coursekit.nets.conditional import (
    Blend,
    ConditionalBatchNorm2d,
    ConditionalGenerator,
    check_labels,
)
from coursekit.nets.discriminators import normalise_spectrally
from coursekit.nets.generators import Noise, dcgan_init
from coursekit.types import Features, Images, Labels, PerExample, Rng


class SNGANGenerator(ConditionalGenerator):
    """z → a map of an eighth of the sides → three transposed convolutions → a 3×3 convolution.

    The paper's widths are 512, 256, 128, 64; here 4, 2 and 1 times `width`. Class-conditional
    BatchNorm after each, its gains beginning at 1 and its shifts at 0.

    Args:
        shape: (channels, height, width); both sides a multiple of 8.
        classes: how many labels.
        width: channels of the last hidden map.
        noise_dim: length of z.
        attention: `SelfAttention` at a quarter of the sides (32 of 128 pixels is best in Zhang et
            al. 2019, Table 1).
        code: length of one embedding that all normalisations share. z is then cut into four parts;
            the first makes the map, the others join the code of one normalisation each (Brock et
            al. 2019, §3.1). With 0 each normalisation has gains and shifts of its own.
        rng: draws the initial weights.

    Raises:
        CourseError: a side that is not a multiple of 8, or with a code a z that four does not
            divide.
    """

    def __init__(
        self,
        shape: Shape,
        classes: int,
        width: int = 24,
        noise_dim: int = 128,
        attention: bool = False,
        code: int = 0,
        rng: Rng = None,
    ) -> None:
        super().__init__()
        c, h, w = check_multiple(shape, 8)
        h, w = h // 8, w // 8
        whole = not code or noise_dim % 4 == 0
        require(whole, f"noise_dim was {noise_dim}; of four parts it is a multiple of 4.")
        self.classes, self.noise_dim, self.hierarchical = classes, noise_dim, code > 0
        part = noise_dim // 4 if code else noise_dim
        widths = (4 * width, 2 * width, width)
        layers: list[nn.Module] = [nn.Linear(part, widths[0] * h * w)]
        layers += [nn.Unflatten(1, (widths[0], h, w))]
        for inputs, outputs in zip(widths, (*widths[1:], c), strict=True):
            layers += [_told(inputs, classes, code + part if code else 0, rng)]
            layers += [nn.ReLU(), nn.ConvTranspose2d(inputs, outputs, 4, 2, 1)]
        self.body = nn.Sequential(*layers, nn.Sigmoid())
        dcgan_init(self, rng)
        if attention:
            self.body.insert(5, SelfAttention(widths[1], rng))  # before the second normalisation
        if code:
            self.embed = nn.Parameter(torch.randn(classes, code, generator=rng))

    def forward_soft(self, z: Noise, blend: Blend) -> Images:
        h, *parts = z.chunk(4, 1) if self.hierarchical else (z,)
        shared = blend @ self.embed if self.hierarchical else blend
        for layer in self.body:
            if isinstance(layer, CodedBatchNorm2d):
                h = layer(h, torch.cat([shared, parts.pop(0)], 1))
            else:
                h = layer(h, shared) if isinstance(layer, ConditionalBatchNorm2d) else layer(h)
        return h


def _told(channels: int, classes: int, code: int, rng: Rng) -> nn.Module:
    """The normalisation that is told the class: by a code, or by a gain and shift of each."""
    if code:
        return CodedBatchNorm2d(channels, code, rng)
    norm = ConditionalBatchNorm2d(channels, classes)
    nn.init.ones_(norm.gain)
    nn.init.zeros_(norm.shift)
    return norm


class SNGANDiscriminator(nn.Module):
    """Six spectrally normalised convolutions, every second one strided, and a projection of y.

    s(x, y) = ψ(φ(x)) + ⟨v_y, φ(x)⟩, φ summed over places (Miyato & Koyama 2018, §3).

    Args:
        shape, classes, rng: as for `SNGANGenerator`.
        width: channels of the first two convolutions; then twice and four times as many.
        attention: `SelfAttention` after the fourth convolution, at a quarter of the sides.

    Raises:
        CourseError: a side that is not a multiple of 8.
    """

    def __init__(
        self,
        shape: Shape,
        classes: int,
        width: int = 24,
        attention: bool = False,
        rng: Rng = None,
    ) -> None:
        super().__init__()
        c, _, _ = check_multiple(shape, 8)
        self.classes = classes
        layers: list[nn.Module] = []
        for outputs in (width, 2 * width, 4 * width):
            layers += [nn.Conv2d(c, outputs, 3, 1, 1), nn.LeakyReLU(0.1)]
            layers += [nn.Conv2d(outputs, outputs, 4, 2, 1), nn.LeakyReLU(0.1)]
            if attention and outputs == 2 * width:
                layers += [SelfAttention(outputs, rng)]
            c = outputs
        self.trunk = nn.Sequential(*layers)
        self.score = nn.Linear(c, 1)
        self.embed = nn.Embedding(classes, c)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(layer.weight, generator=rng)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        nn.init.normal_(self.embed.weight, 0.0, 0.02, generator=rng)
        normalise_spectrally(self, rng)

    def features(self, x: Images) -> Features:
        """φ(x): the last map summed over its places, shape (n, 4·width)."""
        return self.trunk(2 * x - 1).sum((2, 3))

    def forward(self, x: Images, y: Labels | None = None) -> PerExample:
        h, v = self.features(x), self.embed(check_labels(y, self.classes))
        return self.score(h).squeeze(1) + (v * h).sum(1)
