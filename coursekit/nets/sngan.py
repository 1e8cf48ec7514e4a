"""The networks of SN-GAN for 32-pixel colour images, told a class (Miyato et al. 2018, Table 3)."""

from torch import nn

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
        rng: draws the initial weights.

    Raises:
        CourseError: a side that is not a multiple of 8.
    """

    def __init__(
        self, shape: Shape, classes: int, width: int = 24, noise_dim: int = 128, rng: Rng = None
    ) -> None:
        super().__init__()
        c, h, w = check_multiple(shape, 8)
        h, w = h // 8, w // 8
        self.classes, self.noise_dim = classes, noise_dim
        widths = (4 * width, 2 * width, width)
        layers: list[nn.Module] = [nn.Linear(noise_dim, widths[0] * h * w)]
        layers += [nn.Unflatten(1, (widths[0], h, w))]
        for inputs, outputs in zip(widths, (*widths[1:], c), strict=True):
            norm = ConditionalBatchNorm2d(inputs, classes)
            nn.init.ones_(norm.gain)
            nn.init.zeros_(norm.shift)
            layers += [norm, nn.ReLU(), nn.ConvTranspose2d(inputs, outputs, 4, 2, 1)]
        self.body = nn.Sequential(*layers, nn.Sigmoid())
        dcgan_init(self, rng)

    def forward_soft(self, z: Noise, blend: Blend) -> Images:
        h = z
        for layer in self.body:
            h = layer(h, blend) if isinstance(layer, ConditionalBatchNorm2d) else layer(h)
        return h


class SNGANDiscriminator(nn.Module):
    """Six spectrally normalised convolutions, every second one strided, and a projection of y.

    s(x, y) = ψ(φ(x)) + ⟨v_y, φ(x)⟩, φ summed over places (Miyato & Koyama 2018, §3).

    Args:
        shape, classes, rng: as for `SNGANGenerator`.
        width: channels of the first two convolutions; then twice and four times as many.

    Raises:
        CourseError: a side that is not a multiple of 8.
    """

    def __init__(self, shape: Shape, classes: int, width: int = 24, rng: Rng = None) -> None:
        super().__init__()
        c, _, _ = check_multiple(shape, 8)
        self.classes = classes
        layers: list[nn.Module] = []
        for outputs in (width, 2 * width, 4 * width):
            layers += [nn.Conv2d(c, outputs, 3, 1, 1), nn.LeakyReLU(0.1)]
            layers += [nn.Conv2d(outputs, outputs, 4, 2, 1), nn.LeakyReLU(0.1)]
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
