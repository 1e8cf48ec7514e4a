"""Worked solutions of 04."""

import torch


def auxiliary_loss(logits, y):
    right = logits.gather(1, y[:, None]).squeeze(1)
    return (logits.logsumexp(1) - right).mean()


def class_norm(h, gain, shift, y):
    mean = h.mean((0, 2, 3), keepdim=True)
    variance = h.var((0, 2, 3), correction=0, keepdim=True)
    plain = (h - mean) / (variance + 1e-5).sqrt()
    return gain[y][:, :, None, None] * plain + shift[y][:, :, None, None]


def bayes(logs, prior):
    return (logs + prior.log()).softmax(1)


def corrupt(y, rate, k, rng):
    wrong = torch.rand(len(y), generator=rng) < rate
    other = (y + torch.randint(1, k, y.shape, generator=rng)) % k
    return torch.where(wrong, other, y)
