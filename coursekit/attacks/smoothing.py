"""Randomised smoothing: the class that wins under Gaussian noise, with a guarantee in L2.

The smoothed classifier g(x) is the class that f(x + ε), ε ~ N(0, σ²I), gives most often. If it has
probability p_A > ½, no perturbation shorter than σ·Φ⁻¹(p_A) changes g (Cohen, Rosenfeld & Kolter
2019, theorem 1). Such noise leaves [0, 1]; it is not clamped, for the theorem is about the sum.
"""

from typing import NamedTuple

import torch
from scipy import special
from torch import Tensor, nn

from coursekit.attacks.common import check_inputs
from coursekit.errors import require
from coursekit.gradients import undisturbed
from coursekit.threats import Streams
from coursekit.types import Images, Labels, PerExample

ABSTAIN = -1
BLOCK = 100  # noisy copies drawn at once


class Certificate(NamedTuple):
    """What is certain about the smoothed classifier at each image.

    Attributes:
        label: its class; −1 where it abstains.
        radius: no perturbation of smaller L2 length changes the class; 0 where it abstains.
        p_lower: the lower confidence bound on the probability p_A of the class under noise.
    """

    label: Labels
    radius: PerExample
    p_lower: PerExample


def certify(
    model: nn.Module,
    x: Images,
    sigma: float,
    n: int,
    alpha: float,
    rng: torch.Generator,
    n0: int = 100,
    batch: int | None = None,
) -> Certificate:
    """The smoothed class and its certified L2 radius (Cohen, Rosenfeld & Kolter 2019, CERTIFY).

    The class is chosen from `n0` noisy copies; `n` fresh ones bound its probability from below, and
    the radius is σ·Φ⁻¹ of the bound. Where the bound is not above ½ it abstains. For each image the
    answer is wrong with probability at most α, over the draws. The model must be trained on noise
    of this σ to be right on it.

    Args:
        model: returns logits (n, k); run in eval mode and left as it was found. Noisy copies with
            logits that are not finite count for no class.
        x: pixels in [0, 1].
        sigma: standard deviation of the noise, in units of pixels, above 0.
        n: noisy copies for the bound, at least 1. With n of them the radius cannot exceed
            σ·Φ⁻¹(α^(1/n)).
        alpha: probability of error, in (0, 1); 0.001 in the paper.
        rng: draws the noise, one stream for each image.
        n0: noisy copies for the choice of the class, at least 1.
        batch: noisy images at a time, by default 100. It changes no result.

    Raises:
        CourseError: an argument outside its range; images or logits that are none, see
            `common.check_inputs`.
    """
    require(n0 >= 1, f"n0 was {n0}; it must be at least 1.")
    first = _vote(model, x, sigma, n0, alpha, rng, batch)
    label = first.argmax(1)
    count = _vote(model, x, sigma, n, alpha, rng, batch).gather(1, label[:, None])[:, 0]
    bound = [lower_bound(k, n, alpha) for k in count.tolist()]
    radius = [sigma * float(special.ndtri(p)) if p > 0.5 else 0.0 for p in bound]
    radii, bounds = torch.tensor(radius).to(x), torch.tensor(bound).to(x)
    return Certificate(torch.where(bounds > 0.5, label, ABSTAIN), radii, bounds)


def predict_smoothed(
    model: nn.Module,
    x: Images,
    sigma: float,
    n: int,
    alpha: float,
    rng: torch.Generator,
    batch: int | None = None,
) -> Labels:
    """The smoothed class, or −1 where the draws do not decide (Cohen et al. 2019, PREDICT).

    The most frequent of two classes that are equally probable would win n_A of n_A + n_B draws by
    chance; it is given where the two-sided binomial test rejects that at level α.

    Args:
        model, x, sigma, n, alpha, rng, batch: as for `certify`.

    Raises:
        CourseError: as `certify`.
    """
    counts = _vote(model, x, sigma, n, alpha, rng, batch)
    (a, b), (label, _) = (part.unbind(1) for part in counts.topk(2))
    ties = [
        k == 0 or 2 * special.bdtr(m, k + m, 0.5) > alpha  # k ≥ m: P(at most m), on either side
        for k, m in zip(a.tolist(), b.tolist(), strict=True)
    ]
    return torch.where(torch.tensor(ties, device=x.device), ABSTAIN, label)


def lower_bound(count: int, n: int, alpha: float) -> float:
    """Below the probability of an event seen `count` times in `n`, with confidence 1 − α.

    One-sided (Clopper & Pearson 1934): the p for which `count` or more would be seen with
    probability α.
    """
    return float(special.betaincinv(count, n - count + 1, alpha)) if count else 0.0


def _vote(
    model: nn.Module,
    x: Tensor,
    sigma: float,
    n: int,
    alpha: float,
    rng: torch.Generator,
    batch: int | None,
) -> Tensor:
    """How often each class wins among `n` noisy copies of each image: counts (images, classes)."""
    require(sigma > 0, f"sigma was {sigma}; it must be above 0.")
    require(n >= 1, f"n was {n}; it must be at least 1.")
    require(0 < alpha < 1, f"alpha was {alpha}; it must lie between 0 and 1.")
    require(batch is None or batch >= 1, f"batch was {batch}; it must be at least 1.")
    require(len(x) > 0, "x held no images; give at least one.")
    with undisturbed(model), torch.no_grad():
        check_inputs(model, x, torch.zeros(len(x), dtype=torch.long, device=x.device), None)
        counts = []
        for image, generator in zip(x, Streams.spawn(len(x), rng).generators, strict=True):
            answers = []
            for begin in range(0, n, BLOCK):
                shape = (min(BLOCK, n - begin), *image.shape)
                noisy = image + sigma * torch.randn(shape, generator=generator).to(x)
                answers += [model(part) for part in noisy.split(batch or BLOCK)]
            logits = torch.cat(answers)
            winner = logits.argmax(1)[logits.isfinite().all(1)]
            counts.append(winner.bincount(minlength=logits.shape[1]))
    return torch.stack(counts)
