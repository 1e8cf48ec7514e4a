"""Attacks that follow the gradient: one step (FGSM), many (PGD), and PGD inside training."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.attacks.common import (
    Goal,
    Loss,
    Target,
    Truth,
    attack,
    check_loss,
    rows_of,
    warn_if_masked,
)
from coursekit.errors import CourseError, require
from coursekit.gradients import input_gradient, scale_to_mean, undisturbed
from coursekit.threats import Linf, Random, Size, Streams, Threat, column
from coursekit.types import Images

Transform = Callable[[Tensor, Streams], Tensor]  # images, their streams -> images as the model gets
Filter = Callable[[Tensor], Tensor]  # gradients -> gradients


@attack
def fgsm(
    model: nn.Module,
    x: Images,
    y: Truth,
    eps: Size,
    target: Target = None,
    batch: int | None = None,
) -> Images:
    """x + ε·sign(∇ₓ J(x, y)), in [0, 1] (Goodfellow, Shlens & Szegedy 2015, §4).

    Args:
        model: returns logits; run in eval mode and left as it was found.
        x: pixels in [0, 1].
        y: true classes (n,), or class probabilities (n, k).
        eps: size of the step, in units of pixels: 8 / 255, not 8. One, or one for each image.
        target: if given, descend on J(x, target) instead.
        batch: images at a time; by default as many as memory allows. It changes no result.

    Raises:
        CourseError: `eps` outside [0, 1]; images, labels or logits that are none, see
            `common.check_inputs`.

    Warns:
        RobustnessWarning: a model whose answers look wrong, or a gradient that is zero.
    """
    Linf(eps)  # refuses an ε that is none
    goal = Goal(y, target)
    gradient = input_gradient(lambda x: goal.loss(model(x)), x)
    warn_if_masked(gradient)
    return (x + column(eps, x) * gradient.sign()).clamp(0, 1)


@attack
def pgd(
    model: nn.Module,
    x: Images,
    y: Truth,
    threat: Threat,
    steps: int,
    step_size: float | None = None,
    restarts: int = 1,
    target: Target = None,
    momentum: float = 0.0,
    rng: Random = None,
    random_start: bool = True,
    loss: Loss = "cross_entropy",
    early_stop: bool = True,
    transform: Transform | None = None,
    samples: int = 1,
    gradient_filter: Filter | None = None,
    batch: int | None = None,
) -> Images:
    """Projected gradient ascent on the loss within a threat's ball (Madry et al. 2018, §2.1).

    Without `rng` it starts at `x`; with `rng` every start is a random point of the ball. Of all the
    points it comes by it keeps, for each image, the first that fools the model (`x` itself, where
    the model errs by itself), or else the one of the highest loss. An image that is fooled costs no
    further work, and only the others are started again.

    The cross-entropy of a confident model is flat, p − onehot(y) ≈ 0, and to multiply the logits
    makes it flat to the last bit. The gradient of the margin max_{k≠y} z_k − z_y only scales with
    the logits, and a direction has no scale (Carlini & Wagner 2017, §5.3: f₆).

    Args:
        model, x, y, target, batch: as for `fgsm`.
        threat: `Linf(eps)` or `L2(eps)`; `eps` may hold one radius for each image.
        steps: gradient steps for each start, at least 1.
        step_size: length of a step in the threat's norm; by default 2.5 ε / steps.
        restarts: random starts, at least 1; more than one needs `rng`.
        momentum: μ of Dong et al. 2018 (eq. 6); 0 for plain PGD, 1 in their paper.
        rng: draws the random starts, and what `transform` draws.
        random_start: False begins at `x` also where `rng` is given.
        loss: what is raised: "cross_entropy", "margin", "dlr" (Croce & Hein 2020), or a function
            (logits, classes) -> one value for each example.
        early_stop: leave an image as soon as it fools `model`. For examples that shall fool
            *another* model give False: then each image gets all its steps and the point of the
            highest loss is kept. One such step of size ε in an L∞ ball is FGSM.
        transform: applied to the images before the model, anew in each step, e.g.
            `input_diversity()`; a random defence is attacked by its own transform.
        samples: gradients averaged in each step: the expectation over `transform`, or over a model
            that answers at random (Athalye et al. 2018, §4.2).
        gradient_filter: applied to each gradient, e.g. `translation_invariance()`.

    Raises:
        CourseError: `steps`, `restarts` or `samples` below 1, several restarts without `rng`, an
            unknown loss; images, labels or logits that are none, see `common.check_inputs`.

    Warns:
        RobustnessWarning: a model whose answers look wrong, or a gradient that is zero.
    """
    for name, value in {"steps": steps, "restarts": restarts, "samples": samples}.items():
        if value < 1:
            raise CourseError(f"{name} was {value}; it must be at least 1.")
    if step_size is not None and not step_size > 0:
        raise CourseError(f"step_size was {step_size}; it must be above 0.")
    if rng is None and (restarts > 1 or transform is not None):
        raise CourseError("several starts and a transform draw random numbers; give rng.")
    check_loss(loss, model, x, target)
    step = 2.5 * threat.eps / steps if step_size is None else step_size
    every = torch.arange(len(x), device=x.device)
    begin = _State(every, x, x, torch.zeros_like(x), Goal(y, target, loss), threat, rng, step)
    best = _Best.of(begin, model, early_stop)
    for restart in range(restarts):
        now = begin.rows((~best.fooled).nonzero()[:, 0]) if early_stop else begin
        if len(now.x) == 0:
            break
        if rng is not None and random_start:
            now.x_adv = now.threat.random_start(now.x, now.rng)
        for k in range(steps):
            if len(now.x) == 0:
                break
            gradient, logits = _look(model, now, transform, samples)
            if restart == k == 0:
                warn_if_masked(gradient)
            if early_stop:
                now, gradient = best.leave(now, logits, gradient)
            elif k:
                best.record(now, logits)
            if gradient_filter is not None:
                gradient = gradient_filter(gradient)
            # Project first, then differentiate: a pixel that clamp() holds at 0 has no gradient.
            gradient = gradient.nan_to_num(0, 0, 0)
            if momentum:  # a direction has no scale; a sum of gradients needs one
                gradient = now.velocity = momentum * now.velocity + scale_to_mean(gradient)
            move = column(now.step, x) * now.threat.steepest(gradient)
            now.x_adv = now.threat.project(now.x_adv + move, now.x)
        best.record(now, _logits(model, now.x_adv))
    return best.x_adv


@dataclass
class _State:
    """The images that PGD works on: which they are, and all that belongs to each."""

    at: Tensor
    x: Tensor
    x_adv: Tensor
    velocity: Tensor
    goal: Goal
    threat: Threat
    rng: Any
    step: Size

    def rows(self, index: Tensor) -> "_State":
        parts = {k: rows_of(v, index, len(self.x)) for k, v in vars(self).items()}
        return _State(**parts)


@dataclass
class _Best:
    """For each image a point that fools the model, or else the one of the highest loss."""

    x_adv: Tensor
    loss: Tensor
    fooled: Tensor

    @classmethod
    def of(cls, begin: _State, model: nn.Module, look: bool) -> "_Best":
        """The images as they are, which count as fooling only if the model is asked (`look`)."""
        x, low = begin.x, torch.full_like(begin.x[:, 0, 0, 0], -torch.inf)
        best = cls(x.clone(), low, torch.zeros_like(low, dtype=torch.bool))
        if look:
            best.record(begin, _logits(model, x))
            best.loss = low  # a point of the walk is preferred, unless the image itself fools
        return best

    def record(self, now: _State, logits: Tensor) -> Tensor:
        """Keep what is better than before; returns which of the images are fooled now."""
        fooled, loss = now.goal.reached(logits), now.goal.loss(logits)
        higher = (fooled == self.fooled[now.at]) & (loss > self.loss[now.at])
        better = (fooled & ~self.fooled[now.at]) | higher
        at = now.at[better]
        self.x_adv[at], self.loss[at] = now.x_adv[better], loss[better]
        self.fooled[at] = fooled[better]
        return fooled

    def leave(self, now: _State, logits: Tensor, gradient: Tensor) -> tuple[_State, Tensor]:
        """Record, and go on with the images that are not fooled yet."""
        fooled = self.record(now, logits)
        if not bool(fooled.any()):
            return now, gradient
        index = (~fooled).nonzero()[:, 0]
        return now.rows(index), gradient[index]


def _logits(model: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return model(x)


def _look(
    model: nn.Module, now: _State, transform: Transform | None, samples: int
) -> tuple[Tensor, Tensor]:
    """The gradient of the goal's loss, averaged over `samples`, and the logits at the images."""
    seen: list[Tensor] = []

    def f(x: Tensor) -> Tensor:
        logits = model(x if transform is None else transform(x, now.rng))
        seen.append(logits.detach())
        return now.goal.loss(logits)

    gradients = [input_gradient(f, now.x_adv) for _ in range(samples)]
    plain = transform is None and samples == 1
    logits = seen[0] if plain else _logits(model, now.x_adv)
    return sum(gradients[1:], gradients[0]) / samples, logits


def eps_ramp(eps: float, over: float, progress: float) -> float:
    """The ε of a training step: a straight line from 0 up to `eps`, then level.

    At full ε from the first step on, a network that knows nothing yet often learns nothing: it
    settles at giving every class the same probability, where no attack can do further harm.

    Args:
        eps: the ε to arrive at, in units of pixels.
        over: the share of the run until then; 0 for full size at once.
        progress: the share of the run that is done, in [0, 1].
    """
    return eps if progress >= over else eps * progress / over


@dataclass(frozen=True)
class training_pgd:
    """A few steps of PGD in the L∞ ball: the inner maximum, nearly.

    Four steps with `rel_step` 2.5 are a cheap form of Madry et al. 2018 (who take 40 on MNIST); one
    step with `rel_step` 1.25 is the fast FGSM of Wong, Rice & Kolter 2020 (algorithm 3); one with
    `rel_step` 1 and without `random_start` is FGSM, as Goodfellow, Shlens & Szegedy 2015 train with
    it (§6). With `noise` 0.001 and without `random_start` it begins as TRADES does (Zhang et al.
    2019, algorithm 1). In training every image gets all steps, and the last point is used.

    Args:
        eps: radius of the ball, in units of pixels.
        steps: gradient steps on each batch, at least 1.
        ramp: the share of the run over which ε grows from 0, see `eps_ramp`.
        rel_step: how far the steps lead together, in units of ε; each is rel_step·ε / steps long.
        random_start: begin at a random point of the ball, drawn from the run's generator.
        noise: standard deviation of normal noise added to the start.

    Raises:
        CourseError: `eps` or `ramp` outside [0, 1], `steps` below 1, `rel_step` not above 0, or
            negative `noise`.
    """

    eps: float
    steps: int
    ramp: float = 0.0
    rel_step: float = 2.5
    random_start: bool = True
    noise: float = 0.0

    def __post_init__(self) -> None:
        inside = 0 <= self.eps <= 1
        require(inside, f"eps was {self.eps}; it must lie in [0, 1] (8/255, not 8).")
        require(0 <= self.ramp <= 1, f"ramp was {self.ramp}; it is a share, in [0, 1].")
        require(self.steps >= 1, f"steps was {self.steps}; it must be at least 1.")
        require(self.rel_step > 0, f"rel_step was {self.rel_step}; it must be above 0.")
        require(self.noise >= 0, f"noise was {self.noise}; it must be at least 0.")

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, rng: torch.Generator | None, progress: float
    ) -> Tensor:
        ball, goal = Linf(eps_ramp(self.eps, self.ramp, progress)), Goal(y)
        x_adv = ball.random_start(x, rng) if self.random_start and rng is not None else x
        if self.noise:
            draw = torch.randn(x.shape, generator=rng, device=None if rng is None else rng.device)
            x_adv = ball.project(x_adv + self.noise * draw.to(x), x)
        with undisturbed(model):
            for _ in range(self.steps):
                gradient = input_gradient(lambda x: goal.loss(model(x)), x_adv)
                step = self.rel_step * ball.eps / self.steps * ball.steepest(gradient)
                x_adv = ball.project(x_adv + step, x)
        return x_adv
