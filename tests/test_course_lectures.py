"""The stored notebooks: found by name, clean, refreshed all or not at all, the same twice."""

import copy

import nbformat
import pytest
from nbformat.v4 import new_output
from tiny import notebook, printed, quiet, shelf

from coursekit.__main__ import main
from coursekit.course import lectures, refresh
from coursekit.course.refresh import faults
from coursekit.course.results import RUN
from coursekit.errors import CourseError
from coursekit.teaching import MIME

VIEW = {"version_major": 2, "version_minor": 0, "model_id": "abc"}


@pytest.fixture
def notebooks(tmp_path):
    return shelf(tmp_path / "nb", n02_gan_theory=["1"], n07_attacks=["2"])


@pytest.mark.parametrize("name", ["02", "2", "02_gan_theory", "02_gan_theory.ipynb"])
def test_a_notebook_is_found_by_number_name_or_path(notebooks, name):
    assert [lecture.name for lecture in lectures.find_lectures([name], notebooks)] == [
        "02_gan_theory"
    ]
    path = str(notebooks / "07_attacks.ipynb")
    named = [lecture.name for lecture in lectures.find_lectures([path, name, "7"], notebooks)]
    assert named == ["07_attacks", "02_gan_theory"]  # in the order asked for, each once


def test_an_appendix_is_run_if_it_is_named(notebooks):
    path = shelf(notebooks, n02_more=["3"]) / "02_more.ipynb"
    text = path.read_text().replace('"number": "02"', '"number": "02a"')
    (notebooks / "02a_more.ipynb").write_text(text)
    path.unlink()
    names = [lecture.name for lecture in lectures.find_lectures(["02a", "2"], notebooks)]
    assert names == ["02a_more", "02_gan_theory"]
    assert "02a_more" not in [lecture.name for lecture in lectures.find_lectures([], notebooks)]


def test_the_catalogue_is_what_the_notebooks_say(notebooks):
    first, second = lectures.all_lectures(notebooks)
    assert (first.number, first.title, first.question) == ("02", "Tiny | <T>", "Why?")
    assert first.minutes == {"smoke": 0.5, "course": 4.0, "full": 10.0}
    assert lectures.find_lectures([], notebooks) == [first, second]


def test_a_notebook_that_does_not_say_what_it_is_or_is_cut_off(notebooks):
    path = notebooks / "07_attacks.ipynb"
    made = notebook(number="07")
    del made.metadata["coursekit"]["question"]
    nbformat.write(made, path)
    with pytest.raises(CourseError, match=r"coursekit\.question"):
        lectures.all_lectures(notebooks)
    for minutes in ("five", {"smoke": "x"}, {"smoke": None}):
        made = notebook(number="07")
        made.metadata["coursekit"]["minutes"] = minutes
        nbformat.write(made, path)
        with pytest.raises(CourseError, match=r"coursekit\.minutes .* smoke, course, full"):
            lectures.all_lectures(notebooks)
    path.write_text(path.read_text()[:200])
    with pytest.raises(CourseError, match="not a whole notebook"):
        lectures.all_lectures(notebooks)


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
        new_output(display, data={lectures.WIDGET_VIEW: VIEW, "text/plain": "  0%| 0/100"}),
        new_output(
            display, data={lectures.WIDGET_VIEW: VIEW, "image/png": "AAAA", "text/plain": "alt"}
        ),
    ]
    made.metadata |= {"widgets": {"x": 1}, "papermill": {}, RUN: {}}
    made.metadata["language_info"] = {"name": "python", "version": "3.11.7"}
    return made


def test_cleaning_removes_what_depends_on_clock_and_machine():
    made = executed()
    before = copy.deepcopy(made)
    tidied = lectures.clean(made)
    assert made == before, "the notebook that was given stays as it was"
    assert set(tidied.metadata) == {"coursekit", "kernelspec", "language_info"}
    assert "version" not in tidied.metadata.language_info
    assert [cell.id for cell in tidied.cells] == ["title", "cell-0", "cell-1", "cell-2"]
    assert all(set(cell.metadata) <= {"tags"} for cell in tidied.cells)
    printed, picture = tidied.cells[-1].outputs
    assert printed.text == "a\nb <X object>\n"
    assert picture.data == {"image/png": "AAAA", "text/plain": "alt"}
    assert lectures.notebook_text(lectures.clean(tidied)) == lectures.notebook_text(tidied)
    nbformat.validate(tidied)


def test_a_stored_notebook_is_told_its_faults(tmp_path):
    path = tmp_path / "02_x.ipynb"
    made = lectures.clean(executed())
    for count, cell in enumerate((c for c in made.cells if c.cell_type == "code"), 1):
        cell.execution_count = count
    path.write_text(lectures.notebook_text(made))
    assert faults(lectures.find_lectures([str(path)], tmp_path)[0]) == []
    made.cells[-1].execution_count = 9
    made.cells[-1].outputs = [new_output("error", ename="E", evalue="e", traceback=[])]
    made.metadata["widgets"] = {}
    path.write_text(lectures.notebook_text(made))
    said = " ".join(faults(lectures.find_lectures([str(path)], tmp_path)[0]))
    assert "not executed" in said and "error" in said and "not clean" in said


NOISY = """
import sys
from tqdm.auto import tqdm
for i in tqdm(range(3)):
    print("step", i, flush=True)
print("a warning", file=sys.stderr)
"""


WIDGET = """
import ipywidgets as widgets
from IPython.display import display
slider = widgets.IntSlider()
view = {"version_major": 2, "version_minor": 0, "model_id": slider.model_id}
still = {"image/png": "iVBORw0KGgo=", "text/plain": "a still picture"}
display({"application/vnd.jupyter.widget-view+json": view, **still}, raw=True)
object()
"""


def test_refreshed_twice_it_is_the_same_text_and_a_failing_one_stays(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSEKIT_PROFILE", "smoke")  # stored is what the parameters cell says
    notebooks = shelf(tmp_path / "nb", n02_noisy=[NOISY, WIDGET], n03_fails=["1 / 0"])
    noisy, failing = (lecture.path for lecture in lectures.find_lectures([], notebooks))
    before = failing.read_bytes()
    readme = tmp_path / "README.md"
    marks = [f"<!-- {name}: begin -->\n<!-- {name}: end -->\n" for name in ("lectures", "results")]
    readme.write_text("".join(marks))
    console = quiet()
    outcomes = refresh.refresh([], console, notebooks=notebooks)
    said = console.file.getvalue()
    assert {o.name: o.status for o in outcomes} == {"02_noisy": "done", "03_fails": "failed"}, said
    assert failing.read_bytes() == before
    assert "[02 · Tiny | <T>](notebooks/02_noisy.ipynb)" in readme.read_text()
    assert "results: begin -->\n| no. | measured |" in readme.read_text()
    assert "ZeroDivisionError: division by zero" in said

    first = noisy.read_text()
    made = nbformat.read(noisy, 4)
    assert printed(made).endswith("step 0\nstep 1\nstep 2\n")
    assert "profile course, data digits, seed 0" in printed(made)
    outputs = [o for cell in made.cells for o in cell.get("outputs", [])]
    assert [o.output_type for o in outputs] == [
        "stream",
        "stream",
        "display_data",
        "execute_result",
    ]
    assert refresh.faults(lectures.find_lectures(["02"], notebooks)[0]) == []

    refresh.refresh(["02"], quiet(), notebooks=notebooks)
    assert noisy.read_text() == first
    assert {path.name for path in notebooks.iterdir()} == {noisy.name, failing.name}

    with pytest.raises(SystemExit) as caught:
        main(["refresh", "--check", "--notebooks", str(notebooks)])
    assert caught.value.code == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "02_noisy: executed and clean."
    assert said[1].startswith("03_fails: it was not executed from top to bottom")


def test_clean_without_executing(tmp_path):
    notebooks = shelf(tmp_path / "nb", n02_x=["1"])
    path = notebooks / "02_x.ipynb"
    made = nbformat.read(path, 4)
    made.metadata["widgets"] = {MIME: {}}
    nbformat.write(made, path)
    assert refresh.clean_stored(lectures.find_lectures(["02"], notebooks)[0])
    assert "widgets" not in nbformat.read(path, 4).metadata
    assert not refresh.clean_stored(lectures.find_lectures(["02"], notebooks)[0])


def test_one_unclean_notebook_among_others_fails_the_check_until_it_is_cleaned(tmp_path):
    notebooks = shelf(tmp_path, n02_unclean=["1"], n03_good=["1"])
    for lecture in lectures.find_lectures([], notebooks):
        made = nbformat.read(lecture.path, 4)
        for count, cell in enumerate(lectures.code_cells(made), 1):
            cell.execution_count = count
        tidied = lectures.clean(made)
        if lecture.number == "02":
            tidied.metadata["widgets"] = {}
        lecture.path.write_text(lectures.notebook_text(tidied))

    def code(option):
        with pytest.raises(SystemExit) as caught:
            main(["refresh", option, "--notebooks", str(notebooks)])
        return int(caught.value.code or 0)

    assert [code(option) for option in ("--check", "--clean", "--check")] == [1, 0, 0]
