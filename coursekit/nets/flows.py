"""Normalising flows: an invertible network, and the density that it carries back to a Gaussian."""

from math import log, pi, prod

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.errors import require
from coursekit.nets.classifiers import initialise
from coursekit.types import Examples, Labels, PerExample, Rng

Mask = Float[Tensor, "..."]  # 1 where a coordinate is left as it is


class AffineCoupling(nn.Module):
    """y = m·x + (1 − m)·(x·exp s(m·x) + t(m·x)) (Dinh et al. 2017, eq. 9).

    Its Jacobian is triangular, once the kept coordinates are put first, so that its log-determinant
    is the sum of s over the others. It begins as the identity.

    Args:
        mask: 1 where a coordinate is kept, in the shape of one example.
        net: from m·x to s and t, of twice the channels, with `head` as its last layer.
    """

    mask: Tensor

    def __init__(self, mask: Mask, net: nn.Sequential) -> None:
        super().__init__()
        self.register_buffer("mask", mask, persistent=False)
        self.net = net

    def _scale_and_shift(self, x: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.net(self.mask * x).chunk(2, 1)
        # bounded, so that no coordinate is stretched by more than e² at once
        return (1 - self.mask) * 2 * (s / 2).tanh(), (1 - self.mask) * t

    def forward(self, x: Tensor) -> tuple[Tensor, PerExample]:
        """y and log |det ∂y/∂x|."""
        s, t = self._scale_and_shift(x)
        return x * s.exp() + t, s.flatten(1).sum(1)

    def inverse(self, y: Tensor) -> Tensor:
        """x, exactly: s and t are computed from what was kept."""
        s, t = self._scale_and_shift(y)
        return (y - t) * (-s).exp()


class RealNVP(nn.Module):
    """Affine couplings with alternating masks (Dinh et al. 2017), on points or on images.

    Images are taken as continuous values in (0, 1) — add uniform noise to 8-bit ones, as
    `objectives.dequantised` does — moved to the real line by logit(α + (1 − 2α)·x) (§4.1), and
    squeezed to four times the channels and half the side, where masks over channels are a
    checkerboard or two rows or two columns of every four pixels, or in colour also one colour of
    every pixel. Without the paper's batch normalisation and factored-out scales.

    Args:
        shape: (2,) or more coordinates of points, or (c, h, w) with even sides.
        width: units or channels of the networks in the couplings.
        depth: couplings.
        alpha: how far pixels are kept from 0 and 1.
        rng: draws the initial weights.

    Raises:
        CourseError: images of other shapes.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        width: int = 32,
        depth: int = 8,
        alpha: float = 0.05,
        rng: Rng = None,
    ) -> None:
        super().__init__()
        self.shape, self.alpha = tuple(shape), alpha
        self.images = len(shape) == 3
        if self.images:
            even = shape[1] % 2 == 0 and shape[2] % 2 == 0
            require(even, f"shape was {tuple(shape)}; even sides are wanted.")
        masks = [self._mask(k) for k in range(depth)]
        self.couplings = nn.ModuleList(AffineCoupling(m, self._net(width)) for m in masks)
        initialise(self, rng)
        for coupling in self.couplings:  # the identity at first
            assert isinstance(coupling, AffineCoupling)
            for parameter in coupling.net[-1].parameters():
                nn.init.zeros_(parameter)

    def _mask(self, k: int) -> Mask:
        if not self.images:
            return ((torch.arange(self.shape[0]) + k) % 2).float()
        c = self.shape[0]
        pairs = ((0, 3), (1, 2), (0, 1), (2, 3), (0, 2), (1, 3))  # of every four pixels
        kept = torch.zeros(c, 4, 1, 1)
        colour = k % 3 == 2 and c > 1
        if colour:
            kept[k // 3 % c] = 1
        else:
            turn = k if c == 1 else 2 * (k // 3) + k % 3
            kept[:, list(pairs[turn % len(pairs)])] = 1
        return kept.flatten(0, 1)

    def _net(self, width: int) -> nn.Sequential:
        if not self.images:
            d = self.shape[0]
            layers = (nn.Linear(d, width), nn.Linear(width, width), nn.Linear(width, 2 * d))
            return nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
        channels = 4 * self.shape[0]
        sizes = (channels, width, width, width)
        body: list[nn.Module] = []
        for a, b in zip(sizes, sizes[1:], strict=False):
            body += [nn.Conv2d(a, b, 3, padding=1), nn.ReLU()]
        return nn.Sequential(*body, nn.Conv2d(width, 2 * channels, 3, padding=1))

    def forward(self, x: Examples) -> tuple[Tensor, PerExample]:
        """z, which is Gaussian if the flow fits, and log |det ∂z/∂x|."""
        z, log_det = x, x.new_zeros(len(x))
        if self.images:
            p = self.alpha + (1 - 2 * self.alpha) * x
            z = F.pixel_unshuffle(p.logit(), 2)
            slope = log(1 - 2 * self.alpha) - p.log() - (-p).log1p()
            log_det = slope.flatten(1).sum(1)
        for coupling in self.couplings:
            z, more = coupling(z)
            log_det = log_det + more
        return z, log_det

    def inverse(self, z: Tensor) -> Tensor:
        """The x that `forward` carries to z."""
        for coupling in reversed(self.couplings):
            assert isinstance(coupling, AffineCoupling)
            z = coupling.inverse(z)
        if self.images:
            z = (F.pixel_shuffle(z, 2).sigmoid() - self.alpha) / (1 - 2 * self.alpha)
        return z

    def log_prob(self, x: Examples, y: Labels | None = None) -> PerExample:
        """log p(x) of continuous x, in nats, by the change of variables (Dinh et al. 2017, eq. 3).

        Args:
            x: points, shape (n, d), or images with values in [0, 1], shape (n, c, h, w).
            y: not used.
        """
        z, log_det = self(x)
        gaussian = -0.5 * (z.square().flatten(1).sum(1) + prod(self.shape) * log(2 * pi))
        return gaussian + log_det

    @torch.no_grad()
    def sample(self, n: int, rng: torch.Generator) -> Examples:
        """`n` samples: Gaussian noise through the inverse. Images are clipped to [0, 1].

        A Gaussian reaches beyond the values that pixels can have, by less the better the flow fits.
        """
        c, *sides = self.shape
        shape = (4 * c, *(side // 2 for side in sides)) if self.images else self.shape
        z = torch.randn(n, *shape, generator=rng).to(next(self.parameters()))
        x = self.inverse(z)
        return x.clamp(0, 1) if self.images else x
