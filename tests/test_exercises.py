"""No exercise of any lecture is left out, and its folded solution is the package's own."""

import ast
import builtins
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest
from exercise_cases import exercises_of

import coursekit.teaching.exercises as package
from coursekit.course.lectures import all_lectures, code_cells, read_notebook, tasks

ROOMS = [
    importlib.import_module(f"{package.__name__}.{room.name}")
    for room in pkgutil.iter_modules(package.__path__)
]
LECTURES = all_lectures()
TASKS = [task for lecture in LECTURES for task in tasks(lecture)]
by_title = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.exercise.title)


def exercises_with_cases():
    """Every exercise with wrong answers in a file beside this one."""
    files = sorted(Path(__file__).parent.glob("test_exercises_[0-9][0-9].py"))
    return {exercise for file in files for exercise in importlib.import_module(file.stem).CASES}


def test_every_exercise_of_the_package_is_tested():
    every = {exercise for room in ROOMS for exercise in exercises_of(room).values()}
    assert every == exercises_with_cases()


def test_every_exercise_of_the_package_is_asked_in_one_lecture():
    every = [exercise.title for room in ROOMS for exercise in exercises_of(room).values()]
    assert sorted(every) == sorted(task.exercise.title for task in TASKS)


def after(task):
    """The cells of the lecture from the one that grades the exercise on."""
    cells = read_notebook(task.lecture.path).cells
    return cells[[cell.get("id") for cell in cells].index(task.cell) :]


@by_title
def test_the_folded_solution_is_the_worked_one(task):
    folded = next(cell.source for cell in after(task) if "<details>" in cell.source)
    (block,) = re.findall(r"<details>.*?```python\n(.*?)```.*?</details>", folded, re.DOTALL)
    assert block == task.exercise.source()


@by_title
def test_the_stub_is_the_function_that_the_solution_defines(task):
    def first_function(source):
        return next(n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef))

    stub = first_function(after(task)[0].source)
    worked = first_function(task.exercise.source())
    assert (stub.name, ast.dump(stub.args)) == (worked.name, ast.dump(worked.args))


@by_title
def test_the_solution_uses_only_what_the_lecture_has_at_hand(task):
    space = inspect.unwrap(task.exercise.worked).__globals__
    names = {n.id for n in ast.walk(ast.parse(task.exercise.source())) if isinstance(n, ast.Name)}
    needed = {name for name in names if name in space and not hasattr(builtins, name)}
    cells = code_cells(read_notebook(task.lecture.path))
    imports = [
        n
        for cell in cells
        for n in ast.walk(ast.parse(cell.source))
        if isinstance(n, ast.Import | ast.ImportFrom)
    ]
    assert needed <= {alias.asname or alias.name for node in imports for alias in node.names}


@by_title
def test_hints_and_the_title_in_stored_outputs_are_those_of_the_package(task):
    said = "".join(o.get("text", "") for o in after(task)[0].outputs)
    assert said.startswith(f"{task.exercise.title}: not attempted yet.\n")
    for number, of, hint in re.findall(r"Hint (\d) of (\d): (.*)\n", said):
        assert int(of) == len(task.exercise.hints)
        assert hint == task.exercise.hints[int(number) - 1]


@by_title
def test_the_solution_is_printed_on_request(task, capsys):
    task.exercise.solution()
    assert capsys.readouterr().out == task.exercise.source()
