"""Wrong answers to the exercises of 10, and what the graders say of them."""

import torch
from exercise_cases import Slip, suite
from torch.nn import functional as F

from coursekit.teaching.exercises import likelihood as room


def by_logarithms(logits, x):
    p = logits.sigmoid()
    return (x * p.log() + (1 - x) * (1 - p).log()).flatten(1).sum(1)


CASES = {
    room.LOG_LIKELIHOOD: [
        (by_logarithms, r"with logits of ±\d+ it is nan"),
        (Slip(".sum(1)", ".mean(1)"), "independent factors multiply"),
        (Slip("return F", "return -F"), "sign is wrong"),
        (Slip("logits, -logits", "logits, logits"), "at entry"),
        (lambda logits, x: -F.binary_cross_entropy_with_logits(logits, x), "tensor of shape"),
    ],
    room.MASKS: [
        (Slip("[None, :] < degree", "[None, :] <= degree"), "is reached by a path"),
        (Slip("<= rank[:, None]", "< rank[:, None]"), "no path leads"),
        (Slip("<= rank", "<= 1 + rank"), "is reached by a path"),
        (lambda rank, degree: rank[None, :] < degree[:, None], "should be two masks"),
        (Slip("return first, second", "return second, first"), "tensor of shape"),
    ],
    room.BLIND_SPOT: [
        (Slip("right > up", "right > 0"), "called blind, which it is not"),
        (Slip("right > up", "right > 2 * up"), "called seen, which it is not"),
        (Slip("(up >= 1) & ", ""), "does not come before"),
        (lambda h, w, row, column: torch.zeros(h, w, dtype=torch.bool), "called seen"),
        (Slip("right > up", "right >= up"), "called blind, which it is not"),
    ],
    room.MIXTURE: [
        (lambda log_p: log_p.mean(0), "mean of the logarithms"),
        (lambda log_p: log_p.exp().mean(0).log(), "exp underflows"),
        (lambda log_p: log_p.logsumexp(0), "at entry"),
        (lambda log_p: log_p.logsumexp(1), "tensor of shape|at entry"),
    ],
    room.BITS: [
        (lambda log_density, d: -log_density.mean() / (d * torch.log(torch.tensor(2.0))), "8 bits"),
        (Slip("np.log(256)", "np.log(255)"), "8 bits"),
        (Slip("- log_density", "+ log_density"), "should cost"),
        (Slip(" / (d * np.log(2))", " / np.log(2)"), "8 bits each"),
    ],
}
test_exercises = suite(room, CASES)
