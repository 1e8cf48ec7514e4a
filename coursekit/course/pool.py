"""Who runs which notebook when: joblib on this machine, or joblib through a Dask cluster."""

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import cycle, islice
from queue import SimpleQueue
from typing import Any
from uuid import uuid4

import torch
from joblib import Parallel, cpu_count, delayed, parallel_config

from coursekit.course.job import Job, Outcome, Tell, execute, stop_all
from coursekit.errors import CourseError

PATIENCE = 10  # seconds for a Dask scheduler to answer


def width(jobs: int | None, tasks: int, gpus: Sequence[str]) -> int:
    """How many notebooks run at once: as asked, else one a GPU, else one a CPU core."""
    return min(jobs or len(gpus) or cpu_count(), max(tasks, 1))


def threads_each(at_once: int) -> int:
    """Threads for each of so many notebooks: COURSEKIT_THREADS if set, else an equal share.

    More threads than cores are up to 60 times slower than one thread each.
    """
    asked = os.environ.get("COURSEKIT_THREADS", "")
    return int(asked) if asked.isdigit() and int(asked) else max(1, cpu_count() // at_once)


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
        stop_all()


def on_a_cluster(jobs: Sequence[Job], address: str, tell: Tell) -> Generator[Outcome, None, None]:
    """Send `jobs` to the Dask scheduler at `address`; workers need the package, no shared disk.

    Threads are the cluster's own matter: Dask sets OMP_NUM_THREADS for its workers.
    """
    topic = f"coursekit-{uuid4().hex}"  # under which the workers say how far their notebooks are
    with _connected(address) as client:
        client.subscribe_topic(topic, lambda event: tell(*event[1]))
        with parallel_config(
            backend="dask", client=client, n_jobs=-1, wait_for_workers_timeout=PATIENCE
        ):
            parallel = Parallel(return_as="generator_unordered", batch_size=1)
            yield from parallel(delayed(_over_there)(job, topic) for job in jobs)


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
        from distributed import Client, KilledWorker
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
    except KilledWorker:
        raise CourseError("The cluster lost its workers, most often for want of memory.") from None
    finally:
        client.close()
