"""A photograph as a tensor."""

import numpy as np
import torch

from coursekit.errors import CourseError
from coursekit.lab import data_root
from coursekit.types import Images


def photo(name: str, side: int = 224) -> Images:
    """The middle of `photos/<name>` below the data root, (1, 3, side, side) in [0, 1].

    As ImageNet networks are tested: the shorter side becomes 8/7 of `side`, the centre is cut out.

    Raises:
        CourseError: there is no such file, or it is no picture.
    """
    import PIL.Image

    path = data_root() / "photos" / name
    try:
        with PIL.Image.open(path) as picture:
            scale = side * 8 / 7 / min(picture.size)
            size = round(picture.width * scale), round(picture.height * scale)
            small = picture.convert("RGB").resize(size, PIL.Image.Resampling.BILINEAR)
    except FileNotFoundError:
        raise CourseError(f"There is no photo {path}; put a picture of that name there.") from None
    except OSError:
        raise CourseError(f"The photo {path} cannot be read; put another in its place.") from None
    left, top = (small.width - side) // 2, (small.height - side) // 2
    colours = np.array(small.crop((left, top, left + side, top + side)))
    return torch.from_numpy(colours).permute(2, 0, 1)[None].float() / 255
