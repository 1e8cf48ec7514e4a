"""Files written whole or not at all, and fingerprints of tensors."""

import contextlib
import hashlib
import os
from pathlib import Path

import torch
from torch import Tensor

from coursekit.errors import CourseError


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a file whole or not at all: to a file beside it, flushed, then renamed.

    Raises:
        CourseError: it cannot be written (full disk, no permission).
    """
    part = path.with_name(f"{path.name}.part-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise CourseError(f"{path} could not be written: {error.strerror or error}.") from None
    finally:
        with contextlib.suppress(OSError):  # a folder that could not be made holds no part
            part.unlink(missing_ok=True)


def probe(path: Path) -> None:
    """Find out before the work whether `path` can be written after it; nothing is left behind.

    Raises:
        CourseError: it cannot.
    """
    beside = path.with_name(f"{path.name}.probe")
    write_bytes(beside, b"")
    beside.unlink()


def digest(*tensors: Tensor) -> str:
    """A fingerprint of the values, types and shapes of tensors."""
    found = hashlib.sha256()
    for tensor in tensors:
        found.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        found.update(
            tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
        )
    return found.hexdigest()
