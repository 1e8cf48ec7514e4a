"""Exercises of 13: each attempt is graded by what it must do on fresh inputs."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from coursekit.teaching.exercise import (
    Attempt,
    Exercise,
    RandomInputs,
    describe_mismatch,
    tensor_like,
)


def attend(q, k, v):
    weights = torch.softmax(q.transpose(1, 2) @ k, -1)  # [query, key]
    return v @ weights.transpose(1, 2)


def truncate(z, at, rng):
    z = z.clone()
    while bool((far := z.abs() > at).any()):
        z[far] = torch.randn(int(far.sum()), generator=rng, dtype=z.dtype)
    return z


def styled_weights(weight, s):
    w = weight * s[:, None, :, None, None]
    return w / w.square().sum((2, 3, 4), keepdim=True).sqrt()


def wrong_captions(meaning):
    n = len(meaning)
    wrong = [[j for j in range(n) if not torch.equal(meaning[j], meaning[i])] for i in range(n)]
    return torch.tensor([rows[0] if rows else -1 for rows in wrong])


# Self-attention ---------------------------------------------------------------------------------


def _sums_over_keys(attempt: Attempt, fresh: RandomInputs) -> str | None:
    n, d, c, places = fresh.integer(2, 3), fresh.integer(2, 4), 5, fresh.integer(6, 9)
    q, k, v = fresh.normal(n, d, places), fresh.normal(n, d, places), fresh.normal(n, c, places)
    logits = q.transpose(1, 2) @ k
    wanted = v @ logits.softmax(2).transpose(1, 2)
    answer = tensor_like(attempt(q, k, v), wanted)
    if torch.allclose(answer, v @ logits.softmax(1).transpose(1, 2)):
        return "the softmax is over the queries; the weights of one query sum to 1 over its keys."
    if torch.allclose(answer, v @ logits.softmax(2)):
        return "place i is given what the others take from it; transpose the weights."
    if torch.allclose(answer, v @ (logits / d**0.5).softmax(2).transpose(1, 2)):
        return "the logits are divided by √d, as in a Transformer; SAGAN takes them as they are."
    wrong = describe_mismatch(answer, wanted, 1e-6)
    return None if wrong is None else f"{wrong}."


ATTEND = Exercise(
    "Self-attention",
    (_sums_over_keys,),
    (
        "The logits are all inner products of a query with a key, shape (n, places, places).",
        "Softmax over the last axis, the keys. Then o_i = Σ_j β_ij v_j.",
    ),
    attend,
)


# Truncation -------------------------------------------------------------------------------------


def _draws_again(attempt: Attempt, fresh: RandomInputs) -> str | None:
    at, z = fresh.number(0.4, 0.9), fresh.normal(400, 5)
    given = z.clone()
    answer = tensor_like(attempt(z, at, torch.Generator().manual_seed(fresh.integer(1, 999))), z)
    if not torch.equal(z, given):
        return "the z that was given has changed; work on a copy."
    if float(answer.abs().max()) > at + 1e-6:
        worst = float(answer.abs().max())
        return f"with a bound of {at:.2f} a coordinate is {worst:.2f}: draw until all are within."
    near = given.abs() <= at
    if not torch.allclose(answer[near].double(), given[near].double()):
        return "coordinates that were within the bound have changed; only the others are drawn."
    share = float((answer[~near].abs() > 0.999 * at).double().mean())
    if share > 0.1:
        return f"{100 * share:.0f} % of the others lie on the bound; they are drawn again, not cut."
    ratio = float(answer[~near].abs().mean()) / at
    if not 0.35 < ratio < 0.6:
        return f"the new ones have a mean size of {ratio:.2f} bounds, which no normal has."
    return None


TRUNCATE = Exercise(
    "Truncation by drawing again",
    (_draws_again,),
    (
        "Each coordinate for itself: z.abs() > at says which are drawn again.",
        "Some of the new ones will be outside again: repeat until none is.",
    ),
    truncate,
)


# Modulation and demodulation --------------------------------------------------------------------


def _is_of_unit_length(attempt: Attempt, fresh: RandomInputs) -> str | None:
    n, o, i = fresh.integer(2, 4), fresh.integer(3, 5), fresh.integer(6, 8)
    weight, s = fresh.normal(o, i, 3, 3), 1 + fresh.normal(n, i)
    w = weight * s[:, None, :, None, None]
    wanted = w / w.square().sum((2, 3, 4), keepdim=True).sqrt()
    answer = tensor_like(attempt(weight, s), wanted)
    if torch.allclose(answer, w):
        return "the weights are modulated, but not demodulated: their lengths follow the style."
    length = answer.square().sum((2, 3, 4)).sqrt()
    if not torch.allclose(length, torch.ones_like(length), atol=1e-4):
        worst = int((length - 1).abs().argmax())
        of, filter_ = divmod(worst, o)
        return (
            f"filter {filter_} of example {of} has length {float(length[of, filter_]):.3f}, not 1."
        )
    wrong = describe_mismatch(answer, wanted, 1e-4)
    return None if wrong is None else f"{wrong}."


def _agrees_with_convolutions(attempt: Attempt, fresh: RandomInputs) -> str | None:
    weight, s = fresh.normal(4, 3, 3, 3), 1 + 0.5 * fresh.normal(2, 3)
    h = fresh.normal(2, 3, 6, 6)
    weights = tensor_like(attempt(weight, s), torch.empty(2, 4, 3, 3, 3)).double()
    grouped = F.conv2d(h.reshape(1, 6, 6, 6).double(), weights.flatten(0, 1), groups=2)[0]
    plain = F.conv2d(h * s[:, :, None, None], weight)
    length = (weight * s[:, None, :, None, None]).square().sum((2, 3, 4)).sqrt()
    wanted = (plain / length[:, :, None, None]).flatten(0, 1)
    wrong = describe_mismatch(grouped, wanted.double(), 1e-4)
    return None if wrong is None else f"in a grouped convolution {wrong}."


MODULATE = Exercise(
    "Weights for each style",
    (_is_of_unit_length, _agrees_with_convolutions),
    (
        "s scales the inputs of a filter: shape (n, 1, inputs, 1, 1) against (outputs, inputs, …).",
        "Then divide each filter by its length over inputs, rows and columns.",
    ),
    styled_weights,
)


# Wrong captions ---------------------------------------------------------------------------------


def _never_right(attempt: Attempt, fresh: RandomInputs) -> str | None:
    n = fresh.integer(6, 9)
    meaning = torch.as_tensor(np.array([[fresh.integer(0, 1) for _ in range(3)] for _ in range(n)]))
    meaning[1] = meaning[0]
    meaning[2] = 1 - meaning[0]
    answer: Tensor = tensor_like(attempt(meaning), torch.zeros(n)).long()
    for i, j in enumerate(answer.tolist()):
        if not 0 <= j < n:
            return f"row {i} is given the caption of row {j}; there are rows 0 to {n - 1}."
        if torch.equal(meaning[i], meaning[j]):
            return f"row {i} is given the caption of row {j}, which says the same: it is right."
    return None


def _gives_up(attempt: Attempt, fresh: RandomInputs) -> str | None:
    n = fresh.integer(3, 5)
    meaning = torch.ones(n, 3, dtype=torch.int64)
    answer = tensor_like(attempt(meaning), torch.zeros(n))
    if not bool((answer == -1).all()):
        return "where all captions say the same none is wrong: the answer is −1 for each row."
    return None


WRONG = Exercise(
    "Captions that are surely wrong",
    (_never_right, _gives_up),
    (
        "Another row is not enough: compare the meanings of the two rows.",
        "Any row that differs in at least one of the three numbers will do.",
    ),
    wrong_captions,
)
