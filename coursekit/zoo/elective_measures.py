"""What is measured of the networks of the electives."""

from math import log
from typing import Any

import torch
from torch import Tensor, nn

from coursekit import nets
from coursekit.data import Dataset, Split, binarise, captions
from coursekit.metrics import (
    FIDScorer,
    accuracy,
    chroma,
    density_coverage,
    gradient_energy,
    probabilities,
)
from coursekit.metrics import features as features_of
from coursekit.nets import MADE, Autoregressive, Generator, RealNVP
from coursekit.objectives import dequantise, gaussian_kl, log_weights
from coursekit.types import Images
from coursekit.zoo.figures import (
    Figures,
    as_figures,
    binary_test,
    by_batches,
    needed,
    standard_error,
)
from coursekit.zoo.tasks import DOMAINS, GIVEN


def measure_translation(
    task: str,
    G: Generator,
    data: Dataset,
    features: nn.Module | None,
    n: int,
    rng: torch.Generator,
) -> Figures:
    """Images made from coarse versions of `n` test images (for pix2pix).

    How often the independent classifier reads the image's class, which is what the paper's FCN
    score is; the same of the coarse image and of the real one; the mean absolute error; and the
    gradient energy, as a share of that of real images; of colour images also the chroma, as such a
    share.
    """
    classifier = needed(features)
    x, y = data.test.x[:n], data.test.y[:n]
    coarse = GIVEN[task](x)
    made = G.sample(len(x), rng, coarse)
    energy = float(gradient_energy(made).mean() / gradient_energy(x).mean())
    values = {
        "class_accuracy": (accuracy(classifier, made, y), 0.01),
        "class_accuracy_of_input": (accuracy(classifier, coarse.expand_as(x), y), 0.002),
        "class_accuracy_of_real": (accuracy(classifier, x, y), 0.002),
        "absolute_error": (float((made - x).abs().mean()), 0.001),
        "gradient_energy": (energy, 0.02),
    }
    if x.shape[1] == 3:
        values["chroma"] = (float(chroma(made).mean() / chroma(x).mean()), 0.02)
    return as_figures(values, len(x))


def measure_cycle(
    task: str,
    G: Generator,
    data: Dataset,
    features: nn.Module | None,
    n: int,
    rng: torch.Generator,
) -> Figures:
    """Two translators of domains whose true pairing is known, on `n` test images.

    How often the classifier reads the class of the original, after the true way back (`forth`) or
    directly (`back`); the mean absolute error to the true translation; that of the cycle, and of
    the cycle with noise of standard deviation 0.05 on the translations in its middle; and
    `read_as_c`, the class that images of class c are most often read as when they are translated
    to Y. A translator that permutes classes may have a small cycle error.
    """
    classifier = needed(features)
    there, undo = DOMAINS[task]
    x, y = data.test.x[:n], data.test.y[:n]
    pairs = torch.cat([x, there(x)], 1)
    made = G.sample(len(x), rng, pairs)
    back, forth = made.chunk(2, 1)
    noisy = (made + 0.05 * torch.randn(made.shape, generator=rng).to(made)).clamp(0, 1)
    again, disturbed = (G.sample(len(x), rng, middle) for middle in (made, noisy))
    values = {
        "class_accuracy": (accuracy(classifier, undo(forth), y), 0.01),
        "class_accuracy_back": (accuracy(classifier, back, y), 0.01),
        "class_accuracy_of_real": (accuracy(classifier, x, y), 0.002),
        "absolute_error": (float((forth - there(x)).abs().mean()), 0.001),
        "cycle_error": (float((again - pairs).abs().mean()), 0.001),
        "cycle_error_with_noise": (float((disturbed - pairs).abs().mean()), 0.005),
    }
    figures = as_figures(values, len(x))
    read = probabilities(classifier, undo(forth)).argmax(1)
    for c in y.unique().tolist():
        of_class = read[y == c]
        mode = float(of_class.mode().values)
        figures[f"read_as_{c}"] = {"value": mode, "n": len(of_class)}
    return figures


def measure_likelihood(
    model: Any, data: Dataset, features: nn.Module | None, n: int, rng: torch.Generator
) -> Figures:
    """Test log-likelihood of `n` images, statically binarised, in nats; with its standard error.

    Of several orders `nll` is that of the averaged joint, and `nll_one_order` the mean over single
    ones. Of a class-conditional model `nll` is that of log Σ p(x | y)/k, `nll_given_class` is told
    the class, and `class_accuracy` is that of Bayes' rule. A flow's figures are upper bounds, on
    8-bit images, in nats and in bits per dimension.
    """
    model.eval()
    if isinstance(model, RealNVP):
        x = data.test.x[:n]
        nll = x[0].numel() * log(256) - by_batches(model.log_prob, dequantise(x, rng))
        values = {"nll": nll, "bits_per_dim": nll / (x[0].numel() * log(2))}
        origin = data.test.origin
    else:
        test = binary_test(data, n, rng)
        values, origin = _binary_values(model, test), test.origin
    origin = None if origin is None else origin[:n]
    return {
        name: {
            "value": float(v.mean()), "n": len(v), "se": standard_error(v, origin),
            "tolerance": 0.01 if name in ("bits_per_dim", "class_accuracy") else 0.2,
        }
        for name, v in values.items()
    }  # fmt: skip


def _binary_values(model: Autoregressive, test: Split) -> dict[str, Tensor]:
    if model.classes:
        assert isinstance(model, MADE)
        each = by_batches(model.class_log_probs, test.x)
        mixed = each.logsumexp(1) - log(model.classes)
        told = each.gather(1, test.y[:, None])[:, 0]
        right = (each.argmax(1) == test.y).float()
        return {"nll": -mixed, "nll_given_class": -told, "class_accuracy": right}
    values = {"nll": -by_batches(model.log_prob, test.x)}
    if (k := len(model.ranks)) > 1:
        single = [
            by_batches(lambda x, i=i: model.order_log_prob(x, None, i), test.x) for i in range(k)
        ]
        values["nll_one_order"] = -torch.stack(single).mean(0)
    return values


@torch.no_grad()
def measure_latent(
    model: nets.LatentVariableModel,
    data: Dataset,
    features: nn.Module | None,
    n: int,
    rng: torch.Generator,
) -> Figures:
    """Of `n` test images, in nats: the negative ELBO and its two parts, rate and distortion; the
    bounds of Burda et al. 2016 with k = 10 and 100 (not for a masked decoder, which is too slow);
    with two latents the exact negative log-likelihood. The images are binarised once with seed 0,
    but not for a model of 8-bit values, whose bounds are also given in bits per dimension.

    `active_latents` are those whose mean varies over images by more than 0.01 (their §5.2). Of a
    convolutional VAE also Fréchet distance and coverage (k = 5) of `n` samples.
    """
    x, eight_bit = data.test.x[:n], isinstance(model, nets.LogisticVAE)
    x = x if eight_bit else binarise(x, torch.Generator().manual_seed(0))
    mean, log_std = model.encode(x)
    # the sampled KL is taken out and the exact one put in: the same mean, a smaller variance
    draws = 1 if isinstance(model, nets.MaskedVAE) else 10
    rate = float(gaussian_kl(mean, log_std).sum(1).mean())
    z = mean + log_std.exp() * torch.randn(draws, *mean.shape, generator=rng).to(mean)
    distortion = -sum(float(model.log_likelihood(x, row).mean()) for row in z) / draws
    values: dict[str, tuple[float, float]] = {
        "negative_elbo": (rate + distortion, 0.2), "rate": (rate, 0.1),
        "distortion": (distortion, 0.2),
        "active_latents": (float((mean.var(0) > 0.01).sum()), 1.0),
    }  # fmt: skip
    if not isinstance(model, nets.MaskedVAE):
        log_w = torch.cat([log_weights(model, part, 100, rng) for part in x.split(100)], 1).double()
        for k in (10, 100):
            bound = log_w[:k].logsumexp(0).mean() - torch.tensor(float(k)).log()
            values[f"iwae_{k}"] = (-float(bound), 0.2)
    if eight_bit:
        nats = x[0].numel() * log(2)
        values["bits_per_dim"] = ((rate + distortion) / nats, 0.01)
        values["bits_per_dim_iwae_100"] = (values["iwae_100"][0] / nats, 0.01)
    if isinstance(model, nets.VAE) and model.noise_dim == 2:
        exact = -nets.log_prob_grid(model, x).mean()
        values["negative_log_likelihood"] = (float(exact), 0.1)
    figures = as_figures(values, len(x))
    return figures | (_measure_samples(model, data, features, n, rng) if _is_conv(model) else {})


def _is_conv(model: nn.Module) -> bool:
    return isinstance(model, nets.ConvVAE)


def _measure_samples(
    G: Generator, data: Dataset, features: nn.Module | None, n: int, rng: torch.Generator
) -> Figures:
    """Fréchet distance and coverage of as many samples as there are test images, at most `n`."""
    classifier, x = needed(features), data.test.x[:n]
    samples = G.sample(len(x), rng)
    scorer = FIDScorer(classifier, x)
    real = scorer.fid(data.train.x[: len(x)])
    found = density_coverage(features_of(classifier, x), features_of(classifier, samples))
    value, slack = scorer.fid(samples), min(1.0, 0.1 * real)
    values = {
        "frechet_distance": (value, max(slack, 0.03 * value)),
        "frechet_distance_of_real": (real, slack),
        "coverage": (found.coverage, 0.02), "density": (found.density, 0.03),
    }  # fmt: skip
    return as_figures(values, len(x))


@torch.no_grad()
def measure_reconstruction(
    model: nets.Autoencoder,
    data: Dataset,
    features: nn.Module | None,
    n: int,
    rng: torch.Generator,
) -> Figures:
    """Squared error per pixel on `n` test images, and of PCA with as many components; the same
    where the input has noise of σ = 0.3 on it, and the clean image is wanted."""
    x = data.test.x[:n]
    noisy = x + 0.3 * torch.randn(x.shape, generator=rng).to(x)
    pca = nets.pca_autoencoder(data.train.x, model.latent).to(x.device)
    figures: Figures = {}
    for suffix, network in (("", model), ("_of_pca", pca)):
        for name, seen in (("squared_error", x), ("denoising_error", noisy)):
            value = float((network(seen) - x).square().mean())
            row = {"value": value, "n": len(x), "tolerance": 0.03 * value}
            figures[f"{name}{suffix}"] = row
    return figures


@torch.no_grad()
def measure_vq(
    model: nets.VQVAE, data: Dataset, features: nn.Module | None, n: int, rng: torch.Generator
) -> Figures:
    """Of `n` test images, binarised once with seed 0: the distortion in nats, how many code vectors
    are used, and exp of the entropy of their frequencies (van den Oord et al. 2017)."""
    x = binarise(data.test.x[:n], torch.Generator().manual_seed(0))
    indices = model.indices(model.encode(x))
    share = indices.flatten().bincount(minlength=model.codes).double() / indices.numel()
    distortion = -float(model.log_likelihood(x, model.embed(indices)).mean())
    values = {
        "distortion": (distortion, 0.3), "codes_used": (float((share > 0).sum()), 2.0),
        "perplexity": (float(torch.special.entr(share).sum().exp()), 0.5),
    }  # fmt: skip
    return as_figures(values, len(x))


DDIM_STEPS = 50  # for the figures of diffusion models: all 200 would take four times as long
GUIDANCE = 1.0
BOUND_DRAWS = 10  # times of each image at which the bound's steps are estimated


@torch.no_grad()
def measure_diffusion(
    model: nets.DiffusionModel,
    data: Dataset,
    features: nn.Module | None,
    n: int,
    rng: torch.Generator,
) -> Figures:
    """Fréchet distance, density and coverage (k = 5) of `n` samples by DDIM with 50 steps and
    η = 0, and the variational bound of `n` test images in bits per dimension, with its terms.

    Of a conditional model the samples are asked for the classes of the test images; also how often
    the independent classifier reads them, and all of it again with guidance w = 1.
    """
    classifier, x, y = needed(features), data.test.x[:n], data.test.y[:n]
    asked = y if model.classes else None
    scorer, real = FIDScorer(classifier, x), features_of(classifier, x)
    floor = scorer.fid(data.train.x[: len(x)])
    slack = min(1.0, 0.1 * floor)
    values = {"frechet_distance_of_real": (floor, slack)}
    if model.classes:
        values["class_accuracy_of_real"] = (accuracy(classifier, x, y), 0.002)
    for suffix, w in {"": 0.0, **({"_guided": GUIDANCE} if model.classes else {})}.items():
        samples = model.sample(len(x), rng, asked, steps=DDIM_STEPS, eta=0.0, guidance=w)
        found = density_coverage(real, features_of(classifier, samples))
        value = scorer.fid(samples)
        values |= {
            f"frechet_distance{suffix}": (value, max(slack, 0.03 * value)),
            f"density{suffix}": (found.density, 0.03),
            f"coverage{suffix}": (found.coverage, 0.02),
        }
        if asked is not None:
            values[f"class_accuracy{suffix}"] = (accuracy(classifier, samples, asked), 0.01)
    return as_figures(values, len(x)) | _bound_figures(model, data.test.take(n), rng)


def _bound_figures(model: nets.DiffusionModel, test: Split, rng: torch.Generator) -> Figures:
    """The bound in bits per dimension and its three terms, each with its standard error."""
    asked = test.y if model.classes else None
    terms = nets.variational_bound(model, test.x, rng, asked, BOUND_DRAWS)
    bits = {name: v / (test.x[0].numel() * log(2)) for name, v in terms.items()}
    rows = {"bits_per_dim": torch.stack(list(bits.values())).sum(0)}
    rows |= {f"bits_{name}": v for name, v in bits.items()}
    return {
        name: {
            "value": float(v.mean()), "n": len(v), "se": standard_error(v, test.origin),
            "tolerance": 0.01 + 0.01 * float(v.mean()),
        }
        for name, v in rows.items()
    }  # fmt: skip


HELD_OUT_SAMPLES = 200


def agreement(classifier: nn.Module, x: Images) -> tuple[float, float]:
    """How often both corners of twins are read as one digit, a zero or a one; and how often both
    are read as a zero or a one at all."""
    one, other = (probabilities(classifier, part).argmax(1) for part in captions.corners(x))
    known = (one < 2) & (other < 2)
    return float(((one == other) & known).float().mean()), float(known.float().mean())


def measure_twins(
    G: Generator, data: Dataset, features: nn.Module | None, n: int, rng: torch.Generator
) -> Figures:
    """Of `n` samples of pairs, and of real ones: agreement, share of zeros and ones, Fréchet."""
    classifier, n = needed(features), min(n, len(data.test.x))
    real, _ = captions.twins_of(data.test, n, rng)
    mixed, _ = captions.twins_of(data.test, n, rng, agree=False)
    values: dict[str, tuple[float, float]] = {}
    for suffix, x in (("", G.sample(n, rng)), ("_of_real", real), ("_of_mixed_real", mixed)):
        agree, known = agreement(classifier, x)
        values |= {f"agreement{suffix}": (agree, 0.015), f"known{suffix}": (known, 0.015)}
    return as_figures(values, n)


def caption_accuracy(classifier: nn.Module, x: Images, meaning: Tensor) -> dict[str, Tensor]:
    """Whether each image is what its caption says: the digit by the classifier, thickness and tilt
    by the moments of the pixels, and all three. Each of shape (n,)."""
    thick, tilt = captions.read(x)
    right = {
        "digit": probabilities(classifier, x).argmax(1) == meaning[:, 0],
        "thickness": thick == meaning[:, 1],
        "tilt": tilt == meaning[:, 2],
    }
    return right | {"caption": right["digit"] & right["thickness"] & right["tilt"]}


def measure_captions(
    G: Generator, data: Dataset, features: nn.Module | None, n: int, rng: torch.Generator
) -> Figures:
    """`n` samples of captions drawn as in training, as many real images, and 200 samples of the
    combination that was held out: how often each part of the caption is right. Fréchet distance.

    Of a generator in two stages the image is measured, and, with the suffix `_of_sketch`, what its
    first stage made."""
    classifier = needed(features)
    test = data.test.take(n)
    real, meaning = captions.drawn(test, torch.Generator().manual_seed(1))
    held = torch.tensor(captions.HELD_OUT).to(meaning).expand(HELD_OUT_SAMPLES, -1)
    samples = G.sample(len(real), rng, captions.caption(meaning, rng))
    unseen = G.sample(len(held), rng, captions.caption(held, rng))
    values: dict[str, tuple[float, float]] = {}
    cases = [("", samples, meaning), ("_of_real", real, meaning), ("_held_out", unseen, held)]
    if samples.shape[1] > 1:
        cases.append(("_of_sketch", samples[:, :1], meaning))
    for suffix, x, wanted in cases:
        slack = 0.04 if suffix == "_held_out" else 0.015
        for part, right in caption_accuracy(classifier, x[:, -1:], wanted).items():
            values[f"{part}_accuracy{suffix}"] = (float(right.float().mean()), slack)
    value = FIDScorer(classifier, real).fid(samples[:, -1:])
    values["frechet_distance"] = (value, max(1.0, 0.05 * value))
    of_held = {name: value for name, value in values.items() if name.endswith("_held_out")}
    return as_figures(values, len(real)) | as_figures(of_held, len(held))
