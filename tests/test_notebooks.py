"""The stored notebooks: executed, clean, in shape, and really compared by nbval."""

import ast
import os
import re
import subprocess
import symtable
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
from nbval.plugin import get_sanitize_patterns

from coursekit.course.results import broken, claims, unmeasured
from coursekit.teaching import MIME

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
CHECKED = "nbval-check-output"
MARKS = ("✓ ", "✗ ", "– ")
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


def test_it_is_stored_at_the_course_profile_on_its_own_data(notebook):
    (parameters,) = [cell for cell in code(notebook) if "parameters" in tags(cell)]
    values: dict[str, object] = {}
    exec(parameters.source, values)
    wanted = {"profile": "course", "seed": 0, "device": "auto"}
    assert wanted == {name: values[name] for name in wanted}
    assert values["dataset"] in ("mnist", "digits")
    said = "".join(text(cell) for cell in code(notebook))
    assert f"profile course, data {values['dataset']}, seed 0" in said


def test_its_metadata_is_clean(notebook, path):
    assert "widgets" not in notebook.metadata
    assert "papermill" not in notebook.metadata
    assert not [c for c in notebook.cells if "papermill" in c.metadata or "execution" in c.metadata]
    outputs = [o for cell in code(notebook) for o in cell.outputs]
    assert not [o for o in outputs if o.get("name") == "stderr"]
    assert not [
        o for o in outputs if "application/vnd.jupyter.widget-view+json" in o.get("data", {})
    ]
    assert path.stat().st_size < 6_000_000


def test_cells_are_short_and_hold_one_idea(notebook):
    for cell in code(notebook):
        assert len(cell.source.splitlines()) <= 20, cell.source


def names_read(table):
    """The global names that a function, and the functions within it, read."""
    own = {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
    return own.union(*map(names_read, table.get_children()))


def rebound_below_its_widget(sources):
    """Names that a widget reads when it is moved, and that a later cell gives to something else."""
    reads, watched, rebound = {}, set(), set()
    for source in sources:
        table = symtable.symtable(source, "a cell", "exec")
        rebound |= watched & {s.get_name() for s in table.get_symbols() if s.is_assigned()}
        reads |= {inner.get_name(): names_read(inner) for inner in table.get_children()}
        for call in ast.walk(ast.parse(source)):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "interact":
                waiting = {call.args[0].id}
                while waiting:
                    watched |= waiting
                    waiting = set().union(*(reads.get(name, ()) for name in waiting)) - watched
    return rebound


def test_no_cell_gives_away_a_name_that_a_widget_above_it_reads(notebook):
    plain = [re.sub("^%", "# %", cell.source, flags=re.MULTILINE) for cell in code(notebook)]
    assert sum("interact(" in source for source in plain) >= 1
    assert rebound_below_its_widget(plain) == set()


def test_the_check_above_can_fail():
    cells = ["row = {}\ndef shown(i): return row[i]\ndef play(i): return shown(i)"]
    cells += ["box = interact(play, controls)", "for row in table: print(row)"]
    assert rebound_below_its_widget(cells[:2]) == set()
    assert rebound_below_its_widget(cells) == {"row"}


def test_its_claims_stand_in_checked_cells_and_none_of_them_failed(notebook):
    for cell in code(notebook):
        if any(line[:2] in MARKS for line in text(cell).splitlines()):
            assert CHECKED in tags(cell), f"a claim outside a checked cell: {cell.source}"
    assert not broken(notebook) and all(claims(notebook).values())
    count, last = len(claims(notebook)) + len(unmeasured(notebook)), code(notebook)[-1]
    assert count >= 8
    closing = text(last).splitlines()[-1]
    assert closing.startswith((f"All {count} claims hold.", f"None of the {count} claims failed."))
    assert CHECKED in tags(last)


def test_a_lecture_with_findings_makes_at_most_twelve_claims_and_measures_most_of_them(notebook):
    source = "\n".join(cell.source for cell in code(notebook))
    if findings := len(re.findall(r"^finding\(", source, re.MULTILINE)):
        lines = [line for cell in code(notebook) for line in text(cell).splitlines()]
        assert len([line for line in lines if line[:2] in MARKS]) <= 12
        assert len(unmeasured(notebook)) <= findings / 3


def test_every_picture_has_alt_text(notebook):
    found = list(pictures(notebook))
    assert len(found) >= (5 if notebook.metadata.coursekit.number == START else 10)
    for mime, alt in found:
        known = ("image/png", "image/jpeg", "image/gif")
        assert mime in known, f"{mime} breaks strict comparison"
        assert len(alt.split()) >= 5


def test_every_part_of_a_lecture_is_there(notebook):
    """Predict → reveal, derive → show → prove, widget, exercises, paper beside ours, limits.

    The first page shows the same rhythm in miniature; what it has instead of a paper is a map and
    the way on.
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
    instead = ("map", "where to go next")
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


def test_the_cell_that_a_planted_bug_names_makes_a_claim(path, notebook):
    bugs = tomllib.loads((ROOT / "tests" / "guards" / f"{path.name[:2]}.toml").read_text())["bug"]
    claiming = {c.id for c in code(notebook) if re.search(r"^(check|finding)\(", c.source, re.M)}
    assert {bug["cell"] for bug in bugs if "cell" in bug} <= claiming


def nbval(notebook, path, tmp_path):
    """nbval over the part of a notebook that ends with its first claim, from a temporary copy."""
    copied = tmp_path / path.name
    nbformat.write(notebook, copied)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "--nbval-lax"]
    command += ["--nbval-current-env", "--rootdir", str(tmp_path), str(copied)]
    command += ["--nbval-sanitize-with", str(ROOT / "notebooks" / "sanitize.cfg")]
    settings = {"COURSEKIT_PROFILE": "smoke", "COURSEKIT_DATASET": "digits"}
    env = os.environ | settings | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)


def test_nbval_compares_the_sentence_of_a_claim_and_whether_it_failed():
    rules = get_sanitize_patterns((ROOT / "notebooks" / "sanitize.cfg").read_text("utf-8"))

    def sanitised(output):
        for pattern, replacement in rules:
            output = re.sub(pattern, replacement, output)
        return output

    printed = """\
✓ A holds [0.61 ± 0.02, n = 5]
– B holds [not measured here]
✗ C holds [0.4]
✓ D holds on [0, 1] too
– an item of a list
x = [1, 2]
None of the 4 claims failed. [2 held, 1 not measured here]
"""
    assert sanitised(printed).splitlines() == [
        "✓ A holds",
        "✓ B holds",
        "✗ C holds",
        "✓ D holds on [0, 1] too",
        "– an item of a list",
        "x = [1, 2]",
        "None of the 4 claims failed.",
    ]


def test_editing_one_checked_line_makes_nbval_fail(tmp_path):
    path = NOTEBOOKS[0]  # the tags that it needs are tested in all
    short = nbformat.read(path, 4)
    last = next(i for i, c in enumerate(short.cells) if c.get("outputs") and "✓ " in text(c))
    short.cells = [c for c in short.cells[: last + 1] if c.cell_type == "code"]
    for output in short.cells[-1].outputs:
        if output.output_type == "stream":
            output.text = output.text.replace("✓ ", "✗ ", 1)
    failed = nbval(short, path, tmp_path)
    assert failed.returncode == 1, "nbval did not see an edited claim"
    assert "1 failed" in failed.stdout, failed.stdout  # and nothing else
