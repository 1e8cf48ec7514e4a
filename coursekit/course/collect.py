"""What a folder of executed notebooks says, put together: runs, claims and recorded figures.

Runs of one notebook that differ only in their seed are one entry; its spread is over the seeds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from nbformat import NotebookNode

from coursekit.course import catalogue, outputs
from coursekit.course.catalogue import Lecture
from coursekit.course.job import RUN
from coursekit.errors import require

KEYS = ("claim", "ours", "spread", "n", "paper", "source", "unit")  # what a record says


@dataclass(frozen=True)
class Run:
    """One executed notebook: which, how it was run, how it ended, and the notebook itself."""

    lecture: Lecture
    seed: str
    profile: str
    dataset: str
    device: str
    status: str
    reason: str
    seconds: float | None
    finished: str
    machine: str
    versions: dict[str, str]
    notebook: NotebookNode

    @property
    def key(self) -> tuple[str, ...]:
        """Equal for runs that differ only in their seed."""
        return (self.lecture.number, self.profile, self.dataset, self.device)


@dataclass(frozen=True)
class Entry:
    """One notebook in one setting, over all its seeds.

    Attributes:
        runs: one a seed.
        claims: claim → number of runs in which it held and in which it was checked.
        records: rows of figures, `ours` and `spread` over the seeds.
    """

    runs: list[Run]
    claims: dict[str, tuple[int, int]]
    records: list[dict[str, Any]]


def collect(folder: Path) -> list[Entry]:
    """The executed notebooks in `folder`, by number, profile, data set and device.

    Raises:
        CourseError: there are none, or a recorded figure is not whole.
    """
    newest: dict[tuple[str, ...], Run] = {}
    for run in sorted(map(_run, catalogue.catalogue(folder)), key=lambda run: run.finished):
        newest[(*run.key, run.seed)] = run
    runs = sorted(newest.values(), key=lambda run: (run.key, int(run.seed or 0)))
    groups = (list(same) for _, same in groupby(runs, key=lambda run: run.key))
    return [Entry(group, _claims(group), _records(group)) for group in groups]


def _run(lecture: Lecture) -> Run:
    notebook = catalogue.read(lecture.path)
    told = notebook.metadata.get(RUN, {})
    opened = outputs.opened(notebook)
    executed = any(cell.execution_count for cell in catalogue.code_cells(notebook))
    return Run(
        lecture=lecture,
        seed=str(told.get("seed", opened.get("seed", ""))),
        profile=told.get("profile") or opened.get("profile", ""),
        dataset=_short(told.get("dataset") or opened.get("dataset", "")),
        device=opened.get("device") or told.get("device", ""),
        status=told.get("status", "done" if executed else "not executed"),
        reason=told.get("reason", ""),
        seconds=told.get("seconds"),
        finished=told.get("finished", ""),
        machine=told.get("machine", ""),
        versions=told.get("versions", {}),
        notebook=notebook,
    )


def _short(dataset: str) -> str:
    """The last part of a path: where a reader keeps files concerns nobody else."""
    return Path(dataset).name


def _claims(runs: Sequence[Run]) -> dict[str, tuple[int, int]]:
    verdicts: dict[str, list[bool]] = {}
    for run in runs:
        for claim, held in outputs.claims(run.notebook).items():
            verdicts.setdefault(claim, []).append(held)
    return {claim: (sum(held), len(held)) for claim, held in verdicts.items()}


def _records(runs: Sequence[Run]) -> list[dict[str, Any]]:
    by_claim: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        for row in outputs.records(run.notebook):
            lacking = ", ".join(key for key in KEYS if key not in row)
            told = f"{run.lecture.path.name} holds a recorded figure without {lacking}"
            require(not lacking, f"{told}; execute the notebook again.")
            by_claim.setdefault(row["claim"], []).append(row)
    return [_over_seeds(rows) for rows in by_claim.values()]


def _over_seeds(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One row: as it was recorded, or mean ± standard error over the seeds of the runs."""
    values = [row["ours"] for row in rows]
    if len(rows) == 1:
        return {**rows[0], "seeds": 1, "values": values}
    spread = stdev(values) / len(values) ** 0.5
    count = sum(row["n"] for row in rows)
    over = {"ours": mean(values), "spread": spread, "n": count}
    return {**rows[0], **over, "seeds": len(rows), "values": values}


def seconds(runs: Iterable[Run]) -> float | None:
    """Mean wall time of the runs that say theirs."""
    known = [run.seconds for run in runs if run.seconds is not None]
    return mean(known) if known else None
