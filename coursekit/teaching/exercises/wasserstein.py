"""Exercises of 06: each attempt is graded by what it must do on fresh inputs."""

from collections.abc import Callable
from math import isclose
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.teaching.exercise import Exercise

Attempt = Callable[..., Any]


def _draw(*shape: int, seed: int) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=rng, dtype=torch.float64)


def _number(value: Any) -> float:
    return float(torch.as_tensor(value).detach())


# The earth mover's distance on the line -------------------------------------------------------


def _is_the_shift(distance: Attempt) -> str | None:
    x = _draw(40, seed=1)
    value = _number(distance(x, x - 2))
    return None if isclose(value, 2, rel_tol=1e-6) else f"after a shift by −2 it is {value:.3f}."


def _sees_more_than_the_mean(distance: Attempt) -> str | None:
    x = torch.tensor([-1.0, 1.0], dtype=torch.float64)
    value = _number(distance(x, 3 * x))
    same = "the means agree, but the earth must move: from ±1 to ±3 it is 2"
    return None if isclose(value, 2, rel_tol=1e-6) else f"{same}, not {value:.3f}."


def _does_not_mind_the_order(distance: Attempt) -> str | None:
    x = _draw(30, seed=2)
    value = _number(distance(x, x.flip(0)))
    calm = abs(value) < 1e-9
    return None if calm else f"between a sample and itself in another order it is {value:.3f}."


def _is_not_squared(distance: Attempt) -> str | None:
    x = _draw(30, seed=3).sort().values
    y = x + torch.linspace(0, 2, 30, dtype=torch.float64)
    value = _number(distance(x, y))
    return (
        None if isclose(value, 1, rel_tol=1e-6) else f"moves of 0 to 2 average 1, not {value:.3f}."
    )


LINE = Exercise(
    "The earth mover's distance on the line",
    (_is_the_shift, _sees_more_than_the_mean, _does_not_mind_the_order, _is_not_squared),
    (
        "With as many points on either side, each carries one to one. Which goes where?",
        "On the line nothing overtakes: the smallest goes to the smallest.",
        "Sort both and average the absolute differences.",
    ),
)


# The gradient penalty -------------------------------------------------------------------------


class _Slanted(nn.Module):
    """s(x) = w·x: its slope is ‖w‖ everywhere."""

    def __init__(self, length: float) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.full((4,), length / 2, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.w


class _Cubic(nn.Module):
    """s(x) = Σ x³."""

    def forward(self, x: Tensor) -> Tensor:
        return x.pow(3).flatten(1).sum(1)


def _rng(seed: int = 5) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _is_zero_at_slope_one(penalty: Attempt) -> str | None:
    x, fake = _draw(2, 6, 4, seed=4)
    value = _number(penalty(_Slanted(1.0), x, fake, _rng()))
    return (
        None if abs(value) < 1e-9 else f"a critic of slope 1 should cost nothing, not {value:.3f}."
    )


def _is_squared_per_example(penalty: Attempt) -> str | None:
    x, fake = _draw(2, 6, 4, seed=5)
    value = _number(penalty(_Slanted(3.0), x, fake, _rng()))
    good = isclose(value, 4, rel_tol=1e-6)
    return None if good else f"at slope 3 the mean of (‖∇‖ − 1)² is 4, not {value:.3f}."


def _looks_between(penalty: Attempt) -> str | None:
    n = 20_000
    real, fake = torch.ones(n, 1).double(), torch.zeros(n, 1).double()
    value = _number(penalty(_Cubic(), real, fake, _rng()))
    if abs(value - 4) < 0.1:
        return "it looks at real points only: ε is 1."
    if abs(value - 1) < 0.1:
        return "it looks at fake points only: ε is 0."
    even = abs(value - 0.8) < 0.05
    return (
        None if even else f"ε should be U[0, 1], one for each example (x³: {value:.2f}, not 0.80)."
    )


def _teaches_the_critic(penalty: Attempt) -> str | None:
    critic = _Slanted(3.0)
    x, fake = _draw(2, 6, 4, seed=6)
    value = torch.as_tensor(penalty(critic, x, fake, _rng()))
    if value.requires_grad:
        value.backward()
    taught = critic.w.grad is not None and bool(critic.w.grad.abs().sum() > 0)
    return None if taught else "no gradient reaches the critic; differentiate with create_graph."


PENALTY = Exercise(
    "The gradient penalty",
    (_is_zero_at_slope_one, _is_squared_per_example, _looks_between, _teaches_the_critic),
    (
        "Points x̂ = ε·x + (1 − ε)·fake; one ε for each example, drawn from rng.",
        "torch.autograd.grad(D(at).sum(), at, create_graph=True): a row for each example.",
        "Flatten each row, take its length, then ((length − 1)**2).mean().",
    ),
)


# The largest singular value -------------------------------------------------------------------


def _finds_the_largest(sigma: Attempt) -> str | None:
    W = _draw(6, 9, seed=7)
    value, exact = _number(sigma(W, 300)), float(torch.linalg.matrix_norm(W, 2))
    if isclose(value, exact**2, rel_tol=1e-2):
        return "it is σ²; what is ‖Wᵀu‖ in terms of σ?"
    good = isclose(value, exact, rel_tol=1e-3)
    return None if good else f"after 300 rounds it is {value:.3f}, and σ(W) is {exact:.3f}."


def _takes_any_shape(sigma: Attempt) -> str | None:
    for shape in ((9, 2), (1, 7)):
        W = _draw(*shape, seed=9)
        exact = float(torch.linalg.matrix_norm(W, 2))
        if not isclose(_number(sigma(W, 300)), exact, rel_tol=1e-3):
            return f"it is wrong for a matrix of shape {shape}."
    return None


SIGMA = Exercise(
    "The largest singular value by power iteration",
    (_finds_the_largest, _takes_any_shape),
    (
        "Start from any vector u of length len(W); in turn v ← Wᵀu and u ← Wv, each normalised.",
        "In the end u and v are the first singular vectors.",
        "σ = u @ W @ v.",
    ),
)


def _earns_the_difference(loss: Attempt) -> str | None:
    real, fake = torch.tensor([2.0, 4.0]), torch.tensor([-1.0, 1.0])
    value = _number(loss(real, fake))
    if isclose(value, 3):
        return "its sign is wrong: the critic minimises its loss, and wants real above fake."
    good = isclose(value, -3)
    return None if good else f"scores of mean 3 and 0 should give −3, not {value:.3f}."


def _knows_no_margin(loss: Attempt) -> str | None:
    real = torch.tensor([5.0, 0.0], requires_grad=True)
    fake = torch.tensor([-5.0, 0.0], requires_grad=True)
    slopes = torch.autograd.grad(torch.as_tensor(loss(real, fake)), (real, fake))
    even = all(torch.allclose(s, s[:1].expand(2)) for s in slopes)
    return None if even else "far scores have another slope than near ones: is that a hinge?"


CRITIC = Exercise(
    "The critic's loss of a Wasserstein GAN",
    (_earns_the_difference, _knows_no_margin),
    (
        "The critic maximises the mean score of real images minus that of fakes.",
        "No margin, no logarithm, no sigmoid: it is linear.",
        "fake.mean() - real.mean().",
    ),
)
