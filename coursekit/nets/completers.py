"""Floor 0. Networks that paint what is missing from an image."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from coursekit.nets.classifiers import Shape
from coursekit.nets.generators import Generator, Noise, quartered, start_small
from coursekit.types import Images

UpperHalf = Float[Tensor, "n c half w"]


class Completer(Generator):
    """Paints the lower half of an image, given the upper half as its label: G(z, y).

    Two strided convolutions read y, z is added to what they found, two transposed convolutions
    paint; the upper half of the answer is y itself.

    Args:
        shape: (channels, height, width) of the whole image; both sides multiples of 4, the height
            of 8.
        width, noise_dim, rng: as for `DCGANGenerator`.
    """

    def __init__(
        self, shape: Shape, width: int = 32, noise_dim: int = 16, rng: torch.Generator | None = None
    ) -> None:
        super().__init__()
        c, h, w = quartered(shape)
        self.noise_dim = noise_dim
        self.read = nn.Sequential(
            nn.Conv2d(c, width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
        )
        self.hint = nn.Linear(noise_dim, 2 * width * h * w)
        self.paint = nn.Sequential(
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.ConvTranspose2d(width, c, 4, stride=2, padding=1),
            nn.Sigmoid(),
        )
        start_small(self, rng)

    def forward(self, z: Noise, y: UpperHalf) -> Images:
        blank = torch.zeros_like(y)
        found = self.read(torch.cat([y, blank], 2))
        painted = self.paint(found + self.hint(z).view_as(found))
        return torch.cat([y, painted[:, :, y.shape[2] :]], 2)
