"""Exercises of 02: each attempt is graded by what theory says of it, on fresh inputs."""

from math import hypot, inf, isclose, log
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from coursekit.teaching.exercise import (
    Attempt,
    Exercise,
    RandomInputs,
    Wrong,
    close,
    describe_mismatch,
    number,
    tensor_like,
)


def d_star(log_p, log_q):
    return torch.sigmoid(log_p - log_q)


def js_of_masses(p, q):
    m = (p + q) / 2

    def kl_from_m(a):
        return (torch.special.xlogy(a, a) - torch.special.xlogy(a, m)).sum()

    return (kl_from_m(p) + kl_from_m(q)) / 2


def slope(s):
    return -torch.sigmoid(-s)


def step(x, y, rate):
    ahead_x, ahead_y = x - rate * y, y + rate * x
    return x - rate * ahead_y, y + rate * ahead_x


def _numbers(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


# D* from log densities ------------------------------------------------------------------------


def _is_the_share_of_p(d_star: Attempt, fresh: RandomInputs) -> str | None:
    p, q = fresh.uniform(0.05, 1, 2, 5)
    answer, wanted = tensor_like(d_star(p.log(), q.log()), p), p / (p + q)
    wrong = describe_mismatch(answer, wanted)
    if wrong and close(answer, 1 - wanted):
        return f"{wrong}: high where q is large; D* is the probability that x is real, p/(p + q)."
    i = int((answer - wanted).abs().argmax())
    return wrong and f"{wrong}: the densities there are {p[i]:.4g} and {q[i]:.4g}."


def _survives_underflow(d_star: Attempt, fresh: RandomInputs) -> str | None:
    log_p, gap = fresh.uniform(-1e5, -800, 4), fresh.uniform(-3, 3, 4)
    wrong = describe_mismatch(d_star(log_p, log_p - gap), torch.sigmoid(gap))
    return wrong and f"{wrong}: log p is −800 or less and exp(−800) is 0; use only the difference."


def _is_sure_where_one_vanishes(d_star: Attempt, fresh: RandomInputs) -> str | None:
    there = fresh.number(-3, 3)
    wrong = describe_mismatch(d_star(_numbers(there, -inf), _numbers(-inf, there)), _numbers(1, 0))
    return wrong and f"where q = 0 it should be 1, where p = 0, 0; {wrong}."


BEST_DISCRIMINATOR = Exercise(
    "D* from log densities",
    (_is_the_share_of_p, _survives_underflow, _is_sure_where_one_vanishes),
    (
        "Divide p/(p + q) by p above and below: which ratio is left?",
        "q/p = exp(log q − log p), and 1/(1 + exp(−s)) has a name.",
    ),
    d_star,
)

# JS of two discrete distributions -------------------------------------------------------------


def _with_zeros(fresh: RandomInputs) -> tuple[Tensor, Tensor]:
    """Two distributions on six atoms: one atom only p's, two only q's, one nobody's."""
    p, q = torch.zeros(2, 6, dtype=torch.float64)
    at = fresh.shuffled(torch.arange(6))
    p[at[:3]], q[at[1:5]] = fresh.masses(3), fresh.masses(4)
    return p, q


def _is_a_number(js: Attempt, fresh: RandomInputs) -> str | None:
    value = number(js(*_with_zeros(fresh)))
    return None if value == value else "a zero mass gives nan: 0 · log 0 counts as 0."


def _is_symmetric(js: Attempt, fresh: RandomInputs) -> str | None:
    p, q = _with_zeros(fresh)
    there, back, home = number(js(p, q)), number(js(q, p)), number(js(p, p))
    if not isclose(there, back, rel_tol=1e-6):
        return f"JS(p‖q) is {there:.4f} and JS(q‖p) {back:.4f}; both start from the same m."
    if isclose(home, 0, abs_tol=1e-6):
        return None
    return f"between a distribution and itself it is {home:.3g}, not 0."


def _is_log_two_when_disjoint(js: Attempt, fresh: RandomInputs) -> str | None:
    p, q, nothing = fresh.masses(3), fresh.masses(4), torch.zeros(4, dtype=torch.float64)
    value = number(js(torch.cat([p, nothing]), torch.cat([nothing[:3], q])))
    if isclose(value, 1):
        return "that is in bits; this course counts in nats, so log 2 is the most it can be."
    right = isclose(value, log(2), rel_tol=1e-6)
    return None if right else f"with no common atom it is {value:.4f}, not log 2 = {log(2):.4f}."


def _agrees_with_entropies(js: Attempt, fresh: RandomInputs) -> str | None:
    p, q = fresh.masses(7), fresh.masses(7)
    entropy = torch.special.entr(torch.stack([(p + q) / 2, p, q])).sum(1)
    wanted, value = float(entropy[0] - (entropy[1] + entropy[2]) / 2), number(js(p, q))
    right = isclose(value, wanted, rel_tol=1e-5, abs_tol=1e-6)
    return None if right else f"it is {value:.5f}, but H(m) − ½H(p) − ½H(q) is {wanted:.5f}."


JENSEN_SHANNON = Exercise(
    "JS of discrete distributions",
    (_is_a_number, _is_symmetric, _is_log_two_when_disjoint, _agrees_with_entropies),
    (
        "Write m = (p + q)/2 first, then two KL divergences from m, half of each.",
        "Where p is 0 its term is 0, whatever the logarithm says: torch.special.xlogy knows.",
    ),
    js_of_masses,
)

# The slope of the non-saturating loss ---------------------------------------------------------


def _points_up(slope: Attempt, fresh: RandomInputs) -> str | None:
    s = fresh.uniform(-4, 4, 5)
    answer = tensor_like(slope(s), s)
    if (answer < 0).all():
        return None
    i = int(answer.argmax())
    return f"at s = {s[i]:.2f} it is {answer[i]:.3g}; a higher score lowers the loss, so below 0."


def _is_strong_where_d_is_sure(slope: Attempt, fresh: RandomInputs) -> str | None:
    far = fresh.number(16, 30)
    s = _numbers(-far, far)
    low, high = tensor_like(slope(s), s).abs().tolist()
    if abs(low - 1) < 1e-6:
        return None
    verdict = f"at s = {-far:.1f}, where D is sure of a fake, its size is {low:.3g}, not 1"
    return f"{verdict}: the saturating loss log(1 − D)?" if low < high else f"{verdict}."


def _is_the_derivative(slope: Attempt, fresh: RandomInputs) -> str | None:
    s = fresh.uniform(-30, 30, 41)
    at = s.clone().requires_grad_(True)
    (wanted,) = torch.autograd.grad(-F.logsigmoid(at).sum(), at)
    answer = tensor_like(slope(s), s)
    wrong, i = describe_mismatch(answer, wanted), int((answer - wanted).abs().argmax())
    return wrong and f"{wrong}, which autograd finds for −log sigmoid(s) at s = {s[i]:.2f}."


GENERATOR_SLOPE = Exercise(
    "The slope of the non-saturating loss",
    (_points_up, _is_strong_where_d_is_sure, _is_the_derivative),
    (
        "Differentiate −log σ(s) with σ′ = σ(1 − σ).",
        "One factor σ cancels; what is left is written with D = σ(s) alone.",
    ),
    slope,
)

# Extragradient --------------------------------------------------------------------------------


def _pair(answer: Any) -> tuple[float, float]:
    try:
        x, y = map(number, answer)
    except (TypeError, ValueError):
        raise Wrong("the answer should be the new pair: x, y.") from None
    return x, y


def _stepped(step: Attempt, fresh: RandomInputs) -> tuple[float, float, float, float, float]:
    """Where the attempt stands, with which rate, and where its step leads."""
    x, y, rate = fresh.number(0.5, 2), fresh.number(0.5, 2), fresh.number(0.2, 0.5)
    return x, y, rate, *_pair(step(x, y, rate))


def _stays_at_rest(step: Attempt, fresh: RandomInputs) -> str | None:
    x, y = _pair(step(0.0, 0.0, fresh.number(0.2, 0.5)))
    return None if (x, y) == (0, 0) else f"(0, 0) is at rest; it goes to ({x:.3g}, {y:.3g})."


def _comes_closer(step: Attempt, fresh: RandomInputs) -> str | None:
    x, y, _, new_x, new_y = _stepped(step, fresh)
    before, after = hypot(x, y), hypot(new_x, new_y)
    if isclose(before, after):
        return "it neither approaches nor leaves (0, 0)."
    way = f"its distance from (0, 0) grows from {before:.4f} to {after:.4f}"
    return None if after < before else f"it moves away, as simultaneous steps do: {way}."


def _is_one_step_with_the_gradient_ahead(step: Attempt, fresh: RandomInputs) -> str | None:
    x, y, rate, new_x, new_y = _stepped(step, fresh)
    ahead_x, ahead_y = x - rate * y, y + rate * x
    wanted = x - rate * ahead_y, y + rate * ahead_x
    if isclose(new_x, wanted[0], abs_tol=1e-6) and isclose(new_y, wanted[1], abs_tol=1e-6):
        return None
    start = f"from ({x:.3f}, {y:.3f}) at rate {rate:.3f} it goes to ({new_x:.3f}, {new_y:.3f})"
    right = f"not ({wanted[0]:.3f}, {wanted[1]:.3f})"
    return f"{start}, {right}: take the gradient ahead, but step from where you stand."


EXTRAGRADIENT = Exercise(
    "One extragradient step on xy",
    (_stays_at_rest, _comes_closer, _is_one_step_with_the_gradient_ahead),
    (
        "First find where a simultaneous step would lead; do not go there.",
        "The gradients of xy are y for x (which descends) and x for y (which ascends).",
    ),
    step,
)
