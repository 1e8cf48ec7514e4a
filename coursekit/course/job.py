"""One notebook to execute, and what came of it. A job holds all it needs and may travel."""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbformat import NotebookNode, reads
from nbformat.v4 import new_output

from coursekit.course import catalogue, outputs, reasons, tidy
from coursekit.course.configuration import machine, package_digest, versions
from coursekit.errors import CourseError

Tell = Callable[[str, int, int], None]  # (name of the job, cells done, cells in all)
RUN = "coursekit_run"  # the metadata entry in which an executed notebook says how it came about
SCRATCH = ".running-"  # how the names of working folders begin
OVERRIDES = tuple(f"COURSEKIT_{what}" for what in ("PROFILE", "DATASET", "SEED", "DEVICE"))


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


_running: set["subprocess.Popen[str]"] = set()


def execute(job: Job, tell: Tell, gpu: str | None = None) -> Outcome:
    """Execute one notebook in a process of its own, which sees only `gpu` if one is named."""
    begun = time.monotonic()
    tell(job.name, 0, 1)
    notebook = reads(job.source, 4)
    if job.configuration.get("package") != package_digest():
        where = platform.node()
        reason = f"The package on {where} is not the one that sent the job; install that one there."
        return _outcome(job, notebook, reason, 0.0)
    try:
        with tempfile.TemporaryDirectory(
            prefix=SCRATCH, dir=job.scratch, ignore_cleanup_errors=True
        ) as folder:
            reason, notebook = _in_folder(job, Path(folder), tell, gpu)
    except OSError as error:  # the disk is full, for example; the other notebooks may do better
        reason = reasons.of_an_exception(error) or str(error)
    return _outcome(job, notebook, reason, time.monotonic() - begun)


def stop_all() -> None:
    """End every notebook this process has started, and wait until it has gone."""
    for process in list(_running):
        process.terminate()
    for process in list(_running):
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)


def _in_folder(job: Job, folder: Path, tell: Tell, gpu: str | None) -> tuple[str, NotebookNode]:
    """Why it failed (or nothing), and the notebook as far as it came."""
    cwd = job.cwd if Path(job.cwd).is_dir() else str(folder)
    told = {"parameters": job.parameters, "timeout": job.timeout, "kernel": job.kernel, "cwd": cwd}
    (folder / "job.json").write_text(json.dumps(told))
    (folder / "input.ipynb").write_text(job.source, encoding="utf-8")
    reason = _supervise(job, folder, tell, gpu)
    with suppress(CourseError):
        return reason, tidy.without_widgets(catalogue.read(folder / "output.ipynb"))
    return reason, reads(job.source, 4)  # the process died while it was saving


def _supervise(job: Job, folder: Path, tell: Tell, gpu: str | None) -> str:
    """Start the worker, pass its news on, wait for its end; why it failed, or nothing."""
    command = [sys.executable, "-m", "coursekit.course.worker", str(folder)]
    verdict = None
    with (
        (folder / "stderr.txt").open("w") as stderr,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,  # the worker ends when this closes, so it cannot outlive us
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environment(job.threads, gpu),
            text=True,
            start_new_session=True,  # Ctrl-C reaches us alone, and we end the workers in order
        ) as process,
    ):
        _running.add(process)
        try:
            for news in map(json.loads, process.stdout or ()):
                if "cells" in news:
                    tell(job.name, news["cells"], news["of"])
                verdict = news.get("reason", verdict)
            code = process.wait()
        finally:
            _running.discard(process)
    return reasons.stopped(code) if verdict is None else verdict


def environment(threads: int, gpu: str | None) -> dict[str, str]:
    """Of a notebook's process: ours, less what would override the parameters it is given."""
    ours = {key: value for key, value in os.environ.items() if key not in OVERRIDES}
    ours.setdefault("COURSEKIT_PROGRESS", "0")  # the terminal shows the progress
    if threads:
        ours |= {"OMP_NUM_THREADS": str(threads), "COURSEKIT_THREADS": str(threads)}
    return ours if gpu is None else ours | {"CUDA_VISIBLE_DEVICES": gpu}


def _outcome(job: Job, notebook: NotebookNode, reason: str, seconds: float) -> Outcome:
    checked = outputs.claims(notebook)
    broken = [claim for claim, held in checked.items() if not held]
    if broken and not reason:
        reason = f"{len(broken)} of {len(checked)} claims failed: " + "; ".join(broken)
    status = "failed" if reason else "done"
    if reason:
        _note(notebook, reason)
    notebook.metadata.pop("papermill", None)  # holds paths of this machine; the cells keep timings
    notebook.metadata[RUN] = {
        **job.configuration,
        "status": status,
        "reason": reason,
        "seconds": round(seconds, 1),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "threads": job.threads,
        "versions": versions(),
    }
    counts = (len(checked) - len(broken), len(checked))
    return Outcome(job.name, status, seconds, *counts, reason, catalogue.text_of(notebook))


def _note(notebook: NotebookNode, reason: str) -> None:
    """Leave the reason in the cell that ran last, unless the kernel has left an error there."""
    cells = catalogue.code_cells(notebook)
    if any(output.output_type == "error" for cell in cells for output in cell.outputs):
        return
    started = [c for c in cells if c.metadata.get("papermill", {}).get("start_time")]
    for cell in started[-1:] or cells[:1]:
        cell.outputs.append(new_output("error", ename="Stopped", evalue=reason, traceback=[reason]))
