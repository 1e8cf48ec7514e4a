"""Worked solutions of 06."""

import torch


def earth_on_the_line(x, y):
    return (x.sort().values - y.sort().values).abs().mean()


def my_penalty(D, x, fake, rng):
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
