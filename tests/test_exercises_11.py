"""Wrong answers to the exercises of 11, and what the graders say of them."""

from math import log

import torch
from exercise_cases import Slip, suite

from coursekit.teaching.exercises import latent as room


def by_inner_product(z, codebook):
    e = codebook[(z @ codebook.T).argmax(1)]
    return z + (e - z).detach()


def rounded_only(z, codebook):
    return codebook[torch.cdist(z, codebook).argmin(1)].detach()


def half_the_gradient(z, codebook):
    e = codebook[torch.cdist(z, codebook).argmin(1)]
    return 0.5 * z + (e - 0.5 * z).detach()


CASES = {
    room.RATE: [
        (Slip(".sum(1).mean()", ".mean()"), "averaged over the latents"),
        (Slip(".sum(1).mean()", ".sum()"), "summed over the batch"),
        (
            Slip("(2 * log_std).exp() - 1) - log_std", "log_std.exp() - 1) - 0.5 * log_std"),
            "log σ²",
        ),
        (Slip("(2 * log_std).exp() - 1) - log_std", "(2 * log_std).exp() - 1 - log_std)"), "KL"),
        (Slip("- 1) - log_std", ") - log_std"), "not 0; at σ = 1"),
        (Slip("- log_std", "- log_std.exp().log()"), "use log σ as it is"),
    ],
    room.IWAE_BOUND: [
        (lambda w: w.mean(), "the mean of the logarithms, the ELBO"),
        (Slip(" - log(len(log_w))", ""), "log k is missing"),
        (lambda w: w.flatten().logsumexp(0) - log(w.numel()), "all images are mixed"),
        (lambda w: (w.logsumexp(1) - log(w.shape[1])).mean(), "draws are dimension 0"),
        (lambda w: w.exp().mean(0).log().mean(), "use logsumexp"),
    ],
    room.FREE_BITS: [
        (
            Slip("kl.mean(0).clamp_min(floor)", "kl.clamp_min(floor).mean(0)"),
            "not for each example",
        ),
        (
            lambda kl, floor: kl.mean(0).sum().clamp_min(floor * kl.shape[1]),
            "a floor of its own",
        ),
        (lambda kl, floor: (kl.mean(0) - floor).clamp_min(0).sum(), "the plain rate"),
        (lambda kl, floor: kl.mean(0).sum(), "with floor"),
        (Slip(".sum()", ".mean()"), "the plain rate"),
        (
            lambda kl, floor: kl.mean(0).sum() + (floor - kl.mean(0)).clamp_min(0).detach().sum(),
            "it should have none",
        ),
    ],
    room.QUANTISE: [
        (by_inner_product, "largest inner product"),
        (lambda z, c: z + (c[torch.cdist(z, c).argmax(1)] - z).detach(), "not the nearest code"),
        (rounded_only, "no gradient reaches z"),
        (half_the_gradient, "as through the identity"),
        (Slip("(e - z).detach()", "e - z.detach()"), "the codebook has a gradient"),
    ],
}
test_exercises = suite(room, CASES)
