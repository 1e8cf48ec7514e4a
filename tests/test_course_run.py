"""One run of many small notebooks, most of which fail, each in its own way."""

import json
from dataclasses import replace
from xml.etree import ElementTree

import nbformat
import pytest
from tiny import PICTURE, RECORD, printed, quiet, shelf

from coursekit.course.executor import environment
from coursekit.course.jobs import finished, plan
from coursekit.course.lectures import all_lectures
from coursekit.course.preflight import Options, checked
from coursekit.course.results import RUN
from coursekit.course.runner import run

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
        patch.delenv("COURSEKIT_THREADS", raising=False)  # replaying the notebooks sets it
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
