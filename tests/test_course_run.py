"""Runs of small notebooks: most fail; some are killed, interrupted or not alone in a folder."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from nbformat.v4 import new_output
from tiny import PICTURE, RECORD, notebook, printed, quiet, shelf

from coursekit.__main__ import main
from coursekit.course.executor import environment, execute
from coursekit.course.jobs import Job, finished, package_digest, plan
from coursekit.course.lectures import all_lectures, notebook_text
from coursekit.course.preflight import Options, checked, locked
from coursekit.course.results import REPORTS, RUN, claims
from coursekit.course.runner import run
from coursekit.errors import CourseError
from coursekit.io import write_bytes

SHARES = """
import os
names = ("COURSEKIT_PROFILE", "COURSEKIT_THREADS", "OMP_NUM_THREADS")
print("environment:", [os.environ.get(name) for name in names])
"""


CLAIMS = 'print("✓ one holds")\nprint("✓ two holds")'


FAILING = {
    "n03_broken": (
        ["print('✓ a claim')", "1 / 0", "print('never')"],
        "ZeroDivisionError: division",
    ),
    "n04_nan": (
        [
            "from coursekit.errors import CourseError",
            "raise CourseError('The loss is NaN at step 7.')",
        ],
        "The loss is NaN at step 7.",
    ),
    "n05_memory": (["block = bytearray(1 << 60)"], "Out of memory; try --jobs 1"),
    "n06_dead": (["import os, signal", "os.kill(os.getpid(), signal.SIGKILL)"], "The kernel died"),
    "n07_slow": (["import time", "time.sleep(60)"], "A cell ran longer than 12 s; raise --timeout"),
}


GOOD = {"n09_good": [SHARES, CLAIMS, RECORD, PICTURE]}  # the last, so that all others precede it


def kinds(cell):
    return [output.output_type for output in cell.get("outputs", [])]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """(folder of results, options, outcomes by name, what the terminal showed)."""
    # Braces, which papermill formats, and brackets, which rich reads as markup, are only text here.
    folder = tmp_path_factory.mktemp("course") / "{brace} [/b] :cat:"
    failing = {name: cells for name, (cells, _) in FAILING.items()}
    notebooks = shelf(folder / "notebooks", **GOOD, **failing)
    out, junit = folder / "build", folder / "ci" / "junit.xml"
    options = Options("smoke", device="cpu", jobs=3, out=out, timeout=12, junit=junit)
    console = quiet()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSEKIT_PROFILE", "full")  # a reader's setting must not override the flags
        for name in ("COURSEKIT_THREADS", "OMP_NUM_THREADS"):
            patch.delenv(name, raising=False)  # the tests set them
        patch.setattr("coursekit.course.executor.cpu_count", lambda: 6)
        outcomes = run([], options, console, notebooks)
    return notebooks, options, {o.name: o for o in outcomes}, console.file.getvalue()


def test_flags_win_and_threads_are_shared_out(ran):
    _, options, _, _ = ran
    said = printed(nbformat.read(options.out / "09_good.ipynb", 4))
    assert "profile smoke, data digits, seed 0" in said
    assert "environment: [None, '2', '2']" in said  # six cores for three notebooks


def test_a_good_notebook_is_whole_and_counts_its_claims(ran):
    _, _, outcomes, _ = ran
    good = outcomes["09_good"]
    assert (good.status, good.held, good.claims, good.reason) == ("done", 2, 2, "")


@pytest.mark.parametrize("name", FAILING)
def test_a_failure_is_one_sentence_and_its_file_shows_the_error(ran, name):
    _, options, outcomes, terminal = ran
    outcome = outcomes[name[1:]]
    assert outcome.status == "failed"
    assert outcome.reason.startswith(FAILING[name][1])
    assert "\n" not in outcome.reason
    assert outcome.reason in terminal.replace("\n", "")
    kept = nbformat.read(options.out / f"{name[1:]}.ipynb", 4)
    (failed,) = [cell for cell in kept.cells if "error" in kinds(cell)]
    assert failed.source == FAILING[name][0][1 if len(FAILING[name][0]) > 1 else 0]
    assert "profile smoke" in printed(kept)  # the cells before it are there
    assert "never" not in printed(kept)


def test_a_failure_does_not_stop_the_others_and_nothing_else_is_left(ran):
    _, options, outcomes, terminal = ran
    assert outcomes["09_good"].status == "done"
    assert "Traceback" not in terminal
    names = {f"{name[1:]}.ipynb" for name in (*GOOD, *FAILING)}
    left = {path.name for path in options.out.iterdir()}
    assert left == names | {"report.html", "report.md", "report.json"}


def test_paths_are_shown_as_they_are(ran):
    _, options, _, terminal = ran
    assert f"Report: {options.out / 'report.html'}\n" in terminal


def test_junit_has_a_case_for_each_notebook_with_the_reason_of_a_failure(ran):
    _, options, outcomes, _ = ran
    suites = ElementTree.parse(options.junit).getroot()
    (suite,) = suites
    assert (suites.tag, suite.tag) == ("testsuites", "testsuite")
    counts = {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "6", "failures": "5", "errors": "0", "skipped": "0"}
    cases = {case.get("name"): case for case in suite}
    assert cases.keys() == outcomes.keys()
    for name, case in cases.items():
        assert case.get("classname") == "coursekit.smoke.digits"
        assert float(case.get("time")) == round(outcomes[name].seconds, 1)
        messages = [failure.get("message") for failure in case]
        assert messages == [outcomes[name].reason] * (outcomes[name].status == "failed")


def test_the_summary_names_each_notebook_with_its_checks(ran):
    *_, terminal = ran
    table = terminal[terminal.index("checks passed") :].splitlines()
    (row,) = [line.split() for line in table if line.startswith("09_good")]
    assert row[1] == "done" and row[-3:] == ["2", "of", "2"]


def test_the_report_holds_the_figures_the_checks_and_the_failures(ran):
    _, options, _, _ = ran
    page = (options.out / "report.html").read_text()
    assert "Tiny | &lt;T&gt;" in page and "A &lt;b&gt;red&lt;/b&gt; dot on white." in page
    assert "data:image/webp;base64," in page
    assert "The loss is NaN at step 7." in page
    assert "http" not in page.replace("http-equiv", "")  # the page needs nothing from elsewhere
    rows = json.loads((options.out / "report.json").read_text())["table"]
    (figure,) = [row for row in rows if row["kind"] == "figure"]
    assert (figure["claim"], figure["ours"], figure["n"]) == ("error", "2 ± 0.5 %", 3)
    assert (figure["profile"], figure["dataset"], figure["paper"]) == (
        "smoke",
        "digits",
        "34.3 (§5)",
    )
    assert figure["device"] == "cpu (x86_64, 1 thread)" and figure["seconds"] > 0
    table = (options.out / "report.md").read_text().splitlines()
    assert table[-3].startswith("| 09 | error | 34.3 (§5) | 2 ± 0.5 % | 3 | smoke | digits | cpu")
    assert len(table) == 2 + len(rows)


def test_resume_keeps_only_what_ended_well_in_the_same_configuration(ran, monkeypatch):
    notebooks, options, _, _ = ran
    options = checked(options)

    def kept(**changes):
        return set(
            finished(plan(all_lectures(notebooks), replace(options, **changes)), options.out)
        )

    assert kept() == {"09_good"}
    assert kept(profile="course") == kept(seed=1) == kept(device="cuda") == set()
    monkeypatch.setattr("coursekit.course.jobs.package_digest", lambda: "edited")
    assert kept() == set()


def test_an_edited_notebook_is_run_again(ran):
    notebooks, options, _, _ = ran
    jobs = plan(all_lectures(notebooks), checked(options))
    other = replace(jobs[-1], configuration={**jobs[-1].configuration, "notebook": "edited"})
    assert finished([jobs[-1], other], options.out).keys() == {"09_good"}
    assert finished([other], options.out) == {}


def test_the_metadata_say_how_it_came_about(ran):
    _, options, _, _ = ran
    metadata = nbformat.read(options.out / "09_good.ipynb", 4).metadata
    told = metadata[RUN]
    assert (told["profile"], told["seed"], told["status"]) == ("smoke", 0, "done")
    assert "torch" in told["versions"] and "/" not in told["machine"]
    assert "papermill" not in metadata  # it would hold paths of this machine


def test_the_environment_of_a_notebook(monkeypatch):
    overrides = {f"COURSEKIT_{name}" for name in ("PROFILE", "DATASET", "SEED", "DEVICE")}
    for name in overrides:
        monkeypatch.setenv(name, "3")
    monkeypatch.setenv("COURSEKIT_DATA", "/somewhere")
    given = environment(threads=2, gpu="1")
    assert not overrides & set(given), "each would go before the flag of the same name"
    assert given["COURSEKIT_DATA"] == "/somewhere"
    assert (given["OMP_NUM_THREADS"], given["CUDA_VISIBLE_DEVICES"]) == ("2", "1")


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
