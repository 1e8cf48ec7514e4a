"""What is to be done: a job for each notebook and seed, less what is finished already."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from coursekit.course import catalogue
from coursekit.course.catalogue import Lecture
from coursekit.course.configuration import configuration
from coursekit.course.job import RUN, Job, Outcome
from coursekit.course.outputs import claims
from coursekit.course.ready import KERNEL, Options
from coursekit.errors import CourseError


def plan(lectures: Sequence[Lecture], options: Options) -> list[Job]:
    """One job for each lecture and seed; all seeds of a lecture follow each other."""
    seeds = range(options.seed, options.seed + options.seeds)
    return [_job(lecture, seed, options) for lecture in lectures for seed in seeds]


def _job(lecture: Lecture, seed: int, options: Options) -> Job:
    notebook = catalogue.read(lecture.path)
    told: dict[str, Any] = {
        "profile": options.profile,
        "dataset": options.dataset,
        "seed": seed,
        "device": options.device,
    }
    return Job(
        name=lecture.name + f"-seed{seed}" * (options.seeds > 1),
        source=catalogue.text_of(notebook),
        configuration=configuration(notebook, **told),
        parameters=told,
        timeout=options.timeout,
        cwd=str(lecture.path.resolve().parent),
        scratch=None if options.scheduler else str(options.out.resolve()),
        kernel=KERNEL,
    )


def finished(jobs: Iterable[Job], out: Path) -> dict[str, Outcome]:
    """By name, the jobs whose result lies in `out`, from a run of the same configuration."""
    found = {}
    for job in jobs:
        if outcome := _earlier(job, out / f"{job.name}.ipynb"):
            found[job.name] = outcome
    return found


def _earlier(job: Job, path: Path) -> Outcome | None:
    """What an earlier run left for this job, if it ended well and nothing has changed since."""
    try:
        notebook = catalogue.read(path)
    except CourseError:
        return None
    run = notebook.metadata.get(RUN, {})
    same = all(run.get(key) == value for key, value in job.configuration.items())
    if not same or run.get("status") != "done":
        return None
    checked = claims(notebook)
    held = sum(checked.values())
    return Outcome(job.name, "kept", run["seconds"], held, len(checked))
