"""What is to be done: a job for each notebook and seed, less what an earlier run has finished.

A job holds all it needs and may travel to another machine. Its configuration is what decides the
result, as a small dictionary: two jobs of the same configuration have the same result.
"""

import os
import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from joblib import cpu_count
from nbformat import NotebookNode

from coursekit.course.lectures import Lecture, notebook_text, read_notebook
from coursekit.course.preflight import KERNEL, Options
from coursekit.course.results import RUN, claims
from coursekit.errors import CourseError, require
from coursekit.io import bytes_digest, source_digest

Tell = Callable[[str, int, int], None]  # (name of the job, cells done, cells in all)
SHOWN = ("torch", "torchvision", "numpy", "scikit-learn", "matplotlib")


@dataclass(frozen=True)
class Job:
    """One notebook to execute.

    Attributes:
        name: of the executed notebook, without `.ipynb`.
        source: the text of the stored notebook.
        configuration: what decides the result; goes into the executed notebook's metadata.
        parameters: injected by papermill; None leaves the notebook's own.
        timeout: seconds that a single cell may take.
        threads: for the notebook's process; 0 leaves that to the environment.
        cwd: where the notebook runs, if the machine has that folder.
        scratch: where the working folder goes; None for the system's temporary folder.
        kernel: the Jupyter kernel.
    """

    name: str
    source: str = field(repr=False)
    configuration: dict[str, Any]
    parameters: dict[str, Any] | None = None
    timeout: int = 3600
    threads: int = 0
    cwd: str = "."
    scratch: str | None = None
    kernel: str = "python3"


@dataclass(frozen=True)
class Outcome:
    """What came of a job.

    Attributes:
        name: the job's.
        status: "done", "failed", or "kept" (finished by an earlier run).
        seconds: wall time.
        held: how many claims held.
        claims: how many were checked.
        reason: why it failed, in a sentence; otherwise empty.
        text: the executed notebook, whole or up to the cell that failed.
    """

    name: str
    status: str
    seconds: float
    held: int = 0
    claims: int = 0
    reason: str = ""
    text: str = field(default="", repr=False)


def plan(lectures: Sequence[Lecture], options: Options) -> list[Job]:
    """One job for each lecture and seed; all seeds of a lecture follow each other.

    Raises:
        CourseError: a result would take the place of its notebook.
    """
    seeds, jobs = range(options.seed, options.seed + options.seeds), []
    for lecture in lectures:
        for seed in seeds:
            job = _job(lecture, seed, options)
            result = (options.out / f"{job.name}.ipynb").resolve()
            require(
                result != lecture.path.resolve(),
                f"{lecture.path} would be overwritten by its own result; name another folder than "
                f"{options.out} with --out.",
            )
            jobs.append(job)
    return jobs


def _job(lecture: Lecture, seed: int, options: Options) -> Job:
    notebook = read_notebook(lecture.path)
    parameters: dict[str, Any] = {
        "profile": options.profile,
        "dataset": options.dataset,
        "seed": seed,
        "device": options.device,
    }
    return Job(
        name=lecture.name + f"-seed{seed}" * (options.seeds > 1),
        source=notebook_text(notebook),
        configuration=configuration(notebook, **parameters),
        parameters=parameters,
        timeout=options.timeout,
        cwd=str(lecture.path.resolve().parent),
        scratch=None if options.scheduler else str(options.out.resolve()),
        kernel=KERNEL,
    )


def finished(jobs: Iterable[Job], out: Path) -> dict[str, Outcome]:
    """By name, the jobs whose result lies in `out`, from a run of the same configuration."""
    earlier = ((job.name, _earlier(job, out / f"{job.name}.ipynb")) for job in jobs)
    return {name: outcome for name, outcome in earlier if outcome}


def _earlier(job: Job, path: Path) -> Outcome | None:
    """What an earlier run left for this job, if it ended well and nothing has changed since."""
    try:
        notebook = read_notebook(path)
    except CourseError:
        return None
    run = notebook.metadata.get(RUN, {})
    same = all(run.get(key) == value for key, value in job.configuration.items())
    if not same or run.get("status") != "done":
        return None
    checked = claims(notebook)
    return Outcome(job.name, "kept", run["seconds"], sum(checked.values()), len(checked))


def configuration(
    notebook: NotebookNode, profile: str, dataset: str, seed: int, device: str
) -> dict[str, Any]:
    """What decides the result of a run, the texts of the notebook and of the package included."""
    return {
        "profile": profile,
        "dataset": dataset,
        "data": data_digest(dataset),
        "seed": seed,
        "device": device,
        "notebook": bytes_digest(cell.source.encode() for cell in notebook.cells),
        "package": package_digest(),
    }


@lru_cache
def package_digest() -> str:
    """Of the package's source files, less those that compute nothing: `course` and `cli`."""
    package = Path(__file__).resolve().parents[1]
    idle = {"course", "cli.py", "__main__.py", "__pycache__", "py.typed"}
    rooms = sorted(path.name for path in package.iterdir() if path.name not in idle)
    return source_digest(package, rooms)


def data_digest(dataset: str) -> str:
    """For a path, of the names, sizes and dates of its files; a named data set never changes."""
    place = Path(dataset)
    if not place.is_absolute():
        return ""
    files = sorted(f for f in (place, *place.rglob("*")) if f.is_file())
    return bytes_digest(
        os.fsencode(f) + f"{f.stat().st_size}{f.stat().st_mtime_ns}".encode() for f in files
    )


def machine() -> str:
    """This machine in a few words, without its name."""
    return f"{platform.system()} {platform.machine()}, {cpu_count()} CPU cores"


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results may depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in SHOWN}}
