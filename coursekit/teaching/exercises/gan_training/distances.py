"""The exercises of 03 on distances: the way between two vectors, and between two samples."""

from math import isclose

import torch
from torch import Tensor

from coursekit.teaching.exercise import Exercise
from coursekit.teaching.grading import Attempt, Fresh, miss, number
from coursekit.teaching.solutions import gan_training as worked

# Spherical interpolation ----------------------------------------------------------------------


def _arc(fresh: Fresh) -> tuple[Tensor, Tensor, float, float]:
    """Two vectors of one length in a random plane; that length, and the angle between them."""
    u, v = torch.linalg.qr(fresh.normal(fresh.integer(3, 8), 2)).Q.T
    length, angle = fresh.number(1, 5), fresh.uniform(0.8, 2.4, 1)
    return length * u, length * (angle.cos() * u + angle.sin() * v), length, float(angle)


def _begins_and_ends(slerp: Attempt, fresh: Fresh) -> str | None:
    a, b, _, _ = _arc(fresh)
    for t, end, name in ((0.0, a, "a"), (1.0, b, "b")):
        if wrong := miss(slerp(a, b, t), end):
            return f"at t = {t:g} it should be {name}; {wrong}."
    return None


def _keeps_the_length(slerp: Attempt, fresh: Fresh) -> str | None:
    a, b, wanted, _ = _arc(fresh)
    t = fresh.number(0.3, 0.7)
    length = float(slerp(a, b, t).norm())
    if isclose(length, wanted, rel_tol=1e-6):
        return None
    return f"at t = {t:.2f} between two vectors of length {wanted:.3f} its length is {length:.3f}."


def _walks_at_even_speed(slerp: Attempt, fresh: Fresh) -> str | None:
    a, b, length, angle = _arc(fresh)
    t = fresh.number(0.15, 0.35)
    turned = float(torch.arccos(slerp(a, b, t) @ a / length**2))
    if isclose(turned, t * angle, rel_tol=1e-6):
        return None
    whole = f"of an angle of {angle:.3f} it should be {t * angle:.3f}"
    return f"at t = {t:.2f} it has turned by {turned:.3f}; {whole}."


def _copes_with_no_angle(slerp: Attempt, fresh: Fresh) -> str | None:
    a = torch.zeros(4, dtype=torch.float64)
    a[fresh.integer(0, 3)] = fresh.integer(2, 9)  # on an axis the cosine is 1 without rounding
    wrong = miss(slerp(a, a.clone(), fresh.number(0.2, 0.8)), a)
    return wrong and f"between a vector and itself it should stay there; {wrong}."


SLERP = Exercise(
    "Spherical interpolation",
    (_begins_and_ends, _keeps_the_length, _walks_at_even_speed, _copes_with_no_angle),
    (
        "Find the angle ω between a and b from their cosine.",
        "(sin((1 − t)ω)·a + sin(tω)·b) / sin ω. What if sin ω is 0?",
    ),
    worked.my_slerp,
)


# The Fréchet distance on a line ---------------------------------------------------------------


def _sees_a_shift(distance: Attempt, fresh: Fresh) -> str | None:
    x, shift = fresh.normal(fresh.integer(50, 100)), fresh.number(2, 4)
    value = number(distance(x, x + shift))
    right = isclose(value, shift**2, rel_tol=1e-6)
    return None if right else f"a shift by {shift:.3f} gives {value:.3f}, not {shift**2:.3f}."


def _sees_a_width(distance: Attempt, fresh: Fresh) -> str | None:
    n, factor = fresh.integer(50, 100), fresh.number(2, 4)
    x = fresh.normal(n)
    x = (x - x.mean()) / x.std()
    value, wanted = number(distance(x, factor * x)), (factor - 1) ** 2
    if any(isclose(value, wanted * share, rel_tol=1e-6) for share in (1, (n - 1) / n)):
        return None  # a deviation may divide by n − 1 or by n
    found = f"from σ = 1 to σ = {factor:.3f} it is {value:.3f}, not {wanted:.3f}"
    return f"{found}; compare standard deviations, not variances."


def _is_symmetric(distance: Attempt, fresh: Fresh) -> str | None:
    a, b = fresh.normal(50), fresh.number(2, 3) * fresh.normal(70)
    there, back = number(distance(a, b)), number(distance(b, a))
    right = isclose(there, back, rel_tol=1e-6)
    return None if right else f"it is not symmetric: {there:.3f} one way, {back:.3f} the other."


FRECHET_LINE = Exercise(
    "The Fréchet distance on a line",
    (_sees_a_shift, _sees_a_width, _is_symmetric),
    (
        "In one dimension Σ is σ², and (σₐ²σ_b²)^½ is σₐσ_b.",
        "σₐ² + σ_b² − 2σₐσ_b is a square.",
    ),
    worked.frechet_line,
)
