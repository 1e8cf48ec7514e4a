"""Who fools whom: every source's examples shown to every target, beside the controls."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from coursekit.errors import require
from coursekit.threats import Linf
from coursekit.transfer.models import Classifier
from coursekit.types import Images, Labels

# Papernot, McDaniel & Goodfellow 2016, as reported: % of the examples of a source (row)
# that a target (column) misclassifies, on MNIST. Both in the order of TECHNIQUES.
TECHNIQUES = ("DNN", "LR", "SVM", "DT", "kNN")
PAPER = (
    (38.27, 23.02, 64.32, 79.31, 8.36),
    (6.31, 91.64, 91.43, 87.42, 11.29),
    (2.51, 36.56, 100.0, 80.03, 5.19),
    (0.82, 12.22, 8.85, 89.29, 3.31),
    (11.75, 42.89, 82.16, 82.95, 41.65),
)


@dataclass(frozen=True)
class Transfer:
    """What the targets misclassified, image by image.

    Attributes:
        wrong: under each source's attack, (sources, targets, n).
        clean: the images as they were, (targets, n).
        noisy: under random signs of the same ε, (targets, n).
        l2: mean L2 length of each source's perturbations, in units of pixels, (sources,).
    """

    wrong: Bool[Tensor, "s t n"]
    clean: Bool[Tensor, "t n"]
    noisy: Bool[Tensor, "t n"]
    l2: Float[Tensor, " s"]

    def misclassified(self) -> Float[Tensor, "s t"]:
        """The paper's figure: the share misclassified, clean errors included."""
        return self.wrong.float().mean(2)

    def fooled(self) -> Float[Tensor, "s t"]:
        """Of the images that the target classifies correctly when clean, the share it loses."""
        return _among(self.wrong, ~self.clean)

    def fooled_by_noise(self) -> Float[Tensor, " t"]:
        """The same under random signs: what any disturbance of that size would do."""
        return _among(self.noisy, ~self.clean)


def transfer_matrix(
    sources: Sequence[Classifier],
    targets: Sequence[Classifier],
    x: Images,
    y: Labels,
    eps: float,
    rng: torch.Generator,
) -> Transfer:
    """Attack each source, and show the examples to each target (Papernot et al. 2016, §3).

    Args:
        sources, targets: models; a source that is also a target is attacked as a white box.
        x, y: images that none of them was trained on, and their classes.
        eps: the budget of every attack that has one, in units of pixels.
        rng: draws the noise.

    Raises:
        CourseError: no source, no target or no image.
    """
    sizes = (len(sources), len(targets), len(x))
    require(
        min(sizes) > 0, f"there were {sizes} sources, targets and images; one of each at least."
    )
    crafted = [source.craft(x, y, eps) for source in sources]
    l2 = torch.stack([(x_adv - x).flatten(1).norm(dim=1).mean() for x_adv in crafted])
    noise = Linf(eps).noise(x, rng)
    wrong = torch.stack([wrong_answers(targets, x_adv, y) for x_adv in crafted])
    clean, noisy = wrong_answers(targets, x, y), wrong_answers(targets, noise, y)
    return Transfer(wrong, clean, noisy, l2.cpu())


def wrong_answers(targets: Sequence[Classifier], x: Images, y: Labels) -> Bool[Tensor, "t n"]:
    """Where each target's answer differs from the true class."""
    return torch.stack([target.predict(x) != y for target in targets]).cpu()


def bootstrap(
    values: Float[Tensor, "... n"],
    weights: Float[Tensor, "... n"],
    origin: Labels | None,
    rng: torch.Generator,
    times: int = 1000,
) -> Float[Tensor, "times ..."]:
    """Weighted means Σ w·v / Σ w over images, for originals drawn anew with replacement.

    Renderings of one original are not independent: they are drawn together or not at all (Field &
    Welsh 2007, the cluster bootstrap). The 2.5 % and 97.5 % quantiles over the first axis bound a
    95 % interval, the standard deviation is the standard error.

    Args:
        values: one for each image, e.g. whether it fools.
        weights: what each image counts, e.g. whether the target classifies it correctly.
        origin: the original of each image, (n,); None if each image is one.
        rng: draws the originals, on the CPU.
        times: how often.
    """
    n = values.shape[-1]
    origin = torch.arange(n) if origin is None else origin.cpu()
    _, number = origin.unique(return_inverse=True)
    m = int(number.max()) + 1
    drawn = torch.randint(m, (times, m), generator=rng)
    often = torch.zeros(times, m).scatter_add_(1, drawn, torch.ones(times, m))[:, number]
    weights = weights.float().cpu().expand(values.shape)
    total = torch.tensordot(often, weights, dims=([1], [weights.dim() - 1]))
    hits = torch.tensordot(often, values.float().cpu() * weights, dims=([1], [weights.dim() - 1]))
    return hits / total.clamp_min(1)


def across_parts(
    rates: Float[Tensor, "... s t"], parts: int
) -> Float[Tensor, "... parts techniques techniques"]:
    """Rates between models, as a matrix of techniques for each part that the source learned from.

    Models are listed technique by technique, within each in the order of their parts. Only pairs
    that learned from *different* parts count: source and target share no training image.

    Args:
        rates: for all pairs of the same models, (…, techniques·parts, techniques·parts).
        parts: at least 2.

    Raises:
        CourseError: the rates are no such square, or fewer than two parts.
    """
    square = rates.shape[-2] == rates.shape[-1] and rates.shape[-1] % parts == 0
    require(square and parts >= 2, f"rates of shape {tuple(rates.shape)} do not fit {parts} parts.")
    pairs = rates.unflatten(-1, (-1, parts)).unflatten(-3, (-1, parts))  # (…, s, i, t, j)
    different = ~torch.eye(parts, dtype=torch.bool)
    return torch.stack([pairs[..., i, :, different[i]].mean(-1) for i in range(parts)], -3)


def _among(wrong: Tensor, counted: Tensor) -> Tensor:
    """The share of `wrong` among the images that count."""
    return (wrong & counted).sum(-1) / counted.sum(-1).clamp_min(1)
