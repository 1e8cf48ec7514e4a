"""Threat models: how far an adversary may move an image.

A threat knows three things: how to *project* back into its ball, which direction is *steepest*
within it, and where to *start at random*. FGSM, PGD and adversarial training need no more.
Pixels are in [0, 1] and `eps` is in the same unit ("8/255" is written 8 / 255).
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from coursekit.errors import CourseError, require
from coursekit.types import Examples, PerExample


class Streams:
    """One stream of random numbers for each example.

    An attack that draws from it gives an image the same result whoever shares the image's batch,
    whichever of them are done, and on every device: the numbers are drawn on the CPU.

    Args:
        generators: one for each example; see `Streams.spawn`.
    """

    def __init__(self, generators: list[torch.Generator]) -> None:
        self.generators = generators

    @classmethod
    def spawn(cls, n: int, rng: torch.Generator | None) -> "Streams":
        """`n` streams with seeds drawn from `rng`; without one, always the same streams."""
        rng = torch.Generator().manual_seed(0) if rng is None else rng
        seeds = torch.randint(2**62, (n,), generator=rng, device=rng.device).tolist()
        return cls([torch.Generator().manual_seed(seed) for seed in seeds])

    def __len__(self) -> int:
        return len(self.generators)

    def rows(self, index: Tensor) -> "Streams":
        """The streams of some of the examples; what is drawn from them is drawn from these."""
        return Streams([self.generators[i] for i in index.tolist()])

    def rand(self, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1), of `shape` for each example: (n, *shape)."""
        if not self.generators:
            return torch.empty(0, *shape)
        return torch.stack([torch.rand(shape, generator=g) for g in self.generators])

    def randn(self, *shape: int) -> Tensor:
        """Standard normal numbers, of `shape` for each example: (n, *shape)."""
        if not self.generators:
            return torch.empty(0, *shape)
        return torch.stack([torch.randn(shape, generator=g) for g in self.generators])

    def randint(self, high: int, *shape: int) -> Tensor:
        """Whole numbers from 0 to `high` − 1, of `shape` for each example: (n, *shape)."""
        if not self.generators:
            return torch.empty(0, *shape, dtype=torch.long)
        return torch.stack([torch.randint(high, shape, generator=g) for g in self.generators])


Random = torch.Generator | Streams | None
Size = float | Tensor  # one radius for all examples, or one each: (n,)


@runtime_checkable  # the tests enforce it in signatures
class Threat(Protocol):
    """A ball around each image, cut with the box [0, 1] of valid pixels."""

    @property
    def eps(self) -> Size:
        """The radius: one for all examples, or one for each, shape (n,)."""
        ...

    def rows(self, index: Tensor) -> "Threat":
        """The threat for some of the examples."""
        ...

    def norm(self, delta: Examples) -> PerExample:
        """The size of each perturbation in this threat's norm."""
        ...

    def project(self, x_adv: Examples, x: Examples) -> Examples:
        """The point of the ball around `x`, with pixels in [0, 1], that stands for `x_adv`."""
        ...

    def steepest(self, gradient: Examples) -> Examples:
        """argmax of ⟨v, gradient⟩ over ‖v‖ ≤ 1."""
        ...

    def random_start(self, x: Examples, rng: Random = None) -> Examples:
        """A uniform draw from the ball around `x`, clamped to [0, 1]."""
        ...

    def noise(self, x: Examples, rng: Random = None) -> Examples:
        """The control: `x` plus noise of norm exactly `eps`, blind to the model, clamped."""
        ...


def _draw(kind: str, x: Tensor, rng: Random) -> Tensor:
    """Random numbers in the shape of `x`, drawn on the CPU so that all devices agree."""
    if isinstance(rng, Streams):
        return (rng.rand if kind == "uniform" else rng.randn)(*x.shape[1:]).to(x)
    sample = torch.rand if kind == "uniform" else torch.randn
    return sample(x.shape, generator=rng).to(x)


def column(values: Size, x: Tensor) -> Size:
    """One number per example, shaped to broadcast over `x`; a single number stays as it is."""
    return values.to(x).view(-1, *[1] * (x.dim() - 1)) if isinstance(values, Tensor) else values


def _radius(eps: Size, most: float, allowed: str) -> None:
    """Refuse radii that no ball of pixels has."""
    values = eps if isinstance(eps, Tensor) else torch.tensor(float(eps))
    require(values.dim() <= 1, f"eps had shape {tuple(values.shape)}; give one, or one an image.")
    good = (values >= 0) & (values <= most)  # NaN is neither
    if not bool(good.all()):
        worst = float(values[~good].flatten()[0]) if values.dim() else float(values)
        raise CourseError(f"eps was {worst:g}; {allowed}.")


@dataclass(frozen=True)
class Linf:
    """‖δ‖∞ ≤ eps: every pixel may move by at most `eps`.

    Args:
        eps: in [0, 1], one radius for all images or a tensor of one for each, shape (n,).

    Raises:
        CourseError: `eps` outside [0, 1].
    """

    eps: Size

    def __post_init__(self) -> None:
        _radius(self.eps, 1.0, "pixels lie in [0, 1], and so must it (8/255, not 8)")

    def rows(self, index: Tensor) -> "Linf":
        return Linf(self.eps[index]) if isinstance(self.eps, Tensor) else self

    def norm(self, delta: Examples) -> PerExample:
        return delta.flatten(1).abs().amax(1)

    def project(self, x_adv: Examples, x: Examples) -> Examples:
        eps = column(self.eps, x)
        return torch.clamp(x_adv, x - eps, x + eps).clamp(0, 1)

    def steepest(self, gradient: Examples) -> Examples:
        return gradient.sign()

    def random_start(self, x: Examples, rng: Random = None) -> Examples:
        return self.project(x + column(self.eps, x) * (2 * _draw("uniform", x, rng) - 1), x)

    def noise(self, x: Examples, rng: Random = None) -> Examples:
        signs = (_draw("uniform", x, rng) < 0.5).to(x) * 2 - 1
        return (x + column(self.eps, x) * signs).clamp(0, 1)


@dataclass(frozen=True)
class L2:
    """‖δ‖₂ ≤ eps: the perturbation's Euclidean length is at most `eps`.

    Args:
        eps: at least 0, one radius for all images or a tensor of one for each, shape (n,).

    Raises:
        CourseError: `eps` is negative or not finite.
    """

    eps: Size

    def __post_init__(self) -> None:
        _radius(self.eps, 1e6, "a length is finite and at least 0")

    def rows(self, index: Tensor) -> "L2":
        return L2(self.eps[index]) if isinstance(self.eps, Tensor) else self

    def norm(self, delta: Examples) -> PerExample:
        return delta.flatten(1).norm(dim=1)

    def project(self, x_adv: Examples, x: Examples) -> Examples:
        delta = x_adv - x
        eps = self.eps.to(x) if isinstance(self.eps, Tensor) else self.eps
        shrink = (eps / self.norm(delta).clamp_min(1e-12)).clamp(max=1)
        return (x + delta * column(shrink, x)).clamp(0, 1)

    def steepest(self, gradient: Examples) -> Examples:
        return gradient / column(self.norm(gradient).clamp_min(1e-12), gradient)

    def random_start(self, x: Examples, rng: Random = None) -> Examples:
        share = rng.rand() if isinstance(rng, Streams) else torch.rand(len(x), generator=rng)
        radius = share.to(x) ** (1 / x.shape[1:].numel())
        direction = self.steepest(_draw("normal", x, rng))
        return self.project(x + column(self.eps, x) * column(radius, x) * direction, x)

    def noise(self, x: Examples, rng: Random = None) -> Examples:
        return (x + column(self.eps, x) * self.steepest(_draw("normal", x, rng))).clamp(0, 1)
