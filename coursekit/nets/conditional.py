"""Generators that are told a class: beside the noise, or in the normalisation."""

from abc import abstractmethod
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.nets.classifiers import Shape
from coursekit.nets.discriminators import DCGANDiscriminator
from coursekit.nets.generators import DCGANGenerator, Generator, Noise, dcgan_init
from coursekit.types import Features, Images, Labels, Logits, PerExample, Rng

Blend = Float[Tensor, "n k"]  # rows sum to 1: how much of each class


def check_labels(y: Labels | None, classes: int) -> Labels:
    """`y`, if it holds labels of the set 0 … classes − 1.

    On a GPU the values are not looked at, since that would wait for the device in every step; there
    an embedding stops the program at a label outside the set.

    Raises:
        CourseError: no labels, or one outside the set.
    """
    require(y is not None, f"y was None; a conditional network needs labels 0 to {classes - 1}.")
    assert y is not None
    if len(y) and y.device.type == "cpu":
        low, high = (int(bound) for bound in y.aminmax())
        sentence = f"y held labels from {low} to {high}; allowed are 0 to {classes - 1}."
        require(low >= 0 and high < classes, sentence)
    return y


class ConditionalGenerator(Generator):
    """(z, y) → image. What the generators of this room have in common.

    Attributes:
        classes: how many labels there are; they are numbered from 0.
    """

    classes: int

    @abstractmethod
    def forward_soft(self, z: Noise, blend: Blend) -> Images:
        """The image for a mixture of classes; a label is a corner of that simplex."""

    def forward(self, z: Noise, y: Labels | None = None) -> Images:
        return self.forward_soft(
            z,
            torch.eye(self.classes, device=z.device, dtype=z.dtype)[check_labels(y, self.classes)],
        )

    def labels(self, n: int, rng: torch.Generator) -> Labels:
        """`n` labels, each class as likely, drawn on the CPU."""
        device = next(self.parameters()).device
        return torch.randint(self.classes, (n,), generator=rng).to(device)


class ConcatGenerator(ConditionalGenerator):
    """G([z, e(y)]): a learnt code for each class beside the noise (Mirza & Osindero 2014, §3.2).

    The codes start as one-hot vectors. Long random ones, such as N(0, 1) in 64 dimensions, drown z:
    the first layer soon listens to nothing else, and each class shrinks to one image.

    Args:
        shape: (channels, height, width); both sides a multiple of 4.
        classes: how many labels.
        width, noise_dim: as for `DCGANGenerator`.
        rng: draws the initial weights.
    """

    def __init__(
        self, shape: Shape, classes: int, width: int = 32, noise_dim: int = 64, rng: Rng = None
    ) -> None:
        super().__init__()
        self.classes, self.noise_dim = classes, noise_dim
        self.embed = nn.Parameter(torch.eye(classes))
        self.body = DCGANGenerator(shape, width, noise_dim + classes, rng=rng).body

    def forward_soft(self, z: Noise, blend: Blend) -> Images:
        return self.body(torch.cat([z, blend @ self.embed], 1))


class ConditionalBatchNorm2d(nn.Module):
    """γ_y·(h − μ)/σ + β_y: one normalisation for all, a gain and a shift for each class.

    De Vries et al. 2017; Dumoulin et al. 2017 (for styles). With equal rows it is plain
    BatchNorm.

    Args:
        channels: of the map h, shape (n, channels, height, width).
        classes: how many labels.
        rng: draws the gains from N(1, 1) and the shifts from N(0, 1). From BatchNorm's own 1 and 0
            all classes would start alike, and in a short game stay so.
    """

    def __init__(self, channels: int, classes: int, rng: Rng = None) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain = nn.Parameter(1 + torch.randn(classes, channels, generator=rng))
        self.shift = nn.Parameter(torch.randn(classes, channels, generator=rng))

    def forward(self, h: Images, blend: Blend) -> Images:
        gain, shift = blend @ self.gain, blend @ self.shift
        return gain[:, :, None, None] * self.norm(h) + shift[:, :, None, None]


class ConditionalBatchNormGenerator(ConditionalGenerator):
    """The DCGAN generator with `ConditionalBatchNorm2d` for BatchNorm: y enters at every layer.

    Args:
        shape: (channels, height, width); both sides a multiple of 4.
        classes: how many labels.
        width, noise_dim: as for `DCGANGenerator`.
        rng: draws the initial weights.
    """

    def __init__(
        self, shape: Shape, classes: int, width: int = 32, noise_dim: int = 64, rng: Rng = None
    ) -> None:
        super().__init__()
        self.classes, self.noise_dim = classes, noise_dim
        self.body = DCGANGenerator(shape, width, noise_dim, rng=rng).body
        for i, layer in enumerate(self.body):
            if isinstance(layer, nn.BatchNorm2d):
                self.body[i] = ConditionalBatchNorm2d(layer.num_features, classes, rng)

    def forward_soft(self, z: Noise, blend: Blend) -> Images:
        h = z
        for layer in self.body:
            h = layer(h, blend) if isinstance(layer, ConditionalBatchNorm2d) else layer(h)
        return h


class ConcatDiscriminator(nn.Module):
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
        self, shape: Shape, classes: int, width: int = 32, norm: str = "batch", rng: Rng = None
    ) -> None:
        super().__init__()
        c, h, w = shape
        self.classes, self.plane = classes, (1, h, w)
        self.embed = nn.Embedding(classes, h * w)
        nn.init.normal_(self.embed.weight, generator=rng)
        self.body = DCGANDiscriminator((c + 1, h, w), width, norm, rng=rng).body

    def forward(self, x: Images, y: Labels | None = None) -> PerExample:
        plane = self.embed(check_labels(y, self.classes)).view(-1, *self.plane)
        return self.body(torch.cat([2 * x - 1, plane], 1)).squeeze(1)


class _Trunk(nn.Module):
    """φ(x), all of `DCGANDiscriminator` but its last layer, and that layer, the `score`."""

    def __init__(self, shape: Shape, width: int, norm: str, rng: Rng) -> None:
        super().__init__()
        body = DCGANDiscriminator(shape, width, norm, rng=rng).body
        self.trunk, self.score = body[:-1], cast(nn.Linear, body[-1])

    def features(self, x: Images) -> Features:
        """φ(x): activations of the last hidden layer, flattened, shape (n, d)."""
        return self.trunk(2 * x - 1)


class AuxiliaryDiscriminator(_Trunk):
    """One trunk φ, two heads: is it real, and of which class (Odena et al. 2017, §3).

    `D(x, y)` is the score of "real" and does not look at y; `D.class_logits(x)` are raw logits, to
    be given to a cross-entropy once, without a softmax before it (see `gan_losses.auxiliary`).

    Args:
        shape, classes, width, norm, rng: as for `ConcatDiscriminator`.
    """

    def __init__(
        self, shape: Shape, classes: int, width: int = 32, norm: str = "batch", rng: Rng = None
    ) -> None:
        super().__init__(shape, width, norm, rng)
        self.classify = nn.Linear(self.score.in_features, classes)
        dcgan_init(self.classify, rng)

    def class_logits(self, x: Images) -> Logits:
        """log p(y | x) up to a constant for each x, shape (n, classes)."""
        return self.classify(self.features(x))

    def forward(self, x: Images, y: Labels | None = None) -> PerExample:
        return self.score(self.features(x)).squeeze(1)


class ProjectionDiscriminator(_Trunk):
    """s(x, y) = ψ(φ(x)) + ⟨v_y, φ(x)⟩ (Miyato & Koyama 2018, §3).

    ψ scores the image, the inner product whether image and label belong together. The paper sums φ
    over places first; here φ keeps them, since 28 pixels leave only 7 × 7.

    Args:
        shape, classes, width, norm, rng: as for `ConcatDiscriminator`.
    """

    def __init__(
        self, shape: Shape, classes: int, width: int = 32, norm: str = "batch", rng: Rng = None
    ) -> None:
        super().__init__(shape, width, norm, rng)
        self.classes = classes
        self.embed = nn.Embedding(classes, self.score.in_features)
        nn.init.normal_(self.embed.weight, 0.0, 0.02, generator=rng)

    def forward(self, x: Images, y: Labels | None = None) -> PerExample:
        h, v = self.features(x), self.embed(check_labels(y, self.classes))
        return self.score(h).squeeze(1) + (v * h).sum(1)
