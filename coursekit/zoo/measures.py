"""What is measured of a run: on the way, and on the stored weights."""

from collections.abc import Callable
from functools import partial
from math import log
from typing import Any, cast

import torch
from torch import Tensor, nn

from coursekit import nets
from coursekit.attacks import auto_attack, fgsm, hop_skip_jump, pgd, square_attack
from coursekit.data import Dataset, Split, binarise
from coursekit.data.toys import Stacked
from coursekit.errors import CourseError
from coursekit.metrics import (
    FIDScorer,
    accuracy,
    class_coverage,
    density_coverage,
    gradient_energy,
    probabilities,
    robust_accuracy,
    stacked_coverage,
)
from coursekit.metrics import features as features_of
from coursekit.nets import MADE, Autoregressive, Generator, RealNVP
from coursekit.objectives import dequantise, gaussian_kl, log_weights
from coursekit.threats import L2, Linf, Threat
from coursekit.types import Attack
from coursekit.zoo.recipes import DOMAINS, GIVEN, Recipe, upper_half

Figures = dict[str, dict[str, float]]  # name → value, n and tolerance


def measure(
    recipe: Recipe,
    networks: dict[str, nn.Module],
    data: Dataset,
    features: nn.Module | None,
    n: int | None = None,
    expensive: bool = False,
) -> Figures:
    """The figures of a run: name → value, n and tolerance.

    Classifiers: accuracy on the test images and, if attacks took part in training, what is left of
    it under attack, see `measure_robustness`. Generators: Fréchet distance of samples to test
    images on the features of an independent classifier (and of training images, the floor), and for
    conditional ones how often that classifier reads the class that was asked for, and the
    mean over classes of the coverage within the class (k = 5, on the same features; only where each
    class has more than 5 images).

    Args:
        features: the classifier whose features all Fréchet distances of this data set use.
        n: samples; by default the recipe's `compare`.
        expensive: also the figures that take minutes, for the record: without a tolerance.
    """
    x, y = data.test.x, data.test.y
    rng = torch.Generator().manual_seed(1)
    if special := special_measure(recipe):
        return special(next(iter(networks.values())), data, features, n or recipe.compare, rng)
    if not recipe.game:
        network = networks["network"]
        exact = {"value": accuracy(network, x, y), "n": len(y), "tolerance": 0.002}
        eps = recipe.attacked_at or recipe.objective[1].get("eps")
        return {"accuracy": exact} | (
            measure_robustness(network, x, y, eps, expensive) if eps else {}
        )
    n = min(n or recipe.compare, len(x))
    labels = y[:n] if recipe.conditional else None
    samples = cast(Generator, networks["generator"]).sample(n, rng, labels)
    features = _needed(features)
    scorer = FIDScorer(features, x[:n])
    value, real = scorer.fid(samples), scorer.fid(data.train.x[:n])
    slack = min(1.0, 0.1 * real)  # distances have the scale of their features
    figures = {
        "frechet_distance": {"value": value, "n": n, "tolerance": max(slack, 0.03 * value)},
        "frechet_distance_of_real": {"value": real, "n": n, "tolerance": slack},
    }
    if labels is not None:
        read = accuracy(features, samples, labels)
        figures["class_accuracy"] = {"value": read, "n": n, "tolerance": 0.01}
        if int(labels.bincount().min()) > 5:
            cover = float(class_coverage(features, x[:n], labels, samples, labels).mean())
            figures["class_coverage"] = {"value": cover, "n": n, "tolerance": 0.02}
        known = accuracy(features, x[:n], labels)
        figures["class_accuracy_of_real"] = {"value": known, "n": n, "tolerance": 0.002}
    return figures


def _figures(values: dict[str, tuple[float, float]], n: int) -> Figures:
    """Values with their tolerances, all of `n` images."""
    return {name: {"value": v, "n": n, "tolerance": t} for name, (v, t) in values.items()}


def _needed(features: nn.Module | None) -> nn.Module:
    if features is None:
        raise CourseError("samples are measured with the classifier of their data set.")
    return features


def measure_stacked(
    G: Generator, data: Dataset, features: nn.Module | None, n: int, rng: torch.Generator
) -> Figures:
    """Of `n` stacks of three digits: the modes that are read, of 1,000 (Metz et al. 2017, §3.3.1).

    A confident mode has a sample whose three digits are each read with at least 0.9 probability;
    `confident_share` of all samples are such. Beside them the same of `n` real stacks.
    """
    classifier = _needed(features)
    figures: Figures = {}
    samples = {"": G.sample(n, rng), "_of_real": Stacked(data.test).sample(n, rng).x}
    for suffix, x in samples.items():
        every, sure = (stacked_coverage(classifier, x, sure) for sure in (0.0, 0.9))
        values = {
            "modes": (every.covered(), 10), "reverse_kl": (every.reverse_kl, 0.03),
            "confident_modes": (sure.covered(), 15), "confident_share": (sure.quality, 0.01),
        }  # fmt: skip
        figures |= {
            f"{name}{suffix}": {"value": value, "n": n, "tolerance": tolerance}
            for name, (value, tolerance) in values.items()
        }
    return figures


def measure_inpainting(
    G: Generator, data: Dataset, features: nn.Module | None, n: int, rng: torch.Generator
) -> Figures:
    """Lower halves painted under the upper halves of `n` test images.

    How often the independent classifier reads the image's class, the squared error (per pixel of
    the lower half), and the gradient energy there, as a share of that of the real halves.
    """
    classifier = _needed(features)
    x, y = data.test.x[:n], data.test.y[:n]
    top = upper_half(x)
    painted = G.sample(len(x), rng, top)
    below = slice(top.shape[2], None)
    real, ours = x[:, :, below], painted[:, :, below]
    energy = float(gradient_energy(ours).mean() / gradient_energy(real).mean())
    values = {
        "class_accuracy": (accuracy(classifier, painted, y), 0.01),
        "class_accuracy_of_real": (accuracy(classifier, x, y), 0.002),
        "squared_error": (float((ours - real).square().mean()), 0.001),
        "gradient_energy": (energy, 0.02),
    }
    return _figures(values, len(x))


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
    gradient energy, as a share of that of real images.
    """
    classifier = _needed(features)
    x, y = data.test.x[:n], data.test.y[:n]
    coarse = GIVEN[task](x)
    made = G.sample(len(x), rng, coarse)
    energy = float(gradient_energy(made).mean() / gradient_energy(x).mean())
    values = {
        "class_accuracy": (accuracy(classifier, made, y), 0.01),
        "class_accuracy_of_input": (accuracy(classifier, coarse, y), 0.002),
        "class_accuracy_of_real": (accuracy(classifier, x, y), 0.002),
        "absolute_error": (float((made - x).abs().mean()), 0.001),
        "gradient_energy": (energy, 0.02),
    }
    return _figures(values, len(x))


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
    classifier = _needed(features)
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
    figures = _figures(values, len(x))
    read = probabilities(classifier, undo(forth)).argmax(1)
    for c in y.unique().tolist():
        of_class = read[y == c]
        mode = float(of_class.mode().values)
        figures[f"read_as_{c}"] = {"value": mode, "n": len(of_class)}
    return figures


def critic_gap(G: Generator, D: nn.Module, x: Tensor) -> float:
    """E D(x) − E D(G(z)), in eval mode: what the critic's value is on images it has not seen."""
    rng, training = torch.Generator().manual_seed(2), D.training
    with torch.no_grad():
        D.eval()
        gap = D(x).mean() - D(G.sample(len(x), rng)).mean()
    D.train(training)
    return float(gap)


def attacked(recipe: Recipe, network: nn.Module, data: Dataset) -> dict[str, float]:
    """What is watched while a classifier learns to resist: accuracy on 500 test and 500 training
    images, clean, under FGSM and under PGD-10, at the recipe's radius."""
    ball, row = Linf(recipe.attacked_at), {}
    for side, split in (("", data.test.take(500)), ("train_", data.train.take(500))):
        x, y, rng = split.x, split.y, torch.Generator().manual_seed(1)
        row[f"{side}accuracy"] = accuracy(network, x, y)
        x_adv = fgsm(network, x, y, ball.eps)
        row[f"{side}fgsm_accuracy"] = accuracy(network, x_adv, y)
        x_adv = pgd(network, x, y, ball, 10, rng=rng)
        row[f"{side}pgd_accuracy"] = accuracy(network, x_adv, y)
    return row


def measure_robustness(
    network: nn.Module, x: Tensor, y: Tensor, eps: float, expensive: bool = False
) -> Figures:
    """Accuracy under attacks: in the L∞ ball of radius `eps`, and in the L2 ball of radius 2.

    PGD-40 with three starts on 1,000 images, AutoAttack on 30; if `expensive`, AutoAttack and
    Square (5,000 queries) on 1,000, and in L2, on 100 images, PGD-40 with three starts and
    HopSkipJump (3,000 queries), as Schott et al. 2019 attack networks trained in L∞.
    """
    rng, ball, far = torch.Generator().manual_seed(1), Linf(eps), L2(2.0)

    def left(attack: Attack, n: int, tolerance: float | None) -> dict[str, float]:
        row = {"value": robust_accuracy(network, x[:n], y[:n], attack), "n": min(n, len(x))}
        return row if tolerance is None else row | {"tolerance": tolerance}

    def walked(m: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        found = hop_skip_jump(m, x, y, 3000, rng)
        near = (found.distances <= far.eps).view(-1, 1, 1, 1)
        return torch.where(near, found.x_adv, x)  # what lies outside the ball does not count

    def climbed(threat: Threat) -> Attack:
        return lambda m, x, y: pgd(m, x, y, threat, 40, restarts=3, rng=rng)

    figures = {
        "robust_accuracy": left(climbed(ball), 1000, 0.01),
        "autoattack_accuracy_30": left(lambda m, x, y: auto_attack(m, x, y, ball), 30, 0.035),
    }
    if expensive:
        attacks: dict[str, tuple[Attack, int]] = {
            "autoattack_accuracy": (lambda m, x, y: auto_attack(m, x, y, ball), 1000),
            "square_accuracy": (lambda m, x, y: square_attack(m, x, y, ball, 5000, rng), 1000),
            "l2_robust_accuracy": (climbed(far), 100),
            "l2_hop_skip_jump_accuracy": (walked, 100),
        }
        figures |= {name: left(attack, n, None) for name, (attack, n) in attacks.items()}
    return figures


def binary_test(data: Dataset, n: int, rng: torch.Generator | None = None) -> Split:
    """The first `n` test images as 0 and 1, drawn once for all: every model is asked about these.

    Args:
        rng: draws the pixels; by default one that begins at 1, as `measure` does.
    """
    x = binarise(data.test.x, rng or torch.Generator().manual_seed(1))  # all, whatever n
    return Split(x, data.test.y, data.test.origin).take(n)


@torch.no_grad()
def by_batches(function: Callable[..., Tensor], *rows: Tensor, batch: int = 250) -> Tensor:
    """`function` of a few rows at a time, without a graph."""
    return torch.cat(
        [function(*part) for part in zip(*(t.split(batch) for t in rows), strict=True)]
    )


def standard_error(values: Tensor, origin: Tensor | None = None) -> float:
    """Of the mean of `values`, shape (n,); renderings of one original count as one draw."""
    if origin is not None:
        _, group = torch.unique(origin, return_inverse=True)
        off = (values - values.mean()).double()
        sums = torch.zeros(int(group.max()) + 1, dtype=torch.float64).index_add(0, group, off)
        return float(sums.square().sum().sqrt()) / len(values)
    return float(values.std()) / len(values) ** 0.5


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
    """Of `n` test images, binarised once with seed 0, in nats: the negative ELBO and its two parts,
    rate and distortion; the bounds of Burda et al. 2016 with k = 10 and 100 (not for a masked
    decoder, which is too slow); with two latents the exact negative log-likelihood.

    `active_latents` are those whose mean varies over images by more than 0.01 (their §5.2). Of a
    convolutional VAE also Fréchet distance and coverage (k = 5) of `n` samples.
    """
    x = binarise(data.test.x[:n], torch.Generator().manual_seed(0))
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
    if isinstance(model, nets.VAE) and model.noise_dim == 2:
        exact = -nets.log_prob_grid(model, x).mean()
        values["negative_log_likelihood"] = (float(exact), 0.1)
    figures = _figures(values, len(x))
    return figures | (_measure_samples(model, data, features, n, rng) if _is_conv(model) else {})


def _is_conv(model: nn.Module) -> bool:
    return isinstance(model, nets.ConvVAE)


def _measure_samples(
    G: Generator, data: Dataset, features: nn.Module | None, n: int, rng: torch.Generator
) -> Figures:
    """Fréchet distance and coverage of as many samples as there are test images, at most `n`."""
    classifier, x = _needed(features), data.test.x[:n]
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
    return _figures(values, len(x))


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
    return _figures(values, len(x))


# (network, data, features, n, rng) -> figures of a model that is no classifier and no plain
# generator. By the recipe's task, or by the id of its objective.
Measure = Callable[[Any, Dataset, nn.Module | None, int, torch.Generator], Figures]
MEASURES: dict[str, Measure] = {
    "stacked": measure_stacked,
    "upper_half": measure_inpainting,
    "negative_log_likelihood": measure_likelihood,
    "order_agnostic": measure_likelihood,
    "dequantised": measure_likelihood,
    "elbo": measure_latent,
    "iwae": measure_latent,
    "reconstruction": measure_reconstruction,
    "vq": measure_vq,
    "low_resolution": partial(measure_translation, "low_resolution"),
    "very_low_resolution": partial(measure_translation, "very_low_resolution"),
    "inverted": partial(measure_cycle, "inverted"),
    "tilted": partial(measure_cycle, "tilted"),
}


def special_measure(recipe: Recipe) -> Measure | None:
    """How runs of this recipe's kind are measured; None for classifiers and plain generators."""
    return MEASURES.get(recipe.task) or (None if recipe.game else MEASURES.get(recipe.objective[0]))
