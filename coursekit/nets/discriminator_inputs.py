"""What a discriminator gets to see: layers that stand before it, or inside it.

Half of the remedies against mode collapse change nothing in the game but this. All of them group
*neighbouring* rows of a batch, so that parallel games never mix.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import pi

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.errors import require
from coursekit.types import Examples, Images, Labels, Rng

Scores = Float[Tensor, " packs"]


class Preprocessed(nn.Module):
    """A discriminator that sees every batch transformed: D(transform(x), y).

    Args:
        transform: examples -> what D is shown instead.
        D: a discriminator of what the transform returns.
    """

    def __init__(self, transform: Callable[[Tensor], Tensor], D: nn.Module) -> None:
        super().__init__()
        self.transform, self.D = transform, D

    def forward(self, x: Examples, y: Labels | None = None) -> Scores:
        return self.D(self.transform(x), y)


class PacGANPack(nn.Module):
    """m different examples as one (Lin et al. 2018, "PacGAN", §3): (n, c, …) → (n/m, m·c, …).

    D then sees m samples at a time, and one score is given for all of them. A pack of m copies
    would tell it nothing that one does not: that two samples are *too alike* is the whole message.

    Raises:
        CourseError: m below 1; a batch that is not a multiple of m.
    """

    def __init__(self, m: int = 2) -> None:
        super().__init__()
        require(m >= 1, f"m was {m}; a pack holds at least one example.")
        self.m = m

    def forward(self, x: Examples) -> Tensor:
        require(
            len(x) % self.m == 0, f"the batch has {len(x)} rows; packs of {self.m} must use all."
        )
        return x.unflatten(0, (-1, self.m)).flatten(1, 2)


class MinibatchStd(nn.Module):
    """How much a group of examples differ, as one more feature (Karras et al. 2018, §3).

    Over each group of neighbouring examples: the standard deviation of every feature, averaged over
    the features, appended to all examples of the group; for maps (n, c, h, w) as one more plane.

    Raises:
        CourseError: a group below 2; a batch that is not a multiple of it.
    """

    def __init__(self, group: int = 4) -> None:
        super().__init__()
        require(group >= 2, f"group was {group}; one example has no spread.")
        self.group = group

    def forward(self, x: Examples) -> Tensor:
        require(
            len(x) % self.group == 0,
            f"the batch has {len(x)} rows; groups of {self.group} must use all.",
        )
        groups = x.unflatten(0, (-1, self.group))
        spread = (groups.var(1, unbiased=False) + 1e-8).sqrt().flatten(1).mean(1)
        spread = spread.repeat_interleave(self.group).view(-1, *[1] * (x.dim() - 1))
        return torch.cat([x, spread.expand(-1, 1, *x.shape[2:])], dim=1)


@dataclass(frozen=True)
class InstanceNoise:
    """x + σ_t·ε, for real and fake alike; σ_t falls linearly to 0 (Sønderby et al. 2017, §3.2).

    Two thin densities hardly overlap, and a perfect D has no slope where G's samples lie; blurred
    ones overlap (Arjovsky & Bottou 2017, §3). For `train_gan(augment=InstanceNoise(0.5))`.

    Args:
        sigma: standard deviation at first, in the units of x.
        until: the share of the run after which the noise is gone; inf for noise that never fades.

    Raises:
        CourseError: a negative sigma, or `until` not above 0.
    """

    sigma: float
    until: float = 1.0

    def __post_init__(self) -> None:
        require(self.sigma >= 0, f"sigma was {self.sigma}; it must be at least 0.")
        require(self.until > 0, f"until was {self.until}; it must be above 0.")

    def now(self, progress: float) -> float:
        """σ_t when a share `progress` of the run is done."""
        return self.sigma * max(0.0, 1 - progress / self.until)

    def __call__(self, x: Examples, rng: torch.Generator, progress: float) -> Examples:
        return x + self.now(progress) * torch.randn(x.shape, generator=rng).to(x)


@dataclass(frozen=True)
class DiffAugment:
    """Random colour, translation and cutout of real and fake alike (Zhao et al. 2020, §3, App. B).

    Differentiable, so G learns through it; D never sees the same few images twice, and cannot learn
    them by heart. Brightness ± 1/2, saturation × [0, 2], contrast × [1/2, 3/2], a shift of up to an
    eighth of the side, and a square of half the side covered, all at random for each image. The
    paper's pixels lie in [−1, 1]; ours in [0, 1], so grey is 1/2 and brightness moves by half.
    """

    colour: bool = True
    translation: bool = True
    cutout: bool = True

    def __call__(self, x: Images, rng: torch.Generator, progress: float) -> Images:
        n, _, h, w = x.shape
        u = torch.rand(7, n, 1, 1, 1, generator=rng).to(x)
        if self.colour:
            x = x + (u[0] - 0.5) / 2
            grey = x.mean(1, keepdim=True)
            x = grey + 2 * u[1] * (x - grey)
            mean = x.mean((1, 2, 3), keepdim=True)
            x = mean + (0.5 + u[2]) * (x - mean)
        rows = torch.arange(h, device=x.device).view(1, 1, h, 1)
        columns = torch.arange(w, device=x.device).view(1, 1, 1, w)
        if self.translation:
            down, right = ((2 * u[i] - 1) * side / 8 for i, side in ((3, h), (4, w)))
            shifted = (rows + down.round()).long().expand(n, 1, h, w)
            across = (columns + right.round()).long().expand(n, 1, h, w)
            inside = (shifted >= 0) & (shifted < h) & (across >= 0) & (across < w)
            index = shifted.clamp(0, h - 1) * w + across.clamp(0, w - 1)
            moved = x.flatten(2).gather(2, index.flatten(2).expand(-1, x.shape[1], -1))
            # outside is the paper's 0, which is grey here
            x = torch.where(inside, moved.view_as(x), x.new_full((), 0.5))
        if self.cutout:
            top, left = (u[5] * h).floor() - h // 4, (u[6] * w).floor() - w // 4
            covered = (rows >= top) & (rows < top + h // 2)
            covered = covered & (columns >= left) & (columns < left + w // 2)
            x = torch.where(covered, x.new_full((), 0.5), x)
        return x


@dataclass(frozen=True)
class FlipAndShift:
    """Each image mirrored with probability 1/2 and shifted by up to `shift` pixels.

    The usual augmentation of CIFAR-10 (He et al. 2016, §4.2: 4 pixels). It changes no class there;
    a mirrored digit would be another sign, so `flip=False` for those.

    Args:
        shift: pixels, at least 0, in each direction.
        flip: whether images are mirrored.
        behind: what comes into view at the border, in [0, 1]: grey, or 0 for handwriting.

    Raises:
        CourseError: a negative `shift`, or `behind` outside [0, 1].
    """

    shift: int = 4
    flip: bool = True
    behind: float = 0.5

    def __post_init__(self) -> None:
        require(self.shift >= 0, f"shift was {self.shift}; it is a number of pixels, at least 0.")
        require(0 <= self.behind <= 1, f"behind was {self.behind}; it must lie in [0, 1].")

    def __call__(self, x: Images, rng: torch.Generator, progress: float) -> Images:
        n, _, h, w = x.shape
        u = torch.rand(3, n, generator=rng).to(x.device)
        if self.flip:
            x = torch.where((u[0] < 0.5).view(-1, 1, 1, 1), x.flip(3), x)
        down, right = ((2 * self.shift + 1) * u[1:]).long()
        rows = down[:, None] + torch.arange(h, device=x.device)
        columns = right[:, None] + torch.arange(w, device=x.device)
        padded = F.pad(x, (self.shift,) * 4, value=self.behind)
        images = torch.arange(n, device=x.device)[:, None, None]
        # advanced indices with a slice between them put the channels last; in that layout a
        # convolution of 3 to 4 channels writes past its buffer on the CPU (torch 2.15)
        moved = padded[images, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
        return moved.contiguous()


class FourierFeatures(nn.Module):
    """x with sines and cosines of itself appended (Tancik et al. 2020, "Fourier Features", §4).

    An MLP learns slowly what changes quickly. Where modes are small and far apart, D must draw
    sharp borders, and these features let it.

    Args:
        d: length of x.
        count: number of random directions b; each gives sin b·x and cos b·x.
        wavelength: b ~ N(0, (2π/wavelength)² I), in the units of x.
        rng: draws the directions.
    """

    b: Tensor

    def __init__(self, d: int, count: int, wavelength: float, rng: Rng = None) -> None:
        super().__init__()
        require(wavelength > 0, f"wavelength was {wavelength}; it must be positive.")
        self.register_buffer("b", 2 * pi / wavelength * torch.randn(d, count, generator=rng))
        self.width = d + 2 * count

    def forward(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n w"]:
        angle = x @ self.b
        return torch.cat([x, angle.sin(), angle.cos()], dim=1)
