"""Discriminators that are told a class: as a plane, by a second head, by an inner product."""

from typing import cast

import torch
from torch import nn

from coursekit.nets.classifiers import Shape
from coursekit.nets.conditional.generators import known
from coursekit.nets.discriminators import DCGANDiscriminator
from coursekit.nets.generators import start_small
from coursekit.types import Features, Images, Labels, Logits, PerExample


class PlaneDiscriminator(nn.Module):
    """D([x, e(y)]): a learnt image-sized plane for each class, as one more channel.

    Mirza & Osindero 2014, §3.2, joined label and image in a dense layer; this is its convolutional
    form.

    Args:
        shape: (channels, height, width); both sides a multiple of 4.
        classes: how many labels.
        width, norm: as for `DCGANDiscriminator`.
        rng: draws the initial weights.
    """

    def __init__(
        self,
        shape: Shape,
        classes: int,
        width: int = 32,
        norm: str = "batch",
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        c, h, w = shape
        self.classes, self.plane = classes, (1, h, w)
        self.embed = nn.Embedding(classes, h * w)
        nn.init.normal_(self.embed.weight, generator=rng)
        self.body = DCGANDiscriminator((c + 1, h, w), width, norm, rng=rng).body

    def forward(self, x: Images, y: Labels | None = None) -> PerExample:
        plane = self.embed(known(y, self.classes)).view(-1, *self.plane)
        return self.body(torch.cat([2 * x - 1, plane], 1)).squeeze(1)


class AuxiliaryDiscriminator(nn.Module):
    """One trunk φ, two heads: is it real, and of which class (Odena et al. 2017, §3).

    `D(x, y)` is the score of "real" and does not look at y; `D.class_logits(x)` are raw logits, to
    be given to a cross-entropy once, without a softmax before it (see `gan_losses.auxiliary`).

    Args:
        shape, classes, width, norm, rng: as for `PlaneDiscriminator`.
    """

    def __init__(
        self,
        shape: Shape,
        classes: int,
        width: int = 32,
        norm: str = "batch",
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        body = DCGANDiscriminator(shape, width, norm, rng=rng).body
        self.trunk, self.score = body[:-1], cast(nn.Linear, body[-1])
        self.classify = nn.Linear(self.score.in_features, classes)
        start_small(self.classify, rng)

    def features(self, x: Images) -> Features:
        """φ(x): activations of the last hidden layer, flattened, shape (n, d)."""
        return self.trunk(2 * x - 1)

    def class_logits(self, x: Images) -> Logits:
        """log p(y | x) up to a constant for each x, shape (n, classes)."""
        return self.classify(self.features(x))

    def forward(self, x: Images, y: Labels | None = None) -> PerExample:
        return self.score(self.features(x)).squeeze(1)


class ProjectionDiscriminator(nn.Module):
    """s(x, y) = ψ(φ(x)) + ⟨v_y, φ(x)⟩ (Miyato & Koyama 2018, §3).

    ψ judges the image, the inner product whether image and label belong together. The paper sums φ
    over places first; here φ keeps them, since 28 pixels leave only 7 × 7.

    Args:
        shape, classes, width, norm, rng: as for `PlaneDiscriminator`.
    """

    def __init__(
        self,
        shape: Shape,
        classes: int,
        width: int = 32,
        norm: str = "batch",
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.classes = classes
        body = DCGANDiscriminator(shape, width, norm, rng=rng).body
        self.trunk, self.score = body[:-1], cast(nn.Linear, body[-1])
        self.embed = nn.Embedding(classes, self.score.in_features)
        nn.init.normal_(self.embed.weight, 0.0, 0.02, generator=rng)

    def features(self, x: Images) -> Features:
        """φ(x): activations of the last hidden layer, flattened, shape (n, d)."""
        return self.trunk(2 * x - 1)

    def class_scores(self, x: Images) -> Logits:
        """s(x, y) for every y at once, shape (n, classes): log p(x, y)/q(x, y) if D is optimal."""
        h = self.features(x)
        return self.score(h) + h @ self.embed.weight.T

    def forward(self, x: Images, y: Labels | None = None) -> PerExample:
        h, v = self.features(x), self.embed(known(y, self.classes))
        return self.score(h).squeeze(1) + (v * h).sum(1)
