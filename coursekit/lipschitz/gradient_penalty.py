"""The gradient norm of a critic, and the penalties and the clipping that bound it."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.gan_losses import Wasserstein
from coursekit.gradients import input_gradient
from coursekit.types import Examples, Labels, PerExample, Scalar


def gradient_norm(
    f: nn.Module, x: Examples, y: Tensor | None = None, graph: bool = False
) -> PerExample:
    """‖∇ₓ f(x)‖₂ of each example, shape (n,); with `graph` it can itself be differentiated."""
    return input_gradient(lambda at: f(at, y), x, create_graph=graph).flatten(1).norm(dim=1)


class ScaledCritic(nn.Module):
    """The critic γ·s(x): its Lipschitz constant is γ times that of s.

    Spectral normalisation fixes the scale of the scores, and not every loss likes that scale.

    Args:
        critic: (x, y) -> scores.
        gain: γ, above 0.

    Raises:
        CourseError: a gain that is not positive.
    """

    def __init__(self, critic: nn.Module, gain: float) -> None:
        super().__init__()
        require(gain > 0, f"gain was {gain}; it must be positive.")
        self.critic, self.gain = critic, float(gain)

    def forward(self, x: Examples, y: Labels | None = None) -> PerExample:
        return self.gain * self.critic(x, y)


@dataclass(frozen=True)
class gradient_penalty:  # reads as a verb in `penalty_D=gradient_penalty(10)`
    """λ·E(‖∇D(x̂)‖₂ − 1)² at x̂ = ε·x + (1 − ε)·G(z), ε ~ U[0, 1] (Gulrajani et al. 2017, eq. 3).

    One ε for *each example*: with ε fixed at 1 only real points would be held, with one ε for the
    batch the line between real and fake would be sampled at a single place. The critic must treat
    examples independently: no BatchNorm (§4).

    With `one_sided` only slopes above 1 are penalised, λ·E max(0, ‖∇D‖₂ − 1)² (Petzka et al. 2018):
    all that the dual asks for, and convex in ∇D, so that no slope of the wrong sign is held.

    Raises:
        CourseError: a negative weight.
    """

    weight: float = 10.0
    one_sided: bool = False
    double_backward: ClassVar[bool] = True  # not for torch.compile

    def __post_init__(self) -> None:
        require(self.weight >= 0, f"weight was {self.weight}; it must be at least 0.")

    def __call__(
        self, D: nn.Module, x: Examples, fake: Examples, y: Tensor | None, rng: torch.Generator
    ) -> Tensor:
        between = torch.rand(len(x), *[1] * (x.dim() - 1), generator=rng).to(x)
        mixed = torch.lerp(fake.detach(), x, between)
        excess = gradient_norm(D, mixed, y, graph=True) - 1
        return self.weight * (excess.relu() if self.one_sided else excess).square().mean()


@dataclass(frozen=True)
class clip_weights:
    """Every parameter of the critic into [−bound, bound] (Arjovsky et al. 2017, Algorithm 1).

    Raises:
        CourseError: a bound that is not positive.
    """

    bound: float = 0.01

    def __post_init__(self) -> None:
        require(self.bound > 0, f"bound was {self.bound}; it must be positive.")

    def __call__(self, critic: nn.Module) -> None:
        with torch.no_grad():
            for parameter in critic.parameters():
                parameter.clamp_(-self.bound, self.bound)


@dataclass(frozen=True)
class r1_penalty:
    """γ/2·E‖∇D(x)‖² on real images only (Mescheder et al. 2018, eq. 9).

    It vanishes at the equilibrium, where D is flat on the data, and so does not move it.

    Raises:
        CourseError: a negative weight.
    """

    gamma: float = 1.0
    double_backward: ClassVar[bool] = True  # not for torch.compile

    def __post_init__(self) -> None:
        require(self.gamma >= 0, f"gamma was {self.gamma}; it must be at least 0.")

    def __call__(
        self, D: nn.Module, x: Examples, fake: Examples, y: Tensor | None, rng: object = None
    ) -> Scalar:
        return self.gamma / 2 * gradient_norm(D, x, y, graph=True).square().mean()


@dataclass(frozen=True)
class dual_loss:
    """An objective for `fit`: the critic's side of the dual, −(E_p f − E_q f) + penalty.

    The batches are (x, is_real), as `coursekit.data.real_or_fake` makes them, half and half.

    Attributes:
        penalty: (D, x, fake, y, rng) -> scalar, or None where the network itself is bounded.
    """

    penalty: gradient_penalty | None = None

    @property
    def double_backward(self) -> bool:
        return self.penalty is not None

    def __call__(
        self,
        critic: nn.Module,
        x: Examples,
        is_real: PerExample,
        rng: torch.Generator,
        progress: float = 0.0,
    ) -> Scalar:
        x = x[is_real.argsort(descending=True, stable=True)]  # a mask would wait for the device
        real, fake = x[: len(x) // 2], x[len(x) // 2 :]
        loss = Wasserstein().critic(critic(real), critic(fake))
        return loss + self.penalty(critic, real, fake, None, rng) if self.penalty else loss
