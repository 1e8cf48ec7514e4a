"""The league of lecture 05: remedies of mode collapse, tuned alike, on a ring; two games on a grid.

`ENTRANTS` are the settings that were tried; `build` tunes and plays them all, which takes about an
hour of one core, and writes what came out; `read` reads it back with the trained generators.
All seeds of one game are played at once in networks with an axis of games (`nets.parallel`).
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from coursekit import nets
from coursekit.data import toys
from coursekit.errors import choose
from coursekit.io import json_lines, write_bytes
from coursekit.lipschitz import r1_penalty
from coursekit.metrics import Coverage, mode_coverage
from coursekit.training import History, adam, linear_decay, train_gan, unrolled
from coursekit.zoo.ingredients import LOSSES, PENALTIES
from coursekit.zoo.runs import REPLAY_STEPS, describe_machine
from coursekit.zoo.store import zoo_root

TARGETS = {"ring": toys.ring(radius=1.0, sigma=0.1), "grid": toys.grid()}
STEPS = {"ring": 2_000, "grid": 6_000}  # updates of G, the same for all
BATCH, HIDDEN, N = 128, (64, 64), 2_500  # rows of a batch; both networks; samples behind a count
WAVES = 128  # random directions, each with a sine and a cosine
TRIAL_SEEDS, SEEDS = 3, 10
TRIAL, GAME = 1, 2  # trials and games draw from different streams


@dataclass(frozen=True)
class Settings:
    """One way to play the game, in plain values. The defaults are the game that collapses.

    Attributes:
        rates, betas: Adam's, the rates of G and of D.
        decay: whether both rates fall to 0 in the second half.
        noise_dim: length of z.
        loss, penalty: ids of `coursekit.zoo.recipes`, the penalty with its weight; "r1_r2" is R1
            at real and at generated points.
        n_critic: updates of D for each of G.
        unroll: (K, η), steps ahead and their rate, or none.
        pack: samples that D scores at once.
        group: of the minibatch standard deviation; 0 is without.
        noise: σ of the instance noise at first, in units of the plane.
        norm, gain: "spectral" for spectral normalisation; what D's input is multiplied by.
        labels: whether both players are given the mode.
        waves: wavelength of D's Fourier features, and half of it G's; 0 is without. G then also
            starts as wide as the data.
    """

    rates: tuple[float, float] = (1e-3, 1e-4)
    betas: tuple[float, float] = (0.0, 0.99)
    decay: bool = True
    noise_dim: int = 16
    loss: str = "nonsaturating"
    penalty: tuple[str, float] | None = None
    n_critic: int = 1
    unroll: tuple[int, float] | None = None
    pack: int = 1
    group: int = 0
    noise: float = 0.0
    norm: str = "none"
    gain: float = 1.0
    labels: bool = False
    waves: float = 0.0

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Settings":
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in plain.items()
        }
        return cls(**values)


@dataclass(frozen=True)
class _r1_r2:
    """γ/2·(E‖∇D(x)‖² + E‖∇D(G(z))‖²) (Mescheder et al. 2018, eqs. 9 and 10)."""

    gamma: float
    double_backward: ClassVar[bool] = True

    def __call__(self, D: nn.Module, x: Tensor, fake: Tensor, y: Any, rng: Any = None) -> Tensor:
        r1 = r1_penalty(self.gamma)
        return r1(D, x, fake, y) + r1(D, fake, fake, y)


def _trials(rates: Sequence[tuple[float, float]], *variants: dict[str, Any]) -> list[Settings]:
    return [Settings(rates=pair, **variant) for variant in variants for pair in rates]


SLOW, QUICK, HIGH = (1e-3, 1e-4), (1e-3, 4e-3), (3e-3, 3e-3)  # the last suits the plain GAN best
THREE = (SLOW, QUICK, HIGH)
SIX = (*THREE, (1e-3, 1e-3), (3e-4, 3e-4), (2e-3, 8e-3))
_GP = {"loss": "wasserstein", "penalty": ("gradient_penalty", 0.1)}
_SN = {"loss": "hinge", "norm": "spectral"}
# Six trials each: three pairs of rates and two strengths, or six pairs where there is no strength.
# The first trial is always the collapsing game with nothing but the remedy added.
REMEDIES: dict[str, list[Settings]] = {
    "plain GAN": _trials(SIX, {}),
    "unrolled": _trials(THREE, {"unroll": (5, 0.02)}, {"unroll": (5, 0.2)}),
    "minibatch std": _trials(THREE, {"group": 8}, {"group": BATCH}),
    "PacGAN": _trials(THREE, {"pack": 2}, {"pack": 4}),
    "instance noise": _trials(THREE, {"noise": 0.2}, {"noise": 0.5}),
    "WGAN-GP": _trials(THREE, _GP, _GP | {"n_critic": 5}),
    "spectral norm": _trials(THREE, _SN | {"gain": 4.0}, _SN | {"gain": 16.0}),
    "R1": _trials(THREE, {"penalty": ("r1", 0.01)}, {"penalty": ("r1", 0.1)}),
    "labels": _trials(SIX, {"labels": True}),
}
# On the grid there is no tuning: the plain GAN at the rates that it won with on the ring, and a
# recipe that was found by hand, in some 80 tries: networks that can bend quickly and start wide,
# R1 and R2.
GRID = {
    "plain GAN": [Settings(rates=HIGH)],
    "sharp, R1 + R2": [
        Settings(rates=(2e-3, 4e-3), betas=(0.5, 0.9), penalty=("r1_r2", 0.04), waves=2.0,
                 noise_dim=2)
    ],
}  # fmt: skip
ENTRANTS: dict[str, dict[str, list[Settings]]] = {"ring": REMEDIES, "grid": GRID}


@dataclass
class Game:
    """What came of one entrant: its settings, its scores, one a seed, and how it was tuned."""

    settings: Settings
    modes: list[int]
    quality: list[float]
    reverse_kl: list[float | None]  # none where no sample is on a mode
    trials: list[dict[str, Any]]
    seconds: float
    replay: dict[str, float]

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Game":
        return cls(**plain | {"settings": Settings.from_plain(plain["settings"])})


def players(target: str, how: Settings, seeds: int, rng: torch.Generator) -> tuple[Any, nn.Module]:
    """G and D of `seeds` games, each with its own weights."""
    modes, wide = len(TARGETS[target].centres), float(TARGETS[target].centres.std())
    classes = modes if how.labels else 0
    z_waves = x_waves = None
    if how.waves:
        z_waves = nets.FourierFeatures(how.noise_dim, WAVES, how.waves / 2, rng)
        x_waves = nets.FourierFeatures(2, WAVES, how.waves, rng)
    G = nets.ParallelGenerator(
        seeds, (2,), HIDDEN, how.noise_dim, classes, z_waves, wide * bool(how.waves), rng
    )
    aside = nets.MinibatchStd(how.group) if how.group else None
    width = x_waves.width if x_waves else 2 * how.pack
    D = nets.ParallelDiscriminator(seeds, (width,), HIDDEN, how.norm, classes, aside, rng)
    seen = x_waves or nets.PacGANPack(how.pack)
    return G, nets.Preprocessed(lambda x: seen(how.gain * x), D)


def play(
    target: str,
    how: Settings,
    seeds: int = SEEDS,
    steps: int | None = None,
    stream: int = GAME,
    **watched: Any,
) -> tuple[Any, History]:
    """Play one game with `seeds` seeds at once; returns its generators and the history.

    The loss is a mean over all games. Adam does not notice; the plain gradient steps of `unrolled`
    have their rate multiplied by the number of games.

    Args:
        target: "ring" or "grid".
        how: the settings.
        steps: updates of G; those of the league unless given.
        stream: of the random numbers.
        watched: `watch` and `every` of `train_gan`.

    Raises:
        CourseError: an unknown target.
    """
    choose("target", target, TARGETS)
    rng = torch.Generator().manual_seed(stream)
    G, D = players(target, how, seeds, rng)
    loss = LOSSES[how.loss]()
    more: dict[str, Any] = dict(watched)
    if how.penalty:
        kinds: dict[str, Any] = PENALTIES | {"r1_r2": _r1_r2}
        more["penalty_D"] = kinds[how.penalty[0]](how.penalty[1])
    if how.unroll:
        more["unroll"] = unrolled(loss, how.unroll[0], how.unroll[1] * seeds)
    if how.noise:
        more["augment"] = nets.InstanceNoise(how.noise)
    if how.decay:
        more["schedule"] = linear_decay()
    batches: Any = TARGETS[target].batches(BATCH * seeds, rng)
    if how.pack > 1:  # a pack has no single label
        batches = ((x, None) for x, _ in batches)
    rate_G, rate_D = (adam(rate, how.betas) for rate in how.rates)
    history = train_gan(
        G, D, batches, loss, steps=steps or STEPS[target],
        rng=rng, n_critic=how.n_critic, optimizer_G=rate_G, optimizer_D=rate_D, name=target, **more,
    )  # fmt: skip
    return G, history


def draw(G: Any, target: str, n: int, rng: torch.Generator) -> Tensor:
    """`n` samples of each game, shape (seeds, n, 2), of random modes where G is given one."""
    y = torch.randint(len(TARGETS[target].centres), (n * G.games,), generator=rng)
    with torch.no_grad():
        return G(G.noise(n * G.games, rng), y).view(G.games, n, 2)


def scores(G: Any, target: str, rng: torch.Generator, n: int = N) -> list[Coverage]:
    """How the samples of each game fall on the modes; a mode's radius is three σ."""
    modes = TARGETS[target]
    return [mode_coverage(x, modes.centres, 3 * modes.sigma) for x in draw(G, target, n, rng)]


def tune(target: str, trials: Sequence[Settings]) -> list[dict[str, Any]]:
    """Each setting for half as long on three seeds that the games do not use: modes and quality."""
    rows = []
    for how in trials:
        G, _ = play(target, how, TRIAL_SEEDS, STEPS[target] // 2, TRIAL)
        found = scores(G, target, torch.Generator().manual_seed(TRIAL))
        modes = sum(c.covered() for c in found) / TRIAL_SEEDS
        quality = sum(c.quality for c in found) / TRIAL_SEEDS
        rows.append({"settings": asdict(how), "modes": modes, "quality": quality})
    return rows


def chosen(trials: Sequence[dict[str, Any]]) -> Settings:
    """The trial with the largest modes × quality."""
    best = max(trials, key=lambda row: row["modes"] * row["quality"])
    return Settings.from_plain(best["settings"])


def replayed(target: str, how: Settings) -> dict[str, float]:
    """Losses of a game of 8 steps."""
    _, history = play(target, how, steps=REPLAY_STEPS)
    return {
        f"loss {name} {step + 1}": float(value)
        for name, values in history.losses.items()
        for step, value in enumerate(values)
    }


def build(target: str, names: Sequence[str] = (), log: Any = print) -> None:
    """Tune and play the entrants and store what came out; what is stored is not played again."""
    for name, trials in ENTRANTS[target].items():
        if name in _stored(target) or (names and name not in names):
            continue
        tried = tune(target, trials) if len(trials) > 1 else []
        how = chosen(tried) if tried else trials[0]
        G, history = play(target, how, SEEDS)
        found = scores(G, target, torch.Generator().manual_seed(GAME))
        reverse = [c.reverse_kl if int(c.counts.sum()) else None for c in found]
        game = Game(
            how, [c.covered() for c in found], [c.quality for c in found], reverse, tried,
            history.seconds, replayed(target, how),
        )  # fmt: skip
        _write(target, name, game, G)
        log(f"{target}, {name}: modes {game.modes}, quality {[round(q, 3) for q in game.quality]}")


@dataclass(frozen=True)
class League:
    """What is stored of one target.

    Attributes:
        target: "ring" or "grid".
        games: by entrant.
        made: versions, machine and date.
    """

    target: str
    games: dict[str, Game]
    made: dict[str, str]

    @cached_property
    def _tensors(self) -> dict[str, Tensor]:
        return load_tensors(_path(self.target, "safetensors").read_bytes())

    def generators(self, name: str) -> Any:
        """The trained generators of an entrant, all seeds in one network, in eval mode."""
        G, _ = players(self.target, self.games[name].settings, SEEDS, torch.Generator())
        state = {
            k.removeprefix(f"{name}."): v
            for k, v in self._tensors.items()
            if k.startswith(f"{name}.")
        }
        G.load_state_dict(state)
        return G.eval().requires_grad_(False)


def read(target: str) -> League | None:
    """The stored league of a target; None where nothing is stored, or COURSEKIT_ZOO is "off".

    Raises:
        CourseError: an unknown target.
    """
    choose("target", target, TARGETS)
    games = {} if os.environ.get("COURSEKIT_ZOO") == "off" else _stored(target)
    if not games:
        return None
    made = json.loads(_path(target, "json").read_text(encoding="utf-8"))["made"]
    return League(target, games, made)


def _path(target: str, kind: str) -> Path:
    return zoo_root() / "league" / f"{target}.{kind}"


def _stored(target: str) -> dict[str, Game]:
    try:
        plain = json.loads(_path(target, "json").read_text(encoding="utf-8"))
    except OSError:
        return {}
    order = [name for name in ENTRANTS[target] if name in plain["games"]]
    return {name: Game.from_plain(plain["games"][name]) for name in order}


def _write(target: str, name: str, game: Game, G: nn.Module) -> None:
    """Add an entrant to the two files: settings and scores in JSON, weights in float16."""
    tensors = {f"{name}.{key}": value.half() for key, value in G.state_dict().items()}
    weights = _path(target, "safetensors")
    before = load_tensors(weights.read_bytes()) if weights.exists() else {}
    write_bytes(weights, save_tensors(before | tensors))
    games = {k: asdict(g) for k, g in (_stored(target) | {name: game}).items()}
    text = json_lines({"made": describe_machine(), "games": games}, 3)
    write_bytes(_path(target, "json"), text.encode())
