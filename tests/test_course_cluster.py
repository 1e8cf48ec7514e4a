"""The same jobs through Dask: a local cluster of two workers."""

import time
from dataclasses import replace
from types import SimpleNamespace

import nbformat
import pytest
from tiny import RECORD, printed, quiet, shelf

from coursekit.course import executor
from coursekit.course.jobs import Outcome, plan
from coursekit.course.lectures import all_lectures
from coursekit.course.preflight import Options, checked
from coursekit.course.runner import run
from coursekit.errors import CourseError

distributed = pytest.importorskip("distributed", reason="Dask is an extra: coursekit[cluster]")

MEET = """
import time
from pathlib import Path
Path(f"seed{seed}").touch()
end = time.monotonic() + 60
while len(list(Path(".").glob("seed*"))) < 2 and time.monotonic() < end:
    time.sleep(0.05)
print("together:", len(list(Path(".").glob("seed*"))))
"""


@pytest.fixture(scope="module")
def cluster():
    """Two workers of one thread each, on the loopback interface."""
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address=":0",
    ) as made:
        yield made


def test_two_seeds_run_at_once_on_two_workers(cluster, tmp_path):
    notebooks = shelf(tmp_path / "nb", n02_meet=[MEET, RECORD])
    address = cluster.scheduler_address
    options = Options(
        "smoke", device="cpu", seeds=2, scheduler=address, out=tmp_path / "build", timeout=120
    )
    console = quiet()
    outcomes = run([], options, console, notebooks)
    assert [(o.name, o.status) for o in outcomes] == [
        ("02_meet-seed0", "done"),
        ("02_meet-seed1", "done"),
    ]
    for seed in (0, 1):
        made = nbformat.read(tmp_path / "build" / f"02_meet-seed{seed}.ipynb", 4)
        assert f"seed {seed}, cpu" in printed(made)
        assert "together: 2" in printed(made)
    assert "02_meet-seed1: 3 of 6 cells" in console.file.getvalue()  # the workers said so
    assert "| 2.5 ± 0.5 % | 6 | smoke |" in (tmp_path / "build" / "report.md").read_text()


def test_one_worker_of_one_thread_is_a_cluster_too_and_a_second_may_join(tmp_path):
    notebooks = shelf(tmp_path / "nb", n02_x=["1"])
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp",
        host="127.0.0.1", dashboard_address=":0",
    ) as one:  # fmt: skip
        address = one.scheduler_address
        options = Options("smoke", device="cpu", seeds=3, scheduler=address, out=tmp_path / "build")
        jobs = plan(all_lectures(notebooks), checked(options))
        ended = []
        for outcome in executor.on_a_cluster(jobs, address, lambda *_: None):
            ended.append((outcome.name, outcome.status))
            one.scale(2)
    assert sorted(ended) == [(f"02_x-seed{seed}", "done") for seed in range(3)]


def test_a_worker_with_another_package_says_so(cluster, tmp_path):
    notebooks = shelf(tmp_path / "nb", n02_x=["1"])
    options = Options("smoke", scheduler=cluster.scheduler_address, out=tmp_path)
    (job,) = plan(all_lectures(notebooks), checked(options))
    other = replace(job, configuration={**job.configuration, "package": "another"})
    (outcome,) = executor.on_a_cluster([other], cluster.scheduler_address, lambda *_: None)
    assert outcome.status == "failed"
    assert outcome.reason.endswith("is not the one that sent the job; install that one there.")


def test_a_notebook_whose_workers_die_fails_alone(cluster, tmp_path, monkeypatch):
    def dies(job, topic):
        if job.name == "02_x":
            raise distributed.KilledWorker(job.name, SimpleNamespace(address="there"), 3)
        return Outcome(job.name, "done", 1.0)

    monkeypatch.setattr(executor, "_over_there", dies)
    notebooks = shelf(tmp_path / "nb", n02_x=["1"], n03_y=["1"])
    address = cluster.scheduler_address
    jobs = plan(all_lectures(notebooks), checked(Options("smoke", scheduler=address, out=tmp_path)))
    ended = {o.name: o for o in executor.on_a_cluster(jobs, address, lambda *_: None)}
    assert (ended["02_x"].status, ended["03_y"].status) == ("failed", "done")
    assert ended["02_x"].reason == "It ran on 4 workers, each of which died."


def test_a_cluster_whose_last_worker_leaves_gets_a_sentence(tmp_path, monkeypatch):
    def first_only(job, topic):
        if job.name == "02_x-seed1":
            time.sleep(5)
        return Outcome(job.name, "done", 1.0)

    monkeypatch.setattr(executor, "_over_there", first_only)
    notebooks = shelf(tmp_path / "nb", n02_x=["1"])
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp",
        host="127.0.0.1", dashboard_address=":0",
    ) as one:  # fmt: skip
        address = one.scheduler_address
        options = checked(Options("smoke", seeds=2, scheduler=address, out=tmp_path))
        coming = executor.on_a_cluster(plan(all_lectures(notebooks), options), address, print)
        assert next(coming).name == "02_x-seed0"
        monkeypatch.setattr(executor, "PATIENCE", 2)
        one.scale(0)
        with pytest.raises(CourseError, match="has no workers"):
            next(coming)


def test_a_cluster_without_workers_gets_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(executor, "PATIENCE", 2)
    notebooks = shelf(tmp_path / "nb", n02_x=["1"])
    with distributed.LocalCluster(
        n_workers=0, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=":0"
    ) as empty:
        options = Options("smoke", scheduler=empty.scheduler_address, out=tmp_path / "build")
        with pytest.raises(CourseError, match="has no workers"):
            run([], options, quiet(), notebooks)
