"""Floor 0. That long work is under way: how far it is, and the time that is left."""

import os
from collections.abc import Iterable, Iterator, Sized
from typing import Any, TypeVar

from tqdm.auto import tqdm

LINE = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}, {remaining} left{postfix}"
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
