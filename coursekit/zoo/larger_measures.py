"""What is measured of the networks of lecture 13."""

import torch
from torch import Tensor, nn

from coursekit.data import Dataset, captions
from coursekit.metrics import FIDScorer, probabilities
from coursekit.nets import Generator
from coursekit.types import Images
from coursekit.zoo.figures import Figures, as_figures, needed

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
