"""The two loops of the course. Everything a lecture varies is an argument to one of them."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from coursekit.errors import CourseError, require
from coursekit.gan_losses import GanLoss
from coursekit.nets import Generator
from coursekit.training.optim import Ema, Optimizer, Schedule, adam
from coursekit.training.pool import ImagePool
from coursekit.training.trainer import History, Trainer, Watch
from coursekit.types import Constrain

Pairs = Iterable[tuple[Tensor, Tensor]]  # (x, y): an endless iterator, or a DataLoader

ADAM = adam(1e-3)
GAN_ADAM = adam(
    1e-3, betas=(0.5, 0.999)
)  # with β₁ = 0.9 a GAN oscillates (Radford et al. 2016, §4)

# (model, x, y) -> scalar loss, or (model, x, y, rng, progress) where it draws or changes
AnyObjective = Callable[..., Tensor]
# (D, x, fake, y, rng) -> what is added to the loss of a player: `gradient_penalty(10)` to the
# critic's, `reconstruction(0.05)` to the generator's; with G as a sixth argument where the penalty
# says so, as `cycle_consistency(10)` does
Penalty = Callable[..., Tensor | float]
Critic = Callable[..., Tensor]  # (x, y) -> scores
# the same five -> whom G has to please: D, or the D of some steps ahead, `unrolled(loss, 5)`
Unroll = Callable[[nn.Module, Tensor, Tensor, Tensor, torch.Generator], Critic]
# (x, rng, progress) -> what D is shown of real and fake images alike, e.g. `InstanceNoise(0.5)`
Augment = Callable[[Tensor, torch.Generator, float], Tensor]


def no_penalty(*_: object) -> float:
    """Nothing is added."""
    return 0.0


def no_unroll(D: nn.Module, *_: object) -> Critic:
    """G plays against D as it is."""
    return D


def no_constraint(network: nn.Module) -> None:
    """The weights are not constrained."""


def no_augment(x: Tensor, rng: torch.Generator, progress: float) -> Tensor:
    """D is shown the images as they are."""
    return x


def fit(
    model: nn.Module,
    batches: Pairs,
    objective: AnyObjective,
    *,
    steps: int,
    optimizer: Optimizer = ADAM,
    rng: torch.Generator | None = None,
    ema: Ema | None = None,
    schedule: Schedule | None = None,
    autocast: torch.dtype | None = None,
    compile: bool = False,
    watch: Watch | None = None,
    every: int | None = None,
    checkpoint: str | Path | None = None,
    name: str = "training",
) -> History:
    """Minimise `objective(model, x, y)` over the batches, in place; the model ends in eval mode.

    Args:
        model: trained on whatever device it lies; the batches must lie there too.
        batches: an endless iterator of (x, y), or a DataLoader, which is begun again at its end.
        objective: (model, x, y) -> scalar loss; or (model, x, y, rng, progress), with the progress
            in [0, 1), if it draws random numbers or changes during the run.
        steps: number of updates, at least 1.
        optimizer: parameters -> optimiser.
        rng: a CPU generator, handed to an objective of five arguments.
        ema: takes in the model after each update.
        schedule: progress in [0, 1) -> factor on every learning rate.
        autocast: dtype for mixed precision, e.g. torch.bfloat16; None is float32 throughout.
        compile: run the model through torch.compile; not with a gradient of a gradient.
        watch: called with the number of steps done, before the first, every `every` and after the
            last; returns a row of numbers or tensors for `History.watched`; the numbers are shown
            beside the progress bar. It draws from its own generator.
        every: steps between two calls of `watch`; by default a tenth of the run.
        checkpoint: a file to continue from if it exists, to keep up to date, and to recall the
            finished run from. Nothing is written without it.
        name: shown beside the progress bar.

    Raises:
        CourseError: a loss that is no finite number, batches that end, or a checkpoint that cannot
            be used.
        KeyboardInterrupt: with a sentence; the model is left as trained so far, in eval mode.
    """
    full = len(inspect.signature(objective).parameters) == 5
    if full and rng is None:
        raise CourseError("rng was None; this objective draws: give it a generator.")
    _compilable(compile, objective=objective)
    opt = optimizer(model.parameters())
    settings: dict[str, Any] = {"objective": objective, "optimizer": optimizer}
    parts = {"model": model, "opt": opt, "batches": batches, "rng": rng, "ema": ema}
    settings |= {"autocast": autocast, "compile": compile}
    with Trainer(steps, parts, settings, schedule, watch, every, checkpoint, name) as trainer:
        model, stream = trainer.network(model, autocast, compile), Endless(batches)
        for progress in trainer:
            x, y = next(stream)
            loss = objective(model, x, y, *((rng, progress) if full else ()))
            optimizer_step(loss, opt)
            if ema:
                ema.update(model)
            trainer.record(loss=loss)
    return trainer.history


def optimizer_step(loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
    """One step down the gradient of `loss`, by the parameters that `optimizer` holds."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Within this block the parameters of `network` take no part in differentiation."""
    learning = [p for p in network.parameters() if p.requires_grad]
    try:
        for parameter in learning:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)


def train_gan(
    G: Generator,
    D: nn.Module,
    batches: Pairs,
    loss: GanLoss,
    *,
    steps: int,
    rng: torch.Generator,
    n_critic: int = 1,
    penalty_D: Penalty = no_penalty,
    constrain: Constrain = no_constraint,
    constrain_G: Constrain = no_constraint,
    unroll: Unroll = no_unroll,
    penalty_G: Penalty = no_penalty,
    augment: Augment = no_augment,
    reuse_fakes: bool = False,
    pool: int = 0,
    optimizer_G: Optimizer = GAN_ADAM,
    optimizer_D: Optimizer = GAN_ADAM,
    ema: Ema | None = None,
    schedule: Schedule | None = None,
    autocast: torch.dtype | None = None,
    compile: bool = False,
    watch: Watch | None = None,
    every: int | None = None,
    checkpoint: str | Path | None = None,
    name: str = "training",
) -> History:
    """Play the game between G and D, in place (Goodfellow et al. 2014, Algorithm 1).

    Labels are those of the real batch, so a conditional G is only asked for labels that exist; an
    unconditional one ignores them. Both networks end in eval mode. Networks that are
    `nets.Growing`, and their average, are told the progress before each update.

    Args:
        G: (z, y) -> images in [0, 1], and `G.noise(n, rng)` draws z.
        D: (x, y) -> scores, shape (n,), before any sigmoid.
        batches: as for `fit`.
        loss: `critic(real, fake)` and `generator(fake)`, both minimised.
        steps: number of updates of G.
        rng: a CPU generator; all noise comes from it.
        n_critic: updates of D for each of G (k in Algorithm 1).
        penalty_D: (D, x, fake, y, rng) -> what is added to the critic's loss.
        constrain, constrain_G: applied to D, and to G, after each update of their own.
        unroll: (D, x, fake, y, rng) -> the critic that scores G; D itself unless told otherwise.
        penalty_G: like `penalty_D`, but added to the generator's loss. One whose attribute
            `needs_generator` is true is given G as a sixth argument.
        augment: (x, rng, progress) -> what D is shown of real and fake images alike.
        reuse_fakes: G learns from the fakes that D has just seen, and draws no others: quicker, and
            only with `n_critic` 1. Algorithm 1 draws fresh ones.
        pool: fakes of earlier steps that are kept and shown to D, not to G, in place of half of
            the new ones, see `ImagePool`; 0 for none. The penalty on D gets the new ones.
        optimizer_G, optimizer_D: parameters -> optimiser.
        ema: takes in G after each of its updates.
        schedule, autocast, compile, watch, every, checkpoint, name: as for `fit`.

    Raises:
        CourseError, KeyboardInterrupt: as `fit`.
    """
    _check(n_critic, reuse_fakes, compile, penalty_D=penalty_D, unroll=unroll, penalty_G=penalty_G)
    opt_G, opt_D = optimizer_G(G.parameters()), optimizer_D(D.parameters())
    past, whole = ImagePool(pool) if pool else None, getattr(penalty_G, "needs_generator", False)
    parts = {"G": G, "D": D, "opt_G": opt_G, "opt_D": opt_D, "batches": batches, "rng": rng}
    parts |= {"ema": ema, "pool": past}
    game = (loss, n_critic, penalty_D, constrain, constrain_G, unroll, penalty_G, augment)
    settings: dict[str, Any] = {"game": (*game, reuse_fakes), "how": (autocast, compile)}
    settings["optimizers"] = (optimizer_G, optimizer_D)
    with Trainer(steps, parts, settings, schedule, watch, every, checkpoint, name) as trainer:
        G, D = trainer.network(G, autocast, compile), trainer.network(D, autocast, compile)
        stream = Endless(batches)
        for progress in trainer:
            for _ in range(n_critic):
                x, y = next(stream)
                with torch.set_grad_enabled(reuse_fakes):
                    fake = G(G.noise(len(x), rng), y)
                old, old_y = past.exchange(fake, y, rng) if past else (fake.detach(), y)
                real, shown = augment(x, rng, progress), augment(old, rng, progress)
                d_loss = loss.critic(D(real, y), D(shown, old_y))
                d_loss = d_loss + penalty_D(D, x, fake.detach(), y, rng)
                optimizer_step(d_loss, opt_D)
                constrain(D)
            with frozen(D):
                fake = fake if reuse_fakes else G(G.noise(len(x), rng), y)
                g_loss = loss.generator(unroll(D, x, fake, y, rng)(augment(fake, rng, progress), y))
                g_loss = g_loss + penalty_G(D, x, fake, y, rng, *([G] if whole else []))
                optimizer_step(g_loss, opt_G)
                constrain_G(G)
            if ema:
                ema.update(G)
            trainer.record(D=d_loss, G=g_loss)
    return trainer.history


class Endless:
    """Batches without end: an iterator as it is, a DataLoader or a list begun again and again."""

    def __init__(self, batches: Pairs) -> None:
        self.batches, self.stream, self.count = batches, iter(batches), 0

    def __next__(self) -> tuple[Tensor, Any]:
        for _ in range(2):
            try:
                x, y = next(self.stream)
            except StopIteration:
                self.stream = iter(self.batches)
                continue
            self.count += 1
            return x, y
        raise CourseError(
            f"batches ended after {self.count:,}; give an endless iterator, such as "
            "split.batches(64, rng), or a DataLoader."
        )


def _check(n_critic: int, reuse_fakes: bool, compile: bool, **ingredients: Any) -> None:
    if n_critic < 1:
        raise CourseError(f"n_critic was {n_critic}; it must be at least 1.")
    if reuse_fakes and n_critic > 1:
        raise CourseError(f"reuse_fakes was True with n_critic {n_critic}; it needs 1.")
    _compilable(compile, **ingredients)


def _compilable(compile: bool, **ingredients: Any) -> None:
    """torch.compile cannot differentiate a gradient (a gradient penalty, unrolled steps)."""
    for name, ingredient in ingredients.items():
        if compile and getattr(ingredient, "double_backward", False):
            raise CourseError(
                f"compile was True with {name}={ingredient!r}, which takes the gradient of a "
                "gradient; torch.compile cannot: leave compile at False."
            )


@dataclass(frozen=True)
class unrolled:  # reads as a participle in `unroll=unrolled(loss, 5, rate=0.02)`
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
