"""That long work is under way: how far it is, and the time that is left."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sized
from numbers import Real
from typing import Any, TypeVar

import torch
from torch import Tensor
from tqdm.auto import tqdm

LINE = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}, {remaining} left{postfix}"
BLOCKS = "▁▂▃▄▅▆▇█"
T = TypeVar("T")


def silent() -> bool:
    """Whether nothing is to be shown: COURSEKIT_PROGRESS=0, for headless runs."""
    return os.environ.get("COURSEKIT_PROGRESS") == "0"


def bar(name: str, steps: int | None, done: int = 0) -> Any:
    """A progress bar with the time that is left, in a terminal or in a notebook."""
    return tqdm(
        total=steps, initial=done, desc=name, disable=silent(), leave=False, bar_format=LINE
    )


def following(things: Iterable[T], name: str, total: int | None = None) -> Iterator[T]:
    """Iterate over `things` under a progress bar, which goes when the loop ends.

    Args:
        things: one round of a loop each.
        name: shown beside the bar.
        total: how many there are; only needed where `things` has no length.
    """
    if total is None and isinstance(things, Sized):
        total = len(things)
    with bar(name, total) as shown:
        for thing in things:
            yield thing
            shown.update()


def format_metrics(losses: Mapping[str, Tensor], new: int, watched: Mapping[str, Any]) -> str:
    """The live figures beside the bar, for example `FID 41.2, critic 1.29 █▅▃▂▁▁▁▁`.

    Args:
        losses: name → loss of each step so far, shape (steps,).
        new: how many of them to average: a single step's loss jumps about.
        watched: the last row of what is watched; its numbers come first, being what is trained for.
    """
    shown = []
    for name, value in watched.items():
        number = value.item() if isinstance(value, Tensor) and value.numel() == 1 else value
        if isinstance(number, Real) and name not in ("step", "seconds"):
            shown.append(f"{name} {float(number):.3g}")
    for name, values in losses.items():
        shown.append(f"{name} {values[-max(new, 1) :].mean():.3g} {sparkline(values)}")
    return ", ".join(shown)


def sparkline(values: Tensor, width: int = 8) -> str:
    """A curve in `width` characters: block i is the mean of the i-th part of `values`, scaled."""
    means = torch.stack([part.mean() for part in values.tensor_split(min(width, len(values)))])
    span = float(means.max() - means.min()) or 1.0
    heights = ((means - means.min()) / span * (len(BLOCKS) - 1)).round()
    return "".join(BLOCKS[int(height)] for height in heights.nan_to_num())
