"""What a model is trained on, for `fit`: (model, x, y) -> scalar loss.

Objectives that attack while they train take (model, x, y, rng, progress): the run's generator and
how much of the run is done, in [0, 1).
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import log
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.errors import choose, require
from coursekit.gradients import undisturbed


def cross_entropy(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """−log p(y | x), averaged over the batch. The model returns logits, not probabilities."""
    return F.cross_entropy(model(x), y)


def squared_error(
    model: Any, x: Tensor, y: Tensor, rng: torch.Generator, progress: float
) -> Tensor:
    """‖G(z, y) − x‖², the mean over pixels, for a generator that is given a part y of x.

    Its best answer is the mean of all x that agree with y, whatever z is.
    """
    return F.mse_loss(model(model.noise(len(x), rng), y), x)


def negative_log_likelihood(model: Any, x: Tensor, y: Tensor) -> Tensor:
    """−log p(x), or −log p(x | y) of a conditional model, averaged over the batch, in nats.

    Its minimum is that of KL(data ‖ model): the two differ by the entropy of the data.

    Args:
        model: with `log_prob(x, y)`, shape (n,), e.g. `nets.MADE`.
    """
    return -model.log_prob(x, y).mean()


def order_agnostic(model: Any, x: Tensor, y: Tensor) -> Tensor:
    """−log p(x) in nats, each image under one of the model's orders in turn.

    An estimate of the average over orders (Uria et al. 2014, eq. 9; Germain et al. 2015, §4.2).

    Args:
        model: with `ranks`, one row an order, and `order_log_prob(x, y, order)`.
    """
    k = len(model.ranks)
    parts = [model.order_log_prob(x[i::k], y[i::k], i) for i in range(min(k, len(x)))]
    return -torch.cat(parts).mean()


def dequantise(x: Tensor, rng: torch.Generator) -> Tensor:
    """(255·x + u)/256 with u uniform in [0, 1): 8-bit grey values as continuous ones in [0, 1).

    Args:
        x: grey values k/255 in [0, 1], any shape.
        rng: a CPU generator.
    """
    return (255 * x + torch.rand(x.shape, generator=rng).to(x)) / 256


def dequantised(model: Any, x: Tensor, y: Tensor, rng: torch.Generator, progress: float) -> Tensor:
    """d·log 256 − log q(dequantise(x)) in nats, for a density q of continuous values.

    An upper bound on −log P(x) of the 8-bit image (Theis et al. 2016, eq. 5): a grey value has an
    interval of width 1/256, hence the constant. Divided by d·log 2 it is in bits per dimension.
    """
    return x[0].numel() * log(256) - model.log_prob(dequantise(x, rng), y).mean()


def absolute_error(
    model: Any, x: Tensor, y: Tensor, rng: torch.Generator, progress: float
) -> Tensor:
    """‖G(z, y) − x‖₁, the mean over pixels: as `squared_error`, but the best answer is the median.

    For pix2pix without a discriminator (Isola et al. 2017, §4.2, "L1").
    """
    return F.l1_loss(model(model.noise(len(x), rng), y), x)


@dataclass(frozen=True)
class augmented:  # reads as an adjective, as `adversarial` does
    """Cross-entropy on images that `augment` has changed, with smoothed labels if asked for.

    Label smoothing: Szegedy et al. 2016 ("Rethinking the Inception Architecture", §7).

    Args:
        augment: (x, rng, progress) -> images of the same classes, e.g. `nets.FlipAndShift(4)`.
        smoothing: the share of the target spread evenly over all classes, in [0, 1].

    Raises:
        CourseError: `smoothing` outside [0, 1].
    """

    augment: Callable[[Tensor, torch.Generator, float], Tensor]
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        inside = 0 <= self.smoothing <= 1
        require(inside, f"smoothing was {self.smoothing}; it must lie in [0, 1].")

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, rng: torch.Generator, progress: float
    ) -> Tensor:
        logits = model(self.augment(x, rng, progress))
        return F.cross_entropy(logits, y, label_smoothing=self.smoothing)


# (model, x, y, rng, progress) -> x_adv: an attack inside training, e.g. `training_pgd(0.3, 4)`
TrainingAttack = Callable[[nn.Module, Tensor, Tensor, torch.Generator | None, float], Tensor]


@dataclass(frozen=True)
class adversarial:  # reads as an adjective in `fit(model, batches, adversarial(attack), ...)`
    """α·J(x) + (1 − α)·J(x_adv).

    α = 0 is the inner maximum of Madry et al. 2018 (eq. 2.1), α = ½ the mix of Goodfellow,
    Shlens & Szegedy 2015 (§6).

    Args:
        attack: (model, x, y, rng, progress) -> x_adv in [0, 1]; run in eval mode, without a graph
            to the weights.
        alpha: weight of the clean loss, in [0, 1].

    Raises:
        CourseError: `alpha` outside [0, 1].
    """

    attack: TrainingAttack
    alpha: float = 0.0

    def __post_init__(self) -> None:
        require(0 <= self.alpha <= 1, f"alpha was {self.alpha}; it must lie in [0, 1].")

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, rng: torch.Generator | None, progress: float
    ) -> Tensor:
        attacked = cross_entropy(model, self.attack(model, x, y, rng, progress), y)
        if self.alpha == 0:
            return attacked
        return self.alpha * cross_entropy(model, x, y) + (1 - self.alpha) * attacked


@dataclass(frozen=True)
class augmenting:  # reads as an adjective: the augmenting form of another objective
    """Another objective on images that `augment` has changed: an attack begins at the changed ones.

    Args:
        augment: (x, rng, progress) -> images of the same classes, e.g. `nets.FlipAndShift(4)`.
        objective: (model, x, y, rng, progress) -> loss, e.g. `adversarial(attack)`.
    """

    augment: Callable[[Tensor, torch.Generator, float], Tensor]
    objective: Callable[[nn.Module, Tensor, Tensor, torch.Generator, float], Tensor]

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, rng: torch.Generator, progress: float
    ) -> Tensor:
        return self.objective(model, self.augment(x, rng, progress), y, rng, progress)


@dataclass(frozen=True)
class trades:
    """J(x) + β·KL(f(x) ‖ f(x_adv)) (Zhang et al. 2019, eq. 5).

    The attack is given the clean probabilities as soft labels: cross-entropy against them differs
    from the KL divergence only by a constant, so ascending one is ascending the other. They are
    taken in eval mode, in which the attack runs too, as in the authors' code. At x itself the
    divergence is 0 and so is its gradient: the attack must begin beside it, e.g.
    `training_pgd(0.3, 10, random_start=False, noise=0.001)` as in their algorithm 1.

    Args:
        attack: (model, x, p, rng, progress) -> x_adv, where p are probabilities of shape (n, k).
        beta: weight of the regulariser, at least 0.

    Raises:
        CourseError: `beta` is negative, or the attack would begin at x.
    """

    attack: TrainingAttack
    beta: float = 6.0

    def __post_init__(self) -> None:
        require(self.beta >= 0, f"beta was {self.beta}; it must be at least 0.")
        self._refuse_start_at_x(getattr(self.attack, "random_start", True))

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, rng: torch.Generator | None, progress: float
    ) -> Tensor:
        self._refuse_start_at_x(rng is not None)
        with torch.no_grad(), undisturbed(model):
            p = model(x).softmax(1)
        x_adv = self.attack(model, x, p, rng, progress)
        logits = model(x)
        gap = F.kl_div(model(x_adv).log_softmax(1), logits.softmax(1), reduction="batchmean")
        return F.cross_entropy(logits, y) + self.beta * gap

    def _refuse_start_at_x(self, random_start: bool) -> None:
        """An attack of another kind, without the attribute `noise`, is taken at its word."""
        require(
            random_start or getattr(self.attack, "noise", None) != 0,
            "the attack begins at x, where the gradient of KL is zero; give it noise=0.001, or "
            "random_start=True and rng.",
        )


# Latent variables. A model has `encode(x)`, mean and log σ of the Gaussian q(z | x), and
# `log_likelihood(x, z)`, shape (n,); the prior is N(0, I). Everything is summed over pixels and
# over latents and averaged over the batch alone: a mean over pixels beside a summed KL would be an
# ELBO whose β is the number of pixels.


def gaussian_kl(mean: Tensor, log_std: Tensor) -> Tensor:
    """KL(N(mean, σ²) ‖ N(0, 1)) of each latent, in nats, shaped as `mean`.

    (Kingma & Welling 2014, appendix B.)
    """
    return 0.5 * (mean.square() + (2 * log_std).exp() - 1) - log_std


def reparametrised(mean: Tensor, log_std: Tensor, rng: torch.Generator) -> Tensor:
    """z = mean + σ·ε with ε ~ N(0, I), drawn on the CPU (Kingma & Welling 2014, §2.4)."""
    return mean + log_std.exp() * torch.randn(mean.shape, generator=rng).to(mean)


@dataclass(frozen=True)
class elbo:  # read as its name: `fit(model, batches, elbo(), ...)` minimises −ELBO
    """−E_q log p(x | z) + β·KL(q(z | x) ‖ p(z)): distortion and β times the rate, in nats.

    β = 1 is the negative ELBO (Kingma & Welling 2014, eq. 10), other values the β-VAE (Higgins et
    al. 2017, eq. 4).

    Args:
        beta: weight of the KL, at least 0.
        free_bits: λ, nats that each latent may carry at no cost: the KL of a latent, averaged over
            the batch, counts as max(λ, KL) (Kingma et al. 2016, eq. 15).

    Raises:
        CourseError: a negative beta or free_bits.
    """

    beta: float = 1.0
    free_bits: float = 0.0

    def __post_init__(self) -> None:
        require(self.beta >= 0, f"beta was {self.beta}; it must be at least 0.")
        sentence = f"free_bits was {self.free_bits}; it must be at least 0."
        require(self.free_bits >= 0, sentence)

    def __call__(
        self, model: Any, x: Tensor, y: Tensor, rng: torch.Generator, progress: float
    ) -> Tensor:
        mean, log_std = model.encode(x)
        distortion = -model.log_likelihood(x, reparametrised(mean, log_std, rng)).mean()
        rate = gaussian_kl(mean, log_std).mean(0)
        return distortion + self.beta * rate.clamp_min(self.free_bits).sum()


def log_weights(model: Any, x: Tensor, k: int, rng: torch.Generator) -> Tensor:
    """log p(x, z) − log q(z | x) for k draws of z from q(z | x), in nats, shape (k, n)."""
    mean, log_std = (row.expand(k, *row.shape) for row in model.encode(x))
    z = reparametrised(mean, log_std, rng)
    noise = (z - mean) * (-log_std).exp()
    # log p(z) − log q(z | x); the constants ½ log 2π cancel
    ratio = (0.5 * noise.square() + log_std - 0.5 * z.square()).sum(2)
    copies = x.expand(k, *x.shape).flatten(0, 1)
    return model.log_likelihood(copies, z.flatten(0, 1)).view(k, -1) + ratio


@dataclass(frozen=True)
class iwae:  # reads as its name, as `elbo` does
    """−log of the mean of k importance weights (Burda et al. 2016, eq. 8), in nats.

    The mean is taken inside the logarithm. Its gradient weighs each ∇ log w by the normalised
    weight (eq. 13–14), which logsumexp's own gradient does.

    Args:
        k: draws for each example, at least 1; with 1 it is the ELBO with a sampled KL.

    Raises:
        CourseError: k below 1.
    """

    k: int = 5

    def __post_init__(self) -> None:
        require(self.k >= 1, f"k was {self.k}; draw at least 1.")

    def __call__(
        self, model: Any, x: Tensor, y: Tensor, rng: torch.Generator, progress: float
    ) -> Tensor:
        return log(self.k) - log_weights(model, x, self.k, rng).logsumexp(0).mean()


@dataclass(frozen=True)
class reconstruction:  # reads as a noun: the autoencoder's objective
    """‖model(x + σε) − x‖², summed over pixels, averaged over the batch.

    σ = 0 is the plain autoencoder, σ > 0 the denoising one (Vincent et al. 2010, §2.3). The noisy
    input is not clipped: only then is the best answer x + σ²∇log p_σ(x) (Alain & Bengio 2014).

    Args:
        noise: σ in pixels, at least 0.

    Raises:
        CourseError: a negative noise.
    """

    noise: float = 0.0

    def __post_init__(self) -> None:
        require(self.noise >= 0, f"noise was {self.noise}; it must be at least 0.")

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, rng: torch.Generator, progress: float
    ) -> Tensor:
        seen = x
        if self.noise:
            seen = x + self.noise * torch.randn(x.shape, generator=rng).to(x)
        return (model(seen) - x).square().flatten(1).sum(1).mean()


@dataclass(frozen=True)
class vq:  # the paper's own name for what it quantises
    """−log p(x | z_q) + ‖sg[z_e] − e‖² + β‖z_e − sg[e]‖² (van den Oord et al. 2017, eq. 3).

    The decoder's gradient passes the quantisation as if it were the identity (§3.1); the second
    term moves the codebook, the third keeps the encoder near it. Sums over pixels and places.

    Args:
        commitment: β, at least 0.

    Raises:
        CourseError: a negative commitment.
    """

    commitment: float = 0.25

    def __post_init__(self) -> None:
        sentence = f"commitment was {self.commitment}; it must be at least 0."
        require(self.commitment >= 0, sentence)

    def __call__(self, model: Any, x: Tensor, y: Tensor) -> Tensor:
        z = model.encode(x)
        e = model.embed(model.indices(z))
        distortion = -model.log_likelihood(x, z + (e - z).detach())
        codebook = (z.detach() - e).square().flatten(1).sum(1)
        committed = (z - e.detach()).square().flatten(1).sum(1)
        return (distortion + codebook + self.commitment * committed).mean()


@dataclass(frozen=True)
class denoising:  # reads as a noun: what a diffusion model learns by
    """‖ε − ε_θ(√ᾱ_t·x + √(1 − ᾱ_t)·ε, t, y)‖², the mean over pixels, t uniform in 1 … T.

    "simple" is L_simple (Ho et al. 2020, eq. 14). "vlb" weighs time t by T·w_t: an estimate of the
    variational bound without its constants, in nats per pixel (eq. 12).

    Args:
        weighting: "simple" or "vlb".
        drop_label: how often the class is withheld, in [0, 1], so that the model also learns
            without one (Ho & Salimans 2021, algorithm 1). Only matters to a conditional model,
            which is one with `classes`.

    Raises:
        CourseError: an unknown weighting, or drop_label outside [0, 1].
    """

    weighting: str = "simple"
    drop_label: float = 0.1

    def __post_init__(self) -> None:
        choose("weighting", self.weighting, ("simple", "vlb"))
        inside = 0 <= self.drop_label <= 1
        require(inside, f"drop_label was {self.drop_label}; it must lie in [0, 1].")

    def __call__(
        self, model: Any, x: Tensor, y: Tensor, rng: torch.Generator, progress: float
    ) -> Tensor:
        s, n = model.schedule, len(x)
        t = torch.randint(1, s.steps + 1, (n,), generator=rng)
        eps = torch.randn(x.shape, generator=rng).to(x)
        told = None
        if model.classes:
            withheld = (torch.rand(n, generator=rng) < self.drop_label).to(x.device)
            told = torch.where(withheld, model.classes, y)
        x_t = s.q_sample(model.normalise(x), t, eps)
        error = (model(x_t, t, told) - eps).square().flatten(1).mean(1)
        if self.weighting == "vlb":
            error = s.steps * s.vlb_weights[t].to(x) * error
        return error.mean()
