"""A run that is killed, interrupted, or not alone in its folder."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_output
from tiny import notebook, quiet, shelf

from coursekit.__main__ import main
from coursekit.course.executor import execute
from coursekit.course.jobs import Job, package_digest
from coursekit.course.lectures import notebook_text
from coursekit.course.preflight import Options, locked
from coursekit.course.results import REPORTS, RUN, claims
from coursekit.course.runner import run
from coursekit.errors import CourseError
from coursekit.io import write_bytes

WAITS = """
import os, time
from pathlib import Path
Path("kernel.pid").write_text(str(os.getpid()))
while not Path("go").exists():
    time.sleep(0.05)
print("✓ it went on")
"""


def until(condition, seconds=180):
    """Wait for a condition, at most so long; say whether it came."""
    end = time.monotonic() + seconds
    while not (held := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return held


def alive(pid):
    """Whether a process runs (one that has ended but was not waited for does not count)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _heed_ctrl_c():
    """A shell that starts the tests in the background has SIGINT ignored, and that is inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def waiting(tmp_path):
    """A run in another process, whose first notebook is finished and whose second one waits."""
    if not Path("/proc/self/stat").exists():
        pytest.skip("this test looks at processes through /proc")
    notebooks = shelf(tmp_path / "nb", n02_first=["print('✓ a')"], n03_waits=[WAITS])
    out = tmp_path / "build"
    out.mkdir()
    for name in REPORTS:  # of an earlier run: it must not lie beside what this one leaves
        (out / name).write_text("old")
    command = [sys.executable, "-m", "coursekit", "run", "--profile", "smoke", "--device", "cpu"]
    command += ["--jobs", "1", "--out", str(out), "--notebooks", str(notebooks)]
    log = (tmp_path / "log").open("w")
    process = subprocess.Popen(
        command, stdout=log, stderr=log, start_new_session=True, preexec_fn=_heed_ctrl_c
    )
    pid = notebooks / "kernel.pid"
    try:
        assert until(lambda: pid.exists() and pid.read_text() and process.poll() is None)
        yield notebooks, out, process, int(pid.read_text())
    finally:
        process.kill()
        process.wait()
        log.close()


def test_killed_in_the_middle_it_leaves_whole_files_and_resume_does_the_rest(waiting, capsys):
    notebooks, out, process, kernel = waiting
    with pytest.raises(SystemExit) as caught:  # a second run into the same folder
        main(["run", "--profile", "smoke", "--out", str(out), "--notebooks", str(notebooks)])
    said = capsys.readouterr().err
    assert caught.value.code == 1
    assert said.startswith(f"Another run (process {process.pid}) is writing into {out};")
    assert said.count("\n") == 1

    process.kill()
    process.wait()
    assert until(lambda: not alive(kernel), 20), "no notebook outlives its run"
    assert {path.name for path in out.iterdir()} - {".lock"} >= {"02_first.ipynb"}
    assert not list(out.glob("report.*")) + list(out.glob("03*")), "nothing stale, nothing half"
    first = out / "02_first.ipynb"
    assert nbformat.read(first, 4).metadata[RUN]["status"] == "done"

    (notebooks / "go").touch()
    before = first.stat().st_mtime_ns
    options = Options("smoke", device="cpu", jobs=1, out=out, resume=True)
    outcomes = run([], options, quiet(), notebooks)
    assert [outcome.status for outcome in outcomes] == ["kept", "done"]
    assert first.stat().st_mtime_ns == before
    left = {path.name for path in out.iterdir()}
    assert left == {"02_first.ipynb", "03_waits.ipynb"} | {
        f"report.{kind}" for kind in ("html", "md", "json")
    }


def test_ctrl_c_stops_the_children_and_says_how_to_go_on(waiting, tmp_path):
    _, out, process, kernel = waiting
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert until(lambda: not alive(kernel), 20)
    said = (tmp_path / "log").read_text()
    assert "Stopped. 1 of 2 notebooks are finished; go on with --resume." in said
    assert "Traceback" not in said
    assert {path.name for path in out.iterdir()} == {"02_first.ipynb"}


def test_a_folder_belongs_to_one_run_at_a_time_and_a_killed_one_lets_go(tmp_path):
    with (
        locked(tmp_path),
        pytest.raises(CourseError, match=rf"Another run \(process {os.getpid()}\)"),
        locked(tmp_path),
    ):
        pass
    (tmp_path / ".lock").write_text("4194305")  # left by a run that was killed
    with locked(tmp_path):
        assert (tmp_path / ".lock").read_text() == str(os.getpid())
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "report.json"
    write_bytes(path, json.dumps({"a": 1}).encode())

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CourseError, match="report.json could not be written: No space left"):
        write_bytes(path, b"x" * 10)
    assert json.loads(path.read_text()) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]


def test_a_notebook_without_room_to_work_in_fails_alone(tmp_path):
    job = Job(
        "02_x", notebook_text(notebook()), {"package": package_digest()}, scratch=f"{tmp_path}/no"
    )
    outcome = execute(job, lambda *_: None)
    assert outcome.status == "failed" and outcome.reason.startswith(f"{tmp_path}/no")
    assert outcome.reason.endswith(": No such file or directory.")


@pytest.mark.parametrize("package", [package_digest(), "another"])
def test_what_a_notebook_has_stored_is_never_taken_for_what_this_run_measured(tmp_path, package):
    made = notebook("print('✓ stored')")
    made.cells[-1].outputs = [new_output("stream", name="stdout", text="✓ stored\n")]
    made.cells[-1].execution_count = 3
    job = Job("02_x", notebook_text(made), {"package": package}, scratch=f"{tmp_path}/no")
    outcome = execute(job, lambda *_: None)
    assert (outcome.status, outcome.held, outcome.claims) == ("failed", 0, 0)
    kept = nbformat.reads(outcome.text, 4)
    assert claims(kept) == {} and kept.cells[-1].execution_count is None


SMALL_DISK = """
import sys
from coursekit.course import preflight
preflight.ROOM = 0  # so that the disk fills while the run writes, not before
from coursekit.__main__ import main
out, notebooks = sys.argv[1:]
main(["run", "--device", "cpu", "--out", out, "--notebooks", notebooks])
"""


def test_a_disk_that_fills_up_gets_one_sentence_and_no_half_file(tmp_path):
    """On a real file system of 64 kB, mounted for this process alone."""
    notebooks = shelf(tmp_path / "nb", n02_large=["x = 1", "# " + "x" * 200_000])
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f'mount -t tmpfs -o size=64k tmpfs {disk} && exec "$@"; exit 77'
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    list_after = (
        f"{sys.executable} -c '{SMALL_DISK}' {disk} {notebooks}; code=$?; ls -A {disk}; exit $code"
    )
    try:
        done = subprocess.run([*inside, "sh", "-c", list_after], capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("this system has no unshare")
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    assert done.returncode == 1
    assert done.stderr == f"{disk}/02_large.ipynb could not be written: No space left on device.\n"
    assert "go on with --resume" in done.stdout
    assert done.stdout.splitlines()[-1:] != [".lock"]
    assert ".ipynb" not in done.stdout and ".running-" not in done.stdout
