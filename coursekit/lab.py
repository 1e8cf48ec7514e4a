"""`start(...)` opens a lecture: profile, data set, seed, device, precision → one `Lab`.

The runner and the tests speak to a notebook through the environment: COURSEKIT_PROFILE,
COURSEKIT_DATASET, COURSEKIT_SEED and COURSEKIT_DEVICE override what the parameters cell says,
COURSEKIT_THREADS sets the number of threads, COURSEKIT_DATA and COURSEKIT_CACHE say where data
sets and trained models are kept; relative paths there lie below the project's folder.
"""

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch

from coursekit.errors import CourseError, choose, is_text, require

PROFILES = ("smoke", "course", "full")
DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16}
T = TypeVar("T")

opened: "Lab | None" = None  # what `start` opened last; `teaching.finding` asks where it is


@dataclass(frozen=True)
class Lab:
    """Everything that an experiment is told from outside. Nothing in it changes afterwards."""

    profile: str
    dataset: str
    seed: int
    device: torch.device
    autocast: torch.dtype | None = None  # None: float32 throughout
    compile: bool = False

    def choose(self, *, smoke: T, course: T, full: T) -> T:
        """The budget for this profile, in plain sight: `steps = lab.choose(smoke=…, …)`."""
        return {"smoke": smoke, "course": course, "full": full}[self.profile]

    def rng(self, stream: int = 0) -> torch.Generator:
        """A fresh CPU generator for this seed. Different streams do not share their numbers."""
        return torch.Generator().manual_seed(1_000_003 * self.seed + stream)

    def __str__(self) -> str:
        settings = f"profile {self.profile}, data {self.dataset}, seed {self.seed}"
        return f"{settings}, {describe(self.device)}"


def start(
    profile: str = "course",
    dataset: str = "digits",
    seed: int = 0,
    device: str = "auto",
    precision: str = "float32",
    compile: bool = False,
) -> Lab:
    """Open a lecture and print in one line what it runs on.

    Args:
        profile: "smoke" (seconds), "course" (minutes) or "full" (a GPU).
        dataset: a name `coursekit.data.load` knows, or a path to the reader's own data.
        seed: every random number of the lecture follows from it; 0 to 2³² − 1.
        device: "auto" takes CUDA, then MPS, then the CPU.
        precision: "float32", or "bfloat16" for autocast in the training loops.
        compile: run networks through `torch.compile` in the training loops.

    Raises:
        CourseError: an unknown profile, device or precision, or a seed out of range.
    """
    global opened
    profile = choose("profile", os.environ.get("COURSEKIT_PROFILE", profile), PROFILES)
    dataset = os.environ.get("COURSEKIT_DATASET", dataset)
    device = os.environ.get("COURSEKIT_DEVICE", device)
    number = checked_seed(os.environ.get("COURSEKIT_SEED", seed))
    _set_threads()
    opened = Lab(
        profile=profile,
        dataset=dataset,
        seed=number,
        device=pick_device(device),
        autocast=PRECISIONS[choose("precision", precision, PRECISIONS)],
        compile=compile,
    )
    torch.manual_seed(number)  # for libraries that cannot be handed a generator
    print(opened)
    return opened


def checked_seed(value: int | str) -> int:
    """The seed as a number that every library takes.

    Raises:
        CourseError: it is no whole number from 0 to 2³² − 1.
    """
    number = _whole_number("seed", value)
    require(number < 2**32, f"seed was {number}; it must be at most {2**32 - 1}.")
    return number


def pick_device(name: str) -> torch.device:
    """The device called `name`; "auto" takes the fastest present.

    Raises:
        CourseError: an unknown name, or a device this machine does not have.
    """
    kind, colon, number = name.partition(":")
    choose("device", kind, DEVICES)
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.mps.is_available()}
    if name == "auto":
        return torch.device(next(d for d in ("cuda", "mps", "cpu") if present[d]))
    here = ", ".join(d for d, there in present.items() if there)
    gpus = {str(i) for i in range(torch.cuda.device_count())} if kind == "cuda" else set()
    there = present.get(kind, False) and (not colon or number in gpus)
    require(there, f"device was {name!r}; this machine offers only auto, {here}.")
    return torch.device(name)


def describe(device: torch.device) -> str:
    """The device in words, with the number of threads or the name of the GPU."""
    if device.type == "cuda":
        return f"GPU {torch.cuda.get_device_name(device)}"
    threads = torch.get_num_threads()
    return f"{device.type} ({platform.machine()}, {threads} thread{'s' * (threads > 1)})"


def project_root() -> Path:
    """The folder that holds `notebooks/` and `coursekit/`, sought upwards from where we stand."""
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[1]):
        if (folder / "notebooks").is_dir() and (folder / "coursekit").is_dir():
            return folder
    return here


def data_root() -> Path:
    """Where data sets are looked for and downloaded to: COURSEKIT_DATA, else `data/`."""
    return _root("COURSEKIT_DATA", "data")


def cache_root() -> Path:
    """Where trained models and checkpoints are kept: COURSEKIT_CACHE, else `data/cache`."""
    return _root("COURSEKIT_CACHE", "data/cache")


def _root(variable: str, default: str) -> Path:
    """The folder that an environment variable names, absolute.

    A relative one lies below the project: the command line and the notebooks it starts stand in
    different folders and must mean the same one.

    Raises:
        CourseError: the name is not UTF-8.
    """
    named = os.environ.get(variable) or default
    require(is_text(named), f"{variable} was {named}, which is not UTF-8; name another folder.")
    return project_root() / os.path.expanduser(named)


def _whole_number(argument: str, value: int | str) -> int:
    try:
        number = int(value)
    except ValueError:
        raise CourseError(f"{argument} was {value!r}; it must be a whole number from 0.") from None
    require(number >= 0, f"{argument} was {number}; it must be a whole number from 0.")
    return number


def _set_threads() -> None:
    if threads := os.environ.get("COURSEKIT_THREADS"):
        torch.set_num_threads(max(1, _whole_number("COURSEKIT_THREADS", threads)))
