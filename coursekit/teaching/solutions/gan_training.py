"""Worked solutions of 03."""

import torch
from torch.nn import functional as F


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
