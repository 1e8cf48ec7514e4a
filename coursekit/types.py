"""Shapes and value ranges of the tensors that cross a public boundary, written once.

The tests enforce these (jaxtyping with beartype); outside the tests they are documentation.
`n` is the number of examples; dimensions with the same name agree within one call.
"""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

Images = Float[Tensor, "n c h w"]  # pixels in [0, 1]
Examples = Float[Tensor, "n *shape"]  # images, or points of a toy density
Labels = Int[Tensor, " n"]  # class numbers from 0
Logits = Float[Tensor, "n k"]  # unnormalised log-probabilities
Probabilities = Float[Tensor, "n k"]  # rows sum to 1
Features = Float[Tensor, "n d"]
PerExample = Float[Tensor, " n"]
Scalar = Float[Tensor, ""]
Rng = torch.Generator | None  # draws initial weights; None: PyTorch's own generator does

Objective = Callable[[nn.Module, Tensor, Tensor], Tensor]  # (model, x, y) -> scalar loss
# (model, x, y) -> adversarial x, or an `AttackResult` that holds it
Attack = Callable[[nn.Module, Tensor, Tensor], Any]


@runtime_checkable
class Constrain(Protocol):
    """Applied to a player after each of its updates, e.g. `clip_weights(0.01)` to D."""

    def __call__(self, network: nn.Module, /) -> None: ...
