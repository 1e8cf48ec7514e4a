"""Floor 1. Ways to keep a critic from being too steep, and ways to see how steep it is."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.gradients import input_gradient
from coursekit.types import Examples, PerExample


def slope(f: nn.Module, x: Examples, y: Tensor | None = None, graph: bool = False) -> PerExample:
    """‖∇ₓ f(x)‖₂ of each example, shape (n,); with `graph` it can itself be differentiated."""
    return input_gradient(lambda at: f(at, y), x, create_graph=graph).flatten(1).norm(dim=1)


@dataclass(frozen=True)
class gradient_penalty:  # reads as a verb in `penalty=gradient_penalty(10)`
    """λ·E(‖∇D(x̂)‖₂ − 1)² at x̂ = ε·x + (1 − ε)·G(z), ε ~ U[0, 1] (Gulrajani et al. 2017, eq. 3).

    One ε for *each example*: with ε fixed at 1 only real points would be held, with one ε for the
    batch the line between real and fake would be sampled at a single place. The critic must treat
    examples independently: no BatchNorm (§4).

    Raises:
        CourseError: a negative weight.
    """

    weight: float = 10.0

    def __post_init__(self) -> None:
        require(self.weight >= 0, f"weight was {self.weight}; it must be at least 0.")

    def __call__(
        self, D: nn.Module, x: Examples, fake: Examples, y: Tensor | None, rng: torch.Generator
    ) -> Tensor:
        between = torch.rand(len(x), *[1] * (x.dim() - 1), generator=rng).to(x)
        mixed = torch.lerp(fake.detach(), x, between)
        return self.weight * (slope(D, mixed, y, graph=True) - 1).square().mean()


@dataclass(frozen=True)
class clip_weights:
    """Every parameter of the critic into [−bound, bound] (Arjovsky et al. 2017, Algorithm 1).

    Raises:
        CourseError: a bound that is not positive.
    """

    bound: float = 0.01

    def __post_init__(self) -> None:
        require(self.bound > 0, f"bound was {self.bound}; it must be positive.")

    def __call__(self, critic: nn.Module) -> None:
        with torch.no_grad():
            for parameter in critic.parameters():
                parameter.clamp_(-self.bound, self.bound)


def spectral_norms(model: nn.Module) -> dict[str, float]:
    """The largest singular value of each linear and convolutional weight, as a matrix (out, rest).

    This is the matrix that spectral normalisation divides by (Miyato et al. 2018, §2.1). For a
    convolution it is not the norm of the operator itself, which depends on stride and image size.
    """
    return {
        name: float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1).double().cpu(), 2))
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear | nn.Conv2d)
    }
