"""What all measures share: figures with their tolerances, batches, standard errors."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from coursekit.data import Dataset, Split, binarise
from coursekit.errors import CourseError

Figures = dict[str, dict[str, float]]  # name → value, n and tolerance


def as_figures(values: dict[str, tuple[float, float]], n: int) -> Figures:
    """Values with their tolerances, all of `n` images."""
    return {name: {"value": v, "n": n, "tolerance": t} for name, (v, t) in values.items()}


def needed(features: nn.Module | None) -> nn.Module:
    """The classifier, or an error that says what it is needed for."""
    if features is None:
        raise CourseError("samples are measured with the classifier of their data set.")
    return features


def binary_test(data: Dataset, n: int, rng: torch.Generator | None = None) -> Split:
    """The first `n` test images as 0 and 1, drawn once for all: every model is asked about these.

    Args:
        rng: draws the pixels; by default one that begins at 1, as `measure` does.
    """
    x = binarise(data.test.x, rng or torch.Generator().manual_seed(1))  # all, whatever n
    return Split(x, data.test.y, data.test.origin).take(n)


@torch.no_grad()
def by_batches(function: Callable[..., Tensor], *rows: Tensor, batch: int = 250) -> Tensor:
    """`function` of a few rows at a time, without a graph."""
    return torch.cat(
        [function(*part) for part in zip(*(t.split(batch) for t in rows), strict=True)]
    )


def standard_error(values: Tensor, origin: Tensor | None = None) -> float:
    """Of the mean of `values`, shape (n,); renderings of one original count as one draw."""
    if origin is not None:
        _, group = torch.unique(origin, return_inverse=True)
        off = (values - values.mean()).double()
        sums = torch.zeros(int(group.max()) + 1, dtype=torch.float64).index_add(0, group, off)
        return float(sums.square().sum().sqrt()) / len(values)
    return float(values.std()) / len(values) ** 0.5
