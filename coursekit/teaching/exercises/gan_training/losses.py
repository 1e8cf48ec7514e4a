"""The exercises of 03 on losses: what G and D minimise."""

from math import isclose, log

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.teaching.exercise import Exercise
from coursekit.teaching.grading import Attempt, Fresh, close, number, slopes
from coursekit.teaching.solutions import gan_training as worked


def _scores(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


# The generator's loss -------------------------------------------------------------------------


def _is_log_2_when_d_cannot_tell(loss: Attempt, fresh: Fresh) -> str | None:
    value = number(loss(torch.zeros(fresh.integer(2, 6), dtype=torch.float64)))
    if isclose(value, log(2), rel_tol=1e-6):
        return None
    return f"at scores 0, where D = ½, it is {value:.3f}, not log 2 = {log(2):.3f}."


def _rewards_fooling_d(loss: Attempt, fresh: Fresh) -> str | None:
    score = fresh.number(1, 4)
    fooled, caught = number(loss(_scores(score))), number(loss(_scores(-score)))
    if fooled < caught:
        return None
    seen = f"at score {score:.2f} it is {fooled:.3f}, at {-score:.2f} it is {caught:.3f}"
    return f"{seen}: lower where D is sure of a fake, and G minimises it."


def _does_not_saturate(loss: Attempt, fresh: Fresh) -> str | None:
    scores = _scores(-fresh.number(16, 30)).requires_grad_(True)
    (slope,) = slopes(loss(scores), scores, who="the scores")
    if isclose(float(slope), -1, rel_tol=1e-6):
        return None
    return f"at score {scores.item():.1f}, a fake to D, its slope should be −1, not {slope[0]:.3g}."


def _survives_far_scores(loss: Attempt, fresh: Fresh) -> str | None:
    far = fresh.integer(1000, 5000)
    value = number(loss(_scores(-far, far)))
    right = isclose(value, far / 2, rel_tol=1e-6)
    hint = "take log σ in one function"
    return None if right else f"on scores ±{far} it gives {value:g}, not {far / 2:g}; {hint}."


def _agrees_with_the_formula(loss: Attempt, fresh: Fresh) -> str | None:
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
    worked.generator_loss,
)


# The critic's loss ----------------------------------------------------------------------------


def _table(fresh: Fresh) -> tuple[nn.Module, nn.Module, Tensor, Tensor]:
    """A tiny game: G, D, real points and noise."""
    G, D = nn.Linear(2, 3).double(), nn.Sequential(nn.Linear(3, 1), nn.Flatten(0)).double()
    for parameter in [*G.parameters(), *D.parameters()]:
        nn.init.normal_(parameter, std=0.7, generator=fresh.rng)
    n = fresh.integer(4, 8)
    return G, D, fresh.normal(n, 3), fresh.normal(n, 2)


def _separates_real_from_fake(loss: Attempt, fresh: Fresh) -> str | None:
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


def _teaches_d(loss: Attempt, fresh: Fresh) -> str | None:
    G, D, x, z = _table(fresh)
    weights = list(D.parameters())
    right = F.softplus(-D(x)).mean() + F.softplus(D(G(z).detach())).mean()
    *_, wanted = slopes(right, *weights, who="D")
    *_, mine = slopes(loss(G, D, x, z), *weights, who="D")
    if close(mine, wanted):
        return None
    felt = f"its bias feels a slope of {float(mine):.3f}, not {float(wanted):.3f}"
    return f"D does not learn from both terms, {felt}; detach the fake images, not the scores."


def _leaves_g_alone(loss: Attempt, fresh: Fresh) -> str | None:
    G, D, x, z = _table(fresh)
    loss(G, D, x, z).backward()
    leak = max(float(p.grad.abs().max()) if p.grad is not None else 0.0 for p in G.parameters())
    why = "which would learn to be caught; detach"
    return f"a gradient of up to {leak:.2g} reaches G, {why}." if leak else None


CRITIC_LOSS = Exercise(
    "The critic's loss, without a leak",
    (_separates_real_from_fake, _teaches_d, _leaves_g_alone),
    (
        "Two terms: scores of real images and scores of fakes, each averaged.",
        "Fakes made under torch.no_grad(), or G(z).detach(), carry no graph back to G.",
    ),
    worked.critic_loss,
)
