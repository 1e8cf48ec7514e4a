"""Refreshing stored notebooks: executed, clean, the same twice, and untouched if one fails."""

import nbformat
import pytest
from tiny import printed, quiet, shelf

from coursekit.__main__ import main
from coursekit.course import refresh
from coursekit.course.lectures import clean, code_cells, find_lectures, notebook_text
from coursekit.teaching import MIME

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
    noisy, failing = (lecture.path for lecture in find_lectures([], notebooks))
    before = failing.read_bytes()
    readme = tmp_path / "README.md"
    readme.write_text("<!-- lectures: begin -->\n<!-- lectures: end -->\n")
    console = quiet()
    outcomes = refresh.refresh([], console, notebooks=notebooks)
    assert {o.name: o.status for o in outcomes} == {"02_noisy": "done", "03_fails": "failed"}
    assert failing.read_bytes() == before
    assert "[02 · Tiny | <T>](notebooks/02_noisy.ipynb)" in readme.read_text()
    assert "ZeroDivisionError: division by zero" in console.file.getvalue()

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
    assert refresh.faults(find_lectures(["02"], notebooks)[0]) == []

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
    assert refresh.clean_stored(find_lectures(["02"], notebooks)[0])
    assert "widgets" not in nbformat.read(path, 4).metadata
    assert not refresh.clean_stored(find_lectures(["02"], notebooks)[0])


def test_one_unclean_notebook_among_others_fails_the_check_until_it_is_cleaned(tmp_path):
    notebooks = shelf(tmp_path, n02_unclean=["1"], n03_good=["1"])
    for lecture in find_lectures([], notebooks):
        made = nbformat.read(lecture.path, 4)
        for count, cell in enumerate(code_cells(made), 1):
            cell.execution_count = count
        tidied = clean(made)
        if lecture.number == "02":
            tidied.metadata["widgets"] = {}
        lecture.path.write_text(notebook_text(tidied))

    def code(option):
        with pytest.raises(SystemExit) as caught:
            main(["refresh", option, "--notebooks", str(notebooks)])
        return int(caught.value.code or 0)

    assert [code(option) for option in ("--check", "--clean", "--check")] == [1, 0, 0]
