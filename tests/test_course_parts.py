"""The parts of a run that need no process: names, slots, sentences, cleaning, the report."""

import base64
import copy
import json
import re
from xml.etree import ElementTree

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_output
from tiny import notebook, quiet, shelf

from coursekit.course import doctor, executor, jobs
from coursekit.course.executor import error_message, outcome_of
from coursekit.course.jobs import Job, Outcome, configuration, data_digest, package_digest, plan
from coursekit.course.lectures import (
    WIDGET_VIEW,
    all_lectures,
    clean,
    find_lectures,
    notebook_text,
)
from coursekit.course.preflight import Options, checked
from coursekit.course.refresh import faults
from coursekit.course.results import (
    RUN,
    claims,
    collect,
    glance,
    opened,
    write_junit,
    write_report,
)
from coursekit.course.runner import ProgressUI, summary
from coursekit.errors import CourseError
from coursekit.lab import Lab
from coursekit.teaching import MIME

VIEW = {"version_major": 2, "version_minor": 0, "model_id": "abc"}


@pytest.fixture
def notebooks(tmp_path):
    return shelf(tmp_path / "nb", n02_gan_theory=["1"], n07_attacks=["2"])


@pytest.mark.parametrize("name", ["02", "2", "02_gan_theory", "02_gan_theory.ipynb"])
def test_a_notebook_is_found_by_number_name_or_path(notebooks, name):
    assert [lecture.name for lecture in find_lectures([name], notebooks)] == ["02_gan_theory"]
    path = str(notebooks / "07_attacks.ipynb")
    named = [lecture.name for lecture in find_lectures([path, name, "7"], notebooks)]
    assert named == ["07_attacks", "02_gan_theory"]  # in the order asked for, each once


def test_the_catalogue_is_what_the_notebooks_say(notebooks):
    first, second = all_lectures(notebooks)
    assert (first.number, first.title, first.question) == ("02", "Tiny | <T>", "Why?")
    assert first.minutes == {"smoke": 0.5, "course": 4.0, "full": 10.0}
    assert find_lectures([], notebooks) == [first, second]


def test_a_notebook_that_does_not_say_what_it_is_or_is_cut_off(notebooks):
    path = notebooks / "07_attacks.ipynb"
    made = notebook(number="07")
    del made.metadata["coursekit"]["question"]
    nbformat.write(made, path)
    with pytest.raises(CourseError, match=r"coursekit\.question"):
        all_lectures(notebooks)
    for minutes in ("five", {"smoke": "x"}, {"smoke": None}):
        made = notebook(number="07")
        made.metadata["coursekit"]["minutes"] = minutes
        nbformat.write(made, path)
        with pytest.raises(CourseError, match=r"coursekit\.minutes .* smoke, course, full"):
            all_lectures(notebooks)
    path.write_text(path.read_text()[:200])
    with pytest.raises(CourseError, match="not a whole notebook"):
        all_lectures(notebooks)


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
    monkeypatch.delenv("COURSEKIT_THREADS", raising=False)
    assert executor.width(None, 3, []) == 3  # no more than there are notebooks
    assert executor.width(None, 20, []) == 8
    assert executor.width(None, 20, ["0", "1"]) == 2
    assert executor.width(5, 20, ["0", "1"]) == 5
    assert [executor.threads_each(n) for n in (1, 3, 8, 20)] == [8, 2, 1, 1]
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


def test_the_opening_line_is_the_one_that_lab_prints():
    import torch

    line = str(Lab("smoke", "/my data/cats, dogs.npz", 3, torch.device("cpu")))
    made = notebook()
    made.cells[1].outputs = [new_output("stream", name="stdout", text=line + "\n")]
    read = opened(made)
    assert (read["profile"], read["dataset"], read["seed"]) == (
        "smoke",
        "/my data/cats, dogs.npz",
        "3",
    )
    assert read["device"].startswith("cpu (")


def test_claims_are_read_as_check_prints_them(capsys):
    from coursekit.teaching import check

    check("tests: two is even", True)
    check("tests: three is even", False, measured=3)
    made = notebook()
    text = capsys.readouterr().out
    made.cells[1].outputs = [new_output("stream", name="stdout", text=text)]
    assert claims(made) == {"tests: two is even": True, "tests: three is even": False}


def test_a_claim_that_does_not_hold_fails_a_notebook_that_forgot_to_say_so():
    made = notebook()
    made.cells[1].outputs = [new_output("stream", name="stdout", text="✓ a\n✗ b  (measured: 3)\n")]
    outcome = outcome_of(Job("02_x", "", {}), made, "", 1.0)
    assert (outcome.status, outcome.held, outcome.claims) == ("failed", 1, 2)
    assert outcome.reason == "1 of 2 claims failed: b"


def test_names_and_reasons_are_shown_as_they_are():
    console = quiet()
    outcome = Outcome("02_x[/b]", "failed", 1.0, reason="[red] :cat: failed")
    with ProgressUI([outcome.name], console) as progress:
        progress.tell(outcome.name, 0, 1)
        progress.ended(outcome)
    summary([outcome], console)
    doctor.show([doctor.Finding("disk[/i]", "note", "in [/b]", "[bold] do")], console)
    said = console.file.getvalue()
    assert said.count("02_x[/b]") == 4 and said.count("[red] :cat: failed") == 2
    assert "disk[/i]" in said and "in [/b]" in said and "[bold] do" in said


def test_what_was_not_measured_is_listed_in_the_report_and_skipped_in_junit(tmp_path):
    made = of_seed(0, 1.0, True)
    made.cells[1].outputs[0].text += "– B is larger  [not measured here]\n– C \x1b\x00 too\n"
    nbformat.write(made, tmp_path / "02_x.ipynb")
    write_report(tmp_path)
    (told,) = json.loads((tmp_path / "report.json").read_text())["runs"]
    assert told["unmeasured"] == ["B is larger", "C \x1b\x00 too"]
    write_junit(tmp_path, ["02_x"], tmp_path / "junit.xml")
    (suite,) = ElementTree.parse(tmp_path / "junit.xml").getroot()
    cases = [(case.get("name"), [part.tag for part in case]) for case in suite]
    assert cases == [("02_x", []), ("B is larger", ["skipped"]), ("C �� too", ["skipped"])]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "0", "2")


def executed():
    """A notebook as papermill leaves it, with everything in it that `clean` removes."""
    made = notebook("print(1)")
    injected = nbformat.v4.new_code_cell("seed = 1", metadata={"tags": ["injected-parameters"]})
    made.cells.insert(2, injected)
    for count, cell in enumerate((c for c in made.cells if c.cell_type == "code"), 1):
        cell.execution_count = count
        cell.metadata["papermill"] = {"duration": 0.1}
        cell.metadata["execution"] = {"iopub.status.busy": "2026"}
    stream, display = "stream", "display_data"
    made.cells[-1].outputs = [
        new_output(stream, name="stdout", text="a\n"),
        new_output(stream, name="stdout", text="b <X object at 0x7f3a2b1c9d10>\n"),
        new_output(stream, name="stderr", text="50%|#####"),
        new_output(display, data={WIDGET_VIEW: VIEW, "text/plain": "  0%| 0/100"}),
        new_output(display, data={WIDGET_VIEW: VIEW, "image/png": "AAAA", "text/plain": "alt"}),
    ]
    made.metadata |= {"widgets": {"x": 1}, "papermill": {}, RUN: {}}
    made.metadata["language_info"] = {"name": "python", "version": "3.11.7"}
    return made


def test_cleaning_removes_what_depends_on_clock_and_machine():
    made = executed()
    before = copy.deepcopy(made)
    tidied = clean(made)
    assert made == before, "the notebook that was given stays as it was"
    assert set(tidied.metadata) == {"coursekit", "kernelspec", "language_info"}
    assert "version" not in tidied.metadata.language_info
    assert [cell.id for cell in tidied.cells] == ["title", "cell-0", "cell-1", "cell-2"]
    assert all(set(cell.metadata) <= {"tags"} for cell in tidied.cells)
    printed, picture = tidied.cells[-1].outputs
    assert printed.text == "a\nb <X object>\n"
    assert picture.data == {"image/png": "AAAA", "text/plain": "alt"}
    assert notebook_text(clean(tidied)) == notebook_text(tidied)
    nbformat.validate(tidied)


def test_a_stored_notebook_is_told_its_faults(tmp_path):
    path = tmp_path / "02_x.ipynb"
    made = clean(executed())
    for count, cell in enumerate((c for c in made.cells if c.cell_type == "code"), 1):
        cell.execution_count = count
    path.write_text(notebook_text(made))
    assert faults(find_lectures([str(path)], tmp_path)[0]) == []
    made.cells[-1].execution_count = 9
    made.cells[-1].outputs = [new_output("error", ename="E", evalue="e", traceback=[])]
    made.metadata["widgets"] = {}
    path.write_text(notebook_text(made))
    said = " ".join(faults(find_lectures([str(path)], tmp_path)[0]))
    assert "not executed" in said and "error" in said and "not clean" in said


def of_seed(seed, ours, held, profile="smoke"):
    """An executed notebook that recorded `ours`, and whose claim held or not."""
    made = notebook()
    row = {"claim": "FID", "ours": ours, "spread": 0.1, "n": 3, "paper": "—"}
    data = {MIME: {**row, "source": "", "unit": "non-EMA"}, "text/plain": ""}
    line = f"profile {profile}, data digits, seed {seed}, cpu\n{'✓' if held else '✗'} a claim\n"
    made.cells[1].outputs = [
        new_output("stream", name="stdout", text=line),
        new_output("display_data", data=data),
    ]
    told = {"profile": profile, "dataset": "digits", "seed": seed, "status": "done"}
    made.metadata[RUN] = {**told, "seconds": 10.0 + seed, "finished": f"2026-01-0{seed + 1}"}
    return made


def test_the_report_gives_the_spread_over_seeds(tmp_path):
    for seed, ours, held in ((0, 10.0, True), (1, 12.0, True), (2, 14.0, False)):
        nbformat.write(of_seed(seed, ours, held), tmp_path / f"02_x-seed{seed}.ipynb")
    nbformat.write(of_seed(0, -5.0, True, "course"), tmp_path / "02_x.ipynb")
    write_report(tmp_path)
    data = json.loads((tmp_path / "report.json").read_text())
    course, check, smoke, checks = data["table"]
    assert (course["ours"], course["n"], course["profile"]) == ("−5 ± 0.1 non-EMA", 3, "course")
    assert check["ours"] == "✓ holds"
    assert smoke["ours"] == "12 ± 1.2 non-EMA"  # standard error of 10, 12, 14: 2 / √3
    assert (smoke["n"], smoke["seeds"], smoke["values"]) == (9, 3, [10.0, 12.0, 14.0])
    assert smoke["seconds"] == 11.0
    assert (checks["ours"], checks["held"], checks["n"]) == ("✗ holds in 2 of 3", 2, 3)
    assert len(data["runs"]) == 4
    page = (tmp_path / "report.html").read_text()
    assert "3 of 4 checks passed." in page
    assert "4 of 4 runs done, 1 lecture," in page
    assert re.search(r"<td[^>]*>0 to 2</td>", page)
    assert page.count("<details open>") == 1, "claims that failed stand open, others fold"
    assert re.search(r'class="bad">✗ [^<]+: holds in 2 of 3', page)


def test_a_record_or_picture_that_is_not_whole_is_named_and_nothing_written(tmp_path):
    made = of_seed(0, 1.0, True)
    del made.cells[1].outputs[1].data[MIME]["ours"]
    nbformat.write(made, tmp_path / "02_x.ipynb")
    with pytest.raises(CourseError, match="02_x.ipynb holds a recorded figure without ours"):
        write_report(tmp_path)
    made = of_seed(0, 1.0, True)
    broken = new_output("display_data", data={"image/png": base64.b64encode(b"no").decode()})
    broken.metadata = {"image/png": {"alt": "Two curves"}}
    made.cells[1].outputs.append(broken)
    nbformat.write(made, tmp_path / "02_x.ipynb")
    with pytest.raises(CourseError, match="The figure 'Two curves' is no picture"):
        write_report(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["02_x.ipynb"]


@pytest.mark.parametrize(("held", "status"), [(True, "done"), (True, "failed"), (False, "done")])
def test_all_is_good_only_if_every_run_ended_well_and_every_claim_held(tmp_path, held, status):
    made = of_seed(0, 1.0, held)
    made.metadata[RUN]["status"] = status
    nbformat.write(made, tmp_path / "02_x.ipynb")
    good = glance(collect(tmp_path))["good"]
    assert good == (held and status == "done")


def test_the_same_seed_twice_counts_once_the_newest(tmp_path):
    nbformat.write(of_seed(0, 1.0, True), tmp_path / "02_x.ipynb")
    later = of_seed(0, 2.0, True)
    later.metadata[RUN]["finished"] = "2026-02-01"
    nbformat.write(later, tmp_path / "02_x-seed0.ipynb")
    write_report(tmp_path)
    rows = json.loads((tmp_path / "report.json").read_text())["table"]
    assert [row["value"] for row in rows if row["kind"] == "figure"] == [2.0]


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
        for room in ("data", "cli"):
            (tmp_path / room).mkdir(exist_ok=True)
            (tmp_path / room / "x.py").write_text(text)
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
