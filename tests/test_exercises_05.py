"""Wrong answers to the exercises of 05, and what the graders say of them."""

import torch
from exercise_cases import Slip, suite

from coursekit.teaching.exercises import mode_collapse as room


def forward_kl(counts):
    q = (counts.double() + 1e-12) / counts.sum()
    return -(len(q) * q).log().mean()


CASES = {
    room.MODES_COVERED: [
        (lambda s, c, r: len(torch.cdist(s, c).argmin(1).unique()), "between the modes"),
        (lambda s, c, r: (torch.cdist(s, c) <= r).sum(), "count modes"),
        (lambda s, c, r: len(c), r"samples on \d of \d modes gave"),
        (Slip("<= radius", "<= radius**0.5"), "Euclidean"),  # the square of the distance
        (lambda s, c, r: (torch.cdist(s, c, p=1) <= r).any(0).sum(), r"gave 0, not 1: .* Euclid"),
        (lambda s, c, r: (torch.cdist(s, c, p=float("inf")) <= r).any(0).sum(), r"gave 1, not 0"),
        (
            lambda s, c, r: (torch.cdist(s, c) <= r).all(0).sum(),
            r"samples on \d of \d modes gave 0",
        ),
    ],
    room.REVERSE_KL: [
        (forward_kl, r"should give log \d"),
        (Slip("return ", "return -"), "not -"),
        (lambda c: (c > 0).double().mean().log().neg(), r"counts \[.*\] give"),
        (Slip("torch.xlogy(q, q * len(q))", "(q * (q * len(q)).log())"), "not nan"),
    ],
    room.PACK: [
        (lambda x, m: x.repeat(1, m), "tensor of shape"),
        (lambda x, m: x[: len(x) // m].repeat(1, m), "in no pack, and one is there"),
        (lambda x, m: x.T.reshape(len(x) // m, -1), "mixed up"),
        (lambda x, m: x.reshape(m, -1), "tensor of shape"),
        (lambda x, m: 0 * x.reshape(len(x) // m, -1), "is there 0 times"),
    ],
    room.MINIBATCH_STD: [
        (lambda x: torch.cat([x, x.std(1, keepdim=True)], 1), "over the samples"),
        (Slip("unbiased=False", "unbiased=True"), "divide by n"),
        (lambda x: x.std(0), "tensor of shape"),
        (lambda x: torch.cat([0 * x, x[:, :1]], 1), "should stay; at row"),
    ],
    room.OVERLAP: [
        (lambda n, k, s: [k] * n, "pixels, not"),
        (lambda n, k, s: [1] * (n * k), "pixels, not"),
        (Slip("counts[i * stride + k] += 1", "counts[i + k] += 1"), r"at pixel \d+ it is"),
        (Slip("* stride + kernel)", "* stride + kernel + 1)"), "11 pixels, not 12"),
        (lambda n, k, s: "1 1 2 1 2", "should be a list of counts"),
    ],
}
test_exercises = suite(room, CASES)
