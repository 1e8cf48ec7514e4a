"""Exercises of 10: each attempt is graded by what it must do on fresh inputs."""

from math import isclose, log

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from coursekit.teaching.exercise import (
    Attempt,
    Exercise,
    RandomInputs,
    describe_mismatch,
    number,
    tensor_like,
)


def log_likelihood(logits, x):
    right = torch.where(x == 1, logits, -logits)  # σ(−s) = 1 − σ(s)
    return F.logsigmoid(right).flatten(1).sum(1)


def two_masks(rank, degree):
    first = rank[None, :] < degree[:, None]
    second = degree[None, :] <= rank[:, None]
    return first, second


def blind_spot(h, w, row, column):
    up = row - torch.arange(h)[:, None]
    right = torch.arange(w)[None, :] - column
    return (up >= 1) & (right > up)


def mixture(log_p):
    return log_p.logsumexp(0) - np.log(len(log_p))


def bits_per_dim(log_density, d):
    nats = d * np.log(256) - log_density.mean()
    return nats / (d * np.log(2))


# The log-likelihood of binary pixels ------------------------------------------------------------


def _pixels(fresh: RandomInputs, *shape: int) -> Tensor:
    return (fresh.uniform(0, 1, *shape) < 0.5).double()


def _sums_the_pixels(attempt: Attempt, fresh: RandomInputs) -> str | None:
    n, h, w = fresh.integer(3, 5), fresh.integer(2, 4), fresh.integer(2, 4)
    logits, x = fresh.normal(n, 1, h, w), _pixels(fresh, n, 1, h, w)
    p = logits.sigmoid()
    wanted = (x * p.log() + (1 - x) * (1 - p).log()).flatten(1).sum(1)
    answer = tensor_like(attempt(logits, x), wanted)
    if torch.allclose(answer, -wanted):
        return "its sign is wrong: a log-probability is negative."
    if torch.allclose(answer, wanted / (h * w)):
        return "it is the mean over pixels; independent factors multiply, so logarithms add up."
    wrong = describe_mismatch(answer, wanted, 1e-6)
    return None if wrong is None else f"{wrong}."


def _bears_large_logits(attempt: Attempt, fresh: RandomInputs) -> str | None:
    far = fresh.number(500, 2000)
    logits = torch.tensor([far, -far, far, -far], dtype=torch.float64).view(2, 1, 1, 2)
    x = torch.tensor([1.0, 0, 0, 0], dtype=torch.float64).view(2, 1, 1, 2)
    answer = tensor_like(attempt(logits, x), torch.zeros(2))
    wanted = (0.0, -far)
    for value, right in zip(answer.tolist(), wanted, strict=True):
        if not isclose(value, right, rel_tol=1e-6, abs_tol=1e-6):
            return f"with logits of ±{far:.0f} it is {value:.1f}, not {right:.1f}: use no log(p)."
    return None


LOG_LIKELIHOOD = Exercise(
    "The log-likelihood of binary pixels",
    (_sums_the_pixels, _bears_large_logits),
    (
        "log σ(s) where the pixel is 1, log(1 − σ(s)) = log σ(−s) where it is 0.",
        "F.logsigmoid does not lose its digits; then sum over all but the first dimension.",
    ),
    log_likelihood,
)


# The masks of MADE ------------------------------------------------------------------------------


def _hide_the_future(attempt: Attempt, fresh: RandomInputs) -> str | None:
    d, units = fresh.integer(4, 7), fresh.integer(9, 14)
    rank, degree = fresh.shuffled(torch.arange(d)), 1 + torch.arange(units) % (d - 1)
    answer = attempt(rank, degree)
    if not isinstance(answer, tuple) or len(answer) != 2:
        return "the answer should be two masks, (pixel to hidden, hidden to output)."
    shapes = torch.empty(units, d), torch.empty(d, units)
    first, second = (tensor_like(m, s).double() for m, s in zip(answer, shapes, strict=True))
    paths = second @ first  # [output, pixel]
    allowed = rank[None, :] < rank[:, None]
    if bool((paths * ~allowed).any()):
        output, pixel = (int(i) for i in torch.nonzero(paths * ~allowed)[0])
        when = f"pixel {pixel} comes as number {int(rank[pixel])}"
        return f"output {output}, of number {int(rank[output])}, is reached by a path, but {when}."
    if not torch.equal(paths > 0, allowed):
        output, pixel = (int(i) for i in torch.nonzero((paths == 0) & allowed)[0])
        return f"no path leads from pixel {pixel} to output {output}, which comes later."
    full = int((rank[None, :] < degree[:, None]).sum())
    kept = int(first.sum())
    return None if kept == full else f"the first mask keeps {kept} connections, not {full}."


MASKS = Exercise(
    "The two masks of a MADE with one hidden layer",
    (_hide_the_future,),
    (
        "A unit of degree m may see m pixels: those of rank 0 to m − 1.",
        "An output of rank r may see units whose pixels all come before r. Shapes are (to, from).",
    ),
    two_masks,
)


# The blind spot ---------------------------------------------------------------------------------


def _reached(h: int, w: int, row: int, column: int) -> Tensor:
    """What many masked 3 × 3 kernels reach from a pixel, step by step."""
    seen = torch.zeros(h, w, dtype=torch.bool)
    steps = [(-1, -1), (-1, 0), (-1, 1), (0, -1)]
    front = [(row, column)]
    while front:
        r, c = front.pop()
        for down, right in steps:
            at = (r + down, c + right)
            if 0 <= at[0] < h and 0 <= at[1] < w and not seen[at]:
                seen[at] = True
                front.append(at)
    return seen


def _is_what_no_path_reaches(attempt: Attempt, fresh: RandomInputs) -> str | None:
    h, w = fresh.integer(6, 9), fresh.integer(6, 9)
    row, column = fresh.integer(3, h - 1), fresh.integer(0, w - 3)
    before = (torch.arange(h * w) < row * w + column).view(h, w)
    wanted = before & ~_reached(h, w, row, column)
    answer = tensor_like(attempt(h, w, row, column), wanted).bool()
    if torch.equal(answer, wanted):
        return None
    r, c = (int(i) for i in torch.nonzero(answer != wanted)[0])
    said = "blind" if answer[r, c] else "seen"
    asked = f"from ({row}, {column}) in an image of {h} × {w}"
    if not before[r, c]:
        return f"{asked}, ({r}, {c}) is called blind; it does not come before the pixel at all."
    return f"{asked}, ({r}, {c}) is called {said}, which it is not."


BLIND_SPOT = Exercise(
    "The blind spot of masked 3 × 3 kernels",
    (_is_what_no_path_reaches,),
    (
        "A step goes up by one row and at most one column to the right, or left in the same row.",
        "Going up by k rows a path gets at most k columns to the right.",
    ),
    blind_spot,
)


# A mixture over orders --------------------------------------------------------------------------


def _averages_probabilities(attempt: Attempt, fresh: RandomInputs) -> str | None:
    k, n = fresh.integer(2, 5), fresh.integer(3, 6)
    log_p = -fresh.uniform(0.1, 5, k, n)
    answer = tensor_like(attempt(log_p), log_p[0])
    if torch.allclose(answer, log_p.mean(0)):
        return "it is the mean of the logarithms, which is no density; average the probabilities."
    wrong = describe_mismatch(answer, log_p.exp().mean(0).log())
    return None if wrong is None else f"{wrong}."


def _bears_small_probabilities(attempt: Attempt, fresh: RandomInputs) -> str | None:
    low = -fresh.number(2000, 3000)
    log_p = torch.tensor([[low], [low - 1]], dtype=torch.float64)
    wanted = low + log(1 + torch.tensor(-1.0, dtype=torch.float64).exp().item()) - log(2)
    value = number(attempt(log_p))
    if isclose(value, wanted, rel_tol=1e-9):
        return None
    return f"of {low:.0f} and {low - 1:.0f} it is {value:.3f}, not {wanted:.3f}: exp underflows."


MIXTURE = Exercise(
    "The joint of several orders, averaged",
    (_averages_probabilities, _bears_small_probabilities),
    (
        "log of the mean of exp(log_p) over the first dimension, but exp(−2000) is 0.",
        "torch.logsumexp over the orders; the mean divides by their number.",
    ),
    mixture,
)


# Bits per dimension -----------------------------------------------------------------------------


def _uniform_is_eight(attempt: Attempt, fresh: RandomInputs) -> str | None:
    d = fresh.integer(10, 900)
    value = number(attempt(torch.zeros(5, dtype=torch.float64), d))
    if isclose(value, 8, rel_tol=1e-9):
        return None
    return f"a uniform density on {d} values in [0, 1] should cost 8 bits each, not {value:.3f}."


def _halves_are_seven(attempt: Attempt, fresh: RandomInputs) -> str | None:
    d, bits = fresh.integer(10, 900), fresh.number(1, 5)
    log_density = torch.full((4,), d * bits * log(2), dtype=torch.float64)
    value = number(attempt(log_density + fresh.normal(1), d))
    right = abs(value - (8 - bits)) < 10 / d
    said = f"a density of 2^{bits:.2f} in each dimension should cost {8 - bits:.2f} bits"
    return None if right else f"{said}, not {value:.3f}."


BITS = Exercise(
    "Bits per dimension of 8-bit images",
    (_uniform_is_eight, _halves_are_seven),
    (
        "A grey value has an interval of width 1/256: P(x) is about density · 256^−d.",
        "Nats become bits by dividing by log 2; then divide by d.",
    ),
    bits_per_dim,
)
