"""The harness of the planted bugs tells a caught bug from one that slips by or proves nothing."""

import shutil
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = "99_tiny.ipynb"
CELLS = (
    "from coursekit.teaching.checks import all_checks_hold, check",
    "from coursekit.sums import twice",
    "check('Twice nothing is nothing', twice(0) == 0)",  # a cell that ends with a value
    "check('Twice two is four', twice(2) == 4)",
    "all_checks_hold()",
)


@pytest.fixture
def guards(tmp_path, monkeypatch):
    """The harness, turned on a course of one notebook."""
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "guards"))
    monkeypatch.delitem(sys.modules, "run", raising=False)
    import run

    (tmp_path / "coursekit" / "teaching").mkdir(parents=True)
    for name in ("errors.py", "lab.py", "teaching/checks.py"):
        shutil.copy(ROOT / "coursekit" / name, tmp_path / "coursekit" / name)
    for name in ("__init__.py", "teaching/__init__.py"):
        (tmp_path / "coursekit" / name).touch()
    (tmp_path / "coursekit" / "sums.py").write_text("def twice(x):\n    return 2 * x\n")
    (tmp_path / "notebooks").mkdir()
    cells = [nbformat.v4.new_code_cell(source, id=f"c{i}") for i, source in enumerate(CELLS)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / NOTEBOOK)
    monkeypatch.setattr(run, "ROOT", tmp_path)
    return run


def verdict(guards, find="", replace="", cell="", file="coursekit/sums.py"):
    file *= bool(find)
    one = guards.judge(guards.Bug(NOTEBOOK, "a bug", file, find, replace, cell))
    return one.good, one.said


def test_the_unbroken_package_passes(guards):
    assert verdict(guards) == (True, "passes, as it must")


def test_a_control_that_fails_is_no_control(guards, tmp_path):
    (tmp_path / "coursekit" / "sums.py").write_text("def twice(x):\n    return x\n")
    good, said = verdict(guards)
    assert not good and said.startswith("FAILS: ✗ Twice two is four")


def test_a_control_that_checks_nothing_is_no_control(guards, tmp_path):
    made = nbformat.read(tmp_path / "notebooks" / NOTEBOOK, 4)
    del made.cells[2:4]
    nbformat.write(made, tmp_path / "notebooks" / NOTEBOOK)
    assert verdict(guards) == (False, "FAILS: ClaimFailed: No claim was checked.")


def test_a_claim_that_fails_catches_the_bug(guards):
    good, said = verdict(guards, "2 * x", "3 * x")
    assert good and said == "caught by 1: ✗ Twice two is four"


def test_a_refusal_of_the_package_catches_the_bug(guards):
    good, said = verdict(guards, "return 2 * x", "raise ValueError('no')")
    assert good and said == "caught by 1: ValueError: no"


@pytest.mark.parametrize(
    ("replace", "why"),
    [
        ("x + x", "NOT CAUGHT"),
        ("2 * y", "NOT A FAIR TEST: NameError"),
        ("2 *", "NOT A FAIR TEST: SyntaxError"),
        ("0\n        x", "NOT A FAIR TEST: IndentationError"),
        ("y; y = x", "NOT A FAIR TEST: UnboundLocalError"),
        ("__import__('os')._exit(3)", "NOT A FAIR TEST: the process died with exit code 3"),
    ],
)
def test_what_proves_nothing_is_no_catch(guards, replace, why):
    good, said = verdict(guards, "2 * x", replace)
    assert not good and said.startswith(why)


def test_a_text_that_is_not_there_is_told(guards):
    good, said = verdict(guards, "4 * x", "x")
    assert not good and "stands 0 times in coursekit/sums.py" in said


def test_a_slice_keeps_what_the_checks_depend_on(guards):
    import slicing

    cells = [
        "import torch\nimport unused\nlab = start('smoke')",
        "@torch.no_grad()\ndef loss(model):\n    return model(x)\n\n\nx = torch.ones(1)",
        "G, D = pair()\nlooked_at = G(x)\nshow(draw(G))",
        "history = fit(G, loss)\nrows = []\nfor i in range(3):\n    rows.append(G(i))",
        "finding('F', D(x) > 0)\nG.weight[0] = 1\ncheck('C', loss(G) == len(rows))\nprint(rows)",
    ]
    assert slicing.checks_alone(cells) == [
        "import torch",
        "@torch.no_grad()\ndef loss(model):\n    return model(x)\nx = torch.ones(1)",
        "G, D = pair()",
        "history = fit(G, loss)\nrows = []\nfor i in range(3):\n    rows.append(G(i))",
        "G.weight[0] = 1\ncheck('C', loss(G) == len(rows))",
    ]


def test_a_slice_keeps_the_training_during_which_a_function_collects_what_is_claimed(guards):
    import slicing

    spy = "seen = []\ndef spy(x):\n    seen.append(x)"
    how = "how = {'watch': spy}\nfit(model, **how)\nother = 2"
    cells = ["fit(early, 1)", spy, how, "check('seen', seen)"]
    assert slicing.claims_of(cells, 3) == [
        spy,
        "how = {'watch': spy}\nfit(model, **how)",
        "check('seen', seen)",
    ]


def test_a_slice_for_one_cell_keeps_what_its_claims_depend_on(guards):
    import slicing

    cells = [
        "a = start()\nb = start()",
        "check('A', a)\nfit(b)\nrows = []",
        "finding('B', b > 0, 'figure')\nshow(b)",
        "rows.append(b)",
    ]
    assert slicing.claims_of(cells, 2) == [
        "b = start()",
        "fit(b)",
        "finding('B', b > 0, 'figure')",
    ]
    with pytest.raises(ValueError, match="claims nothing"):
        slicing.claims_of(cells, 3)


def test_a_bug_meets_the_claims_of_its_cell_first_and_then_all(guards):
    for cell, first in (("c3", True), ("c2", False)):
        bug = guards.Bug(NOTEBOOK, "a bug", "coursekit/sums.py", "2 * x", "3 * x", cell)
        found = guards.judge(bug)
        assert (found.good, found.said) == (True, "caught by 1: ✗ Twice two is four")
        nothing = any("Twice nothing" in source for source in found.code)
        assert nothing is not first, "the slice of a cell has its own claims alone"
        control = guards.judge(guards.Bug(NOTEBOOK), found.code)
        assert (control.good, control.said) == (True, "passes, as it must")


def test_what_caught_a_bug_but_fails_without_one_is_told(guards):
    control = guards.judge(guards.Bug(NOTEBOOK), ("raise ValueError('It is not here.')",))
    assert (control.good, control.said) == (False, "FAILS: ValueError: It is not here.")


@pytest.mark.parametrize(
    ("cell", "why"), [("c1", "c1: the cell claims nothing"), ("c9", "the notebook has no cell c9")]
)
def test_a_cell_that_is_not_there_or_claims_nothing_is_told(guards, cell, why):
    good, said = verdict(guards, "2 * x", "3 * x", cell)
    assert not good and said == f"NOT A FAIR TEST: {why}"


def test_a_bug_that_the_checks_let_pass_meets_the_whole_notebook(guards, tmp_path):
    made = nbformat.read(tmp_path / "notebooks" / NOTEBOOK, 4)
    made.cells.insert(4, nbformat.v4.new_code_cell("assert twice(3) == 6, 'Three were lost.'"))
    nbformat.write(made, tmp_path / "notebooks" / NOTEBOOK)
    good, said = verdict(guards, "2 * x", "2 * x if x < 3 else x")
    assert good and "Three were lost." in said
    assert verdict(guards) == (True, "passes, as it must")
