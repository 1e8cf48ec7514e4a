"""Floor 0. Deeper classifiers, small enough for a CPU: max pooling, and residual blocks."""

import torch
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.nets.classifiers import Normalize, Shape, initialise
from coursekit.types import Images, Logits


class PooledCNN(nn.Module):
    """Five 3×3 convolutions with max pooling, as in the networks of 2012 to 2014.

    Args:
        shape: (channels, height, width) of the images; both sides a multiple of 4.
        classes: how many logits.
        width: channels of the first convolution; doubled after each pooling.
        rng: draws the initial weights.

    Raises:
        CourseError: a side that is not a multiple of 4.
    """

    def __init__(
        self, shape: Shape, classes: int, width: int = 8, rng: torch.Generator | None = None
    ) -> None:
        super().__init__()
        c, h, w = _fours(shape)
        self.body = nn.Sequential(
            Normalize([0.5] * c, [0.5] * c),
            *_convolution(c, width),
            nn.MaxPool2d(2),
            *_convolution(width, 2 * width),
            *_convolution(2 * width, 2 * width),
            nn.MaxPool2d(2),
            *_convolution(2 * width, 4 * width),
            *_convolution(4 * width, 4 * width),
            nn.Flatten(),
            nn.Linear(4 * width * (h // 4) * (w // 4), classes),
        )
        initialise(self, rng)

    def forward(self, x: Images) -> Logits:
        return self.body(x)


class SmallResNet(nn.Module):
    """Two residual blocks (He et al. 2016, §3), without batch normalisation.

    On an empty background a feature hardly varies; batch normalisation divides by that, and any
    noise there floods the network. Two blocks train well without it.

    Args:
        shape, classes, rng: as for `PooledCNN`.
        width: channels of the first block; the second has twice as many.

    Raises:
        CourseError: a side that is not a multiple of 4.
    """

    def __init__(
        self, shape: Shape, classes: int, width: int = 8, rng: torch.Generator | None = None
    ) -> None:
        super().__init__()
        c, h, w = _fours(shape)
        self.body = nn.Sequential(
            Normalize([0.5] * c, [0.5] * c),
            nn.Conv2d(c, width, 4, stride=2, padding=1),
            Residual(width, width),
            Residual(width, 2 * width),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * width * (h // 4) * (w // 4), classes),
        )
        initialise(self, rng)

    def forward(self, x: Images) -> Logits:
        return self.body(x)


class Residual(nn.Module):
    """x + F(x); where the channels grow, the shortcut halves the sides by a strided 1×1."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        stride = 1 if inputs == outputs else 2
        self.long = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1),
        )
        self.short = nn.Identity() if stride == 1 else nn.Conv2d(inputs, outputs, 1, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.short(x) + self.long(x)


def _convolution(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]


def _fours(shape: Shape) -> Shape:
    _, h, w = shape
    require(h % 4 == 0 and w % 4 == 0, f"shape was {shape}; both sides must be multiples of 4.")
    return shape
