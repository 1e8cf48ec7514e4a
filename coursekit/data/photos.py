"""Photographs as tensors: the middle as ImageNet networks are shown it, the whole, or patches.

A photo is a file below `photos/` in the data root, the path of a picture of the reader's own, or
one that a package carries: "cat", "coffee", "astronaut" and "rocket" by scikit-image, "china.jpg"
and "flower.jpg" by scikit-learn. The packages' files are found without importing them.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import PIL.Image
import torch
from torch import Tensor
from torch.nn import functional as F

from coursekit.data.own_files import opened_image, upright
from coursekit.errors import CourseError, require
from coursekit.lab import data_root
from coursekit.types import Images

# name → the package that carries the photo, its name for pip, and the file below the package
CARRIED = {
    "cat": ("skimage", "scikit-image", "data/chelsea.png"),
    "coffee": ("skimage", "scikit-image", "data/coffee.png"),
    "astronaut": ("skimage", "scikit-image", "data/astronaut.png"),
    "rocket": ("skimage", "scikit-image", "data/rocket.jpg"),
    "china.jpg": ("sklearn", "scikit-learn", "datasets/images/china.jpg"),
    "flower.jpg": ("sklearn", "scikit-learn", "datasets/images/flower.jpg"),
}


def photo(name: str | Path, side: int = 224) -> Images:
    """The middle of a photo, (1, 3, side, side) in [0, 1].

    As ImageNet networks are tested: the shorter side becomes 8/7 of `side`, the centre is cut out.

    Args:
        name: a file below `photos/` in the data root, "cat", "coffee", "astronaut", "rocket",
            "china.jpg", "flower.jpg", or the path of a picture of your own.
        side: of the result, in pixels.

    Raises:
        CourseError: there is no such file, or it is no picture of 8 bits a channel.
    """
    require(side >= 1, f"side was {side}; it must be at least 1 pixel.")
    small = _resized(name, lambda size: side * 8 / 7 / min(size))
    left, top = (small.width - side) // 2, (small.height - side) // 2
    return _tensor(small.crop((left, top, left + side, top + side)))


def whole_photo(name: str | Path, side: int = 432) -> Images:
    """All of a photo, (1, 3, h, w) in [0, 1], its longer side about `side` pixels.

    Both sides are cut to multiples of 8, by less than 8 pixels, so that networks that halve three
    times lose no border.

    Args:
        name: as for `photo`.
        side: the longer one of the result, in pixels.

    Raises:
        CourseError: as `photo`.
    """
    require(side >= 8, f"side was {side}; it must be at least 8 pixels.")
    small = _resized(name, lambda size: side / max(size))
    return _tensor(small.crop((0, 0, max(8, small.width // 8 * 8), max(8, small.height // 8 * 8))))


def _resized(name: str | Path, scale: Callable[[tuple[int, int]], float]) -> PIL.Image.Image:
    """The picture in RGB, upright, resized by a factor that depends on its size."""
    with opened_image(_find_photo(str(name))) as file:
        picture = upright(file)
        factor = scale(picture.size)
        w, h = (max(1, round(length * factor)) for length in picture.size)
        return picture.convert("RGB").resize((w, h), PIL.Image.Resampling.BILINEAR)


def _tensor(picture: PIL.Image.Image) -> Images:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255


def _find_photo(name: str) -> Path:
    """The file called `name`: below the data root, else in a package, else where the path leads."""
    below, own = os.path.join(data_root(), "photos", name), os.path.expanduser(name)
    if os.path.isfile(below):
        return Path(below)
    if name in CARRIED:
        module, package, file = CARRIED[name]
        spec = find_spec(module)
        if not spec or not spec.submodule_search_locations:
            raise CourseError(
                f"photo {name!r} comes with {package}, which is not installed; install it with "
                f"`python -m pip install {package}`, or name a picture of your own."
            )
        path = Path(spec.submodule_search_locations[0], file)
        require(path.is_file(), f"{package} has no {file} for photo {name!r}; name a picture.")
        return path
    require(
        os.path.isfile(own),
        f"There is no photos/{name} in the data folder {data_root()}, and no file {name}; put one "
        f"there, or choose one of {', '.join(CARRIED)}.",
    )
    return Path(own)


@dataclass(frozen=True, eq=False)
class PatchPositions:
    """Draws for a `Sampler`: (n, rng) -> patches (n, c, side, side) in [0, 1], and their places.

    Every photo is divided into rows × columns; the class of a patch is the field that holds its
    middle. Patches differ in size (`zoom`, relative to `side`), in tint, contrast and brightness,
    so that the colour alone does not tell the place. Akin to Doersch, Gupta & Efros (2015), who
    ask where one patch lies as seen from another.

    Args:
        photos: (k, c, h, w), pixels in [0, 1].
        names: one for each photo.
        rows, columns: fields of each photo.
        side: of the patches, in pixels.
        zoom: smallest and largest size of a patch, as multiples of `side`.

    Raises:
        CourseError: not one name for each photo, or patches larger than the photos.
    """

    photos: Images
    names: tuple[str, ...]
    rows: int = 4
    columns: int = 6
    side: int = 48
    zoom: tuple[float, float] = (0.78, 1.57)

    def __post_init__(self) -> None:
        k, least = len(self.photos), min(self.photos.shape[2:])
        require(len(self.names) == k, f"names was {self.names}; give one for each of {k} photos.")
        largest = self.side * self.zoom[1]
        require(largest <= least, f"side was {self.side}; patches of {largest:.0f} do not fit.")

    @property
    def classes(self) -> tuple[str, ...]:
        """The name of each place: photo, row and column, counted from 1."""
        fields = [(r, c) for r in range(1, self.rows + 1) for c in range(1, self.columns + 1)]
        return tuple(f"{name} {r}·{c}" for name in self.names for r, c in fields)

    def field(self, place: int) -> Images:
        """The part of the photo that has this class, (1, c, h / rows, w / columns)."""
        which, rest = divmod(place, self.rows * self.columns)
        row, column = divmod(rest, self.columns)
        h, w = self.photos.shape[2] // self.rows, self.photos.shape[3] // self.columns
        part = self.photos[which : which + 1]
        return part[:, :, row * h : (row + 1) * h, column * w : (column + 1) * w]

    def __call__(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        which, middle, half = self._where(n, rng)
        h, w = self.photos.shape[2:]
        x = self._cut(which, middle, half)
        row = (middle[:, 0] / h * self.rows).long()
        column = (middle[:, 1] / w * self.columns).long()
        return tinted(x, rng), (which * self.rows + row) * self.columns + column

    def _where(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Photo, middle (y, x) and half the side of each patch, in pixels of the photo."""
        which = torch.randint(len(self.photos), (n,), generator=rng)
        low, high = torch.tensor(self.zoom).log()
        half = self.side / 2 * (low + (high - low) * torch.rand(n, generator=rng)).exp()
        size = torch.tensor(self.photos.shape[2:])
        middle = half[:, None] + torch.rand(n, 2, generator=rng) * (size - 2 * half[:, None])
        return which, middle, half

    def _cut(self, which: Tensor, middle: Tensor, half: Tensor) -> Tensor:
        """The patches, resampled to the same side."""
        h, w = self.photos.shape[2:]
        steps = (torch.arange(self.side) + 0.5) / self.side * 2 - 1
        y = (middle[:, :1] + half[:, None] * steps) / h * 2 - 1
        x = (middle[:, 1:] + half[:, None] * steps) / w * 2 - 1
        grid = torch.stack([x[:, None, :].expand(-1, self.side, -1),
                            y[:, :, None].expand(-1, -1, self.side)], -1)  # fmt: skip
        found = torch.empty(len(which), self.photos.shape[1], self.side, self.side)
        for k, photo in enumerate(self.photos):
            mine = which == k
            same = photo.expand(int(mine.sum()), -1, -1, -1)
            found[mine] = F.grid_sample(same, grid[mine], align_corners=False)
        return found


def tinted(x: Images, rng: torch.Generator) -> Images:
    """Colours pale or strong, each channel ± 30 % stronger, all ± 0.15 brighter; in [0, 1]."""
    n, c = x.shape[:2]

    def draw(channels: int) -> Tensor:
        return torch.rand(n, channels, 1, 1, generator=rng)

    grey = x.mean(1, keepdim=True)
    coloured = grey + 1.3 * draw(1) * (x - grey)
    gain, shift = 0.7 + 0.6 * draw(c), 0.3 * draw(1) - 0.15
    return (coloured * gain + shift).clamp(0, 1)
