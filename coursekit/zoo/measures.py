"""What is measured of a run: on the way, and on the stored weights."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from coursekit.attacks import auto_attack, fgsm, hop_skip_jump, pgd, square_attack
from coursekit.data import Dataset
from coursekit.data.toys import Stacked
from coursekit.metrics import (
    FIDScorer,
    accuracy,
    class_coverage,
    gradient_energy,
    robust_accuracy,
    stacked_coverage,
)
from coursekit.nets import Generator
from coursekit.threats import L2, Linf, Threat
from coursekit.types import Attack
from coursekit.zoo.elective_measures import (
    measure_captions,
    measure_cycle,
    measure_diffusion,
    measure_latent,
    measure_likelihood,
    measure_reconstruction,
    measure_translation,
    measure_twins,
    measure_vq,
)
from coursekit.zoo.figures import (
    Figures,
    as_figures,
    needed,
)
from coursekit.zoo.films import measure_films
from coursekit.zoo.recipes import Recipe
from coursekit.zoo.tasks import upper_half


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
    features = needed(features)
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


def measure_stacked(
    G: Generator, data: Dataset, features: nn.Module | None, n: int, rng: torch.Generator
) -> Figures:
    """Of `n` stacks of three digits: the modes that are read, of 1,000 (Metz et al. 2017, §3.3.1).

    A confident mode has a sample whose three digits are each read with at least 0.9 probability;
    `confident_share` of all samples are such. Beside them the same of `n` real stacks.
    """
    classifier = needed(features)
    figures: Figures = {}
    samples = {"": G.sample(n, rng), "_of_real": Stacked(data.test).sample(n, rng).x}
    for suffix, x in samples.items():
        every, sure = stacked_coverage(classifier, x, 0.0, 0.9)
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
    classifier = needed(features)
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
    return as_figures(values, len(x))


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
    """Accuracy under attacks: in the L∞ ball of radius `eps`, and in the L2 ball of radius 2, of
    colour images 0.5.

    PGD-40 with three starts on 1,000 images, AutoAttack on 30; if `expensive`, AutoAttack and
    Square (5,000 queries) on 1,000, and in L2, on 100 images, PGD-40 with three starts and
    HopSkipJump (3,000 queries), as Schott et al. 2019 attack networks trained in L∞.
    """
    rng, ball = torch.Generator().manual_seed(1), Linf(eps)
    far = L2(2.0 if x.shape[1] == 1 else 0.5)

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
    "denoising": measure_diffusion,
    "low_resolution": partial(measure_translation, "low_resolution"),
    "very_low_resolution": partial(measure_translation, "very_low_resolution"),
    "inverted": partial(measure_cycle, "inverted"),
    "tilted": partial(measure_cycle, "tilted"),
    "captions": measure_captions,
    "stages": measure_captions,
    "twins": measure_twins,
    "edges": partial(measure_translation, "edges"),
    "grey": partial(measure_translation, "grey"),
    "films": measure_films,
}


def special_measure(recipe: Recipe) -> Measure | None:
    """How runs of this recipe's kind are measured; None for classifiers and plain generators."""
    return MEASURES.get(recipe.task) or (None if recipe.game else MEASURES.get(recipe.objective[0]))
