"""Exercises of 06: each attempt is graded by what it must do on fresh inputs."""

from math import isclose

import torch
from torch import Tensor, nn

from coursekit.teaching.exercise import Exercise
from coursekit.teaching.grading import Attempt, Fresh, largest, number
from coursekit.teaching.solutions import wasserstein as worked

# The earth mover's distance on the line -------------------------------------------------------


def _is_the_shift(distance: Attempt, fresh: Fresh) -> str | None:
    x, shift = fresh.normal(fresh.integer(20, 40)), fresh.number(1, 3)
    value = number(distance(x, x - shift))
    right = isclose(value, shift, rel_tol=1e-6)
    return None if right else f"after a shift by −{shift:.3f} it is {value:.3f}, not {shift:.3f}."


def _sees_more_than_the_mean(distance: Attempt, fresh: Fresh) -> str | None:
    far = fresh.number(2, 4)
    x = torch.tensor([-1.0, 1.0], dtype=torch.float64)
    value, same = number(distance(x, far * x)), "the means agree, but the earth must move"
    right = isclose(value, far - 1, rel_tol=1e-6)
    return None if right else f"{same}: ±1 to ±{far:.3f} is {far - 1:.3f}, not {value:.3f}."


def _does_not_mind_the_order(distance: Attempt, fresh: Fresh) -> str | None:
    x = fresh.normal(fresh.integer(20, 40))
    value = number(distance(x, fresh.shuffled(x)))
    calm = abs(value) < 1e-9
    return None if calm else f"between a sample and itself in another order it is {value:.3f}."


def _is_not_squared(distance: Attempt, fresh: Fresh) -> str | None:
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
    worked.earth_on_the_line,
)


# The gradient penalty -------------------------------------------------------------------------


class _Slanted(nn.Module):
    """s(x) = w·x: its slope is ‖w‖ everywhere. It remembers where it was asked."""

    def __init__(self, length: float) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.full((4,), length / 2, dtype=torch.float64))
        self.asked: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.asked.append(x.detach())
        return x.flatten(1) @ self.w


def _is_zero_at_slope_one(penalty: Attempt, fresh: Fresh) -> str | None:
    value = number(penalty(_Slanted(1.0), *fresh.normal(2, 6, 4), fresh.rng))
    calm = abs(value) < 1e-9
    return None if calm else f"a critic of slope 1 should cost nothing, not {value:.3f}."


def _is_squared_per_example(penalty: Attempt, fresh: Fresh) -> str | None:
    slope = fresh.number(2, 4)
    value = number(penalty(_Slanted(slope), *fresh.normal(2, 6, 4), fresh.rng))
    wanted = (slope - 1) ** 2
    right = isclose(value, wanted, rel_tol=1e-6)
    return (
        None if right else f"at slope {slope:.3f} it is {value:.3f}, not (‖∇‖ − 1)² = {wanted:.3f}."
    )


def _looks_between(penalty: Attempt, fresh: Fresh) -> str | None:
    D, one = _Slanted(1.0), torch.ones(200, 4, dtype=torch.float64)
    penalty(D, one, 0 * one, fresh.rng)
    eps = torch.cat([x.flatten(1) for x in D.asked])  # real is 1, fake is 0: a point is its ε
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


def _teaches_the_critic(penalty: Attempt, fresh: Fresh) -> str | None:
    critic = _Slanted(fresh.number(2, 4))
    value = torch.as_tensor(penalty(critic, *fresh.normal(2, 6, 4), fresh.rng))
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
    ),
    worked.my_penalty,
)


# The largest singular value -------------------------------------------------------------------


def _matrix(fresh: Fresh, rows: int, columns: int) -> tuple[Tensor, float]:
    """A matrix whose second singular value is at most 0.8 of its first, and the first."""
    u, s, v = torch.linalg.svd(fresh.normal(rows, columns), full_matrices=False)
    first = fresh.number(2, 4)
    s = first * torch.cat([torch.ones(1), fresh.uniform(0.2, 0.8, len(s) - 1)])
    return u * s @ v, first


def _finds_the_largest(sigma: Attempt, fresh: Fresh) -> str | None:
    W, exact = _matrix(fresh, fresh.integer(5, 7), fresh.integer(8, 10))
    value = number(sigma(W, 300))
    if isclose(value, exact**2, rel_tol=1e-2):
        return f"it is σ² = {value:.3f}; what is ‖Wᵀu‖ in terms of σ?"
    good = isclose(value, exact, rel_tol=1e-3)
    return None if good else f"after 300 rounds it is {value:.3f}, and σ(W) is {exact:.3f}."


def _takes_any_shape(sigma: Attempt, fresh: Fresh) -> str | None:
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
    worked.my_sigma,
)


# The critic's loss ----------------------------------------------------------------------------


def _earns_the_difference(loss: Attempt, fresh: Fresh) -> str | None:
    real, fake = fresh.normal(4) + 3, fresh.normal(4)
    value, wanted = number(loss(real, fake)), float(fake.mean() - real.mean())
    if isclose(value, wanted, rel_tol=1e-6):
        return None
    if isclose(value, -wanted, rel_tol=1e-6):
        return "its sign is wrong: the critic minimises its loss, and wants real above fake."
    means = f"scores of mean {real.mean():.3f} and {fake.mean():.3f}"
    return f"{means} should give {wanted:.3f}, not {value:.3f}."


def _knows_no_margin(loss: Attempt, fresh: Fresh) -> str | None:
    far = fresh.number(3, 8)
    real, fake = torch.tensor([[far, 0.0], [-far, 0.0]]).requires_grad_(True)
    slopes = torch.autograd.grad(torch.as_tensor(loss(real, fake)), (real, fake))
    even = all(torch.allclose(s, s[:1].expand(2)) for s in slopes)
    seen = f"scores ±{far:.2f} have another slope than scores of 0"
    return None if even else f"{seen}: is that a hinge?"


CRITIC = Exercise(
    "The critic's loss of a Wasserstein GAN",
    (_earns_the_difference, _knows_no_margin),
    (
        "The critic maximises the mean score of real images minus that of fakes.",
        "No margin, no logarithm, no sigmoid: it is linear.",
    ),
    worked.critic_loss,
)
