"""What is checked before a run starts, and the lock on the folder that it writes into.

Whatever a reader can put right is said before the first notebook begins.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

from coursekit import data, io
from coursekit.data.registry import NAMES, canonical, find_path
from coursekit.errors import CourseError, choose, require
from coursekit.lab import PROFILES, checked_seed, pick_device

if sys.platform == "win32":
    import msvcrt

    def _seize(file: IO[str]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _seize(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


KERNEL = "python3"
ROOM = 100  # megabytes: a dozen executed notebooks and the report


@dataclass(frozen=True)
class Options:
    """How to run notebooks.

    Attributes:
        profile: "smoke", "course" or "full".
        dataset: a name that `data.load` knows, or a path.
        seed: the first seed.
        seeds: how many seeds, from `seed` upwards.
        device: "auto", "cpu", "cuda" or "mps".
        jobs: how many notebooks at once; None for one a CPU core, or one a GPU.
        scheduler: address of a Dask scheduler, to run on a cluster.
        out: folder for executed notebooks and the report.
        resume: keep what an earlier run of the same configuration has finished there.
        timeout: seconds that a single cell may take.
        junit: where a JUnit XML file for continuous integration goes; None for none.
    """

    profile: str = "course"
    dataset: str = "digits"
    seed: int = 0
    seeds: int = 1
    device: str = "auto"
    jobs: int | None = None
    scheduler: str | None = None
    out: Path = Path("build")
    resume: bool = False
    timeout: int = 3600
    junit: Path | None = None


def checked(options: Options) -> Options:
    """The options, ready to be used: device resolved, data at hand, path absolute.

    Raises:
        CourseError: anything is unknown, missing, unreadable or too small.
    """
    choose("profile", options.profile, PROFILES)
    checked_seed(options.seed)
    at_least_one(seeds=options.seeds, jobs=options.jobs, timeout=options.timeout)
    checked_seed(options.seed + options.seeds - 1)
    kernel_present(KERNEL)
    enough_room(options.out, ROOM)
    if not options.scheduler:  # on a cluster each machine has a device of its own
        options = replace(options, device=str(pick_device(options.device)))
    options = replace(options, dataset=dataset_at_hand(options.dataset))
    if options.junit:
        io.probe(options.junit)
    return options


def at_least_one(**numbers: int | None) -> None:
    """See that each number is at least 1, or None.

    Raises:
        CourseError: one is not.
    """
    for name, value in numbers.items():
        require(value is None or value >= 1, f"{name} was {value}; it must be at least 1.")


def kernel_present(name: str) -> None:
    """See that Jupyter can start the kernel.

    Raises:
        CourseError: it cannot.
    """
    try:
        KernelSpecManager().get_kernel_spec(name)
    except NoSuchKernel:
        raise CourseError(
            f"Jupyter has no kernel {name!r}; install it with `python -m ipykernel install "
            f"--sys-prefix --name {name}`."
        ) from None


def dataset_at_hand(dataset: str) -> str:
    """See that the set is whole, and downloaded before several notebooks want it at once.

    Returns:
        Its name, or its absolute path: notebooks do not run in the reader's folder.

    Raises:
        CourseError: it is unknown, cannot be had, or is damaged.
    """
    dataset = canonical(dataset)
    if dataset not in NAMES:
        dataset = str(find_path(dataset).resolve())
    state = {entry.name: entry.state for entry in data.catalogue()}.get(dataset)
    if state in ("missing", "incomplete"):
        data.download(dataset)
    elif state != "embedded":
        data.verify(dataset)
    return dataset


def enough_room(folder: Path, megabytes: int) -> None:
    """See that the disk of `folder` (which need not exist yet) has so much free.

    Raises:
        CourseError: it has not.
    """
    place = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    free = shutil.disk_usage(place).free // 2**20
    require(
        free >= megabytes,
        f"The disk of {folder} has {free} MB free and a run needs {megabytes} MB; make room, or "
        "name another folder with --out.",
    )


@contextmanager
def locked(folder: Path) -> Iterator[None]:
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
