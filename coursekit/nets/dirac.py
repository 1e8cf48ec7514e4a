"""Floor 0. The smallest GAN: a point that wants to be where the data are, and a slope."""

import torch
from torch import Tensor, nn

from coursekit.nets.generators import Generator, Noise
from coursekit.types import Examples, Labels, PerExample


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
