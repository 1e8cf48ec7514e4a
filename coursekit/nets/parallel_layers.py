"""Floor 0. Layers with a leading axis of games, of which `parallel` makes its networks."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from coursekit.errors import require

Stacked = Float[Tensor, "games b inputs"]
Outputs = Float[Tensor, "games b outputs"]


class ParallelLinear(nn.Module):
    """x ↦ xW + b with its own W and b for each game, from PyTorch's usual U(−1/√d, 1/√d).

    Args:
        games: how many layers lie side by side.
        inputs, outputs: sizes of each.
        rng: draws the initial weights.
    """

    def __init__(
        self, games: int, inputs: int, outputs: int, rng: torch.Generator | None = None
    ) -> None:
        super().__init__()
        bound = inputs**-0.5
        weight = torch.empty(games, inputs, outputs).uniform_(-bound, bound, generator=rng)
        bias = torch.empty(games, 1, outputs).uniform_(-bound, bound, generator=rng)
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, x: Stacked) -> Outputs:
        return torch.baddbmm(self.bias, x, self.weight)

    def extra_repr(self) -> str:
        return "games={}, inputs={}, outputs={}".format(*self.weight.shape)


class EachSpectral(nn.Module):
    """Each game's weight divided by its own largest singular value (Miyato et al. 2018, Alg. 1).

    One power iteration per forward pass in train mode, as `torch.nn.utils` does for one matrix.
    """

    u: Tensor

    def __init__(self, weight: Stacked, rng: torch.Generator | None = None) -> None:
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


def layers_of(
    games: int, sizes: Sequence[int], activation: nn.Module, rng: torch.Generator | None
) -> nn.Sequential:
    """Parallel layers of these sizes with an activation between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in zip(sizes, sizes[1:], strict=False):
        layers += [ParallelLinear(games, inputs, outputs, rng), activation]
    return nn.Sequential(*layers[:-1])


def by_game(rows: Tensor, games: int) -> Stacked:
    """Rows (games·b, d) as (games, b, d)."""
    require(
        len(rows) % games == 0, f"the batch has {len(rows)} rows; {games} games must share evenly."
    )
    return rows.unflatten(0, (games, -1))
