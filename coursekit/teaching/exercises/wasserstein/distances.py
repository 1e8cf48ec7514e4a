"""The exercises of 06 on distances: between samples on the line, and how far a matrix stretches."""

from math import isclose

import torch
from torch import Tensor

from coursekit.teaching.exercise import Exercise
from coursekit.teaching.grading import Attempt, Fresh, number
from coursekit.teaching.solutions import wasserstein as worked

# The earth mover's distance on the line -------------------------------------------------------


def _is_the_shift(distance: Attempt, fresh: Fresh) -> str | None:
    x, shift = fresh.normal(fresh.integer(20, 40)), fresh.number(1, 3)
    value = number(distance(x, x - shift))
    right = isclose(value, shift, rel_tol=1e-6)
    return None if right else f"after a shift by −{shift:.3f} it is {value:.3f}, not {shift:.3f}."


def _sees_more_than_the_mean(distance: Attempt, fresh: Fresh) -> str | None:
    far = fresh.number(2, 4)
    x = torch.tensor([-1.0, 1.0], dtype=torch.float64)
    value, same = number(distance(x, far * x)), "the means agree, but the earth must move"
    right = isclose(value, far - 1, rel_tol=1e-6)
    return None if right else f"{same}: ±1 to ±{far:.3f} is {far - 1:.3f}, not {value:.3f}."


def _does_not_mind_the_order(distance: Attempt, fresh: Fresh) -> str | None:
    x = fresh.normal(fresh.integer(20, 40))
    value = number(distance(x, fresh.shuffled(x)))
    calm = abs(value) < 1e-9
    return None if calm else f"between a sample and itself in another order it is {value:.3f}."


def _is_not_squared(distance: Attempt, fresh: Fresh) -> str | None:
    x, far = fresh.normal(30).sort().values, fresh.number(1, 4)
    value = number(distance(x, x + torch.linspace(0, far, 30, dtype=torch.float64)))
    right = isclose(value, far / 2, rel_tol=1e-6)
    return None if right else f"moves of 0 to {far:.3f} average {far / 2:.3f}, not {value:.3f}."


LINE = Exercise(
    "The earth mover's distance on the line",
    (_is_the_shift, _sees_more_than_the_mean, _does_not_mind_the_order, _is_not_squared),
    (
        "With as many points on either side, each carries one to one. Which goes where?",
        "On the line nothing overtakes: the smallest goes to the smallest.",
    ),
    worked.earth_on_the_line,
)


# The largest singular value -------------------------------------------------------------------


def _matrix(fresh: Fresh, rows: int, columns: int) -> tuple[Tensor, float]:
    """A matrix whose second singular value is at most 0.8 of its first, and the first."""
    u, s, v = torch.linalg.svd(fresh.normal(rows, columns), full_matrices=False)
    first = fresh.number(2, 4)
    s = first * torch.cat([torch.ones(1), fresh.uniform(0.2, 0.8, len(s) - 1)])
    return (u * s @ v).float(), first


def _finds_the_largest(sigma: Attempt, fresh: Fresh) -> str | None:
    W, exact = _matrix(fresh, fresh.integer(5, 7), fresh.integer(8, 10))
    value = number(sigma(W, 300))
    if isclose(value, exact**2, rel_tol=1e-2):
        return f"it is σ² = {value:.3f}; what is ‖Wᵀu‖ in terms of σ?"
    good = isclose(value, exact, rel_tol=1e-3)
    hint = "" if value == value else "; normalise in every round"
    return None if good else f"after 300 rounds it is {value:.3f}, and σ(W) is {exact:.3f}{hint}."


def _takes_any_shape(sigma: Attempt, fresh: Fresh) -> str | None:
    for shape in ((9, 2), (1, 7)):
        W, exact = _matrix(fresh, *shape)
        value = number(sigma(W, 300))
        if not isclose(value, exact, rel_tol=1e-3):
            return f"for a matrix of shape {shape} it is {value:.3f}, not {exact:.3f}."
    return None


SIGMA = Exercise(
    "The largest singular value by power iteration",
    (_finds_the_largest, _takes_any_shape),
    (
        "Start from any vector u of length len(W); in turn v ← Wᵀu and u ← Wv, each normalised.",
        "In the end u and v are the first singular vectors, and Wv = σu.",
    ),
    worked.my_sigma,
)
