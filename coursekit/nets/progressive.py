"""A GAN that grows from a quarter of the image's size to the whole, each size faded in."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.errors import require
from coursekit.nets.classifiers import Shape, check_multiple, he_
from coursekit.nets.generators import Generator, Noise
from coursekit.types import Images, Labels, PerExample, Rng

LEVELS = 3  # sizes: a quarter of the sides, half of them, all


def stage(progress: float) -> tuple[int, float]:
    """Level and α at a share of the run: five stretches of a fifth each (Karras et al. 2018, §2).

    0 alone; 1 faded in; 1 alone; 2 faded in; 2 alone. While level k is faded in, α rises from 0 to
    1: the image is (1 − α)·(that of level k − 1, enlarged) + α·(that of level k).

    Raises:
        CourseError: a share outside [0, 1].
    """
    require(0 <= progress <= 1, f"progress was {progress}; it lies in [0, 1].")
    stretch, within = divmod(progress * (2 * LEVELS - 1), 1)
    if stretch == 2 * LEVELS - 1:  # the end
        return LEVELS - 1, 1.0
    fading = int(stretch) % 2 == 1
    return (int(stretch) + 1) // 2, within if fading else 1.0


class Growing(nn.Module):
    """What a training loop tells the progress of the run, before each update.

    Attributes:
        level, alpha: of `stage`; a network that nobody trains is fully grown.
    """

    def __init__(self, grow: bool) -> None:
        super().__init__()
        self.grows, self.level, self.alpha = grow, LEVELS - 1, 1.0

    def grow(self, progress: float) -> None:
        """Take the size of this moment; a network that does not grow stays as it is."""
        if self.grows:
            self.level, self.alpha = stage(progress)


def enlarged(x: Tensor, factor: int = 2) -> Tensor:
    """Each pixel as a square of `factor` pixels a side."""
    return x if factor == 1 else F.interpolate(x, scale_factor=factor, mode="nearest")


def pixel_norm(h: Tensor) -> Tensor:
    """The channels of each place divided by their root mean square (Karras et al. 2018, §4.2)."""
    return h * (h.square().mean(1, keepdim=True) + 1e-8).rsqrt()


class ProgressiveGenerator(Growing, Generator):
    """z → image, of a size that grows with the run, always enlarged to the whole (Fig. 1 and 2).

    Args:
        shape: (channels, height, width); both sides a multiple of 4.
        width: channels of the last map; the two before have twice as many.
        noise_dim: length of z, which is normalised to length √noise_dim first.
        grow: False has all layers from the beginning.
        rng: draws the initial weights.

    Raises:
        CourseError: a side that is not a multiple of 4.
    """

    def __init__(
        self, shape: Shape, width: int = 16, noise_dim: int = 32, grow: bool = True, rng: Rng = None
    ) -> None:
        super().__init__(grow)
        c, h, w = check_multiple(shape, 4)
        self.noise_dim, self.map = noise_dim, (2 * width, h // 4, w // 4)
        channels = (2 * width, 2 * width, width)
        self.first = nn.Linear(noise_dim, 2 * width * h * w // 16)
        self.blocks = nn.ModuleList(
            nn.Conv2d(i, o, 3, padding=1) for i, o in zip(channels, channels[1:], strict=False)
        )
        self.to_pixels = nn.ModuleList(nn.Conv2d(k, c, 1) for k in channels)
        he_(self, rng)

    def forward(self, z: Noise, y: Labels | None = None) -> Images:
        h = pixel_norm(F.leaky_relu(self.first(pixel_norm(z)).view(-1, *self.map), 0.2))
        before = h
        for block in self.blocks[: self.level]:
            before, h = h, pixel_norm(F.leaky_relu(block(enlarged(h)), 0.2))
        x = self.to_pixels[self.level](h).sigmoid()
        if self.alpha < 1:
            below = self.to_pixels[self.level - 1](before).sigmoid()
            x = torch.lerp(enlarged(below), x, self.alpha)
        return enlarged(x, 2 ** (LEVELS - 1 - self.level))


class ProgressiveDiscriminator(Growing):
    """The mirror image of `ProgressiveGenerator`: it looks at x in the size of the moment.

    While a level is faded in, it mixes what it sees of x with what the level below sees of x at
    half the size (Fig. 2b).

    Args:
        shape, width, grow, rng: as for `ProgressiveGenerator`.
    """

    def __init__(self, shape: Shape, width: int = 16, grow: bool = True, rng: Rng = None) -> None:
        super().__init__(grow)
        c, h, w = check_multiple(shape, 4)
        channels = (2 * width, 2 * width, width)
        self.from_pixels = nn.ModuleList(nn.Conv2d(c, k, 1) for k in channels)
        self.blocks = nn.ModuleList(
            nn.Conv2d(i, o, 3, padding=1) for o, i in zip(channels, channels[1:], strict=False)
        )
        self.last = nn.Sequential(
            nn.Conv2d(2 * width, 2 * width, 3, padding=1), nn.LeakyReLU(0.2), nn.Flatten(),
            nn.Linear(2 * width * h * w // 16, 1),
        )  # fmt: skip
        he_(self, rng)

    def forward(self, x: Images, y: Tensor | None = None) -> PerExample:
        x = 2 * x - 1
        if (factor := 2 ** (LEVELS - 1 - self.level)) > 1:
            x = F.avg_pool2d(x, factor)
        h = F.leaky_relu(self.from_pixels[self.level](x), 0.2)
        for level in range(self.level, 0, -1):
            h = F.avg_pool2d(F.leaky_relu(self.blocks[level - 1](h), 0.2), 2)
            if level == self.level and self.alpha < 1:
                below = F.leaky_relu(self.from_pixels[level - 1](F.avg_pool2d(x, 2)), 0.2)
                h = torch.lerp(below, h, self.alpha)
        return self.last(h).squeeze(1)
