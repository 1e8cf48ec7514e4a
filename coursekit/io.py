"""Files written whole or not at all, and digests of bytes, of sources and of tensors."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

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


def json_lines(value: Any, depth: int = 2) -> str:
    """JSON with sorted keys, and a line for each entry down to `depth`: short, plain in a diff."""

    def lines(value: Any, left: int, indent: str) -> str:
        if not left or not isinstance(value, dict) or not value:
            return json.dumps(value, sort_keys=True)
        inner = f"{indent} "
        rows = [
            f"{inner}{json.dumps(k)}: {lines(v, left - 1, inner)}" for k, v in sorted(value.items())
        ]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"

    return lines(value, depth, "") + "\n"


def probe(path: Path) -> None:
    """Find out before the work whether `path` can be written after it; nothing is left behind.

    Raises:
        CourseError: it cannot.
    """
    beside = path.with_name(f"{path.name}.probe")
    write_bytes(beside, b"")
    beside.unlink()


def bytes_digest(parts: Iterable[bytes]) -> str:
    """16 hex digits of some byte strings, in their order and each with its length."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big") + part)
    return found.hexdigest()[:16]


def source_digest(package: Path, rooms: Iterable[str]) -> str:
    """16 hex digits of the names and texts of a package's source files in these rooms.

    Args:
        package: its folder.
        rooms: folders or files of it, such as "nets" or "gan_losses.py".
    """
    paths = [package / room for room in rooms]
    files = [f for p in paths for f in (sorted(p.rglob("*.py")) if p.is_dir() else [p])]
    return bytes_digest(
        part
        for file in files
        for part in (file.relative_to(package).as_posix().encode(), file.read_bytes())
    )


def digest(*tensors: Tensor) -> str:
    """A fingerprint of the values, types and shapes of tensors."""
    found = hashlib.sha256()
    for tensor in tensors:
        found.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        found.update(
            tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
        )
    return found.hexdigest()
