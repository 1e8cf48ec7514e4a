"""The house stands: a module imports only from floors below its own (or the cellar, see below)."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import coursekit

PACKAGE = Path(coursekit.__file__).parent
CELLAR = {"errors", "types"}  # imported by everyone, import nobody
FLOORS = {
    0: {"gradients", "threats", "gan_losses", "objectives", "nets", "theory", "lab", "plots"}
    | {"progress", "io"},
    1: {"data", "attacks", "dreams", "lipschitz", "metrics", "teaching"},
    2: {"training", "transfer"},
    3: {"zoo"},
    4: {"course", "cli", "__main__"},
}
# Stairs within a floor, each with its reason.
STAIRS = {
    ("cli", "course"),  # a thin skin over it, as is __main__
    ("__main__", "cli"),
    ("__main__", "course"),
    ("nets", "progress"),  # a sample that is drawn pixel by pixel takes long
    ("objectives", "gradients"),  # TRADES asks the model in eval mode and leaves it undisturbed
}
FLOOR_OF = {room: floor for floor, rooms in FLOORS.items() for room in rooms}
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(source: str) -> set[str]:
    """Every `coursekit.ROOM` that a source text imports, at its top or inside a function."""
    rooms = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [node.module or ""]
            if node.module == "coursekit":
                names = [f"coursekit.{alias.name}" for alias in node.names]
        else:
            continue
        rooms |= {name.split(".")[1] for name in names if name.startswith("coursekit.")}
    return rooms


def may_import(room: str, other: str) -> bool:
    if other == room or other in CELLAR or (room, other) in STAIRS:
        return True
    return room not in CELLAR and FLOOR_OF[other] < FLOOR_OF[room]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_imports_only_from_below(path):
    room = room_of(path)
    if room == "__init__":
        assert not imported_rooms(path.read_text())
        return
    assert room in CELLAR or room in FLOOR_OF, f"{room} stands on no floor of the table"
    for other in imported_rooms(path.read_text()):
        assert may_import(room, other), f"{room} may not import {other}"


def test_the_check_above_can_fail():
    assert imported_rooms("def f():\n    from coursekit.training import fit") == {"training"}
    assert not may_import("metrics", "training")
    assert not may_import("metrics", "attacks")
    assert may_import("training", "metrics")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_stays_within_500_lines_and_a_function_within_60(path):
    source = path.read_text()
    assert len(source.splitlines()) <= 500, "make it a folder of rooms"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            docstring = ast.get_docstring(node, clean=False) or ""
            lines = node.end_lineno - node.lineno + 1 - len(docstring.splitlines())
            assert lines <= 60, f"{node.name} has {lines} lines"


def test_importing_coursekit_is_cheap():
    """`import coursekit` must not pull in torch, and the command line's help neither."""
    script = "import sys, coursekit; assert 'torch' not in sys.modules; print('cheap')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "cheap", done.stderr


def test_the_package_gives_its_rooms_when_they_are_asked_for():
    """PEP 562: `import coursekit as ck; ck.nets`, and nothing is imported before."""
    script = (
        "import sys, coursekit as ck; assert 'coursekit.nets' not in sys.modules; "
        "print(ck.nets.StridedCNN.__name__, ck.training is sys.modules['coursekit.training'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "StridedCNN True", done.stderr


def test_every_room_of_the_package_is_listed_once():
    modules = {path.stem for path in PACKAGE.glob("*.py")} | {
        path.parent.name for path in PACKAGE.glob("*/__init__.py")
    }
    assert set(dir(coursekit)) == modules - {"__init__", "__main__", "cli", "course"}
    with pytest.raises(AttributeError, match="coursekit has no room 'net'; there are: attacks"):
        coursekit.net  # noqa: B018
