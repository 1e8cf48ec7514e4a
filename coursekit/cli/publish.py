"""For those who teach: slides for the projector, and the course as a site."""

from pathlib import Path
from typing import Annotated

import typer

from coursekit.cli.base import Folder, Notebooks, app, console


@app.command()
def slides(
    names: Notebooks = None,
    out: Annotated[Path, typer.Option(help="Folder for the decks.")] = Path("build/slides"),
    notebooks: Folder = None,
) -> None:
    """Make a deck of slides from each stored notebook: one file, which needs no network."""
    from coursekit.course.catalogue import find
    from coursekit.course.slides import write

    for lecture in find(names or [], notebooks):
        console().print(f"Slides: {write(lecture, out)}", soft_wrap=True)


@app.command()
def site(
    out: Annotated[Path, typer.Option(help="Folder for the site.")] = Path("build/site"),
    notebooks: Folder = None,
) -> None:
    """Build the course as a static site: lectures, slides, results and the package's reference."""
    from coursekit.course.site import build

    page = build(out, console().print, notebooks)
    console().print(f"The site: {page}", soft_wrap=True)
