"""Wrong answers to the exercises of 03, and what the graders say of them."""

import math

import torch
from exercise_cases import Slip, suite
from torch.nn import functional as F

from coursekit.teaching.exercises import gan_training as room


def stretched_lerp(a, b, t):
    straight = (1 - t) * a + t * b
    return straight * ((1 - t) * a.norm() + t * b.norm()) / straight.norm()


def deaf(G, D, x, z):
    with torch.no_grad():
        return F.softplus(-D(x)).mean() + F.softplus(D(G(z))).mean()


def apart(a, b):
    return (a.mean() - b.mean()) ** 2


CASES = {
    room.GENERATOR_LOSS: [
        (lambda s: -F.softplus(s).mean(), "not log 2"),
        (lambda s: F.softplus(s).mean(), "lower where D is sure of a fake"),
        (lambda s: F.softplus(-s).sum(), "not log 2"),
        (lambda s: -torch.sigmoid(s).log().mean(), r"on scores ±\d+ it gives inf"),
        (lambda s: math.log(4) - F.softplus(s).mean(), "slope should be −1"),
        (lambda s: F.softplus(-s.mean()), r"on scores ±\d+ it gives 0.69"),
        (lambda s: s, "one number, not shape"),
        (lambda s: F.softplus(-s).mean().item(), "no gradient reaches the scores: float, item"),
        (lambda s: -(s.sigmoid() + 1e-8).log().mean(), "slope should be −1"),
    ],
    room.CRITIC_LOSS: [
        (lambda G, D, x, z: F.softplus(D(x)).mean() + F.softplus(-D(G(z))).mean(), "wants high"),
        (Slip("G(z).detach()", "G(z)"), "a gradient of up to .* reaches G"),
        (deaf, "no gradient reaches D"),
        (
            lambda G, D, x, z: (F.softplus(-D(x)).mean() + F.softplus(D(G(z))).mean()).item(),
            "no gradient reaches D: float, item",
        ),
        (
            Slip("F.softplus(D(fake))", "F.softplus(D(fake)).detach()"),
            "learn from both .* bias feels",
        ),
        (Slip("F.softplus(-D(x))", "F.softplus(-D(x)).detach()"), "learn from both .* bias feels"),
        (Slip(".mean()", ".sum()"), r"−mean log D\(x\)"),
    ],
    room.SLERP: [
        (lambda a, b, t: (1 - t) * a + t * b, "its length is"),
        (stretched_lerp, "it has turned by"),
        (Slip("angle < 1e-6", "False"), "stay there; at entry . it is nan"),
        (Slip("(a, b, t)", "(b, a, t)"), "at t = 0 it should be a"),
        (lambda a, b, t: a, "at t = 1"),
    ],
    room.FRECHET_LINE: [
        (lambda a, b: (a.mean() - b.mean()).abs(), "a shift by .* gives"),
        (apart, "compare standard"),
        (lambda a, b: apart(a, b) + (a.var() - b.var()).abs(), "compare standard"),
        (lambda a, b: apart(a, b) + (b.std() - a.std()).clamp_min(0) ** 2, "not symmetric: .* one"),
    ],
}
test_exercises = suite(room, CASES)
