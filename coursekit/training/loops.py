"""The two loops of the course. Everything a lecture varies is an argument to one of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Unpack

import torch
from torch import Tensor, nn

from coursekit.gan_losses import GanLoss
from coursekit.nets import Generator
from coursekit.training.ema import Ema
from coursekit.training.history import History
from coursekit.training.optimizers import Optimizer, adam
from coursekit.training.run import Options, Run
from coursekit.types import Constrain, Objective

Pairs = Iterator[tuple[Tensor, Tensor]]  # (x, y) without end

ADAM = adam(1e-3)
GAN_ADAM = adam(
    1e-3, betas=(0.5, 0.999)
)  # with β₁ = 0.9 a GAN oscillates (Radford et al. 2016, §4)


# (D, x, fake, y, rng) -> what is added to the loss of a player: `gradient_penalty(10)` to the
# critic's, `reconstruction(0.05)` to the generator's
Extra = Callable[[nn.Module, Tensor, Tensor, Tensor, torch.Generator], Tensor | float]
Critic = Callable[..., Tensor]  # (x, y) -> scores
# the same five -> whom G has to please: D, or the D of some steps ahead, `unrolled(loss, 5)`
Rival = Callable[[nn.Module, Tensor, Tensor, Tensor, torch.Generator], Critic]


def nothing(*_: object) -> float:
    """Nothing is added."""
    return 0.0


def itself(D: nn.Module, *_: object) -> Critic:
    """G plays against D as it is."""
    return D


def no_constraint(critic: nn.Module) -> None:
    """D may be as it likes."""


def fit(
    model: nn.Module,
    batches: Pairs,
    objective: Objective,
    *,
    steps: int,
    optimizer: Optimizer = ADAM,
    **options: Unpack[Options],
) -> History:
    """Minimise `objective(model, x, y)` over the batches, in place; the model ends in eval mode.

    Args:
        model: trained on whatever device it lies; the batches must lie there too.
        batches: an endless iterator of (x, y).
        objective: (model, x, y) -> scalar loss.
        steps: number of updates.
        optimizer: parameters -> optimiser.
        **options: see `Options`.

    Raises:
        CourseError: the loss was not a number, or the checkpoint is not this run's.
    """
    opt = optimizer(model.parameters())
    parts = {"model": model, "opt": opt, "batches": batches}
    run = Run(steps, parts, {"objective": objective, "optimizer": optimizer}, options)
    model = run.network(model)
    for _ in run:
        x, y = next(batches)
        loss = objective(model, x, y)
        descend(loss, opt)
        run.record(loss=loss)
    return run.history


def descend(loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
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
    critic_steps: int = 1,
    penalty: Extra = nothing,
    constrain: Constrain = no_constraint,
    rival: Rival = itself,
    regularise: Extra = nothing,
    optimizer_G: Optimizer = GAN_ADAM,
    optimizer_D: Optimizer = GAN_ADAM,
    ema: Ema | None = None,
    **options: Unpack[Options],
) -> History:
    """Play the game between G and D, in place (Goodfellow et al. 2014, Algorithm 1).

    Labels are those of the real batch, so a conditional G is only asked for labels that exist; an
    unconditional one ignores them. Both networks end in eval mode.

    Args:
        G: (z, y) -> images in [0, 1], and `G.noise(n, rng)` draws z.
        D: (x, y) -> scores, shape (n,), before any sigmoid.
        batches: an endless iterator of (x, y).
        loss: `critic(real, fake)` and `generator(fake)`, both minimised.
        steps: number of updates of G.
        rng: a CPU generator; all noise comes from it.
        critic_steps: updates of D for each of G (k in Algorithm 1).
        penalty: (D, x, fake, y, rng) -> what is added to the critic's loss.
        constrain: applied to D after each of its updates.
        rival: (D, x, fake, y, rng) -> the critic that scores G; D itself unless told otherwise.
        regularise: like `penalty`, but added to the generator's loss.
        optimizer_G, optimizer_D: parameters -> optimiser.
        ema: takes in G after each of its updates.
        **options: see `Options`.

    Raises:
        CourseError: a loss was not a number, or the checkpoint is not this run's.
    """
    opt_G, opt_D = optimizer_G(G.parameters()), optimizer_D(D.parameters())
    parts = {"G": G, "D": D, "opt_G": opt_G, "opt_D": opt_D, "batches": batches}
    game = (loss, critic_steps, penalty, constrain, rival, regularise, optimizer_G, optimizer_D)
    run = Run(steps, parts | {"rng": rng, "ema": ema}, {"game": game}, options)
    G, D = run.network(G), run.network(D)
    for _ in run:
        for _ in range(critic_steps):
            x, y = next(batches)
            with torch.no_grad():
                fake = G(G.noise(len(x), rng), y)
            d_loss = loss.critic(D(x, y), D(fake, y)) + penalty(D, x, fake, y, rng)
            descend(d_loss, opt_D)
            constrain(D)
        with frozen(D):
            fake = G(G.noise(len(x), rng), y)
            critic = rival(D, x, fake, y, rng)
            g_loss = loss.generator(critic(fake, y)) + regularise(D, x, fake, y, rng)
            descend(g_loss, opt_G)
        if ema:
            ema.update(G)
        run.record(critic=d_loss, generator=g_loss)
    return run.history
