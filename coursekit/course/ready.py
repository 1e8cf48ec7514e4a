"""May a run start? Whatever a reader can put right is said before the first notebook begins."""

from dataclasses import dataclass, replace
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

from coursekit import data
from coursekit.course.files import enough_room
from coursekit.data.registry import NAMES, canonical, find_path
from coursekit.errors import CourseError, choose, require
from coursekit.lab import PROFILES, checked_seed, pick_device

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
    return replace(options, dataset=dataset_at_hand(options.dataset))


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
