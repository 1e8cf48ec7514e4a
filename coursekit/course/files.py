"""Files that are whole or not there, and a folder that one run has to itself."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from coursekit.errors import CourseError, require

if sys.platform == "win32":
    import msvcrt

    def _seize(file: IO[str]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _seize(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write `content` beside `path`, flush it, and rename: nobody ever sees half a file."""
    part = path.with_name(f".{path.name}.part-{os.getpid()}")
    try:
        with part.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def to_oneself(folder: Path) -> Iterator[None]:
    """Hold `folder` (made if need be) so that no second run writes into it.

    The lock is the operating system's, so it ends with this process however it ends: a killed run
    leaves nothing that would have to be declared stale.

    Raises:
        CourseError: another run holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ".lock"
    with path.open("a+") as file:
        if not _seized(file, path):
            file.seek(0)
            raise CourseError(
                f"Another run (process {file.read().strip() or 'unknown'}) is writing into "
                f"{folder}; let it finish, or choose another folder."
            )
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _seized(file: IO[str], path: Path) -> bool:
    """Whether the lock is ours, and on the file that `path` still names."""
    try:
        _seize(file)
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except (BlockingIOError, PermissionError, FileNotFoundError):
        return False


def enough_room(folder: Path, megabytes: int) -> None:
    """See that the disk of `folder` (which need not exist yet) has so much free.

    Raises:
        CourseError: it has not.
    """
    place = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    free = shutil.disk_usage(place).free // 2**20
    require(
        free >= megabytes,
        f"The disk of {folder} is full: {free} MB are free and {megabytes} MB are needed; "
        "make room, or name another folder with --out.",
    )
