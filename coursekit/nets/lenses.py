"""Floor 0. What a discriminator gets to see: layers that stand before it, or inside it.

Half of the remedies against mode collapse change nothing in the game but this. All of them group
*neighbouring* rows of a batch, so that parallel games never mix.
"""

from collections.abc import Callable
from math import pi

import torch
from jaxtyping import Float
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.types import Examples, Labels

Scores = Float[Tensor, " packs"]


class Through(nn.Module):
    """A discriminator that sees every batch through a lens: D(lens(x), y).

    Args:
        lens: examples -> what D is shown instead.
        D: a discriminator of what comes out of the lens.
    """

    def __init__(self, lens: Callable[[Tensor], Tensor], D: nn.Module) -> None:
        super().__init__()
        self.lens, self.D = lens, D

    def forward(self, x: Examples, y: Labels | None = None) -> Scores:
        return self.D(self.lens(x), y)


class Pack(nn.Module):
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


class InstanceNoise(nn.Module):
    """x + σ_t·ε, for real and fake alike; σ_t falls linearly to 0 (Sønderby et al. 2017, §3.2).

    Two thin densities hardly overlap, and a perfect D has no slope where G's samples lie; blurred
    ones overlap (Arjovsky & Bottou 2017, §3). Without noise in eval mode.

    Args:
        sigma: standard deviation at first, in the units of x.
        batches: how many batches it takes until the noise is gone; D sees three in each round.
        rng: a CPU generator of the lens's own; the noise comes from it.
    """

    def __init__(self, sigma: float, batches: int, rng: torch.Generator) -> None:
        super().__init__()
        require(sigma >= 0 and batches >= 1, "sigma must be at least 0 and batches at least 1.")
        self.sigma, self.batches, self.rng, self.seen = sigma, batches, rng, 0

    @property
    def now(self) -> float:
        """σ_t at this moment."""
        return self.sigma * max(0.0, 1 - self.seen / self.batches)

    def forward(self, x: Examples) -> Examples:
        if not self.training:
            return x
        noise = torch.randn(x.shape, generator=self.rng).to(x)
        x = x + self.now * noise
        self.seen += 1
        return x

    def extra_repr(self) -> str:
        return f"sigma={self.sigma}, batches={self.batches}"


class Waves(nn.Module):
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

    def __init__(
        self, d: int, count: int, wavelength: float, rng: torch.Generator | None = None
    ) -> None:
        super().__init__()
        require(wavelength > 0, f"wavelength was {wavelength}; it must be positive.")
        self.register_buffer("b", 2 * pi / wavelength * torch.randn(d, count, generator=rng))
        self.width = d + 2 * count

    def forward(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n w"]:
        angle = x @ self.b
        return torch.cat([x, angle.sin(), angle.cos()], dim=1)
