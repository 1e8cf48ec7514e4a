"""Wrong answers to the exercises of 06, and what the graders say of them."""

import torch
from exercise_cases import Slip, suite
from torch.nn import functional as F

from coursekit.teaching.exercises import wasserstein as room


def eigenvalue(W, rounds):
    u = torch.ones(W.shape[1], dtype=W.dtype)
    for _ in range(rounds):
        u = F.normalize(W @ u, dim=0)
    return (W @ u).norm()


def never_normalised(W, rounds):
    u = torch.ones(len(W))
    for _ in range(rounds):
        v = W.T @ u
        u = W @ v
    return u.norm() / v.norm()


def hinge(real, fake):
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


EPS = "torch.rand(len(x), *[1] * (x.dim() - 1), generator=rng).to(x)"
CASES = {
    room.LINE: [
        (lambda x, y: (x.mean() - y.mean()).abs(), "the means agree"),
        (lambda x, y: (x - y).abs().mean(), "another order"),
        (lambda x, y: x.sort().values - y.sort().values, "one number, not shape"),
        (
            lambda x, y: (x.sort()[0] - y.sort()[0]).square().mean().sqrt(),
            "moves of 0 to .* average",
        ),
    ],
    room.PENALTY: [
        (Slip(EPS, "1.0"), "real points only"),
        (Slip(EPS, "0.0"), "fake points only"),
        (Slip(EPS, "0.5"), "one for each example; its mean is 0.50, its deviation 0.00"),
        (Slip(EPS, "torch.rand(1, generator=rng)"), "one for each example"),
        (Slip(EPS, "torch.rand(x.shape, generator=rng)"), r"not one number for example \d+"),
        (Slip("create_graph=True", "create_graph=False"), "no gradient reaches"),
        (Slip("g.flatten(1).norm(dim=1)", "g.norm()"), "cost nothing"),
        (Slip("- 1) ** 2", "- 1).abs()"), "at slope"),
        (Slip("- 1) ** 2).mean()", ").mean() - 1) ** 2"), "of each example, then the mean"),
        (Slip("g.flatten(1).norm(dim=1)", "g.norm() / len(x) ** 0.5"), "of each example"),
        (Slip("- 1) **", "- 1).clamp_min(0) **"), r"at slopes between 0.\d+ and \d"),
        (Slip(EPS, "torch.rand(len(x), 1)"), r"one seed give \S+ and \S+; draw ε from rng"),
    ],
    room.SIGMA: [
        (Slip("u @ W @ v", "(u @ W @ v) ** 2"), "σ²"),
        (lambda W, rounds: W.norm(), "after 300 rounds"),
        (lambda W, rounds: W.abs().max(), "after 300 rounds"),
        (eigenvalue, "stopped"),
        (never_normalised, "it is nan.*normalise in every round"),
        (lambda W, rounds: torch.linalg.svdvals(W)[0] * (W.shape != (9, 2)), "of shape"),
    ],
    room.CRITIC: [
        (lambda real, fake: real.mean() - fake.mean(), "sign is wrong"),
        (hinge, "scores of mean .* should give"),
        (lambda real, fake: -real.mean(), "should give"),
        (lambda real, fake: fake.sum() - real.sum(), "should give"),
        (Slip("real.mean()", "real.mean().detach()"), "by 0.00 and 0.50 for each, .* detached"),
        (lambda real, fake: (fake.mean() - real.mean()).item(), "no gradient reaches the scores"),
    ],
}
test_exercises = suite(room, CASES)
