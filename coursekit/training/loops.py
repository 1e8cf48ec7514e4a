"""The two loops of the course. Everything a lecture varies is an argument; nothing is overridden."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, Unpack

import torch
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.gan_losses import GanLoss
from coursekit.training.ema import Ema
from coursekit.training.history import History
from coursekit.training.optimizers import Optimizer, adam
from coursekit.training.run import Options, Run
from coursekit.types import Constrain, Objective

Pairs = Iterator[tuple[Tensor, Tensor]]  # (x, y) without end


class Penalty(Protocol):
    """Added to the critic's loss, e.g. `gradient_penalty(10)`."""

    def __call__(
        self, D: nn.Module, x: Tensor, fake: Tensor, y: Tensor, rng: torch.Generator
    ) -> Tensor: ...


def fit(
    model: nn.Module,
    batches: Pairs,
    objective: Objective,
    *,
    steps: int,
    optimizer: Optimizer = adam(1e-3),
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
    settings = {"objective": objective, "optimizer": optimizer}
    run = Run(steps, {"model": model}, {"opt": opt}, {"batches": batches}, settings, options)
    network = run.network("model")
    for _ in run:
        x, y = next(batches)
        loss = objective(network, x, y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        run.record(loss=loss)
    return run.history
