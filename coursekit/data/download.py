"""Download through torchvision: into a folder aside first, then file by file into place.

torchvision writes where it reads, so a download that is killed half-way leaves a half file that
it later trusts. Here a file appears under its name only when it is whole and verified.
"""

import errno
import os
import shutil
import socket
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

from coursekit.data.public import Source
from coursekit.errors import CourseError

PATIENCE = 30  # seconds without an answer from the server


def download(source: Source, root: Path) -> None:
    """Bring `source` to `root`, or say in one sentence why that failed.

    Archives that were put there by hand are unpacked without a network.

    Raises:
        CourseError: no network, a damaged download, no space, or no right to write.
    """
    try:
        with _aside(root) as folder, _impatient():
            _bring_archives(source, root, folder)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Python 3.12 warns of how older ones unpack
                source.torchvision()(folder, download=True)
            source.verify(folder)
            for file in source.checksums():
                (root / file).parent.mkdir(parents=True, exist_ok=True)
                os.replace(folder / file, root / file)
    except (OSError, RuntimeError, HTTPException, EOFError) as error:
        raise CourseError(_sentence(source, root, error)) from None


@contextmanager
def _aside(root: Path) -> Iterator[Path]:
    """A folder of our own on the same file system, so that renaming is atomic."""
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".download-", dir=root))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _impatient() -> Iterator[None]:
    """torchvision's downloads have no timeout of their own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _bring_archives(source: Source, root: Path, folder: Path) -> None:
    for archive in source.archives:
        if (root / archive).is_file():
            (folder / archive).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / archive, folder / archive)


def _sentence(source: Source, root: Path, error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number in (errno.ENOSPC, errno.EDQUOT):
        return f"no space left in {root} for {source.name} ({source.megabytes} MB); free some."
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"{source.name} is not in {root}, and that folder cannot be written to; "
            "set COURSEKIT_DATA to one that can."
        )
    reason = "there is no network or the server did not answer"
    if "corrupted" in str(error):
        reason = "what arrived has the wrong checksum"
    archives = ", ".join(Path(archive).name for archive in source.archives)
    return (
        f"{source.name} is not in {root / source.folder} and could not be downloaded because "
        f"{reason}; run `python -m coursekit data get {source.name}` with a network, or put "
        f"{archives} into {(root / source.archives[0]).parent} by hand."
    )
