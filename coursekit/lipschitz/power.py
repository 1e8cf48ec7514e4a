"""The largest singular value of a weight, by power iteration that never starts afresh."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils.parametrize import register_parametrization

from coursekit.errors import require
from coursekit.types import Scalar

Matrix = Float[Tensor, "m k"]
Left = Float[Tensor, " m"]
Right = Float[Tensor, " k"]


def power_iteration(W: Matrix, u: Left, rounds: int = 1) -> tuple[Scalar, Left, Right]:
    """σ ≈ uᵀWv after `rounds` of v ← Wᵀu/‖Wᵀu‖, u ← Wv/‖Wv‖ (Miyato et al. 2018, Algorithm 1).

    Never above σ(W). The error shrinks by (σ₂/σ₁)² a round.

    Returns:
        (σ, u, v): u and v are constants to a gradient, so dσ/dW = u vᵀ (§2.1, eq. 10).

    Raises:
        CourseError: fewer than one round.
    """
    require(rounds >= 1, f"rounds was {rounds}; it must be at least 1.")
    with torch.no_grad():
        for _ in range(rounds):
            v = normalize(W.T @ u, dim=0)
            u = normalize(W @ v, dim=0)
    return u @ W @ v, u, v


class SpectralNorm(nn.Module):
    """W → W/σ(W), by one round of power iteration for each forward pass in train mode.

    The weight hardly moves between two passes, so one round suffices *because u is kept*
    (Miyato et al. 2018, §2.1). In eval mode the last u and v are used as they are.

    Args:
        weight: of the layer it is to normalise.
        rng: draws the first u.
        rounds: of power iteration before the first pass.
    """

    u: Tensor
    v: Tensor

    def __init__(self, weight: Tensor, rng: torch.Generator | None = None, rounds: int = 15):
        super().__init__()
        first = normalize(torch.randn(len(weight), generator=rng), dim=0).to(weight)
        _, u, v = power_iteration(weight.detach().flatten(1), first, rounds)
        self.register_buffer("u", u)
        self.register_buffer("v", v)

    def forward(self, weight: Tensor) -> Tensor:
        W = weight.flatten(1)
        if not self.training:
            return weight / (self.u @ W @ self.v)
        sigma, u, v = power_iteration(W, self.u.clone())
        self.u.copy_(u)
        self.v.copy_(v)
        return weight / sigma


def spectral_normalisation(model: nn.Module, rng: torch.Generator | None = None) -> nn.Module:
    """Normalise every linear and convolutional layer of `model`, in place; returns the model.

    The same as PyTorch's parametrisation, which `DCGANDiscriminator(norm="spectral")` uses, but
    each first u is drawn from `rng`.
    """
    for layer in _layers(model).values():
        register_parametrization(layer, "weight", SpectralNorm(layer.weight, rng))
    return model


def matrices(model: nn.Module) -> dict[str, Matrix]:
    """The weight of each linear and convolutional layer as a matrix (out, rest), with its graph."""
    return {name: layer.weight.flatten(1) for name, layer in _layers(model).items()}


def _layers(model: nn.Module) -> dict[str, nn.Linear | nn.Conv2d]:
    parts = model.named_modules()
    return {name: part for name, part in parts if isinstance(part, nn.Linear | nn.Conv2d)}


def spectral_norms(model: nn.Module) -> dict[str, float]:
    """The largest singular value of each linear and convolutional weight, as a matrix (out, rest).

    This is the matrix that spectral normalisation divides by (Miyato et al. 2018, §2.1). For a
    convolution it is not the norm of the operator itself, which depends on stride and image size.
    """
    return {
        name: float(torch.linalg.matrix_norm(W.detach().double().cpu(), 2))
        for name, W in matrices(model).items()
    }
