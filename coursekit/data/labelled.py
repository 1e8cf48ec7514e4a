"""Batches for a discriminator alone: examples with the label real (1) or fake (0)."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from coursekit.data.streams import Stream
from coursekit.types import Examples, PerExample

Sampler = Callable[[int, torch.Generator], Tensor]  # (n, rng) -> x, shape (n,) or (n, ...)


def real_or_fake(
    real: Sampler,
    fake: Sampler,
    size: int,
    rng: torch.Generator,
    device: torch.device | str = "cpu",
) -> Stream:
    """An endless iterator of fresh (x, is_real), half and half.

    Args:
        real: draws data, for example `gaussian().sample`. Numbers become columns (n, 1).
        fake: draws samples of the generator.
        size: examples in a batch; of an odd number the fakes get one more.
        rng: seeds a generator of the stream's own.
        device: where the batches are wanted.
    """

    def draw(n: int, own: torch.Generator) -> tuple[Tensor, Tensor]:
        x = torch.cat([real(n // 2, own), fake(n - n // 2, own)])
        return x.view(n, -1) if x.dim() == 1 else x, (torch.arange(n) < n // 2).float()

    return Stream(draw, size, rng, device)


def resampled(
    x: Examples,
    is_real: PerExample,
    size: int,
    rng: torch.Generator,
    device: torch.device | str = "cpu",
) -> Stream:
    """An endless iterator of (x, is_real) drawn from fixed rows, with replacement."""

    def draw(n: int, own: torch.Generator) -> tuple[Tensor, Float[Tensor, " n"]]:
        rows = torch.randint(len(x), (n,), generator=own)
        return x[rows], is_real[rows]

    return Stream(draw, size, rng, device)
