"""A run: check, plan, execute with progress on the terminal, keep what comes, and report."""

import shutil
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from threading import Lock
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from coursekit.course import executor
from coursekit.course.jobs import Outcome, Tell, finished, plan
from coursekit.course.lectures import find_lectures
from coursekit.course.preflight import Options, checked, locked
from coursekit.course.results import REPORTS, write_junit, write_report
from coursekit.errors import CourseError
from coursekit.io import write_bytes

STYLES = {"done": "green", "kept": "green", "failed": "bold red"}
Coming = Generator[Outcome, None, None]


def run(
    names: Sequence[str], options: Options, console: Console, notebooks: Path | None = None
) -> list[Outcome]:
    """Execute the notebooks called `names` (all, if there are none) into `options.out`.

    A notebook that fails does not stop the others; its file is kept as far as it came.

    Raises:
        CourseError: the run cannot start; nothing has been written then.
    """
    lectures = find_lectures(names, notebooks)
    options = checked(options)
    jobs = plan(lectures, options)
    out = options.out
    with locked(out):
        _sweep(out)
        outcomes = finished(jobs, out) if options.resume else {}
        rest = [job for job in jobs if job.name not in outcomes]

        def coming(tell: Tell) -> Coming:
            if options.scheduler:
                return executor.on_a_cluster(rest, options.scheduler, tell)
            gpus = executor.gpus_for(options.device)
            at_once = executor.width(options.jobs, len(rest), gpus)
            return executor.on_this_machine(rest, at_once, gpus, tell)

        def keep(outcome: Outcome) -> None:
            write_bytes(out / f"{outcome.name}.ipynb", outcome.text.encode())

        names = [job.name for job in rest]
        ended = perform(names, coming, keep, console, "go on with --resume")
        outcomes |= {outcome.name: outcome for outcome in ended}
        ordered = [outcomes[job.name] for job in jobs]
        summary(ordered, console)
        if options.junit:
            write_junit(out, [outcome.name for outcome in ordered], options.junit)
        console.print(Text(f"\nReport: {write_report(out)}"), soft_wrap=True)
    return ordered


def perform(
    names: Sequence[str],
    coming: Callable[[Tell], Coming],
    keep: Callable[[Outcome], None],
    console: Console,
    advice: str,
) -> list[Outcome]:
    """Show how far each notebook is, and keep each as soon as it has ended.

    Whoever stops this is told how many have ended and, as `advice`, how to go on.
    """
    outcomes: list[Outcome] = []
    with ProgressUI(names, console) as progress:
        try:
            with closing(coming(progress.tell)) as results:
                for outcome in results:
                    keep(outcome)
                    progress.ended(outcome)
                    outcomes.append(outcome)
        except (KeyboardInterrupt, CourseError):
            done = f"{len(outcomes)} of {len(names)}"
            console.print(f"Stopped. {done} notebooks are finished; {advice}.")
            raise
    return outcomes


def _sweep(out: Path) -> None:
    """Remove what a killed run left behind, and the report of an earlier one; the folder is ours.

    A report lies in the folder only if it tells of the notebooks that lie beside it.
    """
    for place in out.glob(f"{executor.SCRATCH}*"):
        shutil.rmtree(place, ignore_errors=True)
    for part in (*out.glob("*.ipynb.part-*"), *out.glob("report.*.part-*")):
        part.unlink(missing_ok=True)
    for name in REPORTS:
        (out / name).unlink(missing_ok=True)


class ProgressUI:
    """Bars on a terminal; in a log, a line each time a notebook starts, gets on or ends."""

    def __init__(self, names: Sequence[str], console: Console) -> None:
        self.console = console
        self.lock = Lock()
        self.quarter: dict[str, int] = {}
        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("cells"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self.bars = {name: self.progress.add_task(name, start=False, total=None) for name in names}

    def __enter__(self) -> "ProgressUI":
        self.progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.progress.stop()

    def tell(self, name: str, done: int, of: int) -> None:
        """Called from any thread when a notebook starts (0 of 1) and after each of its cells."""
        with self.lock:
            self.progress.start_task(self.bars[name])
            self.progress.update(self.bars[name], completed=done, total=of)
            quarter = 4 * done // of
            if not self.console.is_terminal and self.quarter.get(name) != quarter < 4:
                so_far = f"{done} of {of} cells" if done else "started"
                self.console.print(Text(f"{name}: {so_far}"))
            self.quarter[name] = quarter

    def ended(self, outcome: Outcome) -> None:
        """Called when a notebook has ended and its file is written."""
        self.progress.stop_task(self.bars[outcome.name])
        line = Text(f"{outcome.name}: ").append_text(_mark(outcome))
        line.append(f" after {outcome.seconds:.0f} s" + f"  {outcome.reason}".rstrip())
        self.console.print(line)


def summary(outcomes: Sequence[Outcome], console: Console) -> None:
    """The table at the end, and the reason of each failure below it."""
    table = Table("notebook", "status", box=None, pad_edge=False)
    table.add_column("seconds", justify="right")
    table.add_column("checks passed", justify="right")
    for o in outcomes:
        table.add_row(Text(o.name), _mark(o), f"{o.seconds:.1f}", f"{o.held} of {o.claims}")
    console.print()
    console.print(table)
    for o in outcomes:
        if o.reason:
            console.print(Text(o.name, "red").append(f": {o.reason}", "default"), soft_wrap=True)


def _mark(outcome: Outcome) -> Text:
    return Text(outcome.status, STYLES[outcome.status])
