"""What is to be seen of a run while it lasts: the figures that matter, beside the bar."""

from collections.abc import Mapping
from numbers import Real
from typing import Any

import torch
from torch import Tensor

BLOCKS = "▁▂▃▄▅▆▇█"


def figures(losses: Mapping[str, Tensor], new: int, watched: Mapping[str, Any]) -> str:
    """The live figures beside the bar, for example `FID 41.2, critic 1.29 █▅▃▂▁▁▁▁`.

    Args:
        losses: name → loss of each step so far, shape (steps,).
        new: how many of them to average: a single step's loss jumps about.
        watched: the last row of what is watched; its numbers come first, being what is trained for.
    """
    seen = {k: v for k, v in watched.items() if k not in ("step", "seconds")}
    shown = [f"{name} {value:.3g}" for name, value in _numbers(seen).items()]
    for name, values in losses.items():
        shown.append(f"{name} {values[-max(new, 1) :].mean():.3g} {spark(values)}")
    return ", ".join(shown)


def _numbers(row: Mapping[str, Any]) -> dict[str, float]:
    one = {k: v.item() for k, v in row.items() if isinstance(v, Tensor) and v.numel() == 1}
    return {k: float(v) for k, v in (dict(row) | one).items() if isinstance(v, Real)}


def spark(values: Tensor, width: int = 8) -> str:
    """A curve in `width` characters: block i is the mean of the i-th part of `values`, scaled."""
    parts = values.tensor_split(min(width, len(values)))
    means = torch.stack([part.mean() for part in parts])
    span = float(means.max() - means.min()) or 1.0
    heights = ((means - means.min()) / span * (len(BLOCKS) - 1)).round()
    return "".join(BLOCKS[int(height)] for height in heights.nan_to_num())
