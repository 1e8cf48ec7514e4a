"""A network as a loop calls it: as it is, compiled, or in lower precision."""

from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

N = TypeVar("N", bound=nn.Module)


class LowerPrecision(nn.Module):
    """A network compiled or under autocast, handing back float32.

    In everything else it is the network it stands for, its state included.
    """

    def __init__(self, inner: nn.Module, dtype: torch.dtype | None, compiled: bool) -> None:
        super().__init__()
        self.inner, self.dtype = inner, dtype
        self.call = torch.compile(inner.__call__) if compiled else inner.__call__

    def forward(self, *inputs: Any) -> Tensor:
        device, lowered = inputs[0].device.type, self.dtype is not None
        with torch.autocast(device, self.dtype, enabled=lowered):
            return cast(Tensor, self.call(*inputs)).float()

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        return self.inner.state_dict(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("inner"), name)


def lower_precision(network: N, dtype: torch.dtype | None, compiled: bool) -> N:
    """`network` itself, or its stand-in where lower precision or compilation is asked for."""
    return cast(N, LowerPrecision(network, dtype, compiled)) if dtype or compiled else network
