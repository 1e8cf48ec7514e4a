"""Recipes: everything that a trained network depends on, in plain values."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

import torch

from coursekit.data import Dataset, Split, gan_splits, load, mislabelled
from coursekit.errors import CourseError, choose, require
from coursekit.io import digest
from coursekit.zoo.ingredients import NETWORKS, TABLES, WITHOUT_CLASSES
from coursekit.zoo.tasks import TASKS

Part = tuple[str, dict[str, Any]]  # a registered id and its arguments


LATER = ("penalty_G", "wrong_labels", "constrain", "task", "attacked_at", "pool", "constrain_G")
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
        constrain, constrain_G: what D's weights, and G's, are kept within after each update.
        task: what x and y of a batch are, one of `TASKS`.
        attacked_at: radius in pixels at which a classifier is attacked at each look; 0 for never.
        pool: earlier fakes that D is shown beside new ones; 0 for none.

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
    constrain: Part | None = None
    task: str = "classes"
    attacked_at: float = 0.0
    pool: int = 0
    constrain_G: Part | None = None

    def __post_init__(self) -> None:
        choose("data", self.data, DATA)
        choose("split", self.split, SPLITS)
        choose("task", self.task, TASKS)
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
        """Whether the generator is asked for a class."""
        return self.generator is not None and self.generator[0] not in WITHOUT_CLASSES

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


def adam_rates(lr_G: float, lr_D: float, beta1: float = 0.5) -> dict[str, Any]:
    """The two optimisers of a game: Adam with these rates."""
    betas = [beta1, 0.999]
    return {
        "optimizer_G": ("adam", {"lr": lr_G, "betas": betas}),
        "optimizer_D": ("adam", {"lr": lr_D, "betas": betas}),
    }


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
    c, h, w = data.shape if data else shape
    shape = (3 * c if recipe.task == "stacked" else c, h, w)
    classes = () if name in WITHOUT_CLASSES else (len(data.classes) if data else 10,)
    return NETWORKS[name](shape, *classes, **arguments, rng=rng)


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


def data_digest(name: str, data: Dataset) -> str:
    """What `DATA` holds. Renderings may differ by a rounding between processors: labels do not."""
    splits = (data.train, data.test)
    if name == "digits":
        return digest(*[t for s in splits for t in (s.y, s.origin) if t is not None])[:16]
    return digest(*[t for s in splits for t in ((255 * s.x).round().byte(), s.y)])[:16]
