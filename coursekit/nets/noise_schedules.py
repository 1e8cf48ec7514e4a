"""The forward process of diffusion models: noise schedules, and all that is Gaussian about them."""

from dataclasses import dataclass
from functools import cached_property
from math import cos, pi

import torch
from jaxtyping import Float, Int
from torch import Tensor

from coursekit.errors import choose, require
from coursekit.types import Examples

Steps = Int[Tensor, " n"]  # one time for each example, in 1 … T, on the CPU
ByTime = Float[Tensor, " times"]  # entry t belongs to time t, 0 … T
OFFSET = 0.008  # s of the cosine schedule: no β near t = 0 is too small


@dataclass(frozen=True)
class NoiseSchedule:
    """β_1 … β_T of q(x_t | x_{t−1}) = N(√(1 − β_t)·x_{t−1}, β_t·I) (Ho et al. 2020, eq. 2).

    All tables are float64, have T + 1 entries and are indexed by t itself: time 0 is the clean
    image, with β_0 = 0 and ᾱ_0 = 1.

    Args:
        name: "linear", β from 10⁻⁴ to 0.02 times `scale` (Ho et al. 2020, §4, where T = 1000), or
            "cosine" (Nichol & Dhariwal 2021, eq. 17), which has no scale.
        steps: T, at least 2.
        scale: factor on the linear β. 1000/T keeps the noise at the end that of T = 1000.

    Raises:
        CourseError: an unknown name, fewer than 2 steps, or a β outside (0, 1).
    """

    name: str = "linear"
    steps: int = 200
    scale: float = 5.0

    def __post_init__(self) -> None:
        choose("name", self.name, ("linear", "cosine"))
        require(self.steps >= 2, f"steps was {self.steps}; a schedule has at least 2.")
        inside = 0 < 0.02 * self.scale < 1
        require(inside, f"scale was {self.scale}; it must keep all β in (0, 1).")

    @cached_property
    def beta(self) -> ByTime:
        """β_t, with β_0 = 0."""
        if self.name == "linear":
            rows = self.scale * torch.linspace(1e-4, 0.02, self.steps, dtype=torch.float64)
        else:
            t = [(k / self.steps + OFFSET) / (1 + OFFSET) * pi / 2 for k in range(self.steps + 1)]
            f = torch.tensor([cos(angle) ** 2 for angle in t], dtype=torch.float64)
            rows = (1 - f[1:] / f[:-1]).clamp_max(0.999)
        return torch.cat([torch.zeros(1, dtype=torch.float64), rows])

    @cached_property
    def alpha_bar(self) -> ByTime:
        """ᾱ_t, the product of 1 − β up to t, with ᾱ_0 = 1."""
        return (1 - self.beta).cumprod(0)

    @cached_property
    def alpha_bar_prev(self) -> ByTime:
        """ᾱ_{t−1}; entries 0 and 1 are 1."""
        return torch.cat([self.alpha_bar[:1], self.alpha_bar[:-1]])

    @cached_property
    def posterior_variance(self) -> ByTime:
        """β̃_t of q(x_{t−1} | x_t, x_0) (Ho et al. 2020, eq. 7); 0 at t = 1."""
        inner = (1 - self.alpha_bar_prev[1:]) / (1 - self.alpha_bar[1:]) * self.beta[1:]
        return torch.cat([torch.zeros(1, dtype=torch.float64), inner])

    @cached_property
    def model_variance(self) -> ByTime:
        """σ_t² of p(x_{t−1} | x_t): β̃_t, and at t = 1, where that is 0, β̃_2.

        (Nichol & Dhariwal 2021, in their code.) Samples get no noise at t = 1; the likelihood of
        the decoder does.
        """
        variance = self.posterior_variance.clone()
        variance[1] = variance[2]
        return variance

    @cached_property
    def vlb_weights(self) -> ByTime:
        """w_t = β_t²/(2σ_t²·α_t·(1 − ᾱ_t)): KL(q(x_{t−1} | x_t, x_0) ‖ p) = w_t·‖ε − ε_θ‖².

        (Ho et al. 2020, eq. 12.) At t = 1, where p is the decoder of pixels, the same weight.
        """
        alpha, noise = 1 - self.beta[1:], 1 - self.alpha_bar[1:]
        inner = self.beta[1:].square() / (2 * self.model_variance[1:] * alpha * noise)
        return torch.cat([torch.zeros(1, dtype=torch.float64), inner])

    def at(self, table: ByTime, t: Steps, like: Examples) -> Tensor:
        """`table[t]`, on the device of `like`, in its dtype, and in a shape that multiplies it."""
        return table[t].to(like).view(-1, *[1] * (like.dim() - 1))

    def q_sample(self, x_0: Examples, t: Steps, eps: Examples) -> Examples:
        """x_t = √ᾱ_t·x_0 + √(1 − ᾱ_t)·ε, a draw from q(x_t | x_0) in one step (eq. 4)."""
        signal = self.at(self.alpha_bar, t, x_0)
        return signal.sqrt() * x_0 + (1 - signal).sqrt() * eps

    def predict_x0(self, x_t: Examples, t: Steps, eps: Examples) -> Examples:
        """x_0 of x_t and its noise: `q_sample` solved for x_0."""
        signal = self.at(self.alpha_bar, t, x_t)
        return (x_t - (1 - signal).sqrt() * eps) / signal.sqrt()

    def predict_eps(self, x_t: Examples, t: Steps, x_0: Examples) -> Examples:
        """ε of x_t and x_0: `q_sample` solved for ε."""
        signal = self.at(self.alpha_bar, t, x_t)
        return (x_t - signal.sqrt() * x_0) / (1 - signal).sqrt()

    def posterior_mean(self, x_0: Examples, x_t: Examples, t: Steps) -> Examples:
        """μ̃_t(x_t, x_0), the mean of q(x_{t−1} | x_t, x_0) (eq. 7)."""
        beta = self.at(self.beta, t, x_t)
        here, before = self.at(self.alpha_bar, t, x_t), self.at(self.alpha_bar_prev, t, x_t)
        from_x0 = before.sqrt() * beta / (1 - here)
        from_xt = (1 - beta).sqrt() * (1 - before) / (1 - here)
        return from_x0 * x_0 + from_xt * x_t

    def score(self, eps: Examples, t: Steps) -> Examples:
        """∇ log q(x_t) = −E[ε | x_t]/√(1 − ᾱ_t) (Song et al. 2021, "Score-based", §3)."""
        return -eps / (1 - self.at(self.alpha_bar, t, eps)).sqrt()

    def ddim_variance(self, t: int, before: int, eta: float) -> float:
        """σ² of a step from `t` to `before`, which may be several steps earlier.

        η²·(1 − ᾱ_before)/(1 − ᾱ_t)·(1 − ᾱ_t/ᾱ_before) (Song et al. 2021, "DDIM", eq. 16); with
        η = 1 and before = t − 1 it is β̃_t, and always 0 where before = 0.
        """
        here, then = float(self.alpha_bar[t]), float(self.alpha_bar[before])
        return eta**2 * (1 - then) / (1 - here) * (1 - here / then)

    def times(self, steps: int | None = None) -> list[int]:
        """`steps` times from T down to 1, evenly spread; all T by default.

        Raises:
            CourseError: `steps` outside 2 … T.
        """
        steps = self.steps if steps is None else steps
        inside = 2 <= steps <= self.steps
        require(inside, f"steps was {steps}; choose 2 to {self.steps}.")
        spread = torch.linspace(self.steps, 1, steps, dtype=torch.float64)
        return [int(t) for t in spread.round()]
