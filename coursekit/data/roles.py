"""Who may see which images: three sets for three roles, with no original in two of them."""

from dataclasses import dataclass

import torch

from coursekit.data.tensors import Dataset, Split
from coursekit.errors import require


@dataclass(frozen=True)
class Roles:
    """Attributes:
    players: what G and D learn from.
    jury: what the classifier that judges their samples learns from.
    reference: what FID compares the samples with; nobody learns from it.
    """

    players: Split
    jury: Split
    reference: Split


def roles(data: Dataset) -> Roles:
    """Players and jury each get half of the training originals; the test images are the reference.

    A judge that had learnt the players' images would forgive copies of them; one that had learnt
    the reference would know it better than any sample.
    """
    players, jury = numbered(data.train).split(2)
    return Roles(players, jury, reference=data.test)


def numbered(split: Split) -> Split:
    """The same rows; where every row is an original itself, it is numbered as one."""
    rows = torch.arange(len(split), device=split.y.device)
    return Split(split.x, split.y, rows if split.origin is None else split.origin)


def mislabelled(split: Split, rate: float, classes: int, rng: torch.Generator) -> Split:
    """The same images, but a share `rate` of the labels is wrong: any other class, evenly.

    Args:
        split: images and their true labels.
        rate: share of wrong labels, in [0, 1]; exactly round(rate·n) rows.
        classes: how many labels there are, at least 2.
        rng: chooses the rows and the wrong labels.

    Raises:
        CourseError: `rate` outside [0, 1].
    """
    require(0 <= rate <= 1, f"rate was {rate}; it must lie in [0, 1].")
    rows = torch.randperm(len(split), generator=rng)[: round(rate * len(split))]
    away = torch.randint(1, classes, (len(rows),), generator=rng).to(split.y)
    y = split.y.clone()
    y[rows.to(y.device)] = (y[rows.to(y.device)] + away) % classes
    return Split(split.x, y, split.origin)
