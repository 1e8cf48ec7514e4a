"""Exercises of 14: each attempt is graded by what it must do on fresh inputs."""

import torch
from torch import Tensor

from coursekit.teaching.exercise import (
    Attempt,
    Exercise,
    RandomInputs,
    describe_mismatch,
    tensor_like,
)


def noisy(x, alpha_bar, t, eps):
    signal = alpha_bar[t][:, None]
    return signal.sqrt() * x + (1 - signal).sqrt() * eps


def posterior(x_0, x_t, beta, before):
    here = (1 - beta) * before
    mean = before**0.5 * beta * x_0 + (1 - beta) ** 0.5 * (1 - before) * x_t
    return mean / (1 - here), beta * (1 - before) / (1 - here)


def ddim_step(x_t, eps, here, before):
    x_0 = (x_t - (1 - here) ** 0.5 * eps) / here**0.5
    return before**0.5 * x_0 + (1 - before) ** 0.5 * eps


def guided(with_class, without, w):
    return (1 + w) * with_class - w * without


# The forward process in one step ----------------------------------------------------------------


def _schedule(fresh: RandomInputs, T: int) -> Tensor:
    """ᾱ_0 … ᾱ_T, with ᾱ_0 = 1."""
    return torch.cat([torch.ones(1).double(), (1 - fresh.uniform(0.02, 0.3, T)).cumprod(0)])


def _mixes_image_and_noise(attempt: Attempt, fresh: RandomInputs) -> str | None:
    T, n, d = fresh.integer(5, 9), 4, fresh.integer(2, 4)
    alpha_bar, x, eps = _schedule(fresh, T), fresh.normal(n, d), fresh.normal(n, d)
    t = fresh.shuffled(torch.arange(1, T + 1))[:n]
    signal = alpha_bar[t][:, None]
    wanted = signal.sqrt() * x + (1 - signal).sqrt() * eps
    answer = tensor_like(attempt(x, alpha_bar, t, eps), wanted)
    if torch.allclose(answer, signal * x + (1 - signal) * eps):
        return "ᾱ and 1 − ᾱ are variances; x and ε are multiplied by their roots."
    if torch.allclose(answer, signal.sqrt() * x + (1 - signal) * eps):
        return "1 − ᾱ is the variance of the noise; ε is multiplied by its root."
    wrong = describe_mismatch(answer, wanted)
    return None if wrong is None else f"{wrong}."


def _leaves_time_0_clean(attempt: Attempt, fresh: RandomInputs) -> str | None:
    alpha_bar, x, eps = _schedule(fresh, 5), fresh.normal(3, 2), fresh.normal(3, 2)
    answer = tensor_like(attempt(x, alpha_bar, torch.zeros(3, dtype=torch.int64), eps), x)
    wrong = describe_mismatch(answer, x)
    return None if wrong is None else f"at t = 0 the image is clean, but {wrong}."


NOISY = Exercise(
    "The forward process in one step",
    (_mixes_image_and_noise, _leaves_time_0_clean),
    (
        "x_t has mean √ᾱ_t·x and variance 1 − ᾱ_t.",
        "alpha_bar[t] has one entry for each example; [:, None] makes it a column.",
    ),
    noisy,
)


# The posterior ----------------------------------------------------------------------------------


def _is_bayes_rule(attempt: Attempt, fresh: RandomInputs) -> str | None:
    """Means and variances on a grid of x_{t−1}."""
    x_0, x_t = fresh.number(-1, 1), fresh.number(-1, 1)
    beta, before = fresh.number(0.05, 0.4), fresh.number(0.2, 0.9)
    grid = torch.linspace(-8, 8, 20_001, dtype=torch.float64)
    log_p = -(x_t - (1 - beta) ** 0.5 * grid).square() / (2 * beta)
    log_p = log_p - (grid - before**0.5 * x_0).square() / (2 * (1 - before))
    p = (log_p - log_p.max()).softmax(0)
    mean = (p * grid).sum()
    wanted = {"mean": float(mean), "variance": float((p * (grid - mean).square()).sum())}
    answer = attempt(x_0, x_t, beta, before)
    if not isinstance(answer, tuple) or len(answer) != 2:
        return "the answer should be two numbers, (mean, variance)."
    asked = f"x_0 = {x_0:.2f}, x_t = {x_t:.2f}, β = {beta:.2f}, ᾱ_{{t−1}} = {before:.2f}"
    for (name, right), value in zip(wanted.items(), answer, strict=True):
        if not abs(float(value) - right) < 1e-6:
            if name == "variance" and abs(float(value) - right**0.5) < 1e-6:
                return "the second number is the standard deviation; the variance is wanted."
            return f"with {asked} the {name} is {float(value):.4f}; a grid gives {right:.4f}."
    return None


def _is_certain_at_the_first_step(attempt: Attempt, fresh: RandomInputs) -> str | None:
    x_0, x_t, beta = fresh.number(-1, 1), fresh.number(-1, 1), fresh.number(0.05, 0.4)
    mean, variance = (float(value) for value in attempt(x_0, x_t, beta, 1.0))
    if abs(mean - x_0) < 1e-9 and abs(variance) < 1e-9:
        return None
    return (
        f"with ᾱ_{{t−1}} = 1, x_{{t−1}} is x_0 = {x_0:.2f}, but it is {mean:.2f}, {variance:.2f}."
    )


POSTERIOR = Exercise(
    "The posterior of one step",
    (_is_bayes_rule, _is_certain_at_the_first_step),
    (
        "The product of two Gaussians in x_{t−1}: precisions add, means are weighted by them.",
        "Precisions are (1 − β)/β, from x_t/√(1 − β), and 1/(1 − ᾱ_{t−1}), from √ᾱ_{t−1}·x_0.",
    ),
    posterior,
)


# A step of DDIM ---------------------------------------------------------------------------------


def _steps_along_the_noise(attempt: Attempt, fresh: RandomInputs) -> str | None:
    x_0, eps = fresh.normal(4, 3), fresh.normal(4, 3)
    here, before = fresh.number(0.1, 0.4), fresh.number(0.5, 0.9)
    x_t = here**0.5 * x_0 + (1 - here) ** 0.5 * eps
    wanted = before**0.5 * x_0 + (1 - before) ** 0.5 * eps
    answer = tensor_like(attempt(x_t, eps, here, before), wanted)
    if torch.allclose(answer, before**0.5 * x_0):
        return "the noise is missing: at the earlier time there is still some, √(1 − ᾱ)·ε."
    wrong = describe_mismatch(answer, wanted)
    said = "the true ε should lead to x_{t'} of the same x_0 and ε"
    return None if wrong is None else f"{said}, but {wrong}."


def _ends_at_the_image(attempt: Attempt, fresh: RandomInputs) -> str | None:
    x_0, eps, here = fresh.normal(3, 2), fresh.normal(3, 2), fresh.number(0.1, 0.9)
    x_t = here**0.5 * x_0 + (1 - here) ** 0.5 * eps
    wrong = describe_mismatch(tensor_like(attempt(x_t, eps, here, 1.0), x_0), x_0)
    return None if wrong is None else f"with ᾱ = 1 it should end at x_0, but {wrong}."


DDIM = Exercise(
    "One step of DDIM without noise",
    (_steps_along_the_noise, _ends_at_the_image),
    (
        "First solve x_t = √ᾱ_t·x_0 + √(1 − ᾱ_t)·ε for x_0.",
        "Then noise that x_0 again with the same ε, at the earlier time.",
    ),
    ddim_step,
)


# Guidance ---------------------------------------------------------------------------------------


def _extrapolates(attempt: Attempt, fresh: RandomInputs) -> str | None:
    c, u, w = fresh.normal(3, 2), fresh.normal(3, 2), fresh.number(0.5, 4)
    wanted = c + w * (c - u)
    answer = tensor_like(attempt(c, u, w), wanted)
    if torch.allclose(answer, u + w * (u - c)):
        return "it leads away from the class: the weight of the prediction without it is −w."
    if torch.allclose(answer, w * c + (1 - w) * u):
        return "that is another convention, in which w = 1 is the plain model; here w = 0 is."
    wrong = describe_mismatch(answer, wanted)
    return None if wrong is None else f"{wrong}."


def _is_plain_at_zero(attempt: Attempt, fresh: RandomInputs) -> str | None:
    c, u = fresh.normal(3, 2), fresh.normal(3, 2)
    wrong = describe_mismatch(tensor_like(attempt(c, u, 0.0), c), c)
    return None if wrong is None else f"with w = 0 it should be the conditional one, but {wrong}."


GUIDED = Exercise(
    "Classifier-free guidance",
    (_extrapolates, _is_plain_at_zero),
    (
        "Go on from the prediction with the class, in the direction away from the one without.",
        "c + w·(c − u).",
    ),
    guided,
)
