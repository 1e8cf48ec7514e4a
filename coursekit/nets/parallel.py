"""Floor 0. Many small games at once: the same MLP several times over, as one network.

Ten seeds of a game on the plane are ten tiny networks; one after the other they would spend their
time in Python. Here every weight has a leading axis of games, and one batched product serves all.
A batch is laid out game by game: with 3 games and 12 rows, rows 0–3 belong to the first. No number
of one game reaches another, so these are independent seeds, and `train_gan` need not know.

The loss is the mean over all games, so each game's gradient is its own divided by their number;
Adam does not mind, plain gradient descent wants its rate multiplied.
"""

from collections.abc import Sequence
from copy import deepcopy
from math import prod
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.nn.utils import parametrize

from coursekit.errors import choose, require
from coursekit.nets.generators import Generator, Noise
from coursekit.nets.lenses import Waves
from coursekit.nets.parallel_layers import EachSpectral, ParallelLinear, by_game, layers_of
from coursekit.types import Examples, Labels, PerExample

N = TypeVar("N", bound=nn.Module)


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
        waves: Waves | None = None,
        wide: float = 0.0,
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.games, self.shape, self.noise_dim = games, tuple(shape), noise_dim
        self.classes, self.waves, self.wide = classes, waves, wide
        inputs = waves.width if waves else noise_dim
        sizes = (inputs + classes, *hidden, prod(shape))
        self.body = layers_of(games, sizes, nn.ReLU(), rng)

    def forward(self, z: Noise, y: Labels | None = None) -> Examples:
        seen = told(self.waves(z) if self.waves else z, y, self.classes)
        points = self.body(by_game(seen, self.games)).flatten(0, 1)
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
        rng: torch.Generator | None = None,
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
                    layer, "weight", EachSpectral(layer.weight.detach(), rng)
                )

    def forward(self, x: Examples, y: Labels | None = None) -> PerExample:
        hidden = self.body(by_game(told(x.flatten(1), y, self.classes), self.games))
        if self.aside is not None:
            hidden = by_game(self.aside(hidden.flatten(0, 1)), self.games)
        return self.head(hidden).flatten()


def told(x: Tensor, y: Labels | None, classes: int) -> Tensor:
    """x with a one-hot label appended, or x itself where there are no classes."""
    if not classes:
        return x
    require(y is not None, "y was None; a network with classes must be told the class.")
    assert y is not None
    return torch.cat([x, one_hot(y, classes).to(x)], dim=1)


def single(network: N, game: int) -> N:
    """One game of a parallel network, as a parallel network of one game with copied weights.

    Raises:
        CourseError: there is no such game.
    """
    games = int(network.games)  # type: ignore[arg-type]
    require(0 <= game < games, f"game was {game}; there are games 0 to {games - 1}.")
    one = deepcopy(network)
    for part in one.modules():
        if not isinstance(part, Waves):  # which all games share; all else has an axis of games
            for values in [*part.parameters(recurse=False), *part.buffers(recurse=False)]:
                values.data = values.data[game : game + 1].clone()
    one.games = 1  # type: ignore[assignment]
    return one
