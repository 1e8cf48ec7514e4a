"""A photograph as a tensor: its middle as ImageNet networks are shown it, or the whole."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from coursekit.data.bundled import bundled
from coursekit.errors import CourseError
from coursekit.lab import data_root
from coursekit.types import Images

if TYPE_CHECKING:
    import PIL.Image


def photo(name: str, side: int = 224) -> Images:
    """The middle of `photos/<name>` below the data root, (1, 3, side, side) in [0, 1].

    As ImageNet networks are tested: the shorter side becomes 8/7 of `side`, the centre is cut out.
    The two pictures that scikit-learn brings, "china.jpg" and "flower.jpg", are always there.

    Raises:
        CourseError: there is no such file, or it is no picture.
    """
    small = _opened(name, lambda size: side * 8 / 7 / min(size))
    left, top = (small.width - side) // 2, (small.height - side) // 2
    return _tensor(small.crop((left, top, left + side, top + side)))


def whole_photo(name: str, side: int = 432) -> Images:
    """All of a photo, (1, 3, h, w) in [0, 1], its longer side about `side` pixels.

    Both sides are cut to multiples of 8, by less than 8 pixels, so that networks that halve three
    times lose no border. `name` is a file below `photos/` in the data root, scikit-learn's
    "china.jpg" or "flower.jpg", or the path of a picture of your own.

    Raises:
        CourseError: there is no such file, or it is no picture.
    """
    small = _opened(name, lambda size: side / max(size))
    return _tensor(small.crop((0, 0, max(8, small.width // 8 * 8), max(8, small.height // 8 * 8))))


def _opened(name: str, scale: Callable[[tuple[int, int]], float]) -> "PIL.Image.Image":
    """The picture in RGB, upright, resized by a factor that depends on its size."""
    import PIL.Image
    import PIL.ImageOps

    try:
        with PIL.Image.open(_find(name)) as file:
            picture = PIL.ImageOps.exif_transpose(file)  # a phone notes how it was held
            factor = scale(picture.size)
            size = round(picture.width * factor), round(picture.height * factor)
            return picture.convert("RGB").resize(size, PIL.Image.Resampling.BILINEAR)
    except FileNotFoundError:
        raise CourseError(
            f"There is no photos/{name} in the data folder (COURSEKIT_DATA); put one there."
        ) from None
    except OSError:
        raise CourseError(f"photos/{name} is no picture; put another in its place.") from None


def _tensor(picture: "PIL.Image.Image") -> Images:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255


def _find(name: str) -> Path:
    """Below the data root, else among scikit-learn's, else wherever the path leads."""
    path = data_root() / "photos" / name
    if not path.exists() and name in ("china.jpg", "flower.jpg"):
        return bundled("images", name)
    return path if path.exists() else Path(name).expanduser()
