"""What a run is made of: slots, threads, sentences, configurations, and what the doctor finds."""

import io
import json

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_output
from rich.console import Console
from tiny import notebook, shelf

from coursekit.course import doctor, executor, jobs
from coursekit.course.executor import error_message, outcome_of
from coursekit.course.jobs import Job, Outcome, configuration, data_digest, package_digest, plan
from coursekit.course.lectures import all_lectures
from coursekit.course.preflight import Options, checked
from coursekit.course.runner import ProgressUI, summary


@pytest.fixture
def notebooks(tmp_path):
    return shelf(tmp_path / "nb", n02_gan_theory=["1"], n07_attacks=["2"])


@pytest.mark.parametrize(
    ("gpus", "at_once", "dealt"),
    [
        ([], 2, [None, None]),
        (["0"], 3, ["0", "0", "0"]),
        (["2", "5"], 2, ["2", "5"]),
        (["2", "5"], 5, ["2", "5", "2", "5", "2"]),
        (["0", "1", "2"], 2, ["0", "1"]),
    ],
)
def test_gpus_are_dealt_out_in_turn(gpus, at_once, dealt):
    assert executor.slots(gpus, at_once) == dealt


def test_gpus_are_those_the_reader_may_see(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a,GPU-b")
    assert executor.gpus_for("cuda") == ["GPU-a", "GPU-b"]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert executor.gpus_for("cuda") == ["0", "1"]
    assert executor.gpus_for("cuda:1") == executor.gpus_for("cpu") == []


def test_a_slot_is_never_shared_beyond_its_turn(monkeypatch):
    """Five notebooks, two GPUs, two at once: no GPU has two notebooks at any moment."""
    from threading import Lock
    from time import sleep

    lock, busy, seen = Lock(), set(), []

    def fake(job, tell, gpu):
        with lock:
            assert gpu not in busy
            busy.add(gpu)
            seen.append(gpu)
        sleep(0.02)
        with lock:
            busy.remove(gpu)
        return Outcome(job.name, "done", 0.0)

    monkeypatch.setattr(executor, "execute", fake)
    jobs = [Job(str(i), "", {}) for i in range(5)]
    outcomes = list(executor.on_this_machine(jobs, 2, ["0", "1"], lambda *_: None))
    assert sorted(o.name for o in outcomes) == list("01234")
    assert set(seen) == {"0", "1"}


def test_width_and_threads(monkeypatch):
    monkeypatch.setattr(executor, "cpu_count", lambda: 8)
    for name in ("COURSEKIT_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert executor.width(None, 3, []) == 3  # no more than there are notebooks
    assert executor.width(None, 20, []) == 8
    assert executor.width(None, 20, ["0", "1"]) == 2
    assert executor.width(5, 20, ["0", "1"]) == 5
    assert [executor.threads_each(n) for n in (1, 3, 8, 20)] == [8, 2, 1, 1]
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert executor.threads_each(2) == 1
    monkeypatch.setenv("COURSEKIT_THREADS", "3")
    assert executor.threads_each(8) == 3


@pytest.mark.parametrize(
    ("kind", "message", "said"),
    [
        ("CourseError", "The loss of G is NaN at step 7.", "The loss of G is NaN at step 7."),
        ("ClaimFailed", "1 of 12 claims failed: x", "1 of 12 claims failed: x"),
        ("torch.OutOfMemoryError", "CUDA out of memory. Tried", executor.MEMORY),
        ("RuntimeError", "DefaultCPUAllocator: can't allocate memory: you", executor.MEMORY),
        ("MemoryError", "", executor.MEMORY),
        ("RuntimeError", "MPS backend out of memory (MPS", executor.MEMORY),
        ("OSError", "[Errno 28] No space left on device: 'x'", executor.DISK),
        ("DeadKernelError", "Kernel died", executor.DIED),
        ("RuntimeError", "Kernel died before replying to kernel_info", executor.DIED),
        ("ValueError", "\x1b[31mbad\x1b[0m\nsecond line", "ValueError: bad"),
        ("KeyboardInterrupt", "", "KeyboardInterrupt."),
        (
            "PapermillException",
            "Missing parameter 'x'",
            "PapermillException: Missing parameter 'x'",
        ),
    ],
)
def test_an_error_becomes_one_sentence(kind, message, said):
    assert error_message(kind, message) == said


def test_a_claim_that_does_not_hold_fails_a_notebook_that_forgot_to_say_so():
    made = notebook()
    made.cells[1].outputs = [new_output("stream", name="stdout", text="✓ a\n✗ b [3]\n")]
    outcome = outcome_of(Job("02_x", "", {}), made, "", 1.0)
    assert (outcome.status, outcome.held, outcome.claims) == ("failed", 1, 2)
    assert outcome.reason == "1 of 2 claims failed: b"


@pytest.mark.parametrize("terminal", [False, True])
def test_names_and_reasons_are_shown_as_they_are(terminal):
    console = Console(file=io.StringIO(), width=100, highlight=False, force_terminal=terminal)
    outcome = Outcome("02_x[/b]", "failed", 1.0, reason="[red] :cat: failed")
    with ProgressUI([outcome.name], console) as progress:
        progress.tell(outcome.name, 0, 1)
        progress.ended(outcome)
    summary([outcome], console)
    doctor.show([doctor.Finding("disk[/i]", "note", "in [/b]", "[bold] do")], console)
    said = console.file.getvalue()
    assert said.count("02_x[/b]") >= 4 and said.count("[red] :cat: failed") == 2
    assert "disk[/i]" in said and "in [/b]" in said and "[bold] do" in said


def test_a_data_set_of_the_reader_is_known_by_its_files(tmp_path):
    file = tmp_path / "mine.npz"
    file.write_bytes(b"1")
    first = data_digest(str(file))
    file.write_bytes(b"12")
    assert first and data_digest(str(file)) != first
    assert data_digest("digits") == ""


def test_whatever_decides_the_result_is_in_the_configuration(tmp_path):
    file = tmp_path / "mine.npz"
    file.write_bytes(b"1")
    told = {"profile": "smoke", "dataset": str(file), "seed": 0, "device": "cpu"}
    first = configuration(notebook("1"), **told)
    others = [configuration(notebook("2"), **told)]
    for change in ({"profile": "full"}, {"dataset": "mnist"}, {"seed": 1}, {"device": "cuda"}):
        others.append(configuration(notebook("1"), **{**told, **change}))
    assert first == configuration(notebook("1"), **told)
    file.write_bytes(b"12")
    others.append(configuration(notebook("1"), **told))
    assert first not in others


def test_the_package_is_known_by_the_text_of_what_computes(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "__file__", str(tmp_path / "course" / "x.py"))
    digests = []
    for text in ("x = 1", "x = 2"):
        for place in ("data/x.py", "cli.py"):
            (tmp_path / place).parent.mkdir(exist_ok=True)
            (tmp_path / place).write_text(text)
            digests.append(package_digest.__wrapped__())
    assert digests[0] == digests[1] != digests[2] == digests[3]


def test_the_doctor_finds_this_machine_well_enough(notebooks, monkeypatch):
    monkeypatch.chdir(notebooks)
    findings = {finding.what: finding for finding in doctor.examine()}
    for what in ("python", "libraries", "tools", "disk", "kernel", "device", "data"):
        assert findings[what].state in ("ok", "note"), findings[what]


@pytest.mark.parametrize(
    ("patched", "value", "what"),
    [
        ("KERNEL", "no-such-kernel", "kernel"),
        ("ROOM", 10**9, "disk"),
        ("TOOLS", ("papermill", "no-such-tool"), "tools"),
    ],
)
def test_the_doctor_names_a_problem_with_its_remedy(monkeypatch, patched, value, what):
    monkeypatch.setattr(doctor, patched, value)
    (found,) = [f for f in doctor.examine() if f.what == what]
    assert found.state == "problem"
    assert found.remedy.endswith(".")


def test_a_path_reaches_the_notebook_absolute(tmp_path, monkeypatch, notebooks):
    """Notebooks run in their own folder, where a reader's relative path would mean another file."""
    images, labels = np.zeros((20, 28, 28), np.uint8), np.arange(20) % 10
    arrays = {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}
    np.savez(tmp_path / "mine.npz", **arrays)
    monkeypatch.chdir(tmp_path)
    options = checked(Options("smoke", "mine.npz", device="cpu"))
    job, _ = plan(all_lectures(notebooks), options)
    assert job.parameters is not None
    assert job.parameters["dataset"] == str(tmp_path / "mine.npz")
    assert job.cwd == str(notebooks)


def test_a_kernel_of_another_python_is_a_problem(tmp_path, monkeypatch):
    folder = tmp_path / "kernels" / "python3"
    folder.mkdir(parents=True)
    spec = {"argv": ["/another/bin/python", "-m", "x"], "display_name": "x", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    (found,) = [f for f in doctor.examine() if f.what == "kernel"]
    assert found.state == "problem" and "another Python" in found.remedy


def test_a_process_killed_from_outside_leaves_the_reason_in_the_cell_that_ran():
    made = notebook("while True: pass", "print(1)")
    for cell in made.cells[1:4]:
        cell.metadata["papermill"] = {"start_time": "2026-11-20T09:00:00"}
    text = outcome_of(
        Job("02_x", "", {}), made, "The notebook's process was stopped by signal 9.", 1.0
    ).text
    (failed,) = [c for c in nbformat.reads(text, 4).cells if c.get("outputs")]
    assert failed.source == "while True: pass"
    assert failed.outputs[0].evalue.startswith("The notebook's process was stopped by signal 9")
