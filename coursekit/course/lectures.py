"""The lectures: which notebooks there are, the map of the course, reading and cleaning them.

Each notebook says in its metadata what it is; there is no second list.
"""

import copy
import importlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode, reads, writes

from coursekit.errors import CourseError, require
from coursekit.io import write_bytes
from coursekit.lab import PROFILES, project_root
from coursekit.teaching import Exercise

KEYS = ("number", "title", "question", "minutes")
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
LANGUAGE = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}
KEPT = ("coursekit", "kernelspec")  # metadata of the notebook that its author wrote
TIMINGS = ("papermill", "execution", "ExecuteTime")

# The map: the page that shows it (and is not on it), the lectures, and what flows between them.
START = "00"
PLANNED = {
    "01": ("DeepDream", "What has a trained network learnt to see?"),
    "02": ("GAN theory and D*", "What does the game converge to, and why?"),
    "03": ("Training a GAN", "How is the game played in practice?"),
    "04": ("Conditional GANs", "How do we ask for a class?"),
    "05": ("Mode collapse", "What is missing, and how would you know?"),
    "06": ("Wasserstein and spectral norm", "What does a Lipschitz critic buy?"),
    "07": ("Adversarial examples", "How small a change suffices?"),
    "08": ("Transferability", "Whose examples fool whom?"),
    "09": ("Adversarial training", "Can a network be taught to resist, and at what price?"),
    "10": ("Likelihood models", "Can a network say how probable an image is?"),
    "11": (
        "Autoencoders and VAEs",
        "What is a good code, and how probable is an image?",
    ),
    "12": ("Image to image, and video", "How is one image made from another?"),
    "13": ("Larger GANs, and text", "What do attention, styles and captions add?"),
    "14": ("Diffusion", "How does noise become an image, step by step?"),
}
FLOWS = {  # (from, to) -> what the later lecture takes from the earlier one
    ("02", "03"): "the game,\nits best D",
    ("02", "10"): "maximum likelihood\nis least KL",
    ("10", "11"): "nats, and a\nbound on them",
    ("11", "14"): "denoisers,\nthe bound",
    ("03", "11"): "a GAN to\ncompare with",
    ("03", "14"): "Fréchet\ndistance",
    ("04", "12"): "an image\nfor a class",
    ("04", "13"): "classes,\ntruncation",
    ("06", "13"): "spectral norm",
    ("03", "04"): "the loop,\nits measures",
    ("03", "05"): "one loop,\nits failures",
    ("02", "06"): "JS is flat where W₁ has a slope",
    ("05", "06"): "a critic's\nsteepness",
    ("01", "07"): "gradient of\nthe image",
    ("07", "08"): "attacks,\nbudgets",
    ("08", "09"): "black-box\nattacks",
    ("07", "09"): "the strongest image in the ball",
}


@dataclass(frozen=True)
class Lecture:
    """One notebook of the course.

    Attributes:
        number: two digits, as in the file's name.
        title: plain text, one line.
        question: the question it answers.
        minutes: profile → minutes; smoke and course on two CPU cores, full on a GPU.
        path: where the stored notebook is.
    """

    number: str
    title: str
    question: str
    minutes: dict[str, float]
    path: Path

    @property
    def name(self) -> str:
        """The file's name without its ending, for example `02_gan_theory`."""
        return self.path.stem


@dataclass(frozen=True)
class Stop:
    """A lecture on the map; `there` says whether its notebook is in the course yet."""

    number: str
    title: str
    question: str
    there: bool


def stops(lectures: Sequence[Lecture]) -> list[Stop]:
    """Every lecture, by number: the given ones with their own words, and those still planned."""
    known = {number: Stop(number, *words, there=False) for number, words in PLANNED.items()}
    for entry in lectures:
        if entry.number != START:
            known[entry.number] = Stop(entry.number, entry.title, entry.question, there=True)
    return [known[number] for number in sorted(known)]


def all_lectures(folder: Path | None = None) -> list[Lecture]:
    """Every lecture in `folder` (default: `notebooks/` of the project), by number.

    Raises:
        CourseError: there are none, or a notebook cannot be read or does not say what it is.
    """
    folder = folder or project_root() / "notebooks"
    found = [read_lecture(path) for path in sorted(folder.glob("[0-9][0-9]_*.ipynb"))]
    require(bool(found), f"There are no notebooks (NN_name.ipynb) in {folder}.")
    return found


def appendices(folder: Path) -> list[Lecture]:
    """The appendices (`02a_name.ipynb`) in `folder`: pages of the site, run if they are named."""
    return [read_lecture(path) for path in sorted(folder.glob("[0-9][0-9][a-z]_*.ipynb"))]


def read_lecture(path: Path) -> Lecture:
    """What the notebook at `path` says about itself.

    Raises:
        CourseError: it is no notebook, or does not say what it is.
    """
    said = read_notebook(path).metadata.get("coursekit", {})
    missing = [key for key in KEYS if key not in said]
    require(not missing, f"The metadata of {path} lack coursekit.{', coursekit.'.join(missing)}.")
    try:
        minutes = {profile: float(said["minutes"].get(profile, 0)) for profile in PROFILES}
    except (AttributeError, TypeError, ValueError):
        raise CourseError(
            f"coursekit.minutes of {path} must give a number for each of {', '.join(PROFILES)}."
        ) from None
    return Lecture(said["number"], said["title"], said["question"], minutes, path)


def find_lectures(names: Sequence[str], folder: Path | None = None) -> list[Lecture]:
    """The lectures called `names`, in that order, each once; all of them if there are no names.

    Args:
        names: each a number (`02` or `2`; `02a` is an appendix), a name (`02_gan_theory`), or the
            path of a notebook.
        folder: where to look.

    Raises:
        CourseError: a name that no notebook has, or two files of the same name.
    """
    everything = all_lectures(folder)
    known = everything + (appendices(everything[0].path.parent) if names else [])
    found = [_find(name, known) for name in names] or everything
    lectures = list({entry.path.resolve(): entry for entry in found}.values())
    taken: dict[str, Path] = {}
    for entry in lectures:
        other = taken.setdefault(entry.name.casefold(), entry.path)
        require(
            other == entry.path,
            f"{other} and {entry.path} would both be written as {entry.name}; name one at a time.",
        )
    return lectures


def _find(name: str, everything: list[Lecture]) -> Lecture:
    if Path(name).suffix == ".ipynb" and Path(name).is_file():
        return read_lecture(Path(name))
    for entry in everything:
        if name in (entry.name, entry.path.name) or name.zfill(2) == entry.number:
            return entry
    known = ", ".join(entry.name for entry in everything)
    raise CourseError(f"notebook was {name!r}; choose one of {known}, its number, or a path.")


def read_notebook(path: Path) -> NotebookNode:
    """The notebook at `path`.

    Raises:
        CourseError: there is no such file, or it is not a whole notebook.
    """
    try:
        return reads(path.read_text(encoding="utf-8"), 4)
    except FileNotFoundError:
        raise CourseError(f"There is no notebook {path}.") from None
    except (ValueError, AttributeError, KeyError) as error:  # nbformat raises each of these
        said = str(error).strip().partition("\n")[0][:80] or type(error).__name__
        raise CourseError(f"{path} is not a whole notebook ({said}).") from None


def notebook_text(notebook: NotebookNode) -> str:
    """The notebook as the text of its file."""
    return str(writes(notebook, version=4)).rstrip("\n") + "\n"


def code_cells(notebook: NotebookNode) -> list[Any]:
    """Its code cells that hold any code."""
    return [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]


def clean(notebook: NotebookNode) -> NotebookNode:
    """A copy as it is to be stored: executed, and the same whenever and wherever it was run.

    Removes widget state and views (the still picture stays), progress bars, stderr, timings,
    injected parameters, versions of the interpreter and addresses in memory, and joins streams.
    """
    cleaned = without_widgets(notebook)
    own = {key: cleaned.metadata[key] for key in KEPT if key in cleaned.metadata}
    cleaned.metadata = NotebookNode({**own, "language_info": LANGUAGE})
    added = {"injected-parameters", "papermill-error-cell-tag"}
    cleaned.cells = [c for c in cleaned.cells if not added & set(c.metadata.get("tags", []))]
    for cell in cleaned.cells:
        for key in TIMINGS:
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = _joined([o for o in cell.outputs if o.get("name") != "stderr"])
    return cleaned


def without_widgets(notebook: NotebookNode) -> NotebookNode:
    """A copy in which each live widget is its still picture, and progress bars are gone."""
    stills = copy.deepcopy(notebook)
    stills.metadata.pop("widgets", None)
    for cell in stills.cells:
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if not _only_a_widget(o)]
            for output in cell.outputs:
                output.get("data", {}).pop(WIDGET_VIEW, None)
    return stills


def without_outputs(notebook: NotebookNode) -> NotebookNode:
    """A copy as if no cell had been run."""
    bare = copy.deepcopy(notebook)
    for cell in bare.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return bare


def _only_a_widget(output: Any) -> bool:
    data = output.get("data", {})
    return WIDGET_VIEW in data and not any(mime.startswith("image/") for mime in data)


def _joined(outputs: list[Any]) -> list[Any]:
    """Neighbouring pieces of standard output as one, without addresses in memory."""
    joined: list[Any] = []
    for output in outputs:
        for texts, key in ((output, "text"), (output.get("data", {}), "text/plain")):
            if key in texts:
                texts[key] = re.sub(r" at 0x[0-9a-f]{6,}", "", texts[key])
        if joined and output.output_type == joined[-1].output_type == "stream":
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


LINK = re.compile(r"\]\((\d\d[a-z]?_\w+\.ipynb|\w+\.md|pictures/\w+\.png|\{\w+\.path\.name\})")
ROOM = re.compile(r"from coursekit\.teaching\.exercises import (\w+)(?: as (\w+))?")


@dataclass(frozen=True)
class Task:
    """An exercise where it stands: in which lecture, and in which cell."""

    lecture: Lecture
    cell: str
    exercise: Exercise


def tasks(lecture: Lecture) -> list[Task]:
    """The exercises that a lecture grades, in the order of its cells."""
    cells = code_cells(read_notebook(lecture.path))
    rooms = {
        alias or room: importlib.import_module(f"coursekit.teaching.exercises.{room}")
        for cell in cells
        for room, alias in ROOM.findall(cell.source)
    }
    return [
        Task(lecture, cell.id, getattr(rooms[room], name))
        for cell in cells
        for room, name in re.findall(r"^(\w+)\.([A-Z_0-9]+)\.grade\(", cell.source, re.MULTILINE)
        if room in rooms
    ]


def begin(lecture: Lecture, folder: Path | None = None) -> Path:
    """Copy a lecture for a student to work in, without outputs, so that no answer is given away.

    Links to other lectures and pictures lead to the stored ones. A copy that is there already is
    not touched.

    Args:
        lecture: which.
        folder: where to; `work/` of the project, which git does not look into, if None.

    Returns:
        The copy.

    Raises:
        CourseError: there is a copy already, or it cannot be written.
    """
    path = (folder or project_root() / "work") / lecture.path.name
    require(
        not path.exists(),
        f"{path} is there already and was left as it is; rename it to begin once more.",
    )
    back = Path(os.path.relpath(lecture.path.parent.resolve(), path.parent.resolve())).as_posix()
    copy = without_outputs(clean(read_notebook(lecture.path)))
    for cell in copy.cells:
        cell.source = LINK.sub(lambda link: _link(back, link[1]), cell.source)
    write_bytes(path, notebook_text(copy).encode())
    return path


def _link(folder: str, name: str) -> str:
    if name.startswith("{"):  # a part of an f-string, to which braces in the path are only text
        folder = folder.replace("{", "{{").replace("}", "}}")
    return f"]({folder}/{name}"
