"""The reader's own data as a folder of images, one directory per class.

    flowers/daisy/*.png        or        flowers/train/daisy/*.png
    flowers/tulip/*.jpg                  flowers/test/daisy/*.png  …

Any one size; grey where all are grey, colour otherwise. Hidden files and files that are not
images by their name are passed over.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps
from torch import Tensor

from coursekit.data.assemble import CHUNK, Raw, pixels
from coursekit.errors import CourseError, require

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
GREY, COLOUR = {"1", "L", "LA"}, {"P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}  # 8 bits a channel


class Found(NamedTuple):
    """An image file and the number of its class."""

    path: Path
    label: int


def read_folder(path: Path, size: int | None = None) -> Raw:
    """Read and check a folder of images.

    Args:
        path: one directory per class below it, or below its `train` and `test`.
        size: side of the images in pixels; None takes the course's.

    Raises:
        CourseError: no classes, an empty class, an unreadable image, images of different sizes,
            or more than 8 bits a channel.
    """
    divided = any(_directories(path / "train"))
    top = path / "train" if divided else path
    classes = tuple(folder.name for folder in _directories(top))
    require(
        len(classes) >= 2,
        f"{path} must hold one folder of images per class, at least two; it has {len(classes)}.",
    )
    train = _find(top, classes)
    test = _find(path / "test", classes) if divided and any(_directories(path / "test")) else []
    mode = _common_mode(train + test)
    x_train, y_train = _read(train, mode, size)
    x_test, y_test = _read(test, mode, size) if test else (None, None)
    return Raw(x_train, y_train, x_test, y_test, classes)


def _directories(path: Path) -> list[Path]:
    try:
        found = [p for p in path.iterdir() if p.is_dir() and not p.name.startswith(".")]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror}.") from None
    return sorted(found)


def _find(top: Path, classes: tuple[str, ...]) -> list[Found]:
    """Every image below `top`, class by class."""
    found = []
    for folder in _directories(top):
        known = f"it knows {', '.join(classes)}"
        require(folder.name in classes, f"{folder} is a class that train does not have; {known}.")
        files = sorted(p for p in folder.rglob("*") if _is_image(p.relative_to(top)))
        require(len(files) > 0, f"{folder} is a class without images.")
        found += [Found(file, classes.index(folder.name)) for file in files]
    return found


def _is_image(path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    return path.suffix.lower() in SUFFIXES and not hidden


def _common_mode(found: list[Found]) -> str:
    """ "L" where every image is grey, otherwise "RGB"; all must have one size and 8 bits.

    Only the heads of the files are read here.
    """
    modes, first = set(), None
    for path, _ in found:
        with _opened(path) as image:
            bits = f"{path} has the pixel format {image.mode}; save it as 8-bit grey or colour."
            require(image.mode in GREY | COLOUR, bits)
            modes.add(image.mode)
            w, h = _upright_size(image)
        first = first or (w, h)
        sizes = f"{found[0].path} has {first[0]}×{first[1]} pixels, {path} {w}×{h}"
        require((w, h) == first, f"{sizes}; all images must have one size.")
    return "L" if modes <= GREY else "RGB"


def _read(found: list[Found], mode: str, size: int | None) -> tuple[Tensor, Tensor]:
    """The images at the course's size, uint8 (n, c, h, w), and their labels."""
    chunks = [found[start : start + CHUNK] for start in range(0, len(found), CHUNK)]
    parts = [torch.stack(list(_decoded(chunk, mode))) for chunk in chunks]
    x = torch.cat([pixels(part, size).mul(255).round().to(torch.uint8) for part in parts])
    return x, torch.tensor([label for _, label in found])


def _decoded(found: list[Found], mode: str) -> Iterator[Tensor]:
    """Each image as uint8 (c, h, w), upright, what is transparent on white."""
    for path, _ in found:
        with _opened(path) as image:
            upright = ImageOps.exif_transpose(image)
            if upright.has_transparency_data:
                white = Image.new("RGBA", upright.size, "white")
                upright = Image.alpha_composite(white, upright.convert("RGBA"))
            array = np.array(upright.convert(mode))
        yield torch.from_numpy(array).view(*array.shape[:2], -1).permute(2, 0, 1)


def _upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height once the camera's orientation is undone (EXIF 5 to 8 lie on their side)."""
    w, h = image.size
    return (h, w) if image.getexif().get(ExifTags.Base.Orientation, 1) >= 5 else (w, h)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """An image file, open; whatever goes wrong with it becomes one sentence."""
    try:
        with Image.open(path) as image:
            yield image
    except CourseError:
        raise
    except Exception as error:  # damaged files make Pillow raise almost anything
        reason = getattr(error, "strerror", None) or "it is damaged or not an image"
        raise CourseError(f"{path} cannot be read: {reason}.") from None
