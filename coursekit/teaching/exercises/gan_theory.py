"""Exercises of 02: each attempt is graded by what theory says of it, on fresh inputs."""

from collections.abc import Callable
from math import isclose, log
from typing import Any

import torch
from torch import Tensor

from coursekit.teaching.exercise import Exercise

Attempt = Callable[..., Any]


def _numbers(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _near(answer: Any, expected: Tensor, tolerance: float = 1e-9) -> bool:
    given = torch.as_tensor(answer, dtype=torch.float64)
    return given.shape == expected.shape and torch.allclose(given, expected, 0, tolerance)


# D* from log densities ------------------------------------------------------------------------


def _is_the_share_of_p(d_star: Attempt) -> str | None:
    p, q = _numbers(0.9, 0.2, 0.5), _numbers(0.3, 0.6, 0.5)
    if _near(d_star(p.log(), q.log()), q / (p + q)):
        return "it is high where q is large; D* is the probability that x is real, so p/(p + q)."
    right = _near(d_star(p.log(), q.log()), p / (p + q))
    return None if right else "where the densities are 0.9 and 0.3 it should be 0.75."


def _survives_underflow(d_star: Attempt) -> str | None:
    answer = d_star(_numbers(-800.0, -1e6), _numbers(-801.0, -1e6 + 2))
    right = _near(answer, torch.sigmoid(_numbers(1.0, -2.0)))
    return None if right else "at log p = −800 it fails: exp(−800) is 0; use only the difference."


def _is_sure_where_one_vanishes(d_star: Attempt) -> str | None:
    answer = d_star(_numbers(0.0, float("-inf")), _numbers(float("-inf"), 0.0))
    return None if _near(answer, _numbers(1, 0)) else "where q = 0 it should be 1, where p = 0, 0."


BEST_DISCRIMINATOR = Exercise(
    "D* from log densities",
    (_is_the_share_of_p, _survives_underflow, _is_sure_where_one_vanishes),
    (
        "Divide p/(p + q) by p above and below: which ratio is left?",
        "q/p = exp(log q − log p), and 1/(1 + exp(−s)) has a name.",
        "torch.sigmoid(log_p - log_q).",
    ),
)


# JS of two discrete distributions -------------------------------------------------------------

_P, _Q = _numbers(0.5, 0.5, 0.0, 0.0), _numbers(0.0, 0.25, 0.75, 0.0)


def _is_a_number(js: Attempt) -> str | None:
    answer = float(js(_P, _Q))
    return None if answer == answer else "a zero mass gives nan: 0 · log 0 counts as 0."


def _is_symmetric_and_zero_at_home(js: Attempt) -> str | None:
    if not isclose(float(js(_P, _Q)), float(js(_Q, _P)), abs_tol=1e-12):
        return "JS(p‖q) and JS(q‖p) differ; both are measured from the same m = (p + q)/2."
    same = isclose(float(js(_P, _P)), 0.0, abs_tol=1e-12)
    return None if same else "it is not 0 between a distribution and itself."


def _is_log_two_when_disjoint(js: Attempt) -> str | None:
    answer = float(js(_numbers(1.0, 0.0), _numbers(0.0, 1.0)))
    if isclose(answer, 1.0):
        return "that is in bits; this course counts in nats, so log 2 is the most it can be."
    return None if isclose(answer, log(2)) else "two distributions with no common atom have log 2."


def _agrees_with_entropies(js: Attempt) -> str | None:
    rng = torch.Generator().manual_seed(2)
    p, q = torch.rand(2, 7, generator=rng, dtype=torch.float64).softmax(1)
    entropy = torch.special.entr(torch.stack([(p + q) / 2, p, q])).sum(1)
    expected = float(entropy[0] - (entropy[1] + entropy[2]) / 2)
    right = isclose(float(js(p, q)), expected, rel_tol=1e-9)
    return None if right else "it differs from H(m) − ½H(p) − ½H(q) on random distributions."


JENSEN_SHANNON = Exercise(
    "JS of discrete distributions",
    (
        _is_a_number,
        _is_symmetric_and_zero_at_home,
        _is_log_two_when_disjoint,
        _agrees_with_entropies,
    ),
    (
        "Write m = (p + q)/2 first, then two KL divergences from m, half of each.",
        "Where p is 0 its term is 0, whatever the logarithm says.",
        "xlogy(p, p) - xlogy(p, m) from torch.special: 0·log 0 is 0 there, and no 0/0 occurs.",
    ),
)


# The slope of the non-saturating loss ---------------------------------------------------------


def _points_up(slope: Attempt) -> str | None:
    answer = torch.as_tensor(slope(_numbers(-3.0, 0.0, 3.0)))
    rising = bool((answer < 0).all())
    return None if rising else "a higher score must lower the loss, so the slope is negative."


def _is_strong_where_d_is_sure(slope: Attempt) -> str | None:
    low, high = torch.as_tensor(slope(_numbers(-20.0, 20.0))).abs()
    if low < high:
        return "it vanishes at D(G(z)) ≈ 0: that is the saturating loss log(1 − D)."
    return None if abs(float(low) - 1) < 1e-6 else "at D(G(z)) ≈ 0 its size should be 1."


def _is_the_derivative(slope: Attempt) -> str | None:
    s = torch.linspace(-30, 30, 41, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(-torch.nn.functional.logsigmoid(s).sum(), s)
    right = _near(slope(s.detach()), expected)
    return None if right else "autograd finds another derivative of −log sigmoid(s)."


GENERATOR_SLOPE = Exercise(
    "The slope of the non-saturating loss",
    (_points_up, _is_strong_where_d_is_sure, _is_the_derivative),
    (
        "Differentiate −log σ(s) with σ′ = σ(1 − σ).",
        "One factor σ cancels; what is left is written with D = σ(s) alone.",
        "−(1 − D) = −sigmoid(−s).",
    ),
)


# Extragradient --------------------------------------------------------------------------------


def _stays_at_rest(step: Attempt) -> str | None:
    x, y = step(0.0, 0.0, 0.3)
    return None if (float(x), float(y)) == (0.0, 0.0) else "(0, 0) is the equilibrium; stay there."


def _comes_closer(step: Attempt) -> str | None:
    x, y = step(1.0, 0.5, 0.3)
    before, after = 1.25, float(x) ** 2 + float(y) ** 2
    if after > before:
        return "it moves away from (0, 0), as simultaneous steps do."
    return None if after < before else "it neither approaches nor leaves (0, 0)."


def _is_one_step_with_the_gradient_ahead(step: Attempt) -> str | None:
    answer = torch.stack([torch.as_tensor(v, dtype=torch.float64) for v in step(1.0, 0.5, 0.3)])
    ahead_x, ahead_y = 1.0 - 0.3 * 0.5, 0.5 + 0.3 * 1.0
    right = _near(answer, _numbers(1.0 - 0.3 * ahead_y, 0.5 + 0.3 * ahead_x))
    return None if right else "take the gradient at the point ahead, but step from where you stand."


EXTRAGRADIENT = Exercise(
    "One extragradient step on xy",
    (_stays_at_rest, _comes_closer, _is_one_step_with_the_gradient_ahead),
    (
        "First find where a simultaneous step would lead; do not go there.",
        "The gradients of xy are y for x (which descends) and x for y (which ascends).",
        "a, b = x - rate * y, y + rate * x looks ahead; then x - rate * b, y + rate * a.",
    ),
)
