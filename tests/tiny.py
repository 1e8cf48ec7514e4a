"""Made-up notebooks of a few lines, for the tests of the runner; the sentence of an error."""

import io
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from rich.console import Console

from coursekit.errors import CourseError

PARAMETERS = 'profile = "course"\ndataset = "digits"\nseed = 0\ndevice = "auto"'
OPENED = 'print(f"profile {profile}, data {dataset}, seed {seed}, cpu (x86_64, 1 thread)")'
RECORD = """
from IPython.display import display
mime = "application/vnd.coursekit.record+json"
row = {"claim": "error", "ours": 2.0 + seed, "spread": 0.5, "n": 3, "paper": "34.3", "source": "§5"}
display({"text/plain": "error", mime: {**row, "unit": "%"}}, raw=True)
"""
PICTURE = """
import base64
from IPython.display import display
one = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJ"
one += "RU5ErkJggg=="
about = {"image/png": {"alt": "A <b>red</b> dot on white."}}
display({"image/png": base64.b64decode(one), "text/plain": "dot"}, raw=True, metadata=about)
"""


def notebook(*cells: str, number: str = "02") -> nbformat.NotebookNode:
    """A lecture whose code cells are its parameters, the opening line and `cells`."""
    sources = [PARAMETERS, OPENED, *cells]
    code = [new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(sources)]
    code[0].metadata["tags"] = ["parameters"]
    minutes = {"smoke": 0.5, "course": 4, "full": 10}
    about = {"number": number, "title": "Tiny | <T>", "question": "Why?", "minutes": minutes}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    title = new_markdown_cell("# Tiny", id="title")
    return new_notebook(cells=[title, *code], metadata={"kernelspec": kernel, "coursekit": about})


def shelf(folder: Path, **cells: list[str]) -> Path:
    """A folder of notebooks: `shelf(folder, n02_good=["print(1)"])` makes `02_good.ipynb`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, sources in cells.items():
        made = notebook(*sources, number=name[1:3])
        nbformat.write(made, folder / f"{name[1:]}.ipynb")
    return folder


def quiet() -> Console:
    """A console that writes into memory: `.file.getvalue()`."""
    return Console(file=io.StringIO(), width=100, highlight=False)


def printed(made: nbformat.NotebookNode) -> str:
    """Everything a notebook printed on standard output."""
    outputs = [o for cell in made.cells for o in cell.get("outputs", [])]
    return "".join(o.text for o in outputs if o.get("name") == "stdout")


def sentence(call) -> str:
    """The message of the CourseError that `call` raises: one line, ending in a full stop."""
    with pytest.raises(CourseError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message and message.endswith("."), message
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return message
