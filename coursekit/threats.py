"""Threat models: how far an adversary may move an image.

A threat knows three things: how to *project* back into its ball, which direction is *steepest*
within it, and where to *start at random*. FGSM, PGD and adversarial training need no more.
Pixels are in [0, 1] and `eps` is in the same unit ("8/255" is written 8 / 255).
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from coursekit.errors import CourseError
from coursekit.types import Examples, PerExample


@runtime_checkable  # the tests enforce it in signatures
class Threat(Protocol):
    """A ball around each image, cut with the box [0, 1] of valid pixels."""

    @property
    def eps(self) -> float: ...

    def norm(self, delta: Examples) -> PerExample:
        """The size of each perturbation in this threat's norm."""
        ...

    def project(self, x_adv: Examples, x: Examples) -> Examples:
        """The point of the ball around `x`, with pixels in [0, 1], that stands for `x_adv`."""
        ...

    def steepest(self, gradient: Examples) -> Examples:
        """argmax of ⟨v, gradient⟩ over ‖v‖ ≤ 1."""
        ...

    def random_start(self, x: Examples, rng: torch.Generator | None = None) -> Examples:
        """A uniform draw from the ball around `x`, clamped to [0, 1]."""
        ...

    def noise(self, x: Examples, rng: torch.Generator | None = None) -> Examples:
        """The control: `x` plus noise of norm exactly `eps`, blind to the model, clamped."""
        ...


def _draw(kind: str, x: Tensor, rng: torch.Generator | None) -> Tensor:
    """Random numbers in the shape of `x`, drawn on the CPU so that all devices agree."""
    sample = torch.rand if kind == "uniform" else torch.randn
    return sample(x.shape, generator=rng).to(x)


def _column(values: Tensor, x: Tensor) -> Tensor:
    """One number per example, shaped to broadcast over `x`."""
    return values.view(-1, *[1] * (x.dim() - 1))


@dataclass(frozen=True)
class Linf:
    """‖δ‖∞ ≤ eps: every pixel may move by at most `eps`."""

    eps: float

    def __post_init__(self) -> None:
        if self.eps < 0:
            raise CourseError(f"eps was {self.eps}; it must be at least 0.")

    def norm(self, delta: Examples) -> PerExample:
        return delta.flatten(1).abs().amax(1)

    def project(self, x_adv: Examples, x: Examples) -> Examples:
        return torch.clamp(x_adv, x - self.eps, x + self.eps).clamp(0, 1)

    def steepest(self, gradient: Examples) -> Examples:
        return gradient.sign()

    def random_start(self, x: Examples, rng: torch.Generator | None = None) -> Examples:
        return self.project(x + self.eps * (2 * _draw("uniform", x, rng) - 1), x)

    def noise(self, x: Examples, rng: torch.Generator | None = None) -> Examples:
        signs = (_draw("uniform", x, rng) < 0.5).to(x) * 2 - 1
        return (x + self.eps * signs).clamp(0, 1)


@dataclass(frozen=True)
class L2:
    """‖δ‖₂ ≤ eps: the perturbation's Euclidean length is at most `eps`."""

    eps: float

    def __post_init__(self) -> None:
        if self.eps < 0:
            raise CourseError(f"eps was {self.eps}; it must be at least 0.")

    def norm(self, delta: Examples) -> PerExample:
        return delta.flatten(1).norm(dim=1)

    def project(self, x_adv: Examples, x: Examples) -> Examples:
        delta = x_adv - x
        shrink = (self.eps / self.norm(delta).clamp_min(1e-12)).clamp(max=1)
        return (x + delta * _column(shrink, x)).clamp(0, 1)

    def steepest(self, gradient: Examples) -> Examples:
        return gradient / _column(self.norm(gradient).clamp_min(1e-12), gradient)

    def random_start(self, x: Examples, rng: torch.Generator | None = None) -> Examples:
        radius = torch.rand(len(x), generator=rng).to(x) ** (1 / x[0].numel())
        direction = self.steepest(_draw("normal", x, rng))
        return self.project(x + self.eps * _column(radius, x) * direction, x)

    def noise(self, x: Examples, rng: torch.Generator | None = None) -> Examples:
        return (x + self.eps * self.steepest(_draw("normal", x, rng))).clamp(0, 1)
