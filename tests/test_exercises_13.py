"""Wrong answers to the exercises of 13, and what the graders say of them."""

import torch
from exercise_cases import Slip, suite

from coursekit.teaching.exercises import larger as room


def once(z, at, rng):
    return torch.where(z.abs() > at, torch.randn(z.shape, generator=rng, dtype=z.dtype), z)


def in_place(z, at, rng):
    return z.clamp_(-at, at)


CASES = {
    room.ATTEND: [
        (Slip("@ k, -1)", "@ k, 1)"), "over the queries"),
        (Slip("weights.transpose(1, 2)", "weights"), "transpose the weights"),
        (Slip("@ k, -1)", "@ k / q.shape[1] ** 0.5, -1)"), "as in a Transformer"),
        (Slip("@ k, -1)", "@ k * 3, -1)"), "at "),
        (lambda q, k, v: v, "at "),
    ],
    room.TRUNCATE: [
        (lambda z, at, rng: z.clamp(-at, at), "not cut"),
        (lambda z, at, rng: z * at / z.abs().max(), "have changed"),
        (once, "draw until all are within"),
        (in_place, "work on a copy"),
        (lambda z, at, rng: torch.where(z.abs() > at, 0 * z, z), "no normal has"),
    ],
    room.MODULATE: [
        (lambda weight, s: weight * s[:, None, :, None, None], "not demodulated"),
        (Slip("(2, 3, 4), keepdim", "(1, 3, 4), keepdim"), "has length"),
        (Slip(".sqrt()", ""), "has length"),
        (Slip("weight * s[:, None, :, None, None]", "weight + 0 * s[:, None, :, None, None]"),
         "at "),
    ],
    room.WRONG: [
        (lambda meaning: torch.arange(len(meaning)), "says the same"),
        (lambda meaning: torch.arange(len(meaning)).roll(1), "says the same"),
        (Slip("else -1", "else 0"), "none is wrong"),
        (lambda meaning: torch.full((len(meaning),), -1), "there are rows"),
    ],
}  # fmt: skip
test_exercises = suite(room, CASES)
