"""The stored notebooks: executed, clean, in shape, and really compared by nbval."""

import copy
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest

from coursekit.teaching import MIME

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
CHECKED = "nbval-check-output"
START = (
    "00"  # the first page: run, checked and guarded like a lecture, but not one in all its parts
)


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture(scope="module")
def notebook(path):
    return nbformat.read(path, 4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def tags(cell):
    return cell.metadata.get("tags", [])


def text(cell):
    return "".join(o.text for o in cell.outputs if o.output_type == "stream")


def pictures(notebook):
    """(mime, alt text) of every stored picture."""
    for cell in code(notebook):
        for output in cell.outputs:
            for mime in output.get("data", {}):
                if mime.startswith("image/"):
                    yield mime, output.metadata.get(mime, {}).get("alt", "")


def test_there_are_notebooks():
    assert {"02", "03", "07"} <= {path.name[:2] for path in NOTEBOOKS}


def test_it_is_stored_executed_in_order_without_errors(notebook):
    counts = [cell.execution_count for cell in code(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    assert not [o for cell in code(notebook) for o in cell.outputs if o.output_type == "error"]


def test_it_is_stored_at_the_course_profile_on_the_embedded_data(notebook):
    (parameters,) = [cell for cell in code(notebook) if "parameters" in tags(cell)]
    values: dict[str, object] = {}
    exec(parameters.source, values)
    wanted = {"profile": "course", "dataset": "digits", "seed": 0, "device": "auto"}
    assert wanted == {name: values[name] for name in wanted}
    said = "".join(text(cell) for cell in code(notebook))
    assert "profile course, data digits, seed 0" in said


def test_its_metadata_is_clean(notebook, path):
    assert "widgets" not in notebook.metadata
    assert "papermill" not in notebook.metadata
    assert not [c for c in notebook.cells if "papermill" in c.metadata or "execution" in c.metadata]
    outputs = [o for cell in code(notebook) for o in cell.outputs]
    assert not [o for o in outputs if o.get("name") == "stderr"]
    assert not [
        o for o in outputs if "application/vnd.jupyter.widget-view+json" in o.get("data", {})
    ]
    assert path.stat().st_size < 3_000_000


def test_cells_are_short_and_hold_one_idea(notebook):
    for cell in code(notebook):
        assert len(cell.source.splitlines()) <= 20, cell.source


def test_at_least_ten_claims_are_checked_and_all_of_them_hold(notebook):
    claims = []
    for cell in code(notebook):
        lines = [line for line in text(cell).splitlines() if line[:2] in ("✓ ", "✗ ")]
        if lines:
            assert CHECKED in tags(cell), f"a claim outside a checked cell: {lines[0]}"
        claims += lines
    assert len(set(claims)) >= 10
    assert all(line.startswith("✓ ") for line in claims)
    assert f"All {len(set(claims))} claims hold." in text(code(notebook)[-1])
    assert CHECKED in tags(code(notebook)[-1])


def test_claims_print_no_measured_number(notebook):
    """A decimal in a checked claim would tie the test to one machine."""
    for cell in code(notebook):
        for line in text(cell).splitlines():
            if line.startswith("✓ "):
                assert "measured" not in line


def test_every_picture_has_alt_text(notebook):
    found = list(pictures(notebook))
    assert len(found) >= (5 if notebook.metadata.coursekit.number == START else 10)
    for mime, alt in found:
        assert mime in ("image/png", "image/gif"), f"{mime} breaks strict comparison"
        assert len(alt.split()) >= 5


def test_every_part_of_a_lecture_is_there(notebook):
    """Predict → reveal, derive → show → prove, widget, exercises, paper beside ours, limits.

    The first page shows the same rhythm in miniature; what it has instead of a paper is a map, the
    notation, a glossary and the way on.
    """
    source = "\n".join(cell.source for cell in notebook.cells)
    for call in (
        "start(",
        "lab.choose(",
        "show_source(",
        "check(",
        "reveal(",
        "interact(",
        "record(",
    ):
        assert call in source, f"{call} is missing"
    for call in (".grade(", ".hint(", "all_checks_hold()"):
        assert call in source, f"{call} is missing"
    headings = " ".join(re.findall(r"^#+ (.*)$", source, re.MULTILINE)).lower()
    instead = ("map", "machine", "notation", "glossary", "where to go next")
    first = notebook.metadata.coursekit.number == START
    for part in ("exercise", "limits", "references", *(instead if first else ("paper",))):
        assert part in headings, f"no section on {part}"
    assert "<details>" in source
    assert any(MIME in o.get("data", {}) for cell in code(notebook) for o in cell.outputs)


def test_four_planted_bugs_are_specified_and_their_text_is_found(path):
    bugs = tomllib.loads((ROOT / "tests" / "guards" / f"{path.name[:2]}.toml").read_text())["bug"]
    assert len(bugs) >= 4
    for bug in bugs:
        assert (ROOT / bug["file"]).read_text().count(bug["find"]) == 1, bug["name"]
        assert bug["find"] != bug["replace"]


def nbval(notebook, path, tmp_path):
    """nbval over the part of a notebook that ends with its first claim, from a temporary copy."""
    copied = tmp_path / path.name
    nbformat.write(notebook, copied)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "--nbval-lax"]
    command += ["--nbval-current-env", "--rootdir", str(tmp_path), str(copied)]
    env = os.environ | {"COURSEKIT_PROFILE": "smoke", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)


def test_editing_one_checked_line_makes_nbval_fail(notebook, path, tmp_path):
    short = copy.deepcopy(notebook)
    last = next(i for i, c in enumerate(short.cells) if c.get("outputs") and "✓ " in text(c))
    short.cells = [c for c in short.cells[: last + 1] if c.cell_type == "code"]
    passed = nbval(short, path, tmp_path)
    assert passed.returncode == 0, passed.stdout
    for output in short.cells[-1].outputs:
        if output.output_type == "stream":
            output.text = output.text.replace("✓ ", "✗ ", 1)
    failed = nbval(short, path, tmp_path)
    assert failed.returncode == 1, "nbval did not see an edited claim"
    assert "1 failed" in failed.stdout
