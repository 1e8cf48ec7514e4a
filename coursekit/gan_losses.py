"""The losses of the two players, each a pair (critic, generator) of functions of scores.

`real` and `fake` are the discriminator's raw scores (logits; no sigmoid), shape (n,). Both players
*minimise* what they are given, so the critic's loss is the negative of its value.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, relu, softplus

from coursekit.errors import CourseError, require
from coursekit.types import Examples, Images, Labels, PerExample, Scalar


@runtime_checkable
class GanLoss(Protocol):
    """What `train_gan` needs of a loss."""

    def critic(self, real: PerExample, fake: PerExample) -> Scalar: ...

    def generator(self, fake: PerExample) -> Scalar: ...


@dataclass(frozen=True)
class _CrossEntropy:
    """−[t·log D(x) + (1 − t)·log(1 − D(x))] − log(1 − D(G(z))) for D = sigmoid(score).

    t = `real_label` < 1 is one-sided label smoothing (Salimans et al. 2016, §3.4).
    """

    real_label: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.real_label <= 1:
            raise CourseError(f"real_label was {self.real_label}; allowed is (0, 1].")

    def critic(self, real: PerExample, fake: PerExample) -> Scalar:
        t = self.real_label
        on_real = t * softplus(-real) + (1 - t) * softplus(real)
        return on_real.mean() + softplus(fake).mean()


class Saturating(_CrossEntropy):
    """The minimax game: G minimises log(1 − D(G(z))) (Goodfellow et al. 2014, eq. 1)."""

    def generator(self, fake: PerExample) -> Scalar:
        return -softplus(fake).mean()  # log(1 − sigmoid(s)) = −softplus(s)


class NonSaturating(_CrossEntropy):
    """G maximises log D(G(z)) instead (Goodfellow et al. 2014, §3, after eq. 1)."""

    def generator(self, fake: PerExample) -> Scalar:
        return softplus(-fake).mean()  # −log sigmoid(s)


@dataclass(frozen=True)
class LeastSquares:
    """Scores regress on 1 for real and 0 for fake (Mao et al. 2017, eq. 9: a = 0, b = c = 1)."""

    def critic(self, real: PerExample, fake: PerExample) -> Scalar:
        return 0.5 * (real - 1).square().mean() + 0.5 * fake.square().mean()

    def generator(self, fake: PerExample) -> Scalar:
        return 0.5 * (fake - 1).square().mean()


@dataclass(frozen=True)
class Hinge:
    """Scores beyond ±1 are left alone (Lim & Ye 2017; Miyato et al. 2018, eqs. 16–17)."""

    def critic(self, real: PerExample, fake: PerExample) -> Scalar:
        return relu(1 - real).mean() + relu(1 + fake).mean()

    def generator(self, fake: PerExample) -> Scalar:
        return -fake.mean()


@dataclass(frozen=True)
class Wasserstein:
    """The dual of the earth mover's distance (Arjovsky et al. 2017, eq. 2).

    It is one only while the critic is Lipschitz: give `train_gan` a penalty or a constraint.
    """

    def critic(self, real: PerExample, fake: PerExample) -> Scalar:
        return fake.mean() - real.mean()

    def generator(self, fake: PerExample) -> Scalar:
        return -fake.mean()


@dataclass(frozen=True)
class reconstruction:  # reads as a verb in `penalty_G=reconstruction(0.05)`
    """λ·‖G(z) − x‖₁, the mean over pixels, each fake held against a real image of the batch.

    Some lecture notes add it to the generator's loss to keep it close to the data. But z and x are
    drawn independently, so the best answer to it is one image for all z: the pixel-wise median of
    the data. It makes sense where G is given x's other half, as in pix2pix (Isola et al. 2017).

    Raises:
        CourseError: a negative weight.
    """

    weight: float

    def __post_init__(self) -> None:
        require(self.weight >= 0, f"weight was {self.weight}; it must be at least 0.")

    def __call__(
        self, D: object, x: Examples, fake: Examples, y: object = None, rng: object = None
    ) -> Scalar:
        return self.weight * (fake - x).abs().mean()


@runtime_checkable
class NamesClasses(Protocol):
    """A discriminator with a second head."""

    def class_logits(self, x: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class auxiliary:  # reads as a verb in `penalty_D=auxiliary(real=1)`, `penalty_G=auxiliary(fake=1)`
    """λ·L_C, the cross-entropy of D's class head with label y on real images, on fakes, or both.

    Odena et al. 2017, eq. 3: *both* players minimise it, D to name classes, G to be named right.
    `D.class_logits` are raw logits: the softmax is taken here, once.

    Attributes:
        real, fake: weights of the two parts. To G the part on real images is a constant. If D too
            learns from fakes, as in the paper, the two may agree on a code that no real image uses.

    Raises:
        CourseError: a negative weight.
    """

    real: float = 0.0
    fake: float = 0.0

    def __post_init__(self) -> None:
        weights = f"real was {self.real} and fake {self.fake}"
        require(min(self.real, self.fake) >= 0, f"{weights}; weights are at least 0.")

    def __call__(
        self, D: NamesClasses, x: Examples, fake: Examples, y: Labels, rng: object = None
    ) -> Scalar:
        total = x.new_zeros(())
        for weight, images in ((self.real, x), (self.fake, fake)):
            if weight:
                total = total + weight * cross_entropy(D.class_logits(images), y)
        return total


@runtime_checkable
class Translators(Protocol):
    """Two translators as one player, such as `nets.Cycle`."""

    def forth(self, a: Images) -> Images: ...

    def back(self, b: Images) -> Images: ...


@dataclass(frozen=True)
class cycle_consistency:  # reads as a noun in `penalty_G=cycle_consistency(10)`
    """λ/2·(‖F(G(a)) − a‖₁ + ‖G(F(b)) − b‖₁), means over pixels (Zhu et al. 2017, eq. 2).

    Half of the paper's sum, as the adversarial part is: that averages over the scores of D_X and
    D_Y where the paper adds two games. Our pixels are in [0, 1] and the paper's in [−1, 1], so its
    λ = 10 is 20 here; and `LeastSquares` has half of its (D − 1)², which makes it 10 again.

    It asks that a translation can be undone, not that it is right: any one-to-one exchange of
    images has a loss of zero.

    Raises:
        CourseError: a negative weight.
    """

    weight: float = 10.0
    needs_generator: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(self.weight >= 0, f"weight was {self.weight}; it must be at least 0.")

    def __call__(
        self, D: object, x: Images, fake: Images, y: object, rng: object, G: Translators
    ) -> Scalar:
        """`x` holds pairs (a, b) as channels, `fake` what `G` made of them, (F(b), G(a))."""
        a, b = x.chunk(2, 1)
        fake_a, fake_b = fake.chunk(2, 1)
        lost = (G.back(fake_b) - a).abs().mean() + (G.forth(fake_a) - b).abs().mean()
        return self.weight / 2 * lost


@dataclass(frozen=True)
class identity_mapping:  # reads as a noun in `penalty_G=identity_mapping(5)`
    """λ/2·(‖G(b) − b‖₁ + ‖F(a) − a‖₁): what is in the domain already stays (Zhu et al. 2017, §5.2).

    It ties down what the cycle leaves free, such as colours. The paper gives it half of the cycle's
    weight.

    Raises:
        CourseError: a negative weight.
    """

    weight: float = 5.0
    needs_generator: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(self.weight >= 0, f"weight was {self.weight}; it must be at least 0.")

    def __call__(
        self, D: object, x: Images, fake: Images, y: object, rng: object, G: Translators
    ) -> Scalar:
        a, b = x.chunk(2, 1)
        lost = (G.forth(b) - b).abs().mean() + (G.back(a) - a).abs().mean()
        return self.weight / 2 * lost


@dataclass(frozen=True)
class wrong_pairs:  # reads as a noun in `penalty_D=wrong_pairs(same_meaning)`
    """λ·mean of −log(1 − D(x, y')), real images x with captions y' that are not theirs.

    The matching-aware discriminator (Reed et al. 2016, §4.2, "GAN-CLS"): besides (real, right) and
    (fake, right) it is shown (real, wrong), and only there does it have to read the caption. The
    caption of another row of the batch is wrong, unless it happens to say the same: those rows do
    not count. The paper halves both fake terms; here λ = 1 counts this one as much as the fakes.

    Attributes:
        same: (y, y') -> whether two captions say the same, shape (n,).
        weight: λ, at least 0.

    Raises:
        CourseError: a negative weight.
    """

    same: Callable[[Tensor, Tensor], Tensor]
    weight: float = 1.0

    def __post_init__(self) -> None:
        require(self.weight >= 0, f"weight was {self.weight}; it must be at least 0.")

    def __call__(
        self, D: nn.Module, x: Images, fake: object, y: Tensor, rng: torch.Generator
    ) -> Scalar:
        away = int(torch.randint(1, max(2, len(y)), (), generator=rng))
        other = y.roll(away, 0)
        scores = D(x, other)  # one for each image, or for each of its stages in turn
        wrong = (~self.same(y, other)).to(x).repeat(len(scores) // len(y))
        return self.weight * (wrong * softplus(scores)).sum() / wrong.sum().clamp_min(1)
