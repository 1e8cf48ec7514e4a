"""A photograph as a tensor."""

from pathlib import Path

import numpy as np
import torch

from coursekit.errors import CourseError
from coursekit.lab import data_root
from coursekit.types import Images


def photo(name: str, side: int = 224) -> Images:
    """The middle of `photos/<name>` below the data root, (1, 3, side, side) in [0, 1].

    As ImageNet networks are tested: the shorter side becomes 8/7 of `side`, the centre is cut out.
    The two pictures that scikit-learn brings, "china.jpg" and "flower.jpg", are always there.

    Raises:
        CourseError: there is no such file, or it is no picture.
    """
    import PIL.Image

    try:
        with PIL.Image.open(_find(name)) as picture:
            scale = side * 8 / 7 / min(picture.size)
            size = round(picture.width * scale), round(picture.height * scale)
            small = picture.convert("RGB").resize(size, PIL.Image.Resampling.BILINEAR)
    except FileNotFoundError:
        raise CourseError(
            f"There is no photos/{name} in the data folder (COURSEKIT_DATA); put one there."
        ) from None
    except OSError:
        raise CourseError(f"photos/{name} is no picture; put another in its place.") from None
    left, top = (small.width - side) // 2, (small.height - side) // 2
    colours = np.array(small.crop((left, top, left + side, top + side)))
    return torch.from_numpy(colours).permute(2, 0, 1)[None].float() / 255


def _find(name: str) -> Path:
    """Below the data root, else among scikit-learn's."""
    path = data_root() / "photos" / name
    if not path.exists() and name in ("china.jpg", "flower.jpg"):
        from sklearn import datasets

        return Path(datasets.__file__).parent / "images" / name
    return path
