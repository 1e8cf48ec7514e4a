"""One run of a recipe: trained, measured, and what is written of it."""

import platform
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from coursekit.attacks import auto_attack, hop_skip_jump, pgd, square_attack
from coursekit.data import Dataset
from coursekit.errors import CourseError, require
from coursekit.metrics import FIDScorer, accuracy, class_coverage, robust_accuracy
from coursekit.nets import Generator
from coursekit.threats import L2, Linf, Threat
from coursekit.training import Ema, History, fit, train_gan
from coursekit.types import Attack
from coursekit.zoo.recipes import Recipe, build, build_network, data_of, split_of

KEPT_LOSSES = 200  # points of each loss curve that are written down
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
        replay: losses and norms after a replay of 8 steps, see `replay`.
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
        The networks that are kept, by name ("network", or "generator" with its average, and
        "discriminator"), and the history.

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
    batches = split.batches(recipe.batch, rng)
    ema = Ema(networks["generator"], recipe.ema) if recipe.game and recipe.ema else None
    kept = networks | ({"generator": ema.model} if ema else {})
    how: dict[str, Any] = {"steps": steps, "rng": rng, "name": recipe.name}
    how |= {"checkpoint": checkpoint, "schedule": build(recipe, "schedule")}
    if look:
        how |= {"watch": lambda _: look(kept), "every": max(1, steps // recipe.looks)}
    if not recipe.game:
        how |= {"optimizer": build(recipe, "optimizer")}
        return kept, fit(networks["network"], batches, build(recipe, "objective"), **how)
    how |= {"n_critic": recipe.n_critic, "reuse_fakes": recipe.reuse_fakes, "ema": ema}
    optional = {name: build(recipe, name) for name in ("penalty_D", "penalty_G", "augment")}
    how |= {name: part for name, part in optional.items() if part is not None}
    how |= {name: build(recipe, name) for name in ("optimizer_G", "optimizer_D")}
    G, D = networks["generator"], networks["discriminator"]
    history = train_gan(cast(Generator, G), D, batches, build(recipe, "loss"), **how)
    return kept, history


def measure(
    recipe: Recipe,
    networks: dict[str, nn.Module],
    data: Dataset,
    features: nn.Module | None,
    n: int | None = None,
    expensive: bool = False,
) -> dict[str, dict[str, float]]:
    """The figures of a run: name → value, n and tolerance.

    Classifiers: accuracy on the test images and, if attacks took part in training, what is left of
    it under attack, see `measure_robustness`. Generators: Fréchet distance of samples to test
    images on the features of an independent classifier (and of training images, the floor), and for
    conditional ones how often that classifier reads the class that was asked for, and the
    mean over classes of the coverage within the class (k = 5, on the same features; only where each
    class has more than 5 images).

    Args:
        features: the classifier whose features all Fréchet distances of this data set use.
        n: samples; by default the recipe's `compare`.
        expensive: also the figures that take minutes, for the record: without a tolerance.
    """
    x, y = data.test.x, data.test.y
    rng = torch.Generator().manual_seed(1)
    if not recipe.game:
        network = networks["network"]
        exact = {"value": accuracy(network, x, y), "n": len(y), "tolerance": 0.002}
        eps = recipe.objective[1].get("eps")
        return {"accuracy": exact} | (
            measure_robustness(network, x, y, eps, expensive) if eps else {}
        )
    n = min(n or recipe.compare, len(x))
    labels = y[:n] if recipe.conditional else None
    samples = cast(Generator, networks["generator"]).sample(n, rng, labels)
    if features is None:
        raise CourseError(f"{recipe.name} is measured with the classifier of its data set.")
    scorer = FIDScorer(features, x[:n])
    value, real = scorer.fid(samples), scorer.fid(data.train.x[:n])
    slack = min(1.0, 0.1 * real)  # distances have the scale of their features
    figures = {
        "frechet_distance": {"value": value, "n": n, "tolerance": max(slack, 0.03 * value)},
        "frechet_distance_of_real": {"value": real, "n": n, "tolerance": slack},
    }
    if labels is not None:
        read = accuracy(features, samples, labels)
        figures["class_accuracy"] = {"value": read, "n": n, "tolerance": 0.01}
        if int(labels.bincount().min()) > 5:
            cover = float(class_coverage(features, x[:n], labels, samples, labels).mean())
            figures["class_coverage"] = {"value": cover, "n": n, "tolerance": 0.02}
        known = accuracy(features, x[:n], labels)
        figures["class_accuracy_of_real"] = {"value": known, "n": n, "tolerance": 0.002}
    return figures


def measure_robustness(
    network: nn.Module, x: Tensor, y: Tensor, eps: float, expensive: bool = False
) -> dict[str, dict[str, float]]:
    """Accuracy under attacks: in the L∞ ball of radius `eps`, and in the L2 ball of radius 2.

    PGD-40 with three starts on 1,000 images, AutoAttack on 30; if `expensive`, AutoAttack and
    Square (5,000 queries) on 1,000, and in L2, on 100 images, PGD-40 with three starts and
    HopSkipJump (3,000 queries), as Schott et al. 2019 attack networks trained in L∞.
    """
    rng, ball, far = torch.Generator().manual_seed(1), Linf(eps), L2(2.0)

    def left(attack: Attack, n: int, tolerance: float | None) -> dict[str, float]:
        row = {"value": robust_accuracy(network, x[:n], y[:n], attack), "n": min(n, len(x))}
        return row if tolerance is None else row | {"tolerance": tolerance}

    def walked(m: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        found = hop_skip_jump(m, x, y, 3000, rng)
        near = (found.distances <= far.eps).view(-1, 1, 1, 1)
        return torch.where(near, found.x_adv, x)  # what lies outside the ball does not count

    def climbed(threat: Threat) -> Attack:
        return lambda m, x, y: pgd(m, x, y, threat, 40, restarts=3, rng=rng)

    figures = {
        "robust_accuracy": left(climbed(ball), 1000, 0.01),
        "autoattack_accuracy_30": left(lambda m, x, y: auto_attack(m, x, y, ball), 30, 0.035),
    }
    if expensive:
        attacks: dict[str, tuple[Attack, int]] = {
            "autoattack_accuracy": (lambda m, x, y: auto_attack(m, x, y, ball), 1000),
            "square_accuracy": (lambda m, x, y: square_attack(m, x, y, ball, 5000, rng), 1000),
            "l2_robust_accuracy": (climbed(far), 100),
            "l2_hop_skip_jump_accuracy": (walked, 100),
        }
        figures |= {name: left(attack, n, None) for name, (attack, n) in attacks.items()}
    return figures


def describe_machine() -> dict[str, str]:
    """Versions, processor, threads and date, for the record."""
    threads = str(torch.get_num_threads())
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    return {
        "python": sys.version.split()[0], "torch": torch.__version__, "date": str(date.today()),
        "machine": platform.machine(), "threads": threads, "gpu": gpu,
    }  # fmt: skip


def curves_of(history: History) -> dict[str, list[list[float]]]:
    """Learning curves as [step, value] pairs; of losses the means of up to 200 stretches."""
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


def replayed(recipe: Recipe) -> dict[str, float]:
    """Losses and norms of a run of 8 steps: ramps and schedules pass through their whole range."""
    networks, history = train(recipe, steps=REPLAY_STEPS)
    found = {
        f"loss {name} {step + 1}": float(value)
        for name, values in history.losses.items()
        for step, value in enumerate(values)
    }
    for name, network in networks.items():
        for key, value in network.state_dict().items():
            if value.is_floating_point():
                found[f"norm {name} {key}"] = float(value.double().norm())
    return found
