"""Many small games trained at once, each with its own weights, in one batched network."""

from collections.abc import Sequence
from math import prod

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize, one_hot
from torch.nn.utils import parametrize

from coursekit.errors import choose, require
from coursekit.nets.discriminator_inputs import FourierFeatures
from coursekit.nets.generators import Generator, Noise
from coursekit.types import Examples, Labels, PerExample, Rng

Stacked = Float[Tensor, "games b inputs"]
Outputs = Float[Tensor, "games b outputs"]


class ParallelLinear(nn.Module):
    """x ↦ xW + b with its own W and b for each game, from PyTorch's usual U(−1/√d, 1/√d).

    Args:
        games: how many layers lie side by side.
        inputs, outputs: sizes of each.
        rng: draws the initial weights.
    """

    def __init__(self, games: int, inputs: int, outputs: int, rng: Rng = None) -> None:
        super().__init__()
        bound = inputs**-0.5
        weight = torch.empty(games, inputs, outputs).uniform_(-bound, bound, generator=rng)
        bias = torch.empty(games, 1, outputs).uniform_(-bound, bound, generator=rng)
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, x: Stacked) -> Outputs:
        return torch.baddbmm(self.bias, x, self.weight)


class BatchedSpectralNorm(nn.Module):
    """Each game's weight divided by its own largest singular value (Miyato et al. 2018, Alg. 1).

    One power iteration per forward pass in train mode, as `torch.nn.utils` does for one matrix.
    """

    u: Tensor

    def __init__(self, weight: Stacked, rng: Rng = None) -> None:
        super().__init__()
        start = torch.randn(weight.shape[0], weight.shape[2], generator=rng).to(weight)
        self.register_buffer("u", normalize(start, dim=1))

    def forward(self, weight: Stacked) -> Stacked:
        with torch.no_grad():
            v = normalize(torch.einsum("gio,go->gi", weight, self.u), dim=1)
            u = normalize(torch.einsum("gio,gi->go", weight, v), dim=1)
            if self.training:
                self.u.copy_(u)
        sigma = torch.einsum("gi,gio,go->g", v, weight, u)
        return weight / sigma[:, None, None]


def layers_of(games: int, sizes: Sequence[int], activation: nn.Module, rng: Rng) -> nn.Sequential:
    """Parallel layers of these sizes with an activation between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in zip(sizes, sizes[1:], strict=False):
        layers += [ParallelLinear(games, inputs, outputs, rng), activation]
    return nn.Sequential(*layers[:-1])


def split_games(rows: Tensor, games: int) -> Stacked:
    """Rows (games·b, d) as (games, b, d)."""
    require(
        len(rows) % games == 0, f"the batch has {len(rows)} rows; {games} games must share evenly."
    )
    return rows.unflatten(0, (games, -1))


class ParallelGenerator(Generator):
    """`games` MLP generators of points, each with its own weights.

    Args:
        games: how many.
        shape: of one sample, without the batch.
        hidden: sizes of the hidden layers.
        noise_dim: length of z.
        classes: if above 0, G is told the class: a one-hot label is appended to z.
        waves: what the MLP sees of z instead of z itself; with it the map may bend more quickly.
        wide: G(z) = wide·z + MLP(z): an untrained G scatters its samples as far as the data lie.
            z is then as long as a sample.
        rng: draws the initial weights.

    Raises:
        CourseError: when called with rows that the games cannot share evenly.
    """

    def __init__(
        self,
        games: int,
        shape: Sequence[int] = (2,),
        hidden: Sequence[int] = (128, 128),
        noise_dim: int = 2,
        classes: int = 0,
        waves: FourierFeatures | None = None,
        wide: float = 0.0,
        rng: Rng = None,
    ) -> None:
        super().__init__()
        self.games, self.shape, self.noise_dim = games, tuple(shape), noise_dim
        self.classes, self.waves, self.wide = classes, waves, wide
        inputs = waves.width if waves else noise_dim
        sizes = (inputs + classes, *hidden, prod(shape))
        self.body = layers_of(games, sizes, nn.ReLU(), rng)

    def forward(self, z: Noise, y: Labels | None = None) -> Examples:
        seen = append_one_hot(self.waves(z) if self.waves else z, y, self.classes)
        points = self.body(split_games(seen, self.games)).flatten(0, 1)
        return (points + self.wide * z if self.wide else points).view(-1, *self.shape)


class ParallelDiscriminator(nn.Module):
    """`games` MLP discriminators, each with its own weights.

    Args:
        games: how many.
        shape: of one example, without the batch.
        hidden: sizes of the hidden layers.
        norm: "none", or "spectral" for every layer of every game.
        classes: if above 0, D is told the class: a one-hot label is appended to x.
        aside: applied to the last hidden layer, (n, d) -> (n, d + 1), such as `MinibatchStd`.
        rng: draws the initial weights.

    Raises:
        CourseError: an unknown norm; rows that the games cannot share evenly.
    """

    def __init__(
        self,
        games: int,
        shape: Sequence[int] = (2,),
        hidden: Sequence[int] = (128, 128),
        norm: str = "none",
        classes: int = 0,
        aside: nn.Module | None = None,
        rng: Rng = None,
    ) -> None:
        super().__init__()
        choose("norm", norm, ("none", "spectral"))
        self.games, self.classes, self.aside = games, classes, aside
        slope = nn.LeakyReLU(0.2)
        self.body = layers_of(games, (prod(shape) + classes, *hidden), slope, rng).append(slope)
        self.head = ParallelLinear(games, hidden[-1] + (aside is not None), 1, rng)
        if norm == "spectral":
            for layer in [m for m in self.modules() if isinstance(m, ParallelLinear)]:
                parametrize.register_parametrization(
                    layer, "weight", BatchedSpectralNorm(layer.weight.detach(), rng)
                )

    def forward(self, x: Examples, y: Labels | None = None) -> PerExample:
        hidden = self.body(split_games(append_one_hot(x.flatten(1), y, self.classes), self.games))
        if self.aside is not None:
            hidden = split_games(self.aside(hidden.flatten(0, 1)), self.games)
        return self.head(hidden).flatten()


def append_one_hot(x: Tensor, y: Labels | None, classes: int) -> Tensor:
    """x with a one-hot label appended, or x itself where there are no classes."""
    if not classes:
        return x
    require(y is not None, "y was None; a network with classes must be told the class.")
    assert y is not None
    return torch.cat([x, one_hot(y, classes).to(x)], dim=1)
