"""Who runs which notebook when: each in a process of its own, on this machine or on a Dask cluster.

Why a notebook failed is said in one plain sentence, which names what was seen and no guessed cause.
"""

import errno
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from uuid import uuid4

import torch
from joblib import Parallel, cpu_count, delayed
from nbformat import NotebookNode, reads
from nbformat.v4 import new_output

from coursekit.course.jobs import Job, Outcome, Tell, machine, package_digest, versions
from coursekit.course.lectures import (
    code_cells,
    notebook_text,
    read_notebook,
    without_outputs,
    without_widgets,
)
from coursekit.course.results import RUN, broken, claims
from coursekit.errors import CourseError

PATIENCE = 10  # seconds for a Dask scheduler to answer, and for its first worker to be there
SCRATCH = ".running-"  # how the names of working folders begin
OVERRIDES = tuple(f"COURSEKIT_{what}" for what in ("PROFILE", "DATASET", "SEED", "DEVICE"))

MEMORY = "Out of memory; try --jobs 1, a smaller --profile or data set, or --device cpu."
DISK = "The disk is full; make room and run again with --resume."
DIED = "The kernel died without an error message; where memory is short, try --jobs 1."
_MEMORY_SIGNS = ("out of memory", "can't allocate memory", "cannot allocate memory", "bad_alloc")
_DISK_SIGN = os.strerror(errno.ENOSPC).lower()


def error_message(kind: str, message: str) -> str:
    """One line for an error of class `kind` with `message`.

    Errors that were made to be read (`CourseError`, `ClaimFailed`) speak for themselves.
    """
    kind = kind.rpartition(".")[2]
    plain = re.sub(r"\x1b\[[0-9;]*m", "", message).strip()  # without terminal colours
    said = plain.splitlines()[0].strip() if plain else ""
    if kind in ("CourseError", "ClaimFailed"):
        return said
    if kind == "DeadKernelError" or "Kernel died" in message:
        return DIED
    wide = f"{kind} {message}".lower()
    if kind in ("MemoryError", "OutOfMemoryError") or any(s in wide for s in _MEMORY_SIGNS):
        return MEMORY
    if _DISK_SIGN in wide:
        return DISK
    return f"{kind}: {said}" if said else f"{kind}."


def exception_message(error: Exception) -> str | None:
    """For an exception that reached the command line; None if it is a fault of our own."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return DISK
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}."
    said = error_message(type(error).__name__, str(error))
    return said if isinstance(error, CourseError | OSError) or said == MEMORY else None


def _worker_message(code: int, error: Sequence[str] | None, timeout: int) -> str:
    """Why a notebook's process ended as it did; nothing if all went well."""
    if error is None and code < 0:
        return f"The notebook's process was stopped by signal {-code}."
    if error is None:
        return f"The notebook's process ended with exit code {code}."
    if error and error[0] == "CellTimeoutError":
        return f"A cell ran longer than {timeout} s; raise --timeout, or take a smaller --profile."
    return error_message(*error) if error else ""


_running: set["subprocess.Popen[str]"] = set()


def execute(job: Job, tell: Tell, gpu: str | None = None) -> Outcome:
    """Execute one notebook in a process of its own, which sees only `gpu` if one is named."""
    begun = time.monotonic()
    tell(job.name, 0, 1)
    # What is stored was measured by another run: without its outputs nothing passes for this one's.
    notebook = without_outputs(reads(job.source, 4))
    if job.configuration.get("package") != package_digest():
        where = platform.node()
        reason = f"The package on {where} is not the one that sent the job; install that one there."
        return outcome_of(job, notebook, reason, 0.0)
    reason = ""
    try:
        with tempfile.TemporaryDirectory(
            prefix=SCRATCH, dir=job.scratch, ignore_cleanup_errors=True
        ) as name:
            folder = Path(name)
            cwd = job.cwd if Path(job.cwd).is_dir() else name
            told = {"parameters": job.parameters, "timeout": job.timeout, "kernel": job.kernel}
            (folder / "job.json").write_text(json.dumps(told | {"cwd": cwd}))
            (folder / "input.ipynb").write_text(notebook_text(notebook), encoding="utf-8")
            reason = _supervise(job, folder, tell, gpu)
            with suppress(CourseError):  # the process died before or while it was saving
                notebook = without_widgets(read_notebook(folder / "output.ipynb"))
    except OSError as error:  # the disk is full, for example; the other notebooks may do better
        reason = exception_message(error) or str(error)
    return outcome_of(job, notebook, reason, time.monotonic() - begun)


def _supervise(job: Job, folder: Path, tell: Tell, gpu: str | None) -> str:
    """Start the worker, pass its news on, wait for its end; why it failed, or nothing."""
    command = [sys.executable, "-m", "coursekit.course.worker", str(folder)]
    error = None
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
                error = news.get("error", error)
            code = process.wait()
        finally:
            _running.discard(process)
    return _worker_message(code, error, job.timeout)


def environment(threads: int, gpu: str | None) -> dict[str, str]:
    """Of a notebook's process: ours, less what would override the parameters it is given."""
    ours = {key: value for key, value in os.environ.items() if key not in OVERRIDES}
    ours.setdefault("COURSEKIT_PROGRESS", "0")  # the terminal shows the progress
    if threads:
        ours |= {"OMP_NUM_THREADS": str(threads), "COURSEKIT_THREADS": str(threads)}
    return ours if gpu is None else ours | {"CUDA_VISIBLE_DEVICES": gpu}


def outcome_of(job: Job, notebook: NotebookNode, reason: str, seconds: float) -> Outcome:
    """What came of a job, the notebook's metadata included; a claim that failed is a reason."""
    checked = claims(notebook)
    failed = broken(notebook)
    if failed and not reason:
        reason = f"{len(failed)} of {len(checked)} claims failed: " + "; ".join(failed)
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
    counts = sum(checked.values()), len(checked)
    return Outcome(job.name, status, seconds, *counts, reason, notebook_text(notebook))


def _note(notebook: NotebookNode, reason: str) -> None:
    """Leave the reason in the cell that ran last, unless the kernel has left an error there."""
    cells = code_cells(notebook)
    if any(output.output_type == "error" for cell in cells for output in cell.outputs):
        return
    started = [c for c in cells if c.metadata.get("papermill", {}).get("start_time")]
    for cell in started[-1:] or cells[:1]:
        cell.outputs.append(new_output("error", ename="Stopped", evalue=reason, traceback=[reason]))


def width(jobs: int | None, tasks: int, gpus: Sequence[str]) -> int:
    """How many notebooks run at once: as asked, else one a GPU, else one a CPU core."""
    return min(jobs or len(gpus) or cpu_count(), max(tasks, 1))


def threads_each(at_once: int) -> int:
    """Threads for each of so many notebooks: as the environment says, else an equal share.

    COURSEKIT_THREADS comes before OMP_NUM_THREADS. More threads than cores are up to 60 times
    slower than one thread each.
    """
    for name in ("COURSEKIT_THREADS", "OMP_NUM_THREADS"):
        asked = os.environ.get(name, "")
        if asked.isdigit() and int(asked):
            return int(asked)
    return max(1, cpu_count() // at_once)


def gpus_for(device: str) -> list[str]:
    """The GPUs to be shared out, as CUDA_VISIBLE_DEVICES names them; none if one was named."""
    if device != "cuda":
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    every = [str(number) for number in range(torch.cuda.device_count())]
    return every if visible is None else visible.split(",")[: len(every)]


def slots(gpus: Sequence[str], at_once: int) -> list[str | None]:
    """One slot for each notebook that runs at once, the GPUs dealt out in turn."""
    return list(islice(cycle(gpus or [None]), at_once))


def on_this_machine(
    jobs: Sequence[Job], at_once: int, gpus: Sequence[str], tell: Tell
) -> Generator[Outcome, None, None]:
    """Run `jobs`, `at_once` at a time; outcomes come as they are ready."""
    free: SimpleQueue[str | None] = SimpleQueue()
    for slot in slots(gpus, at_once):
        free.put(slot)
    threads = threads_each(at_once)

    def one(job: Job) -> Outcome:
        gpu = free.get()
        try:
            return execute(replace(job, threads=threads), tell, gpu)
        finally:
            free.put(gpu)

    # Threads that wait for processes: the notebooks themselves are processes already.
    parallel = Parallel(at_once, "threading", "generator_unordered", batch_size=1)
    try:
        yield from parallel(delayed(one)(job) for job in jobs)
    finally:
        for process in list(_running):
            process.terminate()
        for process in list(_running):
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)


def on_a_cluster(jobs: Sequence[Job], address: str, tell: Tell) -> Generator[Outcome, None, None]:
    """Send `jobs` to the Dask scheduler at `address`; workers need the package, no shared disk.

    Any number of workers from one upwards will do; they may come and go meanwhile. Threads are the
    cluster's own matter: Dask sets OMP_NUM_THREADS for its workers.
    """
    topic = f"coursekit-{uuid4().hex}"  # under which the workers say how far their notebooks are
    with _connected(address) as client:
        from distributed import KilledWorker, wait

        client.subscribe_topic(topic, lambda event: tell(*event[1]))
        client.wait_for_workers(1, timeout=PATIENCE)
        pending = {client.submit(_over_there, job, topic, pure=False): job for job in jobs}
        try:
            while pending:
                try:
                    with client.as_current():
                        ended = wait(list(pending), PATIENCE, "FIRST_COMPLETED").done
                except TimeoutError:
                    client.wait_for_workers(1, timeout=PATIENCE)  # are there any left?
                    continue
                for future in ended:
                    job = pending.pop(future)
                    try:
                        yield future.result()
                    except KilledWorker as error:
                        lost = (
                            f"It ran on {error.allowed_failures + 1} workers, each of which died."
                        )
                        bare = without_outputs(reads(job.source, 4))
                        yield outcome_of(job, bare, lost, 0.0)
        finally:
            client.cancel(list(pending))


def _over_there(job: Job, topic: str) -> Outcome:
    from distributed import get_worker

    worker = get_worker()
    return execute(job, lambda *news: worker.log_event(topic, news))


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """A client of the scheduler at `address`.

    Raises:
        CourseError: Dask is not installed, nobody answers, or the cluster has no workers.
    """
    try:
        from distributed import Client
    except ImportError:
        raise CourseError(
            "--scheduler needs Dask; install it with pip install 'coursekit[cluster]'."
        ) from None
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError):
        raise CourseError(f"scheduler was {address!r}; no Dask scheduler answers there.") from None
    try:
        yield client
    except TimeoutError:
        raise CourseError(f"The Dask scheduler at {address} has no workers.") from None
    finally:
        client.close()
