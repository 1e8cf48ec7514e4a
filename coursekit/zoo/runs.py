"""One run of a recipe: trained, measured, and what is written of it."""

import platform
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from coursekit.data import Dataset
from coursekit.errors import require
from coursekit.nets import Generator
from coursekit.training import Ema, History, fit, train_gan
from coursekit.zoo.recipes import Recipe, build, build_network, data_of, split_of
from coursekit.zoo.tasks import batches_of

KEPT_LOSSES = 100  # points of each loss curve that are written down
REPLAY_STEPS = 8
REPLAY_TOLERANCE = 1e-2  # relative


@dataclass
class Run:
    """What is known of one run. Written to JSON and read back by the same fields.

    Attributes:
        recipe: in plain values.
        stamp: digest of the code that this run has been verified with.
        made: versions, machine and date.
        seconds: of training; they belong to that machine.
        curves: name → [step, value] pairs of the figures on the way, and of the losses.
        figures: name → value, n (images) and tolerance, measured on the stored weights. Without a
            tolerance a figure is from the record only.
        replay: losses, and norms where weights are kept, after 8 steps, see `replay`.
    """

    recipe: dict[str, Any]
    stamp: str
    made: dict[str, str]
    seconds: float
    curves: dict[str, list[list[float]]] = field(default_factory=dict)
    figures: dict[str, dict[str, float]] = field(default_factory=dict)
    replay: dict[str, float] = field(default_factory=dict)

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Run":
        """
        Raises:
            CourseError: a field is missing, or of another kind, or one too many.
        """
        kinds = {"seconds": float | int, "stamp": str}
        names = {f.name for f in fields(cls)}
        require(plain.keys() == names, f"a run has the fields {', '.join(sorted(names))}.")
        for name, value in plain.items():
            require(isinstance(value, kinds.get(name, dict)), f"{name} of a run was {value!r}.")
        return cls(**plain)

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def train(
    recipe: Recipe,
    *,
    steps: int | None = None,
    device: torch.device | str = "cpu",
    checkpoint: Path | None = None,
    look: Callable[[dict[str, nn.Module]], dict[str, float]] | None = None,
    data: Dataset | None = None,
) -> tuple[dict[str, nn.Module], History]:
    """Build everything from the recipe and train it, in float32.

    Args:
        steps: fewer or more than the recipe's; ramps and schedules span them all the same.
        device: where networks and data lie.
        checkpoint: continue from this file, and keep it.
        look: what is watched on the way, of the networks that are kept.
        data: another data set than the recipe's, on `device`.

    Returns:
        The networks that are kept, by name ("network", or "generator", and "discriminator"), and
        the history. With `ema` the first is the average.

    Raises:
        CourseError: the data are absent or others, or as `fit` and `train_gan`.
    """
    steps = steps or recipe.steps
    rng = torch.Generator().manual_seed(recipe.seed)
    data, split = (data, split_of(recipe, data)) if data else data_of(recipe, device)
    names = ("generator", "discriminator") if recipe.game else ("network",)
    networks = {name: build_network(recipe, name, data, rng).to(device) for name in names}
    if recipe.channels_last:
        for network in networks.values():
            network.to(memory_format=torch.channels_last)
    batches = batches_of(recipe, split, rng)
    ema = Ema(networks[names[0]], recipe.ema) if recipe.ema else None
    kept = networks | ({names[0]: ema.model} if ema else {})
    how: dict[str, Any] = {"steps": steps, "rng": rng, "name": recipe.name, "ema": ema}
    how |= {"checkpoint": checkpoint, "schedule": build(recipe, "schedule")}
    if look:
        how |= {"watch": lambda _: look(kept), "every": max(1, steps // recipe.looks)}
    if not recipe.game:
        how |= {"optimizer": build(recipe, "optimizer")}
        return kept, fit(networks["network"], batches, build(recipe, "objective"), **how)
    how |= {"n_critic": recipe.n_critic, "reuse_fakes": recipe.reuse_fakes}
    how["pool"] = recipe.pool
    ingredients = ("penalty_D", "penalty_G", "augment", "constrain", "constrain_G")
    optional = {name: build(recipe, name) for name in ingredients}
    how |= {name: part for name, part in optional.items() if part is not None}
    how |= {name: build(recipe, name) for name in ("optimizer_G", "optimizer_D")}
    G, D = networks["generator"], networks["discriminator"]
    history = train_gan(cast(Generator, G), D, batches, build(recipe, "loss"), **how)
    return kept, history


def describe_machine() -> dict[str, str]:
    """Versions, processor, threads and date, for the record."""
    threads = str(torch.get_num_threads())
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    return {
        "python": sys.version.split()[0], "torch": torch.__version__, "date": str(date.today()),
        "machine": platform.machine(), "threads": threads, "gpu": gpu,
    }  # fmt: skip


def curves_of(history: History) -> dict[str, list[list[float]]]:
    """Learning curves as [step, value] pairs; of losses the means of up to 100 stretches."""
    curves: dict[str, list[list[float]]] = {}
    for name, values in history.losses.items():
        parts = values.tensor_split(min(KEPT_LOSSES, len(values)))
        ends = torch.tensor([len(part) for part in parts]).cumsum(0).tolist()
        curves[f"loss_{name}"] = [
            [e, round(float(p.mean()), 5)] for e, p in zip(ends, parts, strict=True)
        ]
    for row in history.watched:
        for name in row.keys() - {"step", "seconds"}:
            curves.setdefault(name, []).append([row["step"], round(float(row[name]), 5)])
    return curves


def replayed(recipe: Recipe, norms: bool = True) -> dict[str, float]:
    """Losses of a run of 8 steps, and norms: ramps and schedules pass through their whole range."""
    networks, history = train(recipe, steps=REPLAY_STEPS)
    found = {
        f"loss {name} {step + 1}": _short(value)
        for name, values in history.losses.items()
        for step, value in enumerate(values)
    }
    for name, network in networks.items() if norms else ():
        for key, value in network.state_dict().items():
            if value.is_floating_point():
                found[f"norm {name} {key}"] = _short(value.double().norm())
    return found


def _short(value: torch.Tensor) -> float:
    """To seven digits: as many as float32 has, and far more than two machines agree in."""
    return float(f"{float(value):.7g}")
