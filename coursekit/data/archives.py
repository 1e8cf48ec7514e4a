"""The reader's own data as one `.npz` file: x_train, y_train and, if there are any, x_test, y_test.

Images are uint8 arrays, NHW (grey) or NHWC with one or three channels; labels are whole numbers
from 0. Nothing is unpickled: `allow_pickle=False`.
"""

import zipfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coursekit.data.assemble import Raw
from coursekit.errors import CourseError, require

Array = NDArray[np.generic]
TRAIN, TEST = ("x_train", "y_train"), ("x_test", "y_test")


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
