"""What decides the result of a run, as a small dictionary that can be compared."""

import hashlib
import os
import platform
from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from joblib import cpu_count
from nbformat import NotebookNode

SHOWN = ("torch", "torchvision", "numpy", "scikit-learn", "matplotlib")


def configuration(
    notebook: NotebookNode, profile: str, dataset: str, seed: int, device: str
) -> dict[str, Any]:
    """Two runs with the same configuration have the same result."""
    return {
        "profile": profile,
        "dataset": dataset,
        "data": data_digest(dataset),
        "seed": seed,
        "device": device,
        "notebook": _digest(cell.source.encode() for cell in notebook.cells),
        "package": package_digest(),
    }


@lru_cache
def package_digest() -> str:
    """Of the package's source files, less those that compute nothing: `course` and `cli`."""
    package = Path(__file__).resolve().parents[1]
    files = sorted(package.rglob("*.py"))
    rooms = [(file, file.relative_to(package)) for file in files]
    kept = [pair for pair in rooms if pair[1].parts[0] not in ("course", "cli", "__main__.py")]
    return _digest(
        part for file, place in kept for part in (str(place).encode(), file.read_bytes())
    )


def data_digest(dataset: str) -> str:
    """For a path, of the names, sizes and dates of its files; a named data set never changes."""
    place = Path(dataset)
    if not place.is_absolute():
        return ""
    files = sorted(f for f in (place, *place.rglob("*")) if f.is_file())
    return _digest(
        os.fsencode(f) + f"{f.stat().st_size}{f.stat().st_mtime_ns}".encode() for f in files
    )


def machine() -> str:
    """This machine in a few words, without its name."""
    return f"{platform.system()} {platform.machine()}, {cpu_count()} CPU cores"


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results may depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in SHOWN}}


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:16]
