"""A run: check, plan, execute, keep what comes, and report."""

import shutil
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path

from rich.console import Console

from coursekit.course import pool, report
from coursekit.course.board import Board, summary
from coursekit.course.catalogue import find
from coursekit.course.files import to_oneself, write_whole
from coursekit.course.job import SCRATCH, Job, Outcome, Tell
from coursekit.course.plan import finished, plan
from coursekit.course.ready import Options, checked


def run(
    names: Sequence[str], options: Options, console: Console, notebooks: Path | None = None
) -> list[Outcome]:
    """Execute the notebooks called `names` (all, if there are none) into `options.out`.

    A notebook that fails does not stop the others; its file is kept as far as it came.

    Raises:
        CourseError: the run cannot start; nothing has been written then.
    """
    lectures = find(names, notebooks)
    options = checked(options)
    jobs = plan(lectures, options)
    with to_oneself(options.out):
        _sweep(options.out)
        outcomes = finished(jobs, options.out) if options.resume else {}
        rest = [job for job in jobs if job.name not in outcomes]
        outcomes |= {outcome.name: outcome for outcome in perform(rest, options, console)}
        ordered = [outcomes[job.name] for job in jobs]
        summary(ordered, console)
        console.print(f"\nReport: {report.write(options.out)}", soft_wrap=True)
    return ordered


def perform(jobs: Sequence[Job], options: Options, console: Console) -> list[Outcome]:
    """Execute `jobs` and write each notebook into `options.out` as soon as it has ended."""
    outcomes = []
    with Board([job.name for job in jobs], console) as board:
        try:
            with closing(_coming(jobs, options, board.tell)) as coming:
                for outcome in coming:
                    write_whole(options.out / f"{outcome.name}.ipynb", outcome.text)
                    board.ended(outcome)
                    outcomes.append(outcome)
        except KeyboardInterrupt:
            done = f"{len(outcomes)} of {len(jobs)}"
            console.print(f"Stopped. {done} notebooks are finished; go on with --resume.")
            raise
    return outcomes


def _coming(jobs: Sequence[Job], options: Options, tell: Tell) -> Generator[Outcome, None, None]:
    if options.scheduler:
        return pool.on_a_cluster(jobs, options.scheduler, tell)
    gpus = pool.gpus_for(options.device)
    at_once = pool.width(options.jobs, len(jobs), gpus)
    return pool.on_this_machine(jobs, at_once, gpus, tell)


def _sweep(out: Path) -> None:
    """Remove what a killed run left behind; the folder is ours alone."""
    for place in out.glob(f"{SCRATCH}*"):
        shutil.rmtree(place, ignore_errors=True)
    for part in out.glob(".*.part-*"):
        part.unlink(missing_ok=True)
