"""Recipes: everything that a trained network depends on, in plain values."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from coursekit.data import Dataset, Sampler, Split, binarise, gan_splits, load, mislabelled
from coursekit.data.captions import captioned, twins
from coursekit.data.toys import Stacked
from coursekit.data.video import warp
from coursekit.errors import CourseError, choose, require
from coursekit.io import digest
from coursekit.zoo.films import film_batches
from coursekit.zoo.ingredients import NETWORKS, TABLES, WITHOUT_CLASSES

Part = tuple[str, dict[str, Any]]  # a registered id and its arguments


LATER = ("penalty_G", "wrong_labels", "constrain", "task", "attacked_at", "pool")
# what a batch is: images with their classes; with their upper halves in place of the classes;
# three grey images as the colours of one (Metz et al. 2017, §3.3.1); or pixels drawn as 0 and 1
# with their classes, once for all or anew for every batch; with a coarse version of themselves, or
# with their edges; pairs of an image and another that is inverted or tilted, from disjoint
# originals; films of moving digits; images with a thickness and a tilt of their own, and the
# words that say so; or two small digits that agree
TASKS = (
    "classes", "upper_half", "stacked", "static_binary", "dynamic_binary", "low_resolution",
    "very_low_resolution", "inverted", "tilted", "edges", "films", "captions", "twins",
)  # fmt: skip
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
        constrain: what D's weights are kept within after each of its updates.
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


def batches_of(recipe: Recipe, split: Split, rng: torch.Generator) -> Any:
    """The endless batches (x, y) that a recipe learns from, as its `task` says."""
    if recipe.task == "stacked":
        return Stacked(split).batches(recipe.batch, rng)
    if recipe.task == "static_binary":
        split = Split(binarise(split.x, torch.Generator().manual_seed(0)), split.y, split.origin)
    if recipe.task in ("classes", "static_binary"):
        return split.batches(recipe.batch, rng)
    if recipe.task in ("captions", "twins"):
        return {"captions": captioned, "twins": twins}[recipe.task](split, recipe.batch, rng)
    if recipe.task in DOMAINS:
        return unpaired(split, DOMAINS[recipe.task][0], recipe.batch, rng)
    if recipe.task == "films":
        return film_batches(split, recipe.batch, rng)

    def draw(n: int, own: torch.Generator) -> tuple[Tensor, Tensor]:
        rows = torch.randint(len(split), (n,), generator=own).to(split.x.device)
        x, y = split.x[rows], split.y[rows]
        return (x, GIVEN[recipe.task](x)) if recipe.task in GIVEN else (binarise(x, own), y)

    return Sampler(draw, recipe.batch, rng, split.x.device)


def upper_half(x: Tensor) -> Tensor:
    """The upper halves of images, shape (n, c, h/2, w)."""
    return x[:, :, : x.shape[2] // 2]


def low_resolution(x: Tensor, factor: int = 4) -> Tensor:
    """Means over squares of `factor` pixels a side, at the size of x: of 28 pixels 7 are left."""
    return F.interpolate(F.avg_pool2d(x, factor), scale_factor=factor)


def edges(x: Tensor) -> Tensor:
    """1 where a pixel is on one side of 0.5 and its right or lower neighbour on the other, else 0.

    Lines that say where ink ends, and not on which side of them it lies.
    """
    ink = F.pad(x, (0, 1, 0, 1), "replicate") > 0.5
    here = ink[:, :, :-1, :-1]
    return ((here != ink[:, :, :-1, 1:]) | (here != ink[:, :, 1:, :-1])).to(x)


def inverted(x: Tensor) -> Tensor:
    """Black for white. Its own inverse."""
    return 1 - x


def tilted(x: Tensor, slope: float = 0.4) -> Tensor:
    """Slanted to the right at the top: each row moved by whole pixels, `slope` for each row.

    The inverse is `tilted(x, -slope)`, except for ink that leaves the image.
    """
    h = x.shape[2]
    away = (slope * (torch.arange(h) - (h - 1) / 2)).round().view(1, 1, h, 1).expand(-1, -1, h, h)
    right = torch.cat([away, torch.zeros_like(away)], 1).to(x)
    return warp(x, right.expand(len(x), -1, -1, -1))


def unpaired(split: Split, move: Any, size: int, rng: torch.Generator) -> Sampler:
    """Endless batches for `nets.Cycle`, x and y the same: pairs (a, b) as channels of one image.

    a is of one half of the originals, b = move(another image) of the other half.
    """
    one, other = split.split(2)

    def draw(n: int, own: torch.Generator) -> tuple[Tensor, Tensor]:
        rows = [torch.randint(len(part), (n,), generator=own) for part in (one, other)]
        a, b = (part.x[r.to(part.x.device)] for part, r in zip((one, other), rows, strict=True))
        pairs = torch.cat([a, move(b)], 1)
        return pairs, pairs

    return Sampler(draw, size, rng, split.x.device)


# task → what the generator is given of the image that is wanted
GIVEN: dict[str, Any] = {
    "upper_half": upper_half,
    "low_resolution": low_resolution,
    "very_low_resolution": partial(low_resolution, factor=7),
    "edges": edges,
}
# task → from X to Y, and back
DOMAINS: dict[str, tuple[Any, Any]] = {
    "inverted": (inverted, inverted),
    "tilted": (tilted, partial(tilted, slope=-0.4)),
}


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
