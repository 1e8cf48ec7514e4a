"""Diffusion models: networks that predict noise, and how samples are drawn with them."""

from collections import deque
from collections.abc import Iterator, Sequence
from math import log, prod
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.errors import require
from coursekit.nets.classifiers import Shape, check_multiple, initialise
from coursekit.nets.noise_schedules import NoiseSchedule, Steps
from coursekit.progress import following
from coursekit.types import Examples, Images, Labels, PerExample, Rng

Embedding = Float[Tensor, "n d"]
Maps = Float[Tensor, "n maps h w"]
GREY = 255  # the largest grey value


class Reverse(NamedTuple):
    """One step of the reverse process: the time that is reached, x there, and x_0 as predicted."""

    t: int
    x: Tensor
    x_0: Tensor


def _last(steps: Iterator[Reverse]) -> Reverse:
    """Where the reverse process ends, without what came before."""
    return deque(steps, maxlen=1).pop()


class DiffusionModel(nn.Module):
    """ε_θ(x_t, t, y): the noise in x_t, and samples by taking it out step by step.

    A subclass gives `forward`. Inside the model pixels are in [−1, 1]; `normalise` and
    `denormalise` stand between that and the course's [0, 1].

    Attributes:
        shape: of one sample.
        classes: how many it is conditional on; 0 for none. Label `classes` means "no label".
        bounded: whether samples are images, so that a predicted x_0 is clipped to [−1, 1].
        schedule: the forward process.
    """

    shape: tuple[int, ...]
    classes: int
    bounded: bool
    schedule: NoiseSchedule

    def forward(self, x_t: Examples, t: Steps, y: Labels | None = None) -> Examples:
        """ε as predicted, shaped as x_t.

        Args:
            x_t: in the model's units.
            t: times in 1 … T, shape (n,).
            y: classes, shape (n,); None asks for no class.
        """
        raise NotImplementedError

    def normalise(self, x: Examples) -> Examples:
        """Pixels in [0, 1] as the model sees them; points of a plane as they are."""
        return 2 * x - 1 if self.bounded else x

    def denormalise(self, x: Examples) -> Examples:
        """The way back; pixels are clipped to [0, 1]."""
        return ((x + 1) / 2).clamp(0, 1) if self.bounded else x

    @torch.no_grad()
    def sample(
        self, n: int, rng: torch.Generator, y: Labels | None = None, batch: int = 500, **how: Any
    ) -> Examples:
        """`n` samples in eval mode; the mode is put back. See `reverse` for `how`.

        Args:
            n: how many.
            rng: a CPU generator: all noise comes from it.
            y: classes, shape (n,), of a conditional model; None draws without one.
            batch: samples made at a time.

        Raises:
            CourseError: not one label each, or as `reverse`.
        """
        require(y is None or len(y) == n, f"y holds no {n} labels; give one for each sample.")
        training, parts, device = self.training, [], next(self.parameters()).device
        self.eval()
        for rows in torch.arange(n).split(batch):
            x_T = torch.randn(len(rows), *self.shape, generator=rng).to(device)
            asked = None if y is None else y[rows.to(y.device)]
            parts.append(self.denormalise(_last(reverse(self, x_T, rng, asked, **how)).x))
        self.train(training)
        return torch.cat(parts)

    @torch.no_grad()
    def inpaint(
        self, given: Examples, mask: Tensor, rng: torch.Generator, y: Labels | None = None,
        **how: Any,
    ) -> Examples:  # fmt: skip
        """Images whose pixels are kept where `mask` is true, and drawn elsewhere.

        At each step the known pixels of x_{t−1} are drawn from q(x_{t−1} | given), so that the
        unknown ones are made beside them (Song et al. 2021, "Score-based", appendix I.2). It is an
        approximation of p(unknown | known): what is unknown is not corrected afterwards.

        Args:
            given: pixels in [0, 1], shape (n, ...).
            mask: bool, of a shape that expands to that of `given`.
        """
        x_T = torch.randn(given.shape, generator=rng).to(given)
        training = self.training
        self.eval()
        made = self.denormalise(_last(reverse(self, x_T, rng, y, given=given, mask=mask, **how)).x)
        self.train(training)
        return torch.where(mask.expand_as(given), given, made)


def guided_eps(
    model: DiffusionModel, x_t: Examples, t: Steps, y: Labels | None, guidance: float = 0.0
) -> Examples:
    """ε̂ = (1 + w)·ε_θ(x_t, y) − w·ε_θ(x_t) (Ho & Salimans 2021, eq. 6); w = 0 is the plain model.

    Args:
        guidance: w, at least 0.

    Raises:
        CourseError: a negative w, or guidance without a class.
    """
    require(guidance >= 0, f"guidance was {guidance}; it must be at least 0.")
    if guidance == 0:
        return model(x_t, t, y)
    require(y is not None, "y was None; guidance leads towards a class.")
    return (1 + guidance) * model(x_t, t, y) - guidance * model(x_t, t, None)


def reverse(
    model: DiffusionModel,
    x_T: Examples,
    rng: torch.Generator,
    y: Labels | None = None,
    *,
    steps: int | None = None,
    eta: float = 1.0,
    guidance: float = 0.0,
    given: Examples | None = None,
    mask: Tensor | None = None,
) -> Iterator[Reverse]:
    """From noise to a sample, one step after the other (Song et al. 2021, "DDIM", eq. 12).

    With all steps and η = 1 it is the ancestral sampling of DDPM with σ_t² = β̃_t (Ho et al. 2020,
    algorithm 2), with η = 0 it is deterministic. No noise is added in the step to time 0.

    Args:
        x_T: noise, shape (n, ...), in the model's units.
        rng: a CPU generator, for the noise of each step.
        y: classes, or None.
        steps: how many of the T times are visited; all by default.
        eta: η, in [0, 1].
        guidance: w of `guided_eps`.
        given, mask: pixels in [0, 1] and where they are known, for `inpaint`.

    Yields:
        After each step the time reached, x, and the x_0 that was predicted, in the model's units.

    Raises:
        CourseError: η outside [0, 1], or as `NoiseSchedule.times` and `guided_eps`.
    """
    require(0 <= eta <= 1, f"eta was {eta}; it must lie in [0, 1].")
    require((given is None) == (mask is None), "give both given and mask, or neither.")
    s, x = model.schedule, x_T
    times = s.times(steps)
    for t, before in following(list(zip(times, [*times[1:], 0], strict=True)), "sampling"):
        with torch.no_grad():
            now = torch.full((len(x),), t)
            eps = guided_eps(model, x, now, y, guidance)
            x_0 = s.predict_x0(x, now, eps)
            if model.bounded:
                x_0 = x_0.clamp(-1, 1)
                eps = s.predict_eps(x, now, x_0)
            then, variance = float(s.alpha_bar[before]), s.ddim_variance(t, before, eta)
            direction = max(0.0, 1 - then - variance) ** 0.5
            x = then**0.5 * x_0 + direction * eps
            if before > 0 and eta > 0:
                x = x + variance**0.5 * torch.randn(x.shape, generator=rng).to(x)
            if given is not None and mask is not None:
                noise = torch.randn(x.shape, generator=rng).to(x)
                known = then**0.5 * model.normalise(given) + (1 - then) ** 0.5 * noise
                x = torch.where(mask.expand_as(x), known, x)
        yield Reverse(before, x, x_0)


@torch.no_grad()
def variational_bound(
    model: DiffusionModel,
    x: Images,
    rng: torch.Generator,
    y: Labels | None = None,
    draws: int = 20,
) -> dict[str, PerExample]:
    """The terms of −log p(x) ≤ L_T + Σ_{t>1} L_{t−1} + L_0 in nats, for each image.

    Ho et al. 2020, eq. 5: `prior` is KL(q(x_T | x) ‖ N(0, I)) in closed form; `steps` the sum of
    the KL of all steps, estimated at `draws` times for each image, one in each part of 2 … T;
    `decoder` −log p(x | x_1) of 8-bit grey values, a Gaussian integrated over the cell of each
    (eq. 13). An upper bound on the code length; divide by d·log 2 for bits per dimension.

    Args:
        x: pixels in [0, 1], rounded here to k/255.
        rng: a CPU generator.
        y: classes, shape (n,); None for none.
        draws: times for each image, at least 1.

    Raises:
        CourseError: no draws.
    """
    require(draws >= 1, f"draws was {draws}; draw at least 1.")
    s, x_0 = model.schedule, model.normalise((GREY * x).round() / GREY)
    last = float(s.alpha_bar[s.steps])
    prior = 0.5 * (last * x_0.square() + (1 - last) - 1 - log(1 - last)).flatten(1).sum(1)
    summed, width = torch.zeros(len(x)).to(x), (s.steps - 1) / draws
    for k in range(draws):
        place = 2 + (k + torch.rand(len(x), generator=rng)) * width
        t = place.long().clamp_max(s.steps)
        eps = torch.randn(x.shape, generator=rng).to(x)
        error = (model(s.q_sample(x_0, t, eps), t, y) - eps).square().flatten(1).sum(1)
        summed += width * s.vlb_weights[t].to(x) * error
    one = torch.ones(len(x), dtype=torch.int64)
    x_1 = s.q_sample(x_0, one, torch.randn(x.shape, generator=rng).to(x))
    mean = s.posterior_mean(s.predict_x0(x_1, one, model(x_1, one, y)), x_1, one)
    deviation = float(s.model_variance[1]) ** 0.5
    return {"prior": prior, "steps": summed, "decoder": -_log_cell(x_0, mean, deviation)}


def _log_cell(x: Images, mean: Images, deviation: float) -> PerExample:
    """log of a Gaussian's mass in the cell of each grey value; the two outer cells are open."""
    upper, lower = ((x - mean + side / GREY) / deviation for side in (1, -1))
    black, white = x < -1 + 1 / GREY, x > 1 - 1 / GREY
    # by symmetry the cell is looked at from its nearer tail, where differences keep their digits
    flip = (upper + lower) > 0
    high, low = torch.where(flip, -lower, upper).double(), torch.where(flip, -upper, lower).double()
    gap = (torch.special.log_ndtr(low) - torch.special.log_ndtr(high)).clamp_max(-1e-12)
    inner = torch.special.log_ndtr(high) + torch.log(-torch.expm1(gap))
    outer = torch.where(black, torch.special.log_ndtr(upper.double()), inner)
    each = torch.where(white, torch.special.log_ndtr(-lower.double()), outer)
    return each.flatten(1).sum(1).to(x)


def time_embedding(t: Steps, width: int) -> Embedding:
    """sin(t·ω_i) and cos(t·ω_i), ω_i from 1 down to 10⁻⁴ (Vaswani et al. 2017, §3.5)."""
    omega = torch.exp(-log(10_000) * torch.arange(width // 2, device=t.device) / (width // 2 - 1))
    angle = t[:, None] * omega
    return torch.cat([angle.sin(), angle.cos()], 1)


class _Condition(nn.Module):
    """What a network is told beside x_t: its time, and its class or that there is none."""

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.classes, self.width = classes, width
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.label = nn.Embedding(classes + 1, width) if classes else None

    def forward(self, x: Tensor, t: Steps, y: Labels | None) -> Embedding:
        told = self.time(time_embedding(t.to(x.device), self.width).to(x))
        if self.label is not None:
            none = torch.full((len(x),), self.classes, device=x.device)
            told = told + self.label(none if y is None else y)
        return F.silu(told)


class _Residual(nn.Module):
    """x + f(x), f of two normalised convolutions, with the condition added between."""

    def __init__(self, inputs: int, outputs: int, told: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.GroupNorm(8, inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1)
        )
        self.shift = nn.Linear(told, outputs)
        self.second = nn.Sequential(
            nn.GroupNorm(8, outputs), nn.SiLU(), nn.Conv2d(outputs, outputs, 3, padding=1)
        )
        self.straight = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Images, told: Embedding) -> Maps:
        h = self.first(x) + self.shift(told)[:, :, None, None]
        return self.straight(x) + self.second(h)


class DiffusionUNet(DiffusionModel):
    """A small U-Net for images, after Ho et al. 2020 (appendix B): two sizes, GroupNorm, no
    attention.

    Squares of 2 × 2 pixels become channels at the entrance and pixels again at the exit, so that
    the widest maps have half the side; a quarter of the work.

    Args:
        shape: (channels, height, width); both sides a multiple of 4.
        width: channels at half the side, a multiple of 8; twice as many at a quarter.
        classes: how many it is conditional on; 0 for none.
        schedule, steps, scale: of the `NoiseSchedule`.
        rng: draws the initial weights.

    Raises:
        CourseError: a side or width that does not fit, or as `NoiseSchedule`.
    """

    def __init__(
        self,
        shape: Shape,
        width: int = 32,
        classes: int = 0,
        schedule: str = "linear",
        steps: int = 200,
        scale: float = 5.0,
        rng: Rng = None,
    ) -> None:
        super().__init__()
        require(width % 8 == 0, f"width was {width}; it must be a multiple of 8.")
        c, told = check_multiple(shape, 4)[0], 2 * width
        self.shape, self.classes, self.bounded = tuple(shape), classes, True
        self.schedule = NoiseSchedule(schedule, steps, scale)
        self.condition = _Condition(classes, told)
        self.enter = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4 * c, width, 3, padding=1))
        self.fine_in = _Residual(width, width, told)
        self.down = nn.Conv2d(width, 2 * width, 3, 2, 1)
        self.coarse = nn.ModuleList(_Residual(2 * width, 2 * width, told) for _ in range(2))
        self.up = nn.Sequential(nn.Conv2d(2 * width, width, 1), nn.Upsample(scale_factor=2))
        self.fine_out = _Residual(2 * width, width, told)
        last = nn.Conv2d(width, 4 * c, 3, padding=1)
        self.leave = nn.Sequential(nn.GroupNorm(8, width), nn.SiLU(), last, nn.PixelShuffle(2))
        _initialise(self, last, rng)

    def forward(self, x_t: Images, t: Steps, y: Labels | None = None) -> Images:
        told = self.condition(x_t, t, y)
        fine = self.fine_in(self.enter(x_t), told)
        h = self.down(fine)
        for block in self.coarse:
            h = block(h, told)
        return self.leave(self.fine_out(torch.cat([self.up(h), fine], 1), told))


class DiffusionMLP(DiffusionModel):
    """Dense layers, for points of the plane: what is told is added to every hidden layer.

    Args:
        shape: of one point, e.g. (2,).
        hidden: units of each of the three hidden layers, even.
        classes: how many it is conditional on; 0 for none.
        schedule, steps, scale: of the `NoiseSchedule`.
        rng: draws the initial weights.
    """

    def __init__(
        self,
        shape: Sequence[int] = (2,),
        hidden: int = 128,
        classes: int = 0,
        schedule: str = "linear",
        steps: int = 200,
        scale: float = 5.0,
        rng: Rng = None,
    ) -> None:
        super().__init__()
        self.shape, self.classes, self.bounded = tuple(shape), classes, False
        self.schedule = NoiseSchedule(schedule, steps, scale)
        self.condition = _Condition(classes, hidden)
        sizes = (prod(shape), hidden, hidden)
        self.layers = nn.ModuleList(nn.Linear(inputs, hidden) for inputs in sizes)
        self.last = nn.Linear(hidden, prod(shape))
        _initialise(self, self.last, rng)

    def forward(self, x_t: Examples, t: Steps, y: Labels | None = None) -> Examples:
        told, h = self.condition(x_t, t, y), x_t.flatten(1)
        for layer in self.layers:
            h = F.silu(layer(h) + told)
        return self.last(h).view_as(x_t)


def _initialise(model: DiffusionModel, last: nn.Module, rng: Rng) -> None:
    """Weights from `rng`; the last layer begins at 0, so that the first prediction is no noise."""
    initialise(model, rng)
    for layer in model.modules():
        if isinstance(layer, nn.Embedding):
            nn.init.normal_(layer.weight, generator=rng)
    for parameter in last.parameters():
        nn.init.zeros_(parameter)
