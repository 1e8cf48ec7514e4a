"""Exercises of 03: each attempt is graded by what it must do on fresh inputs."""

from collections.abc import Callable
from math import isclose, log, pi
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.teaching.exercise import Exercise

Attempt = Callable[..., Any]


def _scores(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


# The generator's loss -------------------------------------------------------------------------


def _is_log_2_when_d_cannot_tell(loss: Attempt) -> str | None:
    value = float(loss(_scores(0.0, 0.0)))
    return (
        None
        if isclose(value, log(2))
        else f"at scores 0, where D = ½, it is {value:.3f}, not log 2."
    )


def _rewards_fooling_d(loss: Attempt) -> str | None:
    fooled, caught = float(loss(_scores(3.0))), float(loss(_scores(-3.0)))
    return None if fooled < caught else "it is lower where D is sure of a fake; G minimises it."


def _does_not_saturate(loss: Attempt) -> str | None:
    scores = _scores(-20.0).requires_grad_(True)
    (slope,) = torch.autograd.grad(loss(scores), scores)
    live = isclose(float(slope), -1, rel_tol=1e-6)
    return None if live else "where D is sure of a fake (score −20) its slope should be −1."


def _survives_far_scores(loss: Attempt) -> str | None:
    value = float(loss(_scores(-1000.0, 1000.0)))
    right = isclose(value, 500, rel_tol=1e-9)
    return None if right else f"on scores ±1000 it gives {value}; take log σ in one function."


GENERATOR_LOSS = Exercise(
    "The non-saturating loss of G",
    (_is_log_2_when_d_cannot_tell, _rewards_fooling_d, _does_not_saturate, _survives_far_scores),
    (
        "G maximises log D(G(z)); a loss is minimised. Average over the batch.",
        "D = σ(score), and σ(−1000) is 0 in floating point: do not take its log afterwards.",
        "−log σ(s) is softplus(−s), in torch.nn.functional.",
    ),
)


# The critic's loss ----------------------------------------------------------------------------


def _table() -> tuple[nn.Module, nn.Module, Tensor, Tensor]:
    """A tiny game: G, D, real points and noise."""
    rng = torch.Generator().manual_seed(11)
    G, D = nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 1), nn.Flatten(0))
    for parameter in [*G.parameters(), *D.parameters()]:
        nn.init.normal_(parameter, generator=rng)
    return G, D, torch.randn(5, 3, generator=rng), torch.randn(5, 2, generator=rng)


def _separates_real_from_fake(loss: Attempt) -> str | None:
    G, D, x, z = _table()
    with torch.no_grad():
        real, fake = D(x), D(G(z))
        wanted = -real.sigmoid().log().mean() - (1 - fake.sigmoid()).log().mean()
        swapped = -fake.sigmoid().log().mean() - (1 - real.sigmoid()).log().mean()
    value = float(torch.as_tensor(loss(G, D, x, z)).detach())
    if isclose(value, float(swapped), rel_tol=1e-4):
        return "it rewards D for calling fakes real; real wants high scores, fake low ones."
    right = isclose(value, float(wanted), rel_tol=1e-4)
    return None if right else "it is not −mean log D(x) − mean log(1 − D(G(z)))."


def _teaches_d(loss: Attempt) -> str | None:
    G, D, x, z = _table()
    loss(G, D, x, z).backward()
    taught = all(p.grad is not None for p in D.parameters())
    return (
        None if taught else "its gradient does not reach D; detach the fake images, not the scores."
    )


def _leaves_g_alone(loss: Attempt) -> str | None:
    G, D, x, z = _table()
    loss(G, D, x, z).backward()
    leaked = any(p.grad is not None and bool(p.grad.any()) for p in G.parameters())
    return "its gradient reaches G, which would learn to be caught; detach." if leaked else None


CRITIC_LOSS = Exercise(
    "The critic's loss, without a leak",
    (_separates_real_from_fake, _teaches_d, _leaves_g_alone),
    (
        "Two terms: scores of real images and scores of fakes, each averaged.",
        "Fakes made under torch.no_grad(), or G(z).detach(), carry no graph back to G.",
        "softplus(-D(x)).mean() + softplus(D(fake)).mean().",
    ),
)


# Spherical interpolation ----------------------------------------------------------------------

_A = torch.tensor([3.0, 0.0, 0.0], dtype=torch.float64)
_B = torch.tensor([0.0, 3.0, 0.0], dtype=torch.float64)


def _begins_and_ends(slerp: Attempt) -> str | None:
    ends = torch.allclose(slerp(_A, _B, 0.0), _A) and torch.allclose(slerp(_A, _B, 1.0), _B)
    return None if ends else "at t = 0 it should be a, at t = 1 it should be b."


def _keeps_the_length(slerp: Attempt) -> str | None:
    length = float(slerp(_A, _B, 0.5).norm())
    good = isclose(length, 3)
    return None if good else f"half-way between two vectors of length 3 its length is {length:.3f}."


def _walks_at_even_speed(slerp: Attempt) -> str | None:
    at = slerp(_A, _B, 0.25)
    angle = float(torch.atan2(at[1], at[0]))
    even = isclose(angle, pi / 8, rel_tol=1e-6)
    return None if even else "a quarter of the way it should have turned by a quarter of the angle."


def _copes_with_no_angle(slerp: Attempt) -> str | None:
    same = slerp(_A, _A.clone(), 0.3)
    return None if torch.allclose(same, _A) else "between a vector and itself it should stay there."


SLERP = Exercise(
    "Spherical interpolation",
    (_begins_and_ends, _keeps_the_length, _walks_at_even_speed, _copes_with_no_angle),
    (
        "Find the angle ω between a and b from their cosine.",
        "(sin((1 − t)ω)·a + sin(tω)·b) / sin ω. What if sin ω is 0?",
        "Clamp the cosine to [−1, 1]; where sin ω is tiny, the straight line is right.",
    ),
)


# The Fréchet distance on a line ---------------------------------------------------------------


def _sees_a_shift(distance: Attempt) -> str | None:
    x = torch.randn(100, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    value = float(distance(x, x + 3))
    return (
        None if isclose(value, 9, rel_tol=1e-6) else f"after a shift by 3 it is {value:.3f}, not 9."
    )


def _sees_a_width(distance: Attempt) -> str | None:
    x = torch.randn(100, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    x = (x - x.mean()) / x.std()
    value = float(distance(x, 3 * x))
    hint = "compare standard deviations, not variances"
    return (
        None
        if isclose(value, 4, rel_tol=1e-6)
        else f"from σ = 1 to σ = 3 it is {value:.3f}; {hint}."
    )


def _is_symmetric(distance: Attempt) -> str | None:
    rng = torch.Generator().manual_seed(3)
    a, b = torch.randn(50, generator=rng), 2 * torch.randn(70, generator=rng)
    return None if isclose(distance(a, b), distance(b, a), rel_tol=1e-4) else "it is not symmetric."


FRECHET_LINE = Exercise(
    "The Fréchet distance on a line",
    (_sees_a_shift, _sees_a_width, _is_symmetric),
    (
        "In one dimension Σ is σ², and (σₐ²σ_b²)^½ is σₐσ_b.",
        "σₐ² + σ_b² − 2σₐσ_b is a square.",
        "(a.mean() - b.mean())**2 + (a.std() - b.std())**2.",
    ),
)
