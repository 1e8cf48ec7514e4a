"""A generator that looks ahead: it is scored by the critic it is about to meet."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from coursekit.errors import require
from coursekit.gan_losses import GanLoss
from coursekit.training.loops import Critic


@dataclass(frozen=True)
class unrolled:  # reads as a participle in `rival=unrolled(loss, 5, rate=0.02)`
    """G is scored by θ_D^K, not by θ_D (Metz et al. 2017, "Unrolled GANs", eqs. 7–10).

    θ_D⁰ = θ_D, θ_D^{k+1} = θ_D^k − η ∇L_D(θ_D^k): K steps of gradient descent on the critic's loss,
    on the batch at hand. They are *part of G's loss*: its gradient runs through them and thereby
    tells G how D would answer. They are steps of copies; D itself is not touched, nor its buffers.

    Args:
        loss: that of the game; its critic's half is what D descends.
        steps: K; 0 is the plain game.
        rate: η.

    Raises:
        CourseError: fewer than 0 steps, or a rate that is not positive.
    """

    loss: GanLoss
    steps: int = 5
    rate: float = 0.02
    double_backward: ClassVar[bool] = True  # not for torch.compile

    def __post_init__(self) -> None:
        require(self.steps >= 0, f"steps was {self.steps}; it must be at least 0.")
        require(self.rate > 0, f"rate was {self.rate}; it must be positive.")

    def __call__(
        self, D: nn.Module, x: Tensor, fake: Tensor, y: Tensor, rng: torch.Generator
    ) -> Critic:
        theta = {name: p.detach().clone().requires_grad_() for name, p in D.named_parameters()}
        memory = {name: buffer.clone() for name, buffer in D.named_buffers()}

        def critic(x: Tensor, y: Tensor | None = None) -> Tensor:
            return functional_call(D, theta | memory, (x, y))

        for _ in range(self.steps):
            d_loss = self.loss.critic(critic(x, y), critic(fake, y))
            # a second head, which this loss does not reach, stays as it is
            slopes = torch.autograd.grad(
                d_loss, [*theta.values()], create_graph=True, materialize_grads=True
            )
            pairs = zip(theta.items(), slopes, strict=True)
            theta = {name: p - self.rate * slope for (name, p), slope in pairs}
        return critic
