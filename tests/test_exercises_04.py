"""Wrong answers to the exercises of 04, and what the graders say of them."""

import torch
from exercise_cases import Slip, suite
from torch.nn import functional as F

from coursekit.teaching.exercises import conditional as room


def deaf_norm(h, gain, shift, y):
    return F.batch_norm(h, None, None, gain[0], shift[0], training=True)


def norm_of_each_image(h, gain, shift, y):
    return gain[y][:, :, None, None] * F.instance_norm(h) + shift[y][:, :, None, None]


def shift_only(h, gain, shift, y):
    plain = F.batch_norm(h, None, None, gain[0], None, training=True)
    return plain + shift[y][:, :, None, None]


def underflowing(logs, prior):
    return (logs.exp() * prior) / (logs.exp() * prior).sum(1, keepdim=True)


def the_first_ones(y, rate, k, rng):
    n = round(rate * len(y))
    other = (y + torch.randint(1, k, y.shape, generator=rng)) % k
    return torch.where(torch.arange(len(y)) < n, other, y)


def mostly_the_next(y, rate, k, rng):
    other = torch.randint(k, y.shape, generator=rng)
    other = torch.where(other == y, (y + 1) % k, other)
    return torch.where(torch.rand(len(y), generator=rng) < rate, other, y)


CASES = {
    room.AUXILIARY_LOSS: [
        (lambda p, y: F.cross_entropy(p.softmax(1), y), "twice"),
        (lambda p, y: F.cross_entropy(p, y, reduction="sum"), r"not log \d"),
        (lambda p, y: F.cross_entropy(p, y.flip(0)), "not 0"),
        (lambda p, y: -p.softmax(1).gather(1, y[:, None]).log().mean(), "gives inf.*logsumexp"),
        (lambda p, y: F.multi_margin_loss(p, y), r"not log \d"),
        (lambda p, y: F.cross_entropy(2 * p, y), "the mean of"),
    ],
    room.CLASS_NORM: [
        (deaf_norm, "other labels"),
        (norm_of_each_image, "not plain BatchNorm: at image"),
        (Slip("+ shift[y]", "+ 0 * shift[y]"), "not plain"),
        (shift_only, "only gain and shift"),
        (Slip("(0, 2, 3)", "(0, 1, 2, 3)"), "not plain"),
    ],
    room.BAYES: [
        (lambda logs, prior: logs.softmax(1), "use the prior"),
        (lambda logs, prior: logs.exp() * prior, r"sum to 1 over the classes; at row \d it is"),
        (underflowing, "near -.* it is nan.*logarithms"),
        (lambda logs, prior: (logs + prior).softmax(1), r"it is not p\(x\|y\)·p\(y\)"),
        (lambda logs, prior: (logs + prior.log()).softmax(0), "sum to 1"),
    ],
    room.CORRUPT: [
        (Slip("(y + torch.randint(1, k,", "(0 * y + torch.randint(0, k,"), "by chance"),
        (lambda y, rate, k, rng: y + (rate > 0), r"classes it makes labels 1 to \d"),
        (lambda y, rate, k, rng: y, "is wrong"),
        (Slip("torch.randint(1, k, y.shape, generator=rng)", "1"), r"\d becomes \d"),
        (Slip("y.shape, generator=rng", "y.shape"), "draw all from rng"),
        (the_first_ones, r"of the first half 1.00 are wrong, of the second 0.\d\d; every label"),
        (mostly_the_next, r"equally likely: \d becomes \d with a share of 0.\d+, not 0."),
    ],
}
test_exercises = suite(room, CASES)
