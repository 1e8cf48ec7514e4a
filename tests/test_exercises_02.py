"""Wrong answers to the exercises of 02, and what the graders say of them."""

import math

import torch
from exercise_cases import suite
from torch.special import xlogy

from coursekit.teaching.exercises import gan_theory as room


def halves_of_kl(p, q):
    m = (p + q) / 2
    return [(xlogy(a, a) - xlogy(a, m)).sum() / 2 for a in (p, q)]


def ahead(x, y, rate):
    return x - rate * y, y + rate * x


def alternating(x, y, rate):
    x = x - rate * y
    return x, y + rate * x


def twice_ahead(x, y, rate):
    return ahead(*ahead(x, y, rate), rate)


def wrong_way(x, y, rate):
    a, b = x + rate * y, y - rate * x
    return x - rate * b, y + rate * a


def too_short(x, y, rate):
    a, b = ahead(x, y, rate / 2)
    return x - rate * b, y + rate * a


def nan_at_zero(p, q):
    return (p * (2 * p / (p + q)).log() + q * (2 * q / (p + q)).log()).sum() / 2


CASES = {
    room.BEST_DISCRIMINATOR: [
        (lambda log_p, log_q: torch.sigmoid(log_q - log_p), r"at entry \d it .*where q is large"),
        (lambda log_p, log_q: log_p.exp() / (log_p.exp() + log_q.exp()), r"exp\(−800\) is 0"),
        (lambda log_p, log_q: torch.exp(log_p - log_q), "the densities there"),
        (lambda log_p, log_q: torch.sigmoid(log_p.exp() - log_q.exp()), "the densities there"),
        (lambda log_p, log_q: log_p - log_q, "the densities there"),
        (lambda log_p, log_q: float(torch.sigmoid(log_p - log_q)[0]), "a tensor of shape"),
    ],
    room.JENSEN_SHANNON: [
        (nan_at_zero, "0 · log 0"),
        (lambda p, q: halves_of_kl(p, q)[0] - halves_of_kl(p, q)[1], "same m"),
        (lambda p, q: 2 * sum(halves_of_kl(p, q)), "not log 2"),
        (lambda p, q: 2 * halves_of_kl(p, q)[0], "same m"),
        (lambda p, q: sum(halves_of_kl(p, q)) / math.log(2), "in bits"),
        (lambda p, q: (p - q).abs().sum() / 2 * math.log(2), "½H"),
        (lambda p, q: sum(halves_of_kl(p, q)) + 1, "itself it is 1"),
    ],
    room.GENERATOR_SLOPE: [
        (lambda s: -torch.sigmoid(s), "the saturating loss"),
        (lambda s: torch.sigmoid(-s), "so below 0"),
        (lambda s: torch.nn.functional.softplus(-s), "so below 0"),
        (lambda s: -1 / torch.sigmoid(s), "its size is .*, not 1"),
        (lambda s: -torch.sigmoid(s) * torch.sigmoid(-s), "its size is .*, not 1"),
        (lambda s: -1 + 0 * s, "autograd finds"),
    ],
    room.EXTRAGRADIENT: [
        (ahead, "moves away"),
        (alternating, "moves away|step from where you stand"),
        (twice_ahead, "moves away"),
        (wrong_way, "moves away"),
        (too_short, "moves away"),
        (lambda x, y, rate: (x, y), "neither approaches"),
        (lambda x, y, rate: (x / 2, y / 2), "step from where you stand"),
        (lambda x, y, rate: x + y, "the new pair"),
    ],
}
test_exercises = suite(room, CASES)
