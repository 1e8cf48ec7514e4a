"""Exercises of 03: each attempt is graded by what it must do on fresh inputs."""

from math import isclose, log

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.teaching.exercise import (
    Attempt,
    Exercise,
    RandomInputs,
    close,
    describe_mismatch,
    gradients_of,
    number,
)


def generator_loss(scores):
    return F.softplus(-scores).mean()


def critic_loss(G, D, x, z):
    fake = G(z).detach()
    return F.softplus(-D(x)).mean() + F.softplus(D(fake)).mean()


def my_slerp(a, b, t):
    cosine = (a @ b / (a.norm() * b.norm())).clamp(-1, 1)
    angle = torch.arccos(cosine)
    if angle < 1e-6:
        return (1 - t) * a + t * b
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


def frechet_line(a, b):
    return (a.mean() - b.mean()) ** 2 + (a.std() - b.std()) ** 2


# Spherical interpolation ----------------------------------------------------------------------


def _arc(fresh: RandomInputs) -> tuple[Tensor, Tensor, float, float]:
    """Two vectors of one length in a random plane; that length, and the angle between them."""
    u, v = torch.linalg.qr(fresh.normal(fresh.integer(3, 8), 2)).Q.T
    length, angle = fresh.number(1, 5), fresh.uniform(0.8, 2.4, 1)
    return length * u, length * (angle.cos() * u + angle.sin() * v), length, float(angle)


def _begins_and_ends(slerp: Attempt, fresh: RandomInputs) -> str | None:
    a, b, _, _ = _arc(fresh)
    for t, end, name in ((0.0, a, "a"), (1.0, b, "b")):
        if wrong := describe_mismatch(slerp(a, b, t), end):
            return f"at t = {t:g} it should be {name}; {wrong}."
    return None


def _keeps_the_length(slerp: Attempt, fresh: RandomInputs) -> str | None:
    a, b, wanted, _ = _arc(fresh)
    t = fresh.number(0.3, 0.7)
    length = float(slerp(a, b, t).norm())
    if isclose(length, wanted, rel_tol=1e-6):
        return None
    return f"at t = {t:.2f} between two vectors of length {wanted:.3f} its length is {length:.3f}."


def _walks_at_even_speed(slerp: Attempt, fresh: RandomInputs) -> str | None:
    a, b, length, angle = _arc(fresh)
    t = fresh.number(0.15, 0.35)
    turned = float(torch.arccos(slerp(a, b, t) @ a / length**2))
    if isclose(turned, t * angle, rel_tol=1e-6):
        return None
    whole = f"of an angle of {angle:.3f} it should be {t * angle:.3f}"
    return f"at t = {t:.2f} it has turned by {turned:.3f}; {whole}."


def _copes_with_no_angle(slerp: Attempt, fresh: RandomInputs) -> str | None:
    a = torch.zeros(4, dtype=torch.float64)
    a[fresh.integer(0, 3)] = fresh.integer(2, 9)  # on an axis the cosine is 1 without rounding
    wrong = describe_mismatch(slerp(a, a.clone(), fresh.number(0.2, 0.8)), a)
    return wrong and f"between a vector and itself it should stay there; {wrong}."


SLERP = Exercise(
    "Spherical interpolation",
    (_begins_and_ends, _keeps_the_length, _walks_at_even_speed, _copes_with_no_angle),
    (
        "Find the angle ω between a and b from their cosine.",
        "(sin((1 − t)ω)·a + sin(tω)·b) / sin ω. What if sin ω is 0?",
    ),
    my_slerp,
)


# The Fréchet distance on a line ---------------------------------------------------------------


def _sees_a_shift(distance: Attempt, fresh: RandomInputs) -> str | None:
    x, shift = fresh.normal(fresh.integer(50, 100)), fresh.number(2, 4)
    value = number(distance(x, x + shift))
    right = isclose(value, shift**2, rel_tol=1e-6)
    return None if right else f"a shift by {shift:.3f} gives {value:.3f}, not {shift**2:.3f}."


def _sees_a_width(distance: Attempt, fresh: RandomInputs) -> str | None:
    n, factor = fresh.integer(50, 100), fresh.number(2, 4)
    x = fresh.normal(n)
    x = (x - x.mean()) / x.std()
    value, wanted = number(distance(x, factor * x)), (factor - 1) ** 2
    if any(isclose(value, wanted * share, rel_tol=1e-6) for share in (1, (n - 1) / n)):
        return None  # a deviation may divide by n − 1 or by n
    found = f"from σ = 1 to σ = {factor:.3f} it is {value:.3f}, not {wanted:.3f}"
    return f"{found}; compare standard deviations, not variances."


def _is_symmetric(distance: Attempt, fresh: RandomInputs) -> str | None:
    a, b = fresh.normal(50), fresh.number(2, 3) * fresh.normal(70)
    there, back = number(distance(a, b)), number(distance(b, a))
    right = isclose(there, back, rel_tol=1e-6)
    return None if right else f"it is not symmetric: {there:.3f} one way, {back:.3f} the other."


FRECHET_LINE = Exercise(
    "The Fréchet distance on a line",
    (_sees_a_shift, _sees_a_width, _is_symmetric),
    ("In one dimension Σ is σ², and (σₐ²σ_b²)^½ is σₐσ_b.", "σₐ² + σ_b² − 2σₐσ_b is a square."),
    frechet_line,
)


def _scores(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


# The generator's loss -------------------------------------------------------------------------


def _is_log_2_when_d_cannot_tell(loss: Attempt, fresh: RandomInputs) -> str | None:
    value = number(loss(torch.zeros(fresh.integer(2, 6), dtype=torch.float64)))
    if isclose(value, log(2), rel_tol=1e-6):
        return None
    return f"at scores 0, where D = ½, it is {value:.3f}, not log 2 = {log(2):.3f}."


def _rewards_fooling_d(loss: Attempt, fresh: RandomInputs) -> str | None:
    score = fresh.number(1, 4)
    fooled, caught = number(loss(_scores(score))), number(loss(_scores(-score)))
    if fooled < caught:
        return None
    seen = f"at score {score:.2f} it is {fooled:.3f}, at {-score:.2f} it is {caught:.3f}"
    return f"{seen}: lower where D is sure of a fake, and G minimises it."


def _does_not_saturate(loss: Attempt, fresh: RandomInputs) -> str | None:
    scores = _scores(-fresh.number(16, 30)).requires_grad_(True)
    (slope,) = gradients_of(loss(scores), scores, who="the scores")
    if isclose(float(slope), -1, rel_tol=1e-6):
        return None
    return f"at score {scores.item():.1f}, a fake to D, its slope should be −1, not {slope[0]:.3g}."


def _survives_far_scores(loss: Attempt, fresh: RandomInputs) -> str | None:
    far = fresh.integer(1000, 5000)
    value = number(loss(_scores(-far, far)))
    right = isclose(value, far / 2, rel_tol=1e-6)
    hint = "take log σ in one function"
    return None if right else f"on scores ±{far} it gives {value:g}, not {far / 2:g}; {hint}."


def _agrees_with_the_formula(loss: Attempt, fresh: RandomInputs) -> str | None:
    scores = 3 * fresh.normal(fresh.integer(3, 8))
    wanted, value = float(-scores.sigmoid().log().mean()), number(loss(scores))
    right = isclose(value, wanted, rel_tol=1e-6)
    return None if right else f"it is {value:.4f}, and the mean of −log D(G(z)) is {wanted:.4f}."


GENERATOR_LOSS = Exercise(
    "The non-saturating loss of G",
    (
        _is_log_2_when_d_cannot_tell,
        _rewards_fooling_d,
        _does_not_saturate,
        _survives_far_scores,
        _agrees_with_the_formula,
    ),
    (
        "G maximises log D(G(z)); a loss is minimised. Average over the batch.",
        "σ(−1000) is 0 in floating point: −log σ(s) = log(1 + e^−s) has a function of its own.",
    ),
    generator_loss,
)


# The critic's loss ----------------------------------------------------------------------------


def _table(fresh: RandomInputs) -> tuple[nn.Module, nn.Module, Tensor, Tensor]:
    """A tiny game: G, D, real points and noise."""
    G, D = nn.Linear(2, 3).double(), nn.Sequential(nn.Linear(3, 1), nn.Flatten(0)).double()
    for parameter in [*G.parameters(), *D.parameters()]:
        nn.init.normal_(parameter, std=0.7, generator=fresh.rng)
    n = fresh.integer(4, 8)
    return G, D, fresh.normal(n, 3), fresh.normal(n, 2)


def _separates_real_from_fake(loss: Attempt, fresh: RandomInputs) -> str | None:
    G, D, x, z = _table(fresh)
    with torch.no_grad():
        real, fake = D(x), D(G(z))
    wanted = float(F.softplus(-real).mean() + F.softplus(fake).mean())
    value = number(loss(G, D, x, z))
    if isclose(value, wanted, rel_tol=1e-6):
        return None
    if isclose(value, float(F.softplus(real).mean() + F.softplus(-fake).mean()), rel_tol=1e-6):
        return "it rewards D for calling fakes real; real wants high scores, fake low ones."
    return f"it is {value:.4f}, and −mean log D(x) − mean log(1 − D(G(z))) is {wanted:.4f}."


def _teaches_d(loss: Attempt, fresh: RandomInputs) -> str | None:
    G, D, x, z = _table(fresh)
    weights = list(D.parameters())
    right = F.softplus(-D(x)).mean() + F.softplus(D(G(z).detach())).mean()
    *_, wanted = gradients_of(right, *weights, who="D")
    *_, mine = gradients_of(loss(G, D, x, z), *weights, who="D")
    if close(mine, wanted):
        return None
    felt = f"its bias feels a slope of {float(mine):.3f}, not {float(wanted):.3f}"
    return f"D does not learn from both terms, {felt}; detach the fake images, not the scores."


def _leaves_g_alone(loss: Attempt, fresh: RandomInputs) -> str | None:
    G, D, x, z = _table(fresh)
    loss(G, D, x, z).backward()
    leak = max(float(p.grad.abs().max()) if p.grad is not None else 0.0 for p in G.parameters())
    why = "which would learn to be caught; detach"
    return f"a gradient of up to {leak:.2g} reaches G, {why}." if leak else None


CRITIC_LOSS = Exercise(
    "The discriminator's loss, without a leak",
    (_separates_real_from_fake, _teaches_d, _leaves_g_alone),
    (
        "Two terms: scores of real images and scores of fakes, each averaged.",
        "Fakes made under torch.no_grad(), or G(z).detach(), carry no graph back to G.",
    ),
    critic_loss,
)
