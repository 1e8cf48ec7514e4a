"""Worked solutions of 05."""

import torch


def modes_covered(samples, centres, radius):
    return (torch.cdist(samples, centres).min(0).values <= radius).sum()


def reverse_kl(counts):
    q = counts.double() / counts.sum()
    return torch.xlogy(q, q * len(q)).sum()


def my_pack(x, m):
    return x.reshape(len(x) // m, -1)


def with_spread(x):
    spread = x.std(0, unbiased=False).mean()
    return torch.cat([x, spread.expand(len(x), 1)], 1)


def overlap(n, kernel, stride):
    counts = [0] * ((n - 1) * stride + kernel)
    for i in range(n):
        for k in range(kernel):
            counts[i * stride + k] += 1
    return counts
