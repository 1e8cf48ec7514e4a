"""The terminal: how far each notebook is, and a table at the end."""

from collections.abc import Sequence
from threading import Lock
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from coursekit.course.job import Outcome

MARKS = {"done": "[green]done[/]", "kept": "[green]kept[/]", "failed": "[bold red]failed[/]"}


class Board:
    """Bars on a terminal; in a log, a line each time a notebook starts, gets on or ends."""

    def __init__(self, names: Sequence[str], console: Console) -> None:
        self.console = console
        self.lock = Lock()
        self.quarter: dict[str, int] = {}
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("cells"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self.bars = {name: self.progress.add_task(name, start=False, total=None) for name in names}

    def __enter__(self) -> "Board":
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
                self.console.print(f"{name}: {f'{done} of {of} cells' if done else 'started'}")
            self.quarter[name] = quarter

    def ended(self, outcome: Outcome) -> None:
        """Called when a notebook has ended and its file is written."""
        self.progress.stop_task(self.bars[outcome.name])
        line = f"{outcome.name}: {MARKS[outcome.status]} after {outcome.seconds:.0f} s"
        self.console.print(line + f"  {escape(outcome.reason)}" * bool(outcome.reason))


def summary(outcomes: Sequence[Outcome], console: Console) -> None:
    """The table at the end, and the reason of each failure below it."""
    table = Table("notebook", "status", box=None, pad_edge=False)
    table.add_column("seconds", justify="right")
    table.add_column("checks passed", justify="right")
    for o in outcomes:
        table.add_row(o.name, MARKS[o.status], f"{o.seconds:.1f}", f"{o.held} of {o.claims}")
    console.print()
    console.print(table)
    for o in outcomes:
        if o.reason:
            console.print(f"[red]{o.name}[/]: {escape(o.reason)}", soft_wrap=True)
