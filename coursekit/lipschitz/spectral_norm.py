"""Power iteration, orthogonal weights, the clamp, and norms of linear operators."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from math import ceil, prod

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.functional import normalize
from torch.nn.utils.parametrize import is_parametrized

from coursekit.errors import CourseError, require
from coursekit.types import Scalar

Matrix = Float[Tensor, "m k"]
Left = Float[Tensor, " m"]
Right = Float[Tensor, " k"]


def power_iteration(W: Matrix, u: Left, rounds: int = 1) -> tuple[Scalar, Left, Right]:
    """σ ≈ uᵀWv after `rounds` of v ← Wᵀu/‖Wᵀu‖, u ← Wv/‖Wv‖ (Miyato et al. 2018, Algorithm 1).

    Never above σ(W). In a round the error of u shrinks by (σ₂/σ₁)², that of σ by its square.

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


Layer = nn.Linear | nn.Conv2d
Shape = tuple[int, ...]  # of one input, without the batch

# Activations and rearrangements that never stretch a distance.
ONE_LIPSCHITZ = (nn.Identity, nn.Flatten, nn.Unflatten, nn.ReLU, nn.Tanh, nn.AvgPool2d, nn.Dropout)


def apply_linear(layer: Layer, x: Tensor) -> Tensor:
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
            x = adjoint(layer, apply_linear(layer, x), shape)
            x = x / x.norm().clamp_min(1e-300)
        return float(apply_linear(layer, x).norm())


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
    if isinstance(layer, ONE_LIPSCHITZ):
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


Gram = Float[Tensor, "g g"]


@dataclass(frozen=True)
class orthogonal:  # reads as a verb in `penalty_D=orthogonal(1e-4)`
    """β·Σ ‖WWᵀ − I‖²_F over the layers (Brock et al. 2017; 2019, eq. 2), rows being filters.

    With `diagonal=False` only the products of *different* filters are held at 0, and their lengths
    are free (Brock et al. 2019, eq. 3). Of a wide matrix all singular values are then driven
    towards 1; a tall one (more filters than inputs) cannot have orthogonal rows, so its columns
    are taken instead.

    Raises:
        CourseError: a negative weight.
    """

    weight: float = 1e-4
    diagonal: bool = True

    def __post_init__(self) -> None:
        require(self.weight >= 0, f"weight was {self.weight}; it must be at least 0.")

    def __call__(
        self,
        network: nn.Module,
        x: object = None,
        fake: object = None,
        y: object = None,
        rng: object = None,
    ) -> Scalar:
        terms = [self._term(_gram(W)) for W in matrices(network).values()]
        return self.weight * torch.stack(terms).sum()

    def _term(self, gram: Gram) -> Scalar:
        wanted = torch.eye(len(gram)).to(gram)
        off = gram - wanted if self.diagonal else gram * (1 - wanted)
        return off.square().sum()


def _gram(W: Matrix) -> Gram:
    return W @ W.T if W.shape[0] <= W.shape[1] else W.T @ W


@dataclass(frozen=True)
class clamp_singular_value:
    """W ← W − max(0, σ₁ − σ_clamp)·u₁v₁ᵀ after each update (Brock et al. 2019, §4.1, eq. 4).

    σ_clamp is a fixed `limit`, or `ratio` times the second singular value. Only the largest one is
    cut; the second may take its place, and is cut at the next step.

    Raises:
        CourseError: not exactly one of `limit` and `ratio`, or one that is not positive.
    """

    limit: float | None = None
    ratio: float | None = None

    def __post_init__(self) -> None:
        given = [value for value in (self.limit, self.ratio) if value is not None]
        one = len(given) == 1 and given[0] > 0
        require(one, f"limit was {self.limit} and ratio {self.ratio}; give one of them, above 0.")

    @torch.no_grad()
    def __call__(self, critic: nn.Module) -> None:
        for part in critic.modules():
            if isinstance(part, nn.Linear | nn.Conv2d):
                require(not is_parametrized(part), "the weights are already normalised.")
                part.weight.sub_(self._excess(part.weight.flatten(1)).view_as(part.weight))

    def _excess(self, W: Matrix) -> Matrix:
        """max(0, σ₁ − σ_clamp)·u₁v₁ᵀ, from the eigenvectors of the smaller Gram matrix."""
        values, vectors = torch.linalg.eigh(_gram(W))
        sizes = values.clamp_min(0).sqrt().tolist()
        second = sizes[-2] if len(sizes) > 1 else 0.0
        allowed = self.limit if self.limit is not None else (self.ratio or 0.0) * second
        axis = vectors[:, -1]
        rank_one = (
            torch.outer(axis, axis @ W) if len(axis) == len(W) else torch.outer(W @ axis, axis)
        )
        return rank_one * max(0.0, 1 - allowed / max(sizes[-1], 1e-30))
