"""Generators, upsampling layers, paths in latent space, and the generator of the Dirac-GAN."""

from collections.abc import Callable, Sequence
from functools import partial
from math import prod

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from coursekit.errors import choose, require
from coursekit.nets.classifiers import Shape, check_multiple, initialise
from coursekit.types import Examples, Images, Labels, Rng


def deconvolution(inputs: int, outputs: int, kernel: int = 4) -> nn.Module:
    """A transposed convolution with stride 2.

    Each output pixel is the sum of those kernel entries that land on it. With kernel 4 every pixel
    gets 2 × 2 of them; with kernel 3, which 2 does not divide, odd and even pixels get different
    numbers: a checkerboard (Odena et al. 2016, "Deconvolution and Checkerboard Artifacts").
    """
    padding = (kernel - 1) // 2
    spare = kernel % 2  # an odd kernel falls one pixel short of twice the size
    return nn.ConvTranspose2d(inputs, outputs, kernel, 2, padding, output_padding=spare)


def resize_convolution(inputs: int, outputs: int) -> nn.Module:
    """Nearest-neighbour resizing, then an ordinary convolution: Odena et al.'s cure."""
    return nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(inputs, outputs, 3, padding=1))


uneven_deconvolution = partial(deconvolution, kernel=3)


Noise = Float[Tensor, "n d"]
UpperHalf = Float[Tensor, "n c half w"]
Words = Int[Tensor, "n t"]  # numbers of words; 0 stands for no word, after the last one


class Generator(nn.Module):
    """What `train_gan` asks of a generator: it can draw its own noise.

    Attributes:
        noise_dim: length of one z.
    """

    noise_dim: int

    def noise(self, n: int, rng: torch.Generator) -> Noise:
        """`n` draws of z ~ N(0, I), made on the CPU so that all devices agree, shape (n, d)."""
        device = next(self.parameters()).device
        return torch.randn(n, self.noise_dim, generator=rng).to(device)

    @torch.no_grad()
    def sample(
        self,
        n: int,
        rng: torch.Generator,
        y: Labels | UpperHalf | Words | None = None,
        batch: int = 500,
    ) -> Examples:
        """`n` samples in eval mode, without a graph; the mode is put back.

        Args:
            n: how many.
            rng: draws the noise.
            y: what each sample is asked to be: a class, shape (n,), or an upper half to go on from,
                shape (n, c, h/2, w), or the words of a caption, shape (n, t); a conditional G
                needs it, others do not.
            batch: samples made at a time.

        Raises:
            CourseError: not one label each.
        """
        require(
            y is None or len(y) == n,
            f"y holds {len(y if y is not None else ())} labels for n = {n} samples; give one each.",
        )
        training = self.training
        z = self.eval().noise(n, rng)
        asked = y.split(batch) if y is not None else [None] * len(z)
        x = torch.cat([self(*pair) for pair in zip(z.split(batch), asked, strict=False)])
        self.train(training)
        return x


class MLPGenerator(Generator):
    """Linear layers with ReLU, as in the first GAN (Goodfellow et al. 2014, §5).

    Args:
        shape: of one sample, without the batch: (c, h, w), or (d,) for points.
        hidden: sizes of the hidden layers.
        noise_dim: length of z.
        norm: "none", or "batch" after each hidden layer: deep dense generators hardly move without.
        bounded: end in a sigmoid, so that pixels lie in [0, 1]; points of a plane want False.
        rng: draws the initial weights.

    Raises:
        CourseError: an unknown norm.
    """

    def __init__(
        self,
        shape: Sequence[int],
        hidden: Sequence[int] = (256, 512),
        noise_dim: int = 64,
        norm: str = "none",
        bounded: bool = True,
        rng: Rng = None,
    ) -> None:
        super().__init__()
        choose("norm", norm, ("batch", "none"))
        self.shape, self.noise_dim = tuple(shape), noise_dim
        layers: list[nn.Module] = []
        for inputs, outputs in zip((noise_dim, *hidden), hidden, strict=False):
            layers += [nn.Linear(inputs, outputs)]
            layers += [nn.BatchNorm1d(outputs)] if norm == "batch" else []
            layers += [nn.ReLU()]
        last = nn.Linear((noise_dim, *hidden)[-1], prod(shape))
        self.body = nn.Sequential(*layers, last, nn.Sigmoid() if bounded else nn.Identity())
        initialise(self, rng)

    def forward(self, z: Noise, y: Labels | None = None) -> Examples:
        return self.body(z).view(-1, *self.shape)


class DCGANGenerator(Generator):
    """z → a quarter-size map → image, by two transposed convolutions (Radford et al. 2016, §3).

    Its guidelines: no pooling, no hidden linear layer, BatchNorm and ReLU after every layer but the
    last, a bounded output. Weights start from N(0, 0.02).

    Args:
        shape: (channels, height, width); both sides a multiple of 4.
        width: channels of the last hidden layer; the one before has twice as many.
        noise_dim: length of z.
        norm: "batch", or "none" to see what happens without.
        bounded: end in a sigmoid; without it pixels may leave [0, 1].
        double: (inputs, outputs) -> a layer that doubles both sides.
        rng: draws the initial weights.

    Raises:
        CourseError: an unknown norm, or a side that is not a multiple of 4.
    """

    def __init__(
        self,
        shape: Shape,
        width: int = 32,
        noise_dim: int = 64,
        norm: str = "batch",
        bounded: bool = True,
        double: Callable[[int, int], nn.Module] = deconvolution,
        rng: Rng = None,
    ) -> None:
        super().__init__()
        choose("norm", norm, ("batch", "none"))
        c, h, w = check_multiple(shape, 4)
        h, w = h // 4, w // 4
        self.noise_dim = noise_dim
        self.body = nn.Sequential(
            nn.Linear(noise_dim, 2 * width * h * w),
            nn.Unflatten(1, (2 * width, h, w)),
            nn.BatchNorm2d(2 * width) if norm == "batch" else nn.Identity(),
            nn.ReLU(),
            double(2 * width, width),
            nn.BatchNorm2d(width) if norm == "batch" else nn.Identity(),
            nn.ReLU(),
            double(width, c),
            nn.Sigmoid() if bounded else nn.Identity(),
        )
        dcgan_init(self, rng)

    def forward(self, z: Noise, y: Labels | None = None) -> Images:
        return self.body(z)


def dcgan_init(model: nn.Module, rng: Rng) -> None:
    """Weights ~ N(0, 0.02), biases 0 (Radford et al. 2016, §4); BatchNorm keeps its 1 and 0."""
    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, 0.02, generator=rng)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def slerp(a: Tensor, b: Tensor, t: Tensor | float) -> Tensor:
    """From a to b along the great circle (Shoemake 1985; White 2016): lengths stay what they are.

    Args:
        a, b: vectors of shape (..., d).
        t: the place on the way, 0 at a and 1 at b; a number, or shape (m,) for m places between
            two single vectors.

    Returns:
        Shape (..., d), or (m, d).
    """
    t = torch.as_tensor(t, dtype=a.dtype, device=a.device)[..., None]
    cosine = (a * b).sum(-1, keepdim=True) / (a.norm(dim=-1) * b.norm(dim=-1)).unsqueeze(-1)
    angle = cosine.clamp(-1, 1).arccos()
    arc = (((1 - t) * angle).sin() * a + (t * angle).sin() * b) / angle.sin()
    return torch.where(angle < 1e-4, torch.lerp(a, b, t), arc)


def truncated(n: int, dim: int, rng: torch.Generator, at: float) -> Float[Tensor, "n d"]:
    """Noise from N(0, I) with every coordinate within ± `at` (Brock et al. 2019, §3.1).

    Drawn by the inverse of the distribution function: as if every coordinate that is too far were
    drawn again. On the CPU, shape (n, dim).

    Raises:
        CourseError: `at` is not positive.
    """
    require(at > 0, f"at was {at}; the bound must be positive.")
    reach = torch.special.ndtr(torch.tensor(at, dtype=torch.float64))
    u = torch.rand(n, dim, generator=rng, dtype=torch.float64)
    z = torch.special.ndtri(1 - reach + u * (2 * reach - 1))
    return z.clamp(-at, at).float()


class Inpainter(Generator):
    """Paints the lower half of an image, given the upper half as its label: G(z, y).

    Two strided convolutions read y, z is added to what they found, two transposed convolutions
    paint; the upper half of the answer is y itself.

    Args:
        shape: (channels, height, width) of the whole image; both sides multiples of 4, the height
            of 8.
        width, noise_dim, rng: as for `DCGANGenerator`.
    """

    def __init__(self, shape: Shape, width: int = 32, noise_dim: int = 16, rng: Rng = None) -> None:
        super().__init__()
        c, h, w = check_multiple(shape, 4)
        h, w = h // 4, w // 4
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
        dcgan_init(self, rng)

    def forward(self, z: Noise, y: UpperHalf) -> Images:
        blank = torch.zeros_like(y)
        found = self.read(torch.cat([y, blank], 2))
        painted = self.paint(found + self.hint(z).view_as(found))
        return torch.cat([y, painted[:, :, y.shape[2] :]], 2)
