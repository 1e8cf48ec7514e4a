"""The ingredients that recipes name: networks, losses, penalties and optimisers by their ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import torch
from torch import Tensor

from coursekit import gan_losses, lipschitz, nets, objectives
from coursekit.attacks import training_pgd
from coursekit.data.captions import same_meaning
from coursekit.training import adam, linear_decay, rmsprop, triangle
from coursekit.zoo.films import film_error


def _packed(shape: tuple[int, int, int], m: int, **how: Any) -> nets.Preprocessed:
    """A discriminator of m images at a time."""
    c, h, w = shape
    return nets.Preprocessed(nets.PacGANPack(m), nets.DCGANDiscriminator((m * c, h, w), **how))


def _scaled(shape: tuple[int, int, int], gain: float, **how: Any) -> lipschitz.ScaledCritic:
    return lipschitz.ScaledCritic(nets.DCGANDiscriminator(shape, **how), gain)


def _mlp(
    shape: tuple[int, int, int], classes: int, hidden: Sequence[int], rng: Any
) -> torch.nn.Module:
    return nets.MLP((prod(shape), *hidden, classes), rng=rng)


def _maxout(
    shape: tuple[int, int, int], classes: int, hidden: int, pieces: int, rng: Any
) -> torch.nn.Module:
    """Two hidden layers of maxout units (Goodfellow et al. 2013), without dropout."""
    layers = (nets.Maxout(prod(shape), hidden, pieces), nets.Maxout(hidden, hidden, pieces))
    model = torch.nn.Sequential(torch.nn.Flatten(), *layers, torch.nn.Linear(hidden, classes))
    nets.initialise(model, rng)
    return model


@dataclass(frozen=True)
class UniformNoise:
    """x + u with u uniform in [−ε, ε] for each pixel, kept in [0, 1]: the control of training on
    adversarial examples, which are of the same size.

    For `objectives.augmented(UniformNoise(0.3))`.
    """

    eps: float

    def __call__(self, x: Tensor, rng: torch.Generator, progress: float) -> Tensor:
        u = torch.rand(x.shape, generator=rng).to(x)
        return (x + self.eps * (2 * u - 1)).clamp(0, 1)


# id → what is built from it. A rename in the package changes the right side only.
NETWORKS: dict[str, Any] = {
    "strided_cnn": nets.StridedCNN,
    "small_resnet": nets.SmallResNet,
    "pooled_cnn": nets.PooledCNN,
    "linear": nets.LinearClassifier,
    "mlp": _mlp,
    "maxout": _maxout,
    "vgg_small": nets.VGGSmall,
    "dcgan_generator": nets.DCGANGenerator,
    "dcgan_discriminator": nets.DCGANDiscriminator,
    "packed_discriminator": _packed,
    "scaled_discriminator": _scaled,
    "mlp_generator": nets.MLPGenerator,
    "mlp_discriminator": nets.MLPDiscriminator,
    "inpainter": nets.Inpainter,
    "conditional_batchnorm_generator": nets.ConditionalBatchNormGenerator,
    "concat_generator": nets.ConcatGenerator,
    "concat_discriminator": nets.ConcatDiscriminator,
    "auxiliary_discriminator": nets.AuxiliaryDiscriminator,
    "projection_discriminator": nets.ProjectionDiscriminator,
    "sngan_generator": nets.SNGANGenerator,
    "sngan_discriminator": nets.SNGANDiscriminator,
    "fvsbn": nets.FVSBN,
    "nade": nets.NADE,
    "made": nets.MADE,
    "pixelcnn": nets.PixelCNN,
    "gated_pixelcnn": nets.GatedPixelCNN,
    "row_lstm": nets.RowLSTM,
    "causal_attention": nets.CausalAttention,
    "real_nvp": nets.RealNVP,
    "autoencoder": nets.Autoencoder,
    "vae": nets.VAE,
    "conv_vae": nets.ConvVAE,
    "logistic_vae": nets.LogisticVAE,
    "masked_vae": nets.MaskedVAE,
    "vqvae": nets.VQVAE,
    "unet": nets.UNet,
    "patch_discriminator": nets.PatchDiscriminator,
    "cycle": nets.Cycle,
    "two_critics": nets.TwoCritics,
    "local_discriminator": nets.LocalDiscriminator,
    "biggan_generator": nets.BigGANGenerator,
    "progressive_generator": nets.ProgressiveGenerator,
    "progressive_discriminator": nets.ProgressiveDiscriminator,
    "style_generator": nets.StyleGenerator,
    "text_generator": nets.TextGenerator,
    "text_discriminator": nets.TextDiscriminator,
    "stack_generator": nets.StackGenerator,
    "stack_discriminator": nets.StackDiscriminator,
    "diffusion_unet": nets.DiffusionUNet,
    "film_translator": nets.FilmTranslator,
}
WITHOUT_CLASSES = (
    "dcgan_generator", "dcgan_discriminator", "packed_discriminator", "scaled_discriminator",
    "mlp_generator", "mlp_discriminator", "inpainter",
    "fvsbn", "nade", "made", "pixelcnn", "gated_pixelcnn", "row_lstm", "real_nvp",
    "causal_attention", "autoencoder", "vae", "conv_vae", "logistic_vae", "masked_vae", "vqvae",
    "unet", "patch_discriminator", "cycle", "two_critics", "film_translator", "diffusion_unet",
    "local_discriminator", "style_generator", "text_generator", "text_discriminator",
    "stack_generator", "stack_discriminator",
    "progressive_generator", "progressive_discriminator",
)  # fmt: skip
OBJECTIVES = {
    "cross_entropy": lambda: objectives.cross_entropy,
    "squared_error": lambda: objectives.squared_error,
    "negative_log_likelihood": lambda: objectives.negative_log_likelihood,
    "order_agnostic": lambda: objectives.order_agnostic,
    "dequantised": lambda: objectives.dequantised,
    "absolute_error": lambda: objectives.absolute_error,
    "adversarial": lambda alpha=0.0, **attack: objectives.adversarial(
        training_pgd(**attack), alpha
    ),
    "adversarial_augmented": lambda shift, **attack: objectives.augmenting(
        nets.FlipAndShift(shift), objectives.adversarial(training_pgd(**attack))
    ),
    "augmented": lambda smoothing=0.0, **moves: objectives.augmented(
        nets.FlipAndShift(**moves), smoothing
    ),
    "noisy": lambda eps: objectives.augmented(UniformNoise(eps)),
    "trades": lambda beta=6.0, noise=0.001, random_start=False, **attack: objectives.trades(
        training_pgd(noise=noise, random_start=random_start, **attack), beta
    ),
    "elbo": objectives.elbo,
    "iwae": objectives.iwae,
    "reconstruction": objectives.reconstruction,
    "vq": objectives.vq,
    "denoising": objectives.denoising,
    "film_error": film_error,
}
LOSSES = {
    "nonsaturating": gan_losses.NonSaturating,
    "saturating": gan_losses.Saturating,
    "least_squares": gan_losses.LeastSquares,
    "hinge": gan_losses.Hinge,
    "wasserstein": gan_losses.Wasserstein,
}


@dataclass(frozen=True)
class _Sum:
    """Several penalties on one player."""

    parts: tuple[Any, ...]
    needs_generator: ClassVar[bool] = True  # some of them may

    @property
    def double_backward(self) -> bool:
        return any(getattr(part, "double_backward", False) for part in self.parts)

    def __call__(self, *game: Any) -> Any:
        alone = game[:5]  # D, x, fake, y, rng
        whole = [getattr(part, "needs_generator", False) for part in self.parts]
        pairs = zip(self.parts, whole, strict=True)
        return sum(part(*(game if asks else alone)) for part, asks in pairs)


@dataclass(frozen=True)
class OrthogonalG:
    """`lipschitz.orthogonal` without the diagonal, on the generator (Brock et al. 2019, eq. 3)."""

    weight: float
    needs_generator: ClassVar[bool] = True

    def __call__(self, D: Any, x: Any, fake: Any, y: Any, rng: Any, G: torch.nn.Module) -> Tensor:
        return lipschitz.orthogonal(self.weight, diagonal=False)(G)


PENALTIES = {
    "orthogonal": OrthogonalG,
    "r1_wrong_pairs": lambda gamma, weight: _Sum(
        (lipschitz.r1_penalty(gamma), gan_losses.wrong_pairs(same_meaning, weight))
    ),
    "gradient_penalty": lipschitz.gradient_penalty,
    "r1": lipschitz.r1_penalty,
    "auxiliary": gan_losses.auxiliary,
    "r1_auxiliary": lambda gamma, **weights: _Sum(
        (lipschitz.r1_penalty(gamma), gan_losses.auxiliary(**weights))
    ),
    "reconstruction": gan_losses.reconstruction,
    "cycle": gan_losses.cycle_consistency,
    "cycle_identity": lambda cycle, identity: _Sum(
        (gan_losses.cycle_consistency(cycle), gan_losses.identity_mapping(identity))
    ),
}
CONSTRAINTS = {
    "clip_weights": lipschitz.clip_weights,
    "clamp_singular_value": lipschitz.clamp_singular_value,
}
AUGMENTS = {"diff_augment": nets.DiffAugment, "instance_noise": nets.InstanceNoise}
OPTIMIZERS = {"adam": adam, "rmsprop": rmsprop}
SCHEDULES = {"triangle": triangle, "linear_decay": linear_decay}

TABLES: dict[str, dict[str, Any]] = {
    "network": NETWORKS, "generator": NETWORKS, "discriminator": NETWORKS, "loss": LOSSES,
    "objective": OBJECTIVES, "penalty_D": PENALTIES, "penalty_G": PENALTIES, "augment": AUGMENTS,
    "schedule": SCHEDULES, "constrain": CONSTRAINTS,
    "constrain_G": CONSTRAINTS,
    "optimizer": OPTIMIZERS, "optimizer_G": OPTIMIZERS, "optimizer_D": OPTIMIZERS,
}  # fmt: skip
