"""Recipes: everything that a trained network depends on, in plain values."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from coursekit import gan_losses, lipschitz, nets, objectives
from coursekit.attacks import training_pgd
from coursekit.data import Dataset, Split, gan_splits, load, mislabelled
from coursekit.errors import CourseError, choose, require
from coursekit.io import digest
from coursekit.training import adam, linear_decay, triangle

Part = tuple[str, dict[str, Any]]  # a registered id and its arguments

# id → what is built from it. A rename in the package changes the right side only.
NETWORKS = {
    "strided_cnn": nets.StridedCNN,
    "small_resnet": nets.SmallResNet,
    "pooled_cnn": nets.PooledCNN,
    "vgg_small": nets.VGGSmall,
    "dcgan_generator": nets.DCGANGenerator,
    "dcgan_discriminator": nets.DCGANDiscriminator,
    "conditional_batchnorm_generator": nets.ConditionalBatchNormGenerator,
    "concat_generator": nets.ConcatGenerator,
    "concat_discriminator": nets.ConcatDiscriminator,
    "auxiliary_discriminator": nets.AuxiliaryDiscriminator,
    "projection_discriminator": nets.ProjectionDiscriminator,
    "sngan_generator": nets.SNGANGenerator,
    "sngan_discriminator": nets.SNGANDiscriminator,
}
UNCONDITIONAL = ("dcgan_generator", "dcgan_discriminator")
OBJECTIVES = {
    "cross_entropy": lambda: objectives.cross_entropy,
    "adversarial": lambda alpha=0.0, **attack: objectives.adversarial(
        training_pgd(**attack), alpha
    ),
    "augmented": lambda smoothing=0.0, **moves: objectives.augmented(
        nets.FlipAndShift(**moves), smoothing
    ),
    "trades": lambda beta=6.0, noise=0.001, random_start=False, **attack: objectives.trades(
        training_pgd(noise=noise, random_start=random_start, **attack), beta
    ),
}
LOSSES = {
    "nonsaturating": gan_losses.NonSaturating,
    "saturating": gan_losses.Saturating,
    "least_squares": gan_losses.LeastSquares,
    "hinge": gan_losses.Hinge,
    "wasserstein": gan_losses.Wasserstein,
}


@dataclass(frozen=True)
class _Sum:
    """Several penalties on one player."""

    parts: tuple[Any, ...]

    @property
    def double_backward(self) -> bool:
        return any(getattr(part, "double_backward", False) for part in self.parts)

    def __call__(self, *game: Any) -> Any:
        return sum(part(*game) for part in self.parts)


PENALTIES = {
    "gradient_penalty": lipschitz.gradient_penalty,
    "r1": lipschitz.r1_penalty,
    "auxiliary": gan_losses.auxiliary,
    "r1_auxiliary": lambda gamma, **weights: _Sum(
        (lipschitz.r1_penalty(gamma), gan_losses.auxiliary(**weights))
    ),
}
AUGMENTS = {"diff_augment": nets.DiffAugment, "instance_noise": nets.InstanceNoise}
OPTIMIZERS = {"adam": adam}
SCHEDULES = {"triangle": triangle, "linear_decay": linear_decay}
LATER = ("penalty_G", "wrong_labels")  # fields without which the first keys were taken
SPLITS = ("train", "gan_train", "eval_classifier")

# id → where the reader finds it, and the digest of its labels (the rendered `digits`) or of its
# pixels and labels. Constants, so that a key can be known without the data.
DATA = {
    "digits": ("digits", "5b107da0e869f4c8"),
    "mnist": ("mnist", "82cafcc2e7086a6a"),
    "cifar10-10k": ("cifar10-small.npz", "9d58258fc392ee6b"),
}


@dataclass(frozen=True)
class Recipe:
    """One training run. `training.train` builds everything from it, and from nothing else.

    A classifier has a `network` and an `objective`; a game has `generator`, `discriminator` and
    `loss`. Parts are (id, arguments) with ids of this module's tables.

    Attributes:
        name: of the files; part of the key.
        data, split: what it learns from; splits as `coursekit.data.gan_splits` makes them.
        steps, batch, seed: of the run, which has a seed of its own.
        looks: how often the figures are taken on the way, for the learning curves.
        compare: images for each Fréchet distance, from samples and from the test images.
        wrong_labels: share of the training labels that are replaced by another class, in [0, 1].

    Raises:
        CourseError: an unknown id, an argument that is no plain value, or a part that is missing.
    """

    name: str
    data: str
    steps: int
    batch: int = 64
    split: str = "train"
    seed: int = 0
    looks: int = 10
    network: Part | None = None
    objective: Part = ("cross_entropy", {})
    optimizer: Part = ("adam", {"lr": 1e-3})
    schedule: Part | None = None
    generator: Part | None = None
    discriminator: Part | None = None
    loss: Part | None = None
    penalty_D: Part | None = None
    augment: Part | None = None
    optimizer_G: Part = ("adam", {"lr": 1e-3, "betas": [0.5, 0.999]})
    optimizer_D: Part = ("adam", {"lr": 1e-3, "betas": [0.5, 0.999]})
    n_critic: int = 1
    reuse_fakes: bool = False
    ema: float | None = None
    channels_last: bool = False
    compare: int = 10_000
    penalty_G: Part | None = None
    wrong_labels: float = 0.0

    def __post_init__(self) -> None:
        choose("data", self.data, DATA)
        choose("split", self.split, SPLITS)
        whole = self.network or (self.generator and self.discriminator and self.loss)
        require(bool(whole), f"{self.name}: give a network, or generator, discriminator and loss.")
        for field, table in TABLES.items():
            if (part := getattr(self, field)) is not None:
                choose(f"{self.name}: {field}", part[0], table)
        plain = json.loads(json.dumps(asdict(self), default=_refuse))
        for field in TABLES:  # as it will be read back: tuples and lists are one in JSON
            if plain[field] is not None:
                object.__setattr__(self, field, tuple(plain[field]))

    @property
    def game(self) -> bool:
        """Whether a generator and a discriminator are trained."""
        return self.generator is not None

    @property
    def conditional(self) -> bool:
        return self.generator is not None and self.generator[0] not in UNCONDITIONAL

    @cached_property
    def plain(self) -> dict[str, Any]:
        """The recipe as it stands in a file, with the digest of its data.

        Fields that came later stand there only where they are used: older keys stay.
        """
        values = asdict(self) | {"data_digest": DATA[self.data][1]}
        unused = {f.name for f in fields(self) if f.name in LATER and values[f.name] == f.default}
        return json.loads(json.dumps({k: v for k, v in values.items() if k not in unused}))

    @cached_property
    def key(self) -> str:
        """Two recipes that differ in any value have different keys."""
        text = json.dumps(self.plain, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def id(self) -> str:
        return f"{self.name}-{self.key[:8]}"

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Recipe":
        """The recipe that `plain` was written from.

        Raises:
            CourseError: a field that no recipe has.
        """
        known = {field.name for field in fields(cls)}
        other = plain.keys() - known - {"data_digest"}
        require(not other, f"a recipe has no field {', '.join(sorted(other))}.")
        given: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in plain.items() if k in known
        }
        return cls(**given)


TABLES: dict[str, dict[str, Any]] = {
    "network": NETWORKS, "generator": NETWORKS, "discriminator": NETWORKS, "loss": LOSSES,
    "objective": OBJECTIVES, "penalty_D": PENALTIES, "penalty_G": PENALTIES, "augment": AUGMENTS,
    "schedule": SCHEDULES,
    "optimizer": OPTIMIZERS, "optimizer_G": OPTIMIZERS, "optimizer_D": OPTIMIZERS,
}  # fmt: skip


def _refuse(value: Any) -> Any:
    raise CourseError(f"a recipe held {value!r}; it holds numbers, text, lists and dicts only.")


def build(recipe: Recipe, field: str) -> Any:
    """The ingredient that a field of the recipe names, or None."""
    part = getattr(recipe, field)
    if part is None:
        return None
    arguments = {k: tuple(v) if isinstance(v, list) else v for k, v in part[1].items()}
    return TABLES[field][part[0]](**arguments)


def build_network(
    recipe: Recipe, field: str, data: Dataset | None, rng: torch.Generator | None
) -> Any:
    """A network with its initial weights. Without `data` the shape of its data set is assumed."""
    name, arguments = getattr(recipe, field)
    shape = (3, 32, 32) if recipe.data.startswith("cifar10") else (1, 28, 28)
    classes = () if name in UNCONDITIONAL else (len(data.classes) if data else 10,)
    return NETWORKS[name](data.shape if data else shape, *classes, **arguments, rng=rng)


def data_of(recipe: Recipe, device: torch.device | str = "cpu") -> tuple[Dataset, Split]:
    """The data set of a recipe, and the part of it that the recipe learns from.

    Raises:
        CourseError: the data are absent, or are not those that the recipe names.
    """
    where, wanted = DATA[recipe.data]
    data = load(where, device)
    found = data_digest(recipe.data, data)
    require(found == wanted, f"{recipe.data} is not the data that the recipes were made for.")
    return data, split_of(recipe, data)


def split_of(recipe: Recipe, data: Dataset) -> Split:
    """The part of a data set that the recipe learns from, with wrong labels if it asks for them."""
    splits = gan_splits(data)
    parts = {"gan_train": splits.train, "eval_classifier": splits.eval_classifier}
    split = {**parts, "train": data.train}[recipe.split]
    if recipe.wrong_labels:
        rng = torch.Generator().manual_seed(recipe.seed)
        split = mislabelled(split, recipe.wrong_labels, len(data.classes), rng)
    return split


def recipe_for(name: str, data: Dataset) -> Recipe:
    """The recipe called `name` for a data set; on a reader's own data, the one made for MNIST."""
    own = {Path(where).stem: id for id, (where, _) in DATA.items()}.get(data.name)
    return RECIPES.get(f"{name}-{own}") or RECIPES[f"{name}-mnist"]


def data_digest(name: str, data: Dataset) -> str:
    """What `DATA` holds. Renderings may differ by a rounding between processors: labels do not."""
    splits = (data.train, data.test)
    if name == "digits":
        return digest(*[t for s in splits for t in (s.y, s.origin) if t is not None])[:16]
    return digest(*[t for s in splits for t in ((255 * s.x).round().byte(), s.y)])[:16]


# The runs of the course. `coursekit zoo list` prints this table with what is stored.

_CLASSIFIER = Recipe(
    name="classifier-mnist", data="mnist", steps=1400, batch=128, network=("strided_cnn", {}),
    optimizer=("adam", {"lr": 6e-3}), schedule=("triangle", {"peak": 0.3}),
)  # fmt: skip
_FEATURES = replace(_CLASSIFIER, name="features-mnist", split="eval_classifier", steps=1200)
_PGD = replace(
    _CLASSIFIER, name="pgd-mnist", steps=2000, batch=100, optimizer=("adam", {"lr": 5e-3}),
    objective=("adversarial", {"eps": 0.3, "steps": 4, "ramp": 0.3}),
)  # fmt: skip
# With R1 on real images the game keeps getting better; a plain DCGAN passes its best and gets
# worse, spectral norm with the hinge stands still (digits, 16 channels, 5,000 updates, seed 5:
# 88 against 114, and quicker at twice the rates).
_ADAM = ("adam", {"lr": 2e-3, "betas": [0.0, 0.99]})
_DCGAN = Recipe(
    name="dcgan-mnist", data="mnist", split="gan_train", steps=8_000,
    generator=("dcgan_generator", {"width": 32}),
    discriminator=("dcgan_discriminator", {"width": 32, "norm": "none"}),
    loss=("nonsaturating", {}), penalty_D=("r1", {"gamma": 0.2}), optimizer_G=_ADAM,
    optimizer_D=_ADAM, ema=0.999,
)  # fmt: skip
_PROJECTION = replace(
    _DCGAN, name="cgan-projection-mnist",
    generator=("conditional_batchnorm_generator", {"width": 32}),
    discriminator=("projection_discriminator", {"width": 32, "norm": "none"}),
)  # fmt: skip
_TWIN = {"width": 16, "noise_dim": 64}
# Lecture 04: four ways of conditioning, each one change away from concatenation in both networks.
_CONCAT: dict[str, Any] = {
    "generator": ("concat_generator", {"width": 16, "noise_dim": 32}),
    "discriminator": ("concat_discriminator", {"width": 16, "norm": "none"}),
}
CONDITIONING: dict[str, dict[str, Any]] = {
    "concat": {},
    "acgan": {
        "discriminator": ("auxiliary_discriminator", {"width": 16, "norm": "none"}),
        "penalty_D": ("r1_auxiliary", {"gamma": 0.2, "real": 1.0, "fake": 1.0}),
        "penalty_G": ("auxiliary", {"fake": 1.0}),
    },
    "projection": {"discriminator": ("projection_discriminator", {"width": 16, "norm": "none"})},
    "cbn": {"generator": ("conditional_batchnorm_generator", {"width": 16, "noise_dim": 32})},
}
CONDITIONING_SEEDS = (0, 1, 2)
WRONG_LABELS = (0.1, 0.5)


def _conditional(data: str) -> list[Recipe]:
    """The four ways on three seeds, and projection with wrong labels, all of one length."""
    base = replace(_DCGAN, data=data, steps=2000, looks=8, compare=2000, **_CONCAT)
    runs = [
        replace(base, name=f"{name}-{seed}-{data}", seed=seed, **parts)
        for seed in CONDITIONING_SEEDS
        for name, parts in CONDITIONING.items()
    ]
    wrong = [
        replace(
            base, name=f"projection-wrong-{100 * rate:.0f}-{data}", wrong_labels=rate,
            **CONDITIONING["projection"],
        )
        for rate in WRONG_LABELS
    ]  # fmt: skip
    return [*runs[: len(CONDITIONING)], *wrong, *runs[len(CONDITIONING) :]]


_COLOUR = ("adam", {"lr": 4e-4, "betas": [0.0, 0.9]})

RECIPES = {
    recipe.name: recipe
    for recipe in (
        replace(_FEATURES, name="features-digits", data="digits"),
        replace(_CLASSIFIER, name="classifier-digits", data="digits"),
        replace(_PGD, name="pgd-digits", data="digits", steps=1400),
        replace(
            _DCGAN, name="dcgan-digits", data="digits", steps=6000, compare=2000,
            generator=("dcgan_generator", _TWIN),
            discriminator=("dcgan_discriminator", {"width": 16, "norm": "none"}),
        ),
        replace(
            _PROJECTION, name="cgan-projection-digits", data="digits", steps=6000, compare=2000,
            generator=("conditional_batchnorm_generator", _TWIN),
            discriminator=("projection_discriminator", {"width": 16, "norm": "none"}),
        ),
        _FEATURES,
        _CLASSIFIER,
        _PGD,
        Recipe(
            name="features-cifar10-10k", data="cifar10-10k", steps=1600, batch=128,
            network=("vgg_small", {"width": 32}), optimizer=("adam", {"lr": 3e-3}),
            objective=("augmented", {"shift": 4, "smoothing": 0.1}),
            schedule=("triangle", {"peak": 0.3}),
        ),
        _DCGAN,
        _PROJECTION,
        Recipe(
            name="cgan-colour-cifar10-10k", data="cifar10-10k", steps=25_000, compare=2000,
            generator=("sngan_generator", {"width": 32}),
            discriminator=("sngan_discriminator", {"width": 24}),
            loss=("hinge", {}), augment=("diff_augment", {}), optimizer_G=_COLOUR,
            optimizer_D=_COLOUR, reuse_fakes=True, ema=0.999, channels_last=True,
        ),
        *_conditional("digits"),
        *_conditional("mnist"),
    )
}  # fmt: skip
