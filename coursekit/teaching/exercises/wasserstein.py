"""Exercises of 06: each attempt is graded by what it must do on fresh inputs."""

from math import isclose

import torch
from torch import Tensor, nn

from coursekit.teaching.exercise import (
    Attempt,
    Exercise,
    RandomInputs,
    close,
    gradients_of,
    largest,
    number,
)


def earth_on_the_line(x, y):
    return (x.sort().values - y.sort().values).abs().mean()


def penalty(D, x, fake, rng):
    eps = torch.rand(len(x), *[1] * (x.dim() - 1), generator=rng).to(x)
    at = (eps * x + (1 - eps) * fake).detach().requires_grad_(True)
    (g,) = torch.autograd.grad(D(at).sum(), at, create_graph=True)
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def my_sigma(W, rounds):
    u = torch.ones(len(W), dtype=W.dtype)
    for _ in range(rounds):
        v = W.T @ u
        v = v / v.norm()
        u = W @ v
        u = u / u.norm()
    return u @ W @ v


def critic_loss(real, fake):
    return fake.mean() - real.mean()


# The gradient penalty -------------------------------------------------------------------------


class _Slanted(nn.Module):
    """s(x) = w·x: its slope is ‖w‖ everywhere. It remembers where it was asked."""

    def __init__(self, length: float) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.full((4,), length / 2, dtype=torch.float64))
        self.asked: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.asked.append(x.detach().flatten(1))
        return x.flatten(1) @ self.w


class _Bowl(_Slanted):
    """s(x) = ½‖x‖²: its slope at x is ‖x‖, another one for each example."""

    def forward(self, x: Tensor) -> Tensor:
        self.asked.append(x.detach().flatten(1))
        return x.flatten(1).pow(2).sum(1) / 2


def _is_zero_at_slope_one(penalty: Attempt, fresh: RandomInputs) -> str | None:
    value = number(penalty(_Slanted(1.0), *fresh.normal(2, 6, 4), fresh.rng))
    calm = abs(value) < 1e-9
    return None if calm else f"a critic of slope 1 should cost nothing, not {value:.3f}."


def _is_squared(penalty: Attempt, fresh: RandomInputs) -> str | None:
    slope = fresh.number(2, 4)
    value = number(penalty(_Slanted(slope), *fresh.normal(2, 6, 4), fresh.rng))
    wanted = (slope - 1) ** 2
    right = isclose(value, wanted, rel_tol=1e-6)
    return (
        None if right else f"at slope {slope:.3f} it is {value:.3f}, not (‖∇‖ − 1)² = {wanted:.3f}."
    )


def _is_of_each_example(penalty: Attempt, fresh: RandomInputs) -> str | None:
    D, x = _Bowl(1.0), 0.5 * fresh.normal(20, 4)
    value = number(penalty(D, x, 0.5 * fresh.normal(20, 4), fresh.rng))
    slope = D.asked[-1].norm(dim=1)
    wanted = float((slope - 1).square().mean())
    if isclose(value, wanted, rel_tol=1e-6):
        return None
    seen = f"at slopes between {slope.min():.3f} and {slope.max():.3f} it is {value:.4f}"
    return f"{seen}, not {wanted:.4f}: take (‖∇‖ − 1)² of each example, then the mean."


def _looks_between(penalty: Attempt, fresh: RandomInputs) -> str | None:
    D, one = _Slanted(1.0), torch.ones(200, 4, dtype=torch.float64)
    penalty(D, one, 0 * one, fresh.rng)
    eps = torch.cat(D.asked)  # real is 1, fake is 0: a point is its ε
    for end, value in (("real", 1), ("fake", 0)):
        if (eps == value).all():
            return f"it looks at {end} points only: ε is {value}."
    apart, where = largest(eps.std(1), "example {}")
    if apart > 1e-9:
        return f"ε is not one number for {where}: a point lies on the line from fake to real."
    mean, spread = float(eps.mean()), float(eps[:, 0].std())
    even = abs(mean - 0.5) < 0.15 and abs(spread - 0.29) < 0.1  # seven standard errors of 200
    seen = f"its mean is {mean:.2f}, its deviation {spread:.2f}, not 0.50 and 0.29"
    return None if even else f"ε should be U[0, 1], one for each example; {seen}."


def _draws_from_rng(penalty: Attempt, fresh: RandomInputs) -> str | None:
    D, (x, fake), seed = _Bowl(1.0), fresh.normal(2, 6, 4), fresh.integer(0, 10**6)
    one, two = (number(penalty(D, x, fake, torch.Generator().manual_seed(seed))) for _ in range(2))
    if one == two:
        return None
    return f"two generators with one seed give {one:.4f} and {two:.4f}; draw ε from rng."


def _teaches_the_critic(penalty: Attempt, fresh: RandomInputs) -> str | None:
    critic = _Slanted(fresh.number(2, 4))
    value = torch.as_tensor(penalty(critic, *fresh.normal(2, 6, 4), fresh.rng))
    if value.requires_grad:
        value.backward()
    taught = critic.w.grad is not None and bool(critic.w.grad.abs().sum() > 0)
    return None if taught else "no gradient reaches the critic; differentiate with create_graph."


PENALTY = Exercise(
    "The gradient penalty",
    (
        _is_zero_at_slope_one,
        _is_squared,
        _is_of_each_example,
        _looks_between,
        _draws_from_rng,
        _teaches_the_critic,
    ),
    (
        "Points x̂ = ε·x + (1 − ε)·fake; one ε for each example, drawn from rng.",
        "torch.autograd.grad(D(at).sum(), at, create_graph=True): a row for each example.",
    ),
    penalty,
)


# The critic's loss ----------------------------------------------------------------------------


def _earns_the_difference(loss: Attempt, fresh: RandomInputs) -> str | None:
    real, fake = fresh.normal(4) + 3, fresh.normal(4)
    value, wanted = number(loss(real, fake)), float(fake.mean() - real.mean())
    if isclose(value, wanted, rel_tol=1e-6):
        return None
    if isclose(value, -wanted, rel_tol=1e-6):
        return "its sign is wrong: the critic minimises its loss, and wants real above fake."
    means = f"scores of mean {real.mean():.3f} and {fake.mean():.3f}"
    return f"{means} should give {wanted:.3f}, not {value:.3f}."


def _knows_no_margin(loss: Attempt, fresh: RandomInputs) -> str | None:
    far = fresh.number(3, 8)
    real, fake = torch.tensor([[far, 0.0], [-far, 0.0]]).requires_grad_(True)
    up, down = gradients_of(loss(real, fake), real, fake, who="the scores")
    if not all(close(s, s[:1].expand(2)) for s in (up, down)):
        return f"scores ±{far:.2f} have another slope than scores of 0: is that a hinge?"
    if close(up, torch.tensor([-0.5, -0.5])) and close(down, torch.tensor([0.5, 0.5])):
        return None
    felt = f"by {up[0]:.2f} and {down[0]:.2f} for each, not −0.50 and 0.50"
    return f"two real scores and two fakes should move it {felt}: nothing is to be detached."


CRITIC = Exercise(
    "The critic's loss of a Wasserstein GAN",
    (_earns_the_difference, _knows_no_margin),
    (
        "The critic maximises the mean score of real images minus that of fakes.",
        "No margin, no logarithm, no sigmoid: it is linear.",
    ),
    critic_loss,
)


# The earth mover's distance on the line -------------------------------------------------------


def _is_the_shift(distance: Attempt, fresh: RandomInputs) -> str | None:
    x, shift = fresh.normal(fresh.integer(20, 40)), fresh.number(1, 3)
    value = number(distance(x, x - shift))
    right = isclose(value, shift, rel_tol=1e-6)
    return None if right else f"after a shift by −{shift:.3f} it is {value:.3f}, not {shift:.3f}."


def _sees_more_than_the_mean(distance: Attempt, fresh: RandomInputs) -> str | None:
    far = fresh.number(2, 4)
    x = torch.tensor([-1.0, 1.0], dtype=torch.float64)
    value, same = number(distance(x, far * x)), "the means agree, but the earth must move"
    right = isclose(value, far - 1, rel_tol=1e-6)
    return None if right else f"{same}: ±1 to ±{far:.3f} is {far - 1:.3f}, not {value:.3f}."


def _does_not_mind_the_order(distance: Attempt, fresh: RandomInputs) -> str | None:
    x = fresh.normal(fresh.integer(20, 40))
    value = number(distance(x, fresh.shuffled(x)))
    calm = abs(value) < 1e-9
    return None if calm else f"between a sample and itself in another order it is {value:.3f}."


def _is_not_squared(distance: Attempt, fresh: RandomInputs) -> str | None:
    x, far = fresh.normal(30).sort().values, fresh.number(1, 4)
    value = number(distance(x, x + torch.linspace(0, far, 30, dtype=torch.float64)))
    right = isclose(value, far / 2, rel_tol=1e-6)
    return None if right else f"moves of 0 to {far:.3f} average {far / 2:.3f}, not {value:.3f}."


LINE = Exercise(
    "The earth mover's distance on the line",
    (_is_the_shift, _sees_more_than_the_mean, _does_not_mind_the_order, _is_not_squared),
    (
        "With as many points on either side, each carries one to one. Which goes where?",
        "On the line nothing overtakes: the smallest goes to the smallest.",
    ),
    earth_on_the_line,
)


# The largest singular value -------------------------------------------------------------------


def _matrix(fresh: RandomInputs, rows: int, columns: int) -> tuple[Tensor, float]:
    """A matrix whose second singular value is at most 0.8 of its first, and the first."""
    u, s, v = torch.linalg.svd(fresh.normal(rows, columns), full_matrices=False)
    first = fresh.number(2, 4)
    s = first * torch.cat([torch.ones(1), fresh.uniform(0.2, 0.8, len(s) - 1)])
    return (u * s @ v).float(), first


def _finds_the_largest(sigma: Attempt, fresh: RandomInputs) -> str | None:
    W, exact = _matrix(fresh, fresh.integer(5, 7), fresh.integer(8, 10))
    value = number(sigma(W, 300))
    if isclose(value, exact**2, rel_tol=1e-2):
        return f"it is σ² = {value:.3f}; what is ‖Wᵀu‖ in terms of σ?"
    good = isclose(value, exact, rel_tol=1e-3)
    hint = "" if value == value else "; normalise in every round"
    return None if good else f"after 300 rounds it is {value:.3f}, and σ(W) is {exact:.3f}{hint}."


def _takes_any_shape(sigma: Attempt, fresh: RandomInputs) -> str | None:
    for shape in ((9, 2), (1, 7)):
        W, exact = _matrix(fresh, *shape)
        value = number(sigma(W, 300))
        if not isclose(value, exact, rel_tol=1e-3):
            return f"for a matrix of shape {shape} it is {value:.3f}, not {exact:.3f}."
    return None


SIGMA = Exercise(
    "The largest singular value by power iteration",
    (_finds_the_largest, _takes_any_shape),
    (
        "Start from any vector u of length len(W); in turn v ← Wᵀu and u ← Wv, each normalised.",
        "In the end u and v are the first singular vectors, and Wv = σu.",
    ),
    my_sigma,
)
