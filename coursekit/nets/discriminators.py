"""Discriminators of images and of points, and the Dirac-GAN."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from coursekit.errors import choose
from coursekit.nets.classifiers import MLP, Shape, check_multiple
from coursekit.nets.discriminator_inputs import MinibatchStd
from coursekit.nets.generators import Generator, Noise, dcgan_init
from coursekit.types import Examples, Images, Labels, PerExample, Rng

NORMS = ("batch", "none", "spectral")


class MLPDiscriminator(nn.Module):
    """Linear layers with LeakyReLU; the input is flattened.

    Args:
        shape: of one example, without the batch: (c, h, w), or (d,) for points.
        hidden: sizes of the hidden layers.
        norm: "none", or "spectral" on every layer (Miyato et al. 2018).
        rng: draws the initial weights.

    Raises:
        CourseError: an unknown norm.
    """

    def __init__(
        self,
        shape: Sequence[int],
        hidden: Sequence[int] = (512, 256),
        norm: str = "none",
        rng: Rng = None,
    ) -> None:
        super().__init__()
        choose("norm", norm, ("none", "spectral"))
        self.body = MLP((prod(shape), *hidden, 1), lambda: nn.LeakyReLU(0.2), rng)
        if norm == "spectral":
            normalise_spectrally(self, rng)

    def forward(self, x: Examples, y: Labels | None = None) -> PerExample:
        return self.body(x).squeeze(1)


class DCGANDiscriminator(nn.Module):
    """Image → two strided convolutions with LeakyReLU → one score (Radford et al. 2016, §3).

    Args:
        shape: (channels, height, width); both sides a multiple of 4.
        width: channels of the first convolution; the second has twice as many.
        norm: "batch" after the second convolution (never after the first: §3), "none" for a
            gradient penalty, which must see each example alone, or "spectral" on every layer.
        pool: halve the sides by max pooling instead of strides, against the guideline.
        slope: of the LeakyReLU for negative inputs; 0 is a plain ReLU.
        minibatch_std: size of the groups whose standard deviation is one more plane before the
            last layer (Karras et al. 2018, §3); 0 for none. Batches must be a multiple of it.
        rng: draws the initial weights.

    Raises:
        CourseError: an unknown norm, or a side that is not a multiple of 4.
    """

    def __init__(
        self,
        shape: Shape,
        width: int = 32,
        norm: str = "batch",
        pool: bool = False,
        slope: float = 0.2,
        minibatch_std: int = 0,
        rng: Rng = None,
    ) -> None:
        super().__init__()
        choose("norm", norm, NORMS)
        c, h, w = check_multiple(shape, 4)
        h, w = h // 4, w // 4
        self.body = nn.Sequential(
            _halve(shape[0], width, pool),
            nn.LeakyReLU(slope),
            _halve(width, 2 * width, pool),
            nn.BatchNorm2d(2 * width) if norm == "batch" else nn.Identity(),
            nn.LeakyReLU(slope),
            *([MinibatchStd(minibatch_std)] if minibatch_std else []),
            nn.Flatten(),
            nn.Linear((2 * width + bool(minibatch_std)) * h * w, 1),
        )
        dcgan_init(self, rng)
        if norm == "spectral":
            normalise_spectrally(self, rng)

    def forward(self, x: Images, y: Tensor | None = None) -> PerExample:
        return self.body(2 * x - 1).squeeze(1)


def _halve(inputs: int, outputs: int, pool: bool) -> nn.Module:
    """A layer that halves both sides."""
    if pool:
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.MaxPool2d(2))
    return nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)


def normalise_spectrally(model: nn.Module, rng: Rng = None) -> None:
    """Divide the weight of every linear and convolutional layer by its largest singular value.

    One power iteration per forward pass in train mode (Miyato et al. 2018, Algorithm 1). The
    iteration starts from a vector drawn from `rng`; PyTorch alone would take the global generator.
    """
    layers = [m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    with torch.random.fork_rng(devices=[], enabled=rng is not None):
        if rng is not None:
            torch.manual_seed(int(torch.randint(2**62, (), generator=rng)))
        for layer in layers:
            spectral_norm(layer)


class DiracGenerator(Generator):
    """G(z) = θ for every z: all samples lie at one place of the line (Mescheder et al. 2018, §2).

    Args:
        theta: where it begins.
    """

    def __init__(self, theta: float = 1.0) -> None:
        super().__init__()
        self.noise_dim = 1
        self.theta = nn.Parameter(torch.tensor([theta]))

    def forward(self, z: Noise, y: Labels | None = None) -> Examples:
        return self.theta.expand(len(z), 1)


class DiracDiscriminator(nn.Module):
    """s(x) = ψ·x, a line through the origin, where the data lie.

    Args:
        psi: its slope at the beginning.
    """

    def __init__(self, psi: float = 1.0) -> None:
        super().__init__()
        self.psi = nn.Parameter(torch.tensor([psi]))

    def forward(self, x: Examples, y: Labels | None = None) -> PerExample:
        return (x * self.psi).squeeze(1)


def dirac_data(n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Data of the Dirac game: n zeros, shape (n, 1), and a label for each."""
    return torch.zeros(n, 1), torch.zeros(n, dtype=torch.int64)
