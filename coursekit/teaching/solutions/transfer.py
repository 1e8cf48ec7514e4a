"""Worked solutions of 08."""

import torch

from coursekit.gradients import input_gradient


def logistic_gradient(W, b, x, y):
    p = (x @ W.T + b).softmax(1)
    p[torch.arange(len(y)), y] -= 1
    return p @ W


def fooled_beyond_noise(clean, attacked, noisy, y):
    right = clean == y
    attack = (attacked != y)[right].float().mean()
    noise = (noisy != y)[right].float().mean()
    return attack - noise


def into_the_box(x, low, high, margin):
    return torch.minimum(torch.maximum(x, low + margin), high - margin)


def next_questions(net, x, labels, step):
    def of_label(x):
        return net(x).log_softmax(1).gather(1, labels[:, None])

    fresh = (x + step * input_gradient(of_label, x).sign()).clamp(0, 1)
    return torch.cat([x, fresh]), 2 * len(x)
