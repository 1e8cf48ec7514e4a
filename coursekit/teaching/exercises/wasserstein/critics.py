"""The exercises of 06 on critics: what a slope other than 1 costs, and what a critic minimises."""

from math import isclose

import torch
from torch import Tensor, nn

from coursekit.teaching.exercise import Exercise
from coursekit.teaching.grading import Attempt, Fresh, close, largest, number, slopes
from coursekit.teaching.solutions import wasserstein as worked

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


def _is_zero_at_slope_one(penalty: Attempt, fresh: Fresh) -> str | None:
    value = number(penalty(_Slanted(1.0), *fresh.normal(2, 6, 4), fresh.rng))
    calm = abs(value) < 1e-9
    return None if calm else f"a critic of slope 1 should cost nothing, not {value:.3f}."


def _is_squared(penalty: Attempt, fresh: Fresh) -> str | None:
    slope = fresh.number(2, 4)
    value = number(penalty(_Slanted(slope), *fresh.normal(2, 6, 4), fresh.rng))
    wanted = (slope - 1) ** 2
    right = isclose(value, wanted, rel_tol=1e-6)
    return (
        None if right else f"at slope {slope:.3f} it is {value:.3f}, not (‖∇‖ − 1)² = {wanted:.3f}."
    )


def _is_of_each_example(penalty: Attempt, fresh: Fresh) -> str | None:
    D, x = _Bowl(1.0), 0.5 * fresh.normal(20, 4)
    value = number(penalty(D, x, 0.5 * fresh.normal(20, 4), fresh.rng))
    slope = D.asked[-1].norm(dim=1)
    wanted = float((slope - 1).square().mean())
    if isclose(value, wanted, rel_tol=1e-6):
        return None
    seen = f"at slopes between {slope.min():.3f} and {slope.max():.3f} it is {value:.4f}"
    return f"{seen}, not {wanted:.4f}: take (‖∇‖ − 1)² of each example, then the mean."


def _looks_between(penalty: Attempt, fresh: Fresh) -> str | None:
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


def _draws_from_rng(penalty: Attempt, fresh: Fresh) -> str | None:
    D, (x, fake), seed = _Bowl(1.0), fresh.normal(2, 6, 4), fresh.integer(0, 10**6)
    one, two = (number(penalty(D, x, fake, torch.Generator().manual_seed(seed))) for _ in range(2))
    if one == two:
        return None
    return f"two generators with one seed give {one:.4f} and {two:.4f}; draw ε from rng."


def _teaches_the_critic(penalty: Attempt, fresh: Fresh) -> str | None:
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
    worked.my_penalty,
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
    up, down = slopes(loss(real, fake), real, fake, who="the scores")
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
    worked.critic_loss,
)
