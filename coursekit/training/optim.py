"""Optimisers, learning-rate schedules, and the exponential moving average of weights."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from coursekit.errors import CourseError

Optimizer = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]
Schedule = Callable[[float], float]  # progress in [0, 1) -> factor on the learning rate


@dataclass(frozen=True)
class adam:  # a factory that reads as a verb: optimizer=adam(1e-3)
    """Adam (Kingma & Ba 2015). `adam(lr, betas)(parameters)` builds the optimiser."""

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        if self.lr <= 0:
            raise CourseError(f"lr was {self.lr}; a learning rate is above 0.")

    def __call__(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(
            parameters, self.lr, self.betas, weight_decay=self.weight_decay, fused=True
        )


@dataclass(frozen=True)
class rmsprop:
    """RMSProp (Tieleman & Hinton 2012), which Arjovsky et al. 2017 train their critics with."""

    lr: float = 5e-5

    def __post_init__(self) -> None:
        if self.lr <= 0:
            raise CourseError(f"lr was {self.lr}; a learning rate is above 0.")

    def __call__(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.RMSprop(parameters, self.lr)


@dataclass(frozen=True)
class linear_decay:
    """Full rate until `start` (a share of the steps, in [0, 1]), then a straight line to 0."""

    start: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.start <= 1:
            raise CourseError(f"start was {self.start}; it is a share, in [0, 1].")

    def __call__(self, progress: float) -> float:
        return 1.0 if progress <= self.start else (1 - progress) / (1 - self.start)


@dataclass(frozen=True)
class triangle:
    """From 0 up to the full rate at `peak` (a share of the steps, in [0, 1]), and down again."""

    peak: float = 0.3

    def __post_init__(self) -> None:
        if not 0 <= self.peak <= 1:
            raise CourseError(f"peak was {self.peak}; it is a share, in [0, 1].")

    def __call__(self, progress: float) -> float:
        if progress <= self.peak:
            return (progress + 1e-3) / (self.peak + 1e-3)
        return (1 - progress) / (1 - self.peak)


class Ema:
    """θ̄ ← β_t·θ̄ + (1 − β_t)·θ over the steps (Karras et al. 2018; Yazıcı et al. 2019).

    BatchNorm's running statistics are averaged like the weights they belong to. Measured on DCGAN
    (three seeds, 700 steps): the FID is within 2 % of that with statistics taken anew from the
    averaged network; with the last step's statistics copied it is up to 30 % higher. β_t starts
    low and rises to `decay`, so that the initial weights are soon forgotten. The singular vectors
    of spectral normalisation are iterated on the averaged weights: an average of unit vectors is
    none, and would not normalise.

    Attributes:
        model: the averaged copy, always in eval mode; sample from this one.

    Raises:
        CourseError: a decay outside [0, 1), or a network that cannot be copied.
    """

    def __init__(self, model: nn.Module, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise CourseError(f"decay was {decay}; it must lie in [0, 1).")
        try:
            self.model = deepcopy(model).eval().requires_grad_(False)
        except RuntimeError:  # a tensor that the old torch.nn.utils.spectral_norm computed
            raise CourseError(
                f"the {type(model).__name__} holds computed tensors as weights and cannot be "
                "copied; torch.nn.utils.parametrizations.spectral_norm can."
            ) from None
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the current weights and buffers of `model`."""
        self.updates += 1
        keep = min(self.decay, self.updates / (self.updates + 10))
        averages, values = self.model.state_dict(), model.state_dict()
        vectors = {name for name in values if name.split(".")[-1] in ("u", "v", "_u", "_v")}
        floating = [name for name, value in values.items() if value.is_floating_point()]
        floating = [name for name in floating if name not in vectors]
        torch._foreach_lerp_(
            [averages[name] for name in floating], [values[name] for name in floating], 1 - keep
        )
        for name in values.keys() - set(floating) - vectors:
            averages[name].copy_(values[name])
        if vectors:
            self._iterate()

    def _iterate(self) -> None:
        """One round of power iteration on each averaged weight, by reading it in train mode."""
        for layer in self.model.modules():
            if is_parametrized(layer, "weight"):
                normalisation = layer.get_submodule("parametrizations.weight")
                normalisation.train()
                layer.weight  # noqa: B018
                normalisation.eval()

    def __call__(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.model(z, y)

    def identity(self) -> dict[str, Any]:
        """What tells this average from others, for a checkpoint."""
        return {"decay": self.decay}

    def state_dict(self) -> dict[str, Any]:
        return {"model": self.model.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.updates = state["updates"]
