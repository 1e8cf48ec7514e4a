"""A layer as the linear map it is, images to images. Its norm depends on the stride too."""

from collections.abc import Callable
from copy import deepcopy
from math import ceil, prod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.errors import CourseError, require

Layer = nn.Linear | nn.Conv2d
Shape = tuple[int, ...]  # of one input, without the batch

# Activations and rearrangements that never stretch a distance.
SHORT = (nn.Identity, nn.Flatten, nn.Unflatten, nn.ReLU, nn.Tanh, nn.AvgPool2d, nn.Dropout)


def applied(layer: Layer, x: Tensor) -> Tensor:
    """A·x: the layer without its bias."""
    if isinstance(layer, nn.Linear):
        return x @ layer.weight.T
    return F.conv2d(x, layer.weight, None, layer.stride, layer.padding, layer.dilation)


def adjoint(layer: Layer, y: Tensor, shape: Shape) -> Tensor:
    """Aᵀ·y, so that ⟨Ax, y⟩ = ⟨x, Aᵀy⟩: for a convolution the transposed one, back to `shape`."""
    if isinstance(layer, nn.Linear):
        return y @ layer.weight
    sizes = zip(shape[1:], layer.kernel_size, layer.stride, _padding(layer), strict=True)
    rest = [(side + 2 * pad - kernel) % stride for side, kernel, stride, pad in sizes]
    return F.conv_transpose2d(y, layer.weight, None, layer.stride, _padding(layer), rest)


def operator_norm(
    layer: Layer, shape: Shape, rounds: int = 100, rng: torch.Generator | None = None
) -> float:
    """‖A‖ = max ‖Ax‖/‖x‖ by power iteration on AᵀA, in float64; approached from below.

    Args:
        layer: linear or convolutional, without groups or dilation.
        shape: of one input of that layer, (c, h, w) or (d,).
        rounds: of power iteration.
        rng: draws the first x; by default always the same one.

    Raises:
        CourseError: groups, dilation, or a padding given by a word.
    """
    layer = _plain(layer)
    rng = rng or torch.Generator().manual_seed(0)
    x = torch.randn(1, *shape, generator=rng, dtype=torch.float64)
    with torch.no_grad():
        for _ in range(rounds):
            x = adjoint(layer, applied(layer, x), shape)
            x = x / x.norm().clamp_min(1e-300)
        return float(applied(layer, x).norm())


def weight_norm(layer: Layer, shape: Shape = ()) -> float:
    """σ(W), the norm of the weight as a matrix (out, rest); the input's shape plays no part."""
    return float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1).double().cpu(), 2))


def overlap(layer: Layer) -> float:
    """By how much ‖A‖ may exceed σ(W): √(patches that can hold one pixel).

    A convolution is W applied to patches, and a pixel lies in at most ⌈k/s⌉ of them each way:
    σ(W) ≤ ‖A‖ ≤ √(⌈k/s⌉²)·σ(W), the first where a whole patch fits into the image
    (Tsuzuku et al. 2018, Corollary 1).
    """
    if isinstance(layer, nn.Linear):
        return 1.0
    ways = zip(layer.kernel_size, layer.stride, strict=True)
    return prod(ceil(kernel / stride) for kernel, stride in ways) ** 0.5


def lipschitz_bound(
    layers: nn.Sequential, shape: Shape, norm: Callable[[Layer, Shape], float] = operator_norm
) -> float:
    """Π ‖A_l‖: no slope of the network can exceed it (Miyato et al. 2018, eq. 7).

    Args:
        layers: linear and convolutional layers with activations of slope at most 1.
        shape: of one input.
        norm: of one layer; with `weight_norm` the product that spectral normalisation holds at 1,
            which is no bound where patches overlap.

    Raises:
        CourseError: a layer whose constant is not known, such as BatchNorm.
    """
    bound, x = 1.0, torch.zeros(2, *shape, dtype=torch.float64)
    for layer in deepcopy(layers).cpu().double().eval():
        bound *= _constant(layer, tuple(x.shape[1:]), norm)
        x = layer(x)
    return bound


def _constant(layer: nn.Module, shape: Shape, norm: Callable[[Layer, Shape], float]) -> float:
    if isinstance(layer, nn.Linear | nn.Conv2d):
        return norm(layer, shape)
    if isinstance(layer, nn.LeakyReLU):
        return max(1.0, abs(layer.negative_slope))
    if isinstance(layer, SHORT):
        return 1.0
    name = type(layer).__name__
    raise CourseError(f"layers holds {name}, whose Lipschitz constant is not known.")


def _padding(layer: nn.Conv2d) -> tuple[int, ...]:
    require(isinstance(layer.padding, tuple), f"padding was {layer.padding!r}; give numbers.")
    return tuple(int(pad) for pad in layer.padding)


def _plain(layer: Layer) -> Layer:
    """A copy in float64 on the CPU."""
    if isinstance(layer, nn.Conv2d):
        simple = layer.groups == 1 and set(layer.dilation) == {1}
        require(simple, "layer has groups or dilation; only plain convolutions are meant.")
    return deepcopy(layer).cpu().double().eval()
