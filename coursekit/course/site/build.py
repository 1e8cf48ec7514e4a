"""Building the site: stage the sources, run Sphinx (a warning is an error), add the decks."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from coursekit.course import slides
from coursekit.course.catalogue import catalogue
from coursekit.course.site import links, stage
from coursekit.course.slides.deck import EXTRA
from coursekit.errors import require

HERE = Path(__file__).parent


def build(folder: Path, say: Callable[[str], None] = print, notebooks: Path | None = None) -> Path:
    """Build the site beside `folder` and, when it is whole, put it in the place of an earlier one.

    Args:
        folder: where to.
        say: told of each step, in a sentence.
        notebooks: where the notebooks are; the project's if None.

    Returns:
        The home page.

    Raises:
        CourseError: the extra `site` is not installed, the folder holds something else, Sphinx
            warned, or a link leads nowhere.
    """
    lectures = catalogue(notebooks)
    _ours(folder)
    folder.mkdir(parents=True, exist_ok=True)  # where nothing can be written, say so now
    place = folder.resolve()
    new = _emptied(place.with_name(f".{place.name}-unfinished"))
    with tempfile.TemporaryDirectory() as sources:
        say("Putting the sources together.")
        stage.stage(lectures, Path(sources))
        say("Sphinx builds the pages.")
        _sphinx(Path(sources), new)
    say("Making the slides.")
    for lecture in lectures:
        slides.write(lecture, new / "slides")
        shutil.copy(lecture.path, new / "notebooks")
    faults = links.faults(new)
    require(not faults, "The site has links that lead nowhere: " + "; ".join(faults[:5]))
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)
    return folder / "index.html"


def _ours(folder: Path) -> None:
    ours = not folder.exists() or (folder / "objects.inv").exists() or not any(folder.iterdir())
    require(ours, f"{folder} holds something that is no site; choose another folder with --out.")


def _emptied(folder: Path) -> Path:
    """A folder of ours, left by a build that was cut short or new; empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _sphinx(sources: Path, folder: Path) -> None:
    """Run Sphinx in a process of its own: autodoc rewrites the defaults of what it documents."""
    require(find_spec("sphinx") is not None, f"Sphinx is not installed; install it with {EXTRA}")
    with tempfile.TemporaryDirectory() as doctrees:
        options = ["-b", "html", "-W", "--keep-going", "-q", "-c", str(HERE), "-d", doctrees]
        command = [sys.executable, "-m", "sphinx", *options, str(sources), str(folder)]
        failed = subprocess.run(command).returncode
    require(not failed, "Sphinx warned or failed, as it says above; the site is not whole.")
