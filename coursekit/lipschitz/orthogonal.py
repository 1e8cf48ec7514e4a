"""Two more holds on singular values: all of them near 1, or only the largest one cut."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from coursekit.errors import require
from coursekit.lipschitz.spectral_norm import Matrix, matrices
from coursekit.types import Scalar

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
