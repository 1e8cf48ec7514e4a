"""The reader's own data: one `.npz` file, or a folder of images with one directory per class.

An archive holds x_train, y_train and, if there are any, x_test, y_test: images uint8, NHW (grey)
or NHWC with one or three channels, labels whole numbers from 0. Nothing is unpickled.

    flowers/daisy/*.png        or        flowers/train/daisy/*.png
    flowers/tulip/*.jpg                  flowers/test/daisy/*.png  …

Images in folders may have any one size; they are grey where all are grey, colour otherwise. Hidden
files and files that are not images by their name are passed over. A layout is understood or
refused, never guessed.
"""

import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps
from torch import Tensor

from coursekit.data.dataset import CHUNK, Raw, pixels
from coursekit.errors import CourseError, is_text, require

Array = NDArray[np.generic]
TRAIN, TEST = ("x_train", "y_train"), ("x_test", "y_test")
SUFFIXES = {".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff"}
SUFFIXES |= {".webp"}
OTHER_SUFFIXES = {".avif", ".heic", ".heif", ".jp2", ".svg"}  # refused rather than passed over
GREY, COLOUR = {"1", "L", "LA"}, {"P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}  # 8 bits a channel
# How folders call the parts of a data set, in any letter case: also "Training_set", "test images".
PARTS = {"train": "train", "training": "train", "test": "test", "testing": "test"}
PARTS |= {"val": "val", "valid": "val", "validation": "val"}


class ImageFile(NamedTuple):
    """An image file and the number of its class."""

    path: Path
    label: int


def read_archive(path: Path) -> Raw:
    """Read and check a `.npz` file.

    Raises:
        CourseError: the file cannot be read, is not such an archive, or holds arrays of the
            wrong name, dtype, shape or labels.
    """
    arrays = _arrays(path)
    x_train, y_train = _pair(arrays, TRAIN, path)
    classes = _count_classes(y_train, path)
    if not set(TEST) & set(arrays):
        return Raw(x_train, y_train, None, None, _names(classes))
    x_test, y_test = _pair(arrays, TEST, path)
    require(
        x_test.shape[1:] == x_train.shape[1:],
        f"x_test in {path} has images of shape {tuple(x_test.shape[1:])} and x_train of shape "
        f"{tuple(x_train.shape[1:])} (channels first); they must agree.",
    )
    highest = int(y_test.max())
    require(
        highest < classes,
        f"y_test in {path} holds label {highest}, but y_train only knows 0 to {classes - 1}.",
    )
    return Raw(x_train, y_train, x_test, y_test, _names(classes))


def _arrays(path: Path) -> dict[str, Array]:
    """The arrays by name, read to the end so that damage shows now."""
    try:
        require(path.is_file(), f"{path} is no file that could be read to its end.")
        with path.open("rb") as file:
            whole = zipfile.is_zipfile(file)
        require(whole, f"{path} is no .npz archive, or is cut off at its end.")
        with np.load(path, allow_pickle=False) as arrays:
            return {key: np.asarray(arrays[key]) for key in arrays.files if key in TRAIN + TEST}
    except CourseError:
        raise
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror or error}.") from None
    except MemoryError:
        raise CourseError(f"{path} does not fit into this machine's memory.") from None
    except Exception as error:  # damaged archives make NumPy and zipfile raise almost anything
        reason = "it holds Python objects" if "pickle" in str(error) else "it is damaged"
        raise CourseError(f"{path} is not an .npz archive of plain arrays: {reason}.") from None


def _pair(arrays: dict[str, Array], keys: tuple[str, str], path: Path) -> tuple[Tensor, Tensor]:
    """One side of the data set: images (n, c, h, w) uint8 and labels (n,) int64."""
    missing = [key for key in keys if key not in arrays]
    found = ", ".join(arrays) or "none of them"
    wanted = "x_train, y_train and perhaps x_test, y_test"
    require(not missing, f"{path} lacks {' and '.join(missing)}; it needs {wanted}, has {found}.")
    x = _images(arrays[keys[0]], keys[0], path)
    y = _labels(arrays[keys[1]], keys[1], path)
    require(
        len(x) == len(y),
        f"{path} has {len(x)} images in {keys[0]} and {len(y)} labels in {keys[1]}.",
    )
    return x, y


def _images(x: Array, key: str, path: Path) -> Tensor:
    dtype = "it must be uint8, pixels from 0 to 255"
    require(x.dtype == np.uint8, f"{key} in {path} has dtype {x.dtype}; {dtype}.")
    fits = x.ndim == 3 or (x.ndim == 4 and x.shape[3] in (1, 3))
    shape = "it must be (n, h, w), (n, h, w, 1) or (n, h, w, 3)"
    require(fits and x.size > 0, f"{key} in {path} has shape {x.shape}; {shape}, not empty.")
    x = x[..., None] if x.ndim == 3 else x
    return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))


def _labels(y: Array, key: str, path: Path) -> Tensor:
    require(
        np.issubdtype(y.dtype, np.integer),
        f"{key} in {path} has dtype {y.dtype}; labels must be whole numbers from 0.",
    )
    require(y.ndim == 1, f"{key} in {path} has shape {y.shape}; it must be (n,), one label each.")
    low, high = int(y.min(initial=0)), int(y.max(initial=0))
    outside = low if low < 0 else high
    require(
        low >= 0 and high < 2**31,
        f"{key} in {path} holds label {outside}; labels must be whole numbers from 0.",
    )
    return torch.from_numpy(y.astype(np.int64))


def _count_classes(y: Tensor, path: Path) -> int:
    """How many classes there are; each must have at least one training image."""
    present = y.unique()
    classes = int(present[-1]) + 1
    require(classes >= 2, f"y_train in {path} holds only one class; there must be at least two.")
    gap = next((i for i, label in enumerate(present.tolist()) if i != label), None)
    require(
        gap is None,
        f"y_train in {path} has labels up to {classes - 1} but no example of class {gap}; "
        "number the classes 0, 1, 2, … without gaps.",
    )
    return classes


def _names(classes: int) -> tuple[str, ...]:
    return tuple(str(label) for label in range(classes))


def read_folder(path: Path) -> Raw:
    """Read and check a folder of images.

    One directory per class lies below `path`, or below its parts: a training folder ("train",
    "training") with a test folder ("test", "testing"), a validation folder ("val", "validation"),
    which stands in where there is no test folder, or neither. Letter case does not matter.

    Raises:
        CourseError: a layout that is not one of these, an empty class, an unreadable image, images
            of different sizes, or more than 8 bits a channel.
    """
    parts, note = _parts(path)
    classes = tuple(folder.name for folder in _directories(parts["train"]))
    require(
        len(classes) >= 2,
        f"{parts['train']} must hold one folder of images per class, at least two; "
        f"it has {len(classes)}.",
    )
    train = _find(parts["train"], classes)
    test = _find(parts["test"], classes) if "test" in parts else []
    mode = _common_mode(train + test)
    x_train, y_train = _read(train, mode)
    x_test, y_test = _read(test, mode) if test else (None, None)
    return Raw(x_train, y_train, x_test, y_test, classes, note)


def _parts(path: Path) -> tuple[dict[str, Path], str]:
    """Where the class folders of "train" and, if there is any, of "test" lie, and what to note."""
    folders = _directories(path)
    parts = {part: folder for folder in folders if (part := _part(folder))}
    if not parts:
        return {"train": path}, ""
    others = [folder for folder in folders if not _part(folder)]
    require(
        not others,
        f"{path} has {_listed(others)} beside {_listed(parts.values())}; put every class folder "
        "into train, or rename a class that is called like a part of the data.",
    )
    require(
        len(parts) == len(folders),
        f"{path} has {_listed(folders)}, of which two are the same part; keep one of each.",
    )
    require("train" in parts, f"{path} has {_listed(folders)} and no train; add that folder.")
    if "val" not in parts:
        return parts, ""
    val = parts.pop("val")
    if "test" in parts:
        return parts, f"The test set is {parts['test'].name}; the images in {val.name} are unused."
    return {**parts, "test": val}, f"It has no test folder: {val.name} is the test set."


def _part(folder: Path) -> str:
    """ "train", "test" or "val" where the folder is called like a part, otherwise ""."""
    return PARTS.get(re.sub("[-_ ]?(set|images|data)$", "", folder.name.casefold()), "")


def _listed(folders: Iterable[Path], most: int = 4) -> str:
    names = [folder.name for folder in folders]
    return ", ".join(names[:most]) + (" …" if len(names) > most else "")


def _directories(path: Path) -> list[Path]:
    """The folders in `path` that are not hidden, by name."""
    try:
        found = [p for p in path.iterdir() if p.is_dir() and not p.name.startswith(".")]
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror}.") from None
    return sorted(found)


def _find(top: Path, classes: tuple[str, ...]) -> list[ImageFile]:
    """Every image in the class folders of `top`, class by class."""
    folders = _directories(top)
    loose = sorted(p for p in top.iterdir() if p.is_file() and _is_image(p.relative_to(top)))
    where = "put it into the folder of its class"
    require(not loose, f"{loose[0] if loose else top} lies in no class folder; {where}.")
    require(len(folders) > 0, f"{top} holds no class folders; it needs {', '.join(classes)}.")
    found = []
    for folder in folders:
        known = f"it knows {', '.join(classes)}"
        require(folder.name in classes, f"{folder} is a class that train does not have; {known}.")
        require(
            is_text(folder.name), f"{folder} is a class whose name is not UTF-8; rename the folder."
        )
        files = sorted(p for p in folder.rglob("*") if _is_image(p.relative_to(top)))
        other = next((p for p in folder.iterdir() if p.suffix.lower() in OTHER_SUFFIXES), None)
        require(other is None, f"{other} has a format that is not read; save it as PNG or JPEG.")
        require(len(files) > 0, f"{folder} is a class without images.")
        deep = next((file for file in files if file.parent != folder), None)
        require(
            deep is None,
            f"{deep} lies deeper than its class folder {folder.name}; put images directly into "
            "their class folder, and class folders directly into the parts train and test.",
        )
        found += [ImageFile(file, classes.index(folder.name)) for file in files]
    return found


def _is_image(path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    return path.suffix.lower() in SUFFIXES and not hidden


def _common_mode(found: list[ImageFile]) -> str:
    """ "L" where every image is grey, otherwise "RGB"; all must have one size and 8 bits.

    Only the heads of the files are read here.
    """
    modes, first = set(), None
    for path, _ in found:
        with opened_image(path) as image:
            modes.add(image.mode)
            w, h = _upright_size(image)
        first = first or (w, h)
        sizes = f"{found[0].path} has {first[0]}×{first[1]} pixels, {path} {w}×{h}"
        require((w, h) == first, f"{sizes}; all images must have one size.")
    return "L" if modes <= GREY else "RGB"


def _read(found: list[ImageFile], mode: str) -> tuple[Tensor, Tensor]:
    """The images at the course's size, uint8 (n, c, h, w), and their labels."""
    chunks = [found[start : start + CHUNK] for start in range(0, len(found), CHUNK)]
    parts = [torch.stack(list(_decoded(chunk, mode))) for chunk in chunks]
    x = torch.cat([pixels(part).mul(255).round().to(torch.uint8) for part in parts])
    return x, torch.tensor([label for _, label in found])


def _decoded(found: list[ImageFile], mode: str) -> Iterator[Tensor]:
    """Each image as uint8 (c, h, w)."""
    for path, _ in found:
        with opened_image(path) as image:
            array = np.array(upright(image).convert(mode))
        yield torch.from_numpy(array).view(*array.shape[:2], -1).permute(2, 0, 1)


def upright(image: Image.Image) -> Image.Image:
    """The image as its camera was held, what is transparent on white."""
    turned = ImageOps.exif_transpose(image)
    if not turned.has_transparency_data:
        return turned
    white = Image.new("RGBA", turned.size, "white")
    return Image.alpha_composite(white, turned.convert("RGBA"))


def _upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height once the camera's orientation is undone (EXIF 5 to 8 lie on their side)."""
    w, h = image.size
    return (h, w) if image.getexif().get(ExifTags.Base.Orientation, 1) >= 5 else (w, h)


@contextmanager
def opened_image(path: Path) -> Iterator[Image.Image]:
    """An image file, open; whatever goes wrong with it becomes one sentence.

    Raises:
        CourseError: it cannot be read, is no image, or has more than 8 bits a channel.
    """
    try:
        with Image.open(path) as image:
            bits = f"{path} has the pixel format {image.mode}; save it as 8-bit grey or colour."
            require(image.mode in GREY | COLOUR, bits)
            yield image
    except CourseError:
        raise
    except Exception as error:  # damaged files make Pillow raise almost anything
        reason = getattr(error, "strerror", None) or "it is damaged or not an image"
        if isinstance(error, Image.DecompressionBombError):
            reason = "it has too many pixels"
        raise CourseError(f"{path} cannot be read: {reason}.") from None
