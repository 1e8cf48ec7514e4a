"""Exercises of 11: each attempt is graded by what it must do on fresh inputs."""

from math import isclose, log

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from coursekit.teaching.exercise import (
    Attempt,
    Exercise,
    RandomInputs,
    close,
    describe_mismatch,
    gradients_of,
    number,
    tensor_like,
)


def rate(mean, log_std):
    per_latent = 0.5 * (mean**2 + (2 * log_std).exp() - 1) - log_std
    return per_latent.sum(1).mean()


def iwae_bound(log_w):
    return (log_w.logsumexp(0) - log(len(log_w))).mean()


def free_bits(kl, floor):
    return kl.mean(0).clamp_min(floor).sum()


def quantise(z, codebook):
    nearest = torch.cdist(z.detach(), codebook.detach()).argmin(1)
    e = codebook[nearest]
    return z + (e - z).detach()


# The rate -------------------------------------------------------------------------------------

_Moments = tuple[Tensor, Tensor]


def _moments(fresh: RandomInputs) -> _Moments:
    n, d = fresh.integer(3, 6), fresh.integer(2, 5)
    return fresh.normal(n, d), 0.5 * fresh.normal(n, d)


def _exact(mean: Tensor, log_std: Tensor) -> Tensor:
    one = torch.ones((), dtype=torch.float64)
    return kl_divergence(Normal(mean, log_std.exp()), Normal(0 * one, one))


def _vanishes_at_the_prior(rate: Attempt, fresh: RandomInputs) -> str | None:
    zeros = torch.zeros(fresh.integer(2, 5), fresh.integer(2, 5), dtype=torch.float64)
    value = number(rate(zeros, zeros.clone()))
    hint = "; at σ = 1 the logarithm of σ is 0"
    return None if abs(value) < 1e-9 else f"where q is N(0, I) it is {value:.3f}, not 0{hint}."


def _is_the_kl(rate: Attempt, fresh: RandomInputs) -> str | None:
    mean, log_std = _moments(fresh)
    kl, value = _exact(mean, log_std), number(rate(mean, log_std))
    wanted = float(kl.sum(1).mean())
    if isclose(value, wanted, rel_tol=1e-5, abs_tol=1e-6):
        return None
    hints = {
        "it is averaged over the latents; sum over them": float(kl.mean()),
        "it is summed over the batch; average over it": float(kl.sum()),
        "the second argument is log σ, not log σ²": float(_exact(mean, log_std / 2).sum(1).mean()),
        "a factor ½ is missing or one too many": 2 * wanted,
    }
    said = [hint for hint, other in hints.items() if isclose(value, other, rel_tol=1e-6)]
    shown = f"it is {value:.4f}; KL(q ‖ N(0, I)) is {wanted:.4f}"
    return f"{shown}; {said[0]}." if said else f"{shown}."


def _takes_small_deviations(rate: Attempt, fresh: RandomInputs) -> str | None:
    far = fresh.integer(800, 2000)  # e^−800 is 0 in float64
    low = torch.full((1, 1), -far, dtype=torch.float64)
    value = number(rate(torch.zeros_like(low), low))
    right = isclose(value, far - 0.5, rel_tol=1e-6)
    said = f"with log σ = −{far} it is {value:g}, not {far - 0.5}"
    return None if right else f"{said}; use log σ as it is, not the logarithm of its exponential."


RATE = Exercise(
    "The rate of a Gaussian encoder",
    (_vanishes_at_the_prior, _is_the_kl, _takes_small_deviations),
    (
        "For one latent: ½(μ² + σ² − 1) − log σ.",
        "σ² is exp(2 log σ). Sum over latents (dimension 1), then average over the batch.",
    ),
    rate,
)


# The importance-weighted bound ----------------------------------------------------------------


def _is_the_log_of_the_mean(bound: Attempt, fresh: RandomInputs) -> str | None:
    log_w = 2 * fresh.normal(fresh.integer(3, 8), fresh.integer(4, 7))
    value, wanted = number(bound(log_w)), float(log_w.exp().mean(0).log().mean())
    if isclose(value, wanted, rel_tol=1e-5, abs_tol=1e-6):
        return None
    hints = {
        "that is the mean of the logarithms, the ELBO": float(log_w.mean()),
        "log k is missing: a mean, not a sum": float(log_w.logsumexp(0).mean()),
        "the draws of all images are mixed": float(log_w.exp().mean().log()),
        "the mean is over images; draws are dimension 0": float(log_w.exp().mean(1).log().mean()),
    }
    said = [hint for hint, other in hints.items() if isclose(value, other, rel_tol=1e-6)]
    shown = f"it is {value:.4f}; the mean over images of log mean w is {wanted:.4f}"
    return f"{shown}; {said[0]}." if said else f"{shown}."


def _is_the_elbo_for_one_draw(bound: Attempt, fresh: RandomInputs) -> str | None:
    log_w = fresh.normal(1, fresh.integer(3, 6))
    value, wanted = number(bound(log_w)), float(log_w.mean())
    right = isclose(value, wanted, rel_tol=1e-5, abs_tol=1e-6)
    return None if right else f"with one draw it is {value:.4f}, not the ELBO {wanted:.4f}."


def _survives_log_weights_of_images(bound: Attempt, fresh: RandomInputs) -> str | None:
    near, base = fresh.normal(5, 3), fresh.number(-3000, -1000)
    value = number(bound(near + base))
    wanted = base + float(near.exp().mean(0).log().mean())
    right = isclose(value, wanted, abs_tol=2e-3, rel_tol=0)  # float32 may be used
    return None if right else f"on weights near e^{base:.0f} it gives {value:g}; use logsumexp."


IWAE_BOUND = Exercise(
    "The bound from k importance weights",
    (_is_the_log_of_the_mean, _is_the_elbo_for_one_draw, _survives_log_weights_of_images),
    (
        "The mean over the k draws stands inside the logarithm, the mean over images outside.",
        "log mean w = logsumexp(log w) − log k, over dimension 0.",
    ),
    iwae_bound,
)


# Free bits ------------------------------------------------------------------------------------


def _is_the_rate_above_the_floor(free: Attempt, fresh: RandomInputs) -> str | None:
    kl = fresh.uniform(1, 3, fresh.integer(3, 6), fresh.integer(2, 5))
    value, wanted = number(free(kl, 0.5)), float(kl.mean(0).sum())
    right = isclose(value, wanted, rel_tol=1e-5, abs_tol=1e-6)
    said = f"where each latent carries more than the floor it is {value:.4f}, not {wanted:.4f}"
    return None if right else f"{said}, the plain rate."


def _counts_the_floor_below_it(free: Attempt, fresh: RandomInputs) -> str | None:
    kl = fresh.uniform(0.2, 1.8, 8, 5)
    floor = float(kl.mean(0).sort().values[2]) + 1e-3
    value, wanted = number(free(kl, floor)), float(kl.mean(0).clamp_min(floor).sum())
    if isclose(value, wanted, rel_tol=1e-5, abs_tol=1e-6):
        return None
    hints = {
        "the floor is for the average over the batch, not for each example": float(
            kl.clamp_min(floor).mean(0).sum()
        ),
        "each latent has a floor of its own, not their sum": max(
            float(kl.mean(0).sum()), floor * kl.shape[1]
        ),
        "subtracting the floor is another objective": float(
            (kl.mean(0) - floor).clamp_min(0).sum()
        ),
    }
    said = [hint for hint, other in hints.items() if isclose(value, other, rel_tol=1e-6)]
    shown = f"with floor {floor:.3f} it is {value:.4f}, not {wanted:.4f}"
    return f"{shown}; {said[0]}." if said else f"{shown}."


def _leaves_poor_latents_alone(free: Attempt, fresh: RandomInputs) -> str | None:
    kl = fresh.uniform(0.1, 0.4, 6, 3)
    kl[:, 1] += 2
    kl.requires_grad_()
    (slope,) = gradients_of(free(kl, 1.0), kl, who="kl")
    poor, rich = float(slope[:, [0, 2]].abs().max()), float(slope[:, 1].sum())
    if poor > 1e-9:
        return f"a latent below the floor still has a gradient of {poor:.3f}; it should have none."
    right = isclose(rich, 1, rel_tol=1e-6)
    return None if right else f"a latent above the floor has the slope {rich:.3f}, not 1."


FREE_BITS = Exercise(
    "Free bits",
    (_is_the_rate_above_the_floor, _counts_the_floor_below_it, _leaves_poor_latents_alone),
    (
        "Average over the batch first; then compare each latent with the floor.",
        "`clamp_min` has a gradient only above its bound.",
    ),
    free_bits,
)


# Straight through -----------------------------------------------------------------------------


def _codes(fresh: RandomInputs) -> tuple[Tensor, Tensor]:
    d = fresh.integer(2, 4)
    return fresh.normal(7, d), fresh.normal(fresh.integer(4, 6), d)


def _gives_the_nearest_code(quantise: Attempt, fresh: RandomInputs) -> str | None:
    z, codebook = _codes(fresh)
    distances = (z[:, None] - codebook).square().sum(2)
    answer = tensor_like(quantise(z, codebook), z)
    if close(answer, codebook[(z @ codebook.T).argmax(1)]):
        return "it takes the code of the largest inner product, not the nearest one."
    wrong = describe_mismatch(answer, codebook[distances.argmin(1)])
    return wrong and f"it is not the nearest code vector: {wrong}."


def _passes_the_gradient_on(quantise: Attempt, fresh: RandomInputs) -> str | None:
    z, codebook = _codes(fresh)
    weight = fresh.normal(*z.shape)
    z.requires_grad_()
    answer = quantise(z, codebook)
    tensor_like(answer, z)
    if not answer.requires_grad:
        return "no gradient reaches z: rounding has none, so it must be passed around it."
    (slope,) = gradients_of((weight * answer).sum(), z, who="z")
    wrong = describe_mismatch(slope, weight)
    return wrong and f"the gradient does not pass as through the identity: {wrong}."


def _leaves_the_codebook_to_its_own_term(quantise: Attempt, fresh: RandomInputs) -> str | None:
    z, codebook = _codes(fresh)
    z.requires_grad_()
    codebook.requires_grad_()
    (slope,) = gradients_of(quantise(z, codebook).sum(), codebook, who="z")
    far = float(slope.abs().max())
    hint = "the codebook learns by ‖sg[z] − e‖², not through the decoder"
    return None if far < 1e-9 else f"the codebook has a gradient of {far:.3f} here; {hint}."


QUANTISE = Exercise(
    "Rounding with a straight-through gradient",
    (
        _gives_the_nearest_code,
        _passes_the_gradient_on,
        _leaves_the_codebook_to_its_own_term,
    ),
    (
        "`torch.cdist(z, codebook).argmin(1)` says which code vector is nearest.",
        "z + (e − z).detach() has the value of e and the gradient of z.",
    ),
    quantise,
)
