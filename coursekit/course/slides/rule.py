"""Which cells become slides.

The rule, for notebooks that say nothing about slides:

- a heading opens a section with its key sentence: the first with a phrase in bold, or the first;
- a displayed formula, a list and a table of the prose are slides of their own;
- a figure or a film is a slide; its headline is the key sentence of the cell that reads it (its id
  ends with `read` or `reading`), or a phrase in bold that leads to it, or its description;
- the claims that a section checked are listed at its end, one or two below its last figure; of the
  figures it recorded, those with a paper's beside; guesses stand beside what was measured;
- code is shown if it derives or is the package's own, and is short enough (`sources`);
- all other prose is for the speaker's notes, and so is what a slide shortened.

A cell's `slideshow` metadata, as JupyterLab's property inspector sets it, overrides this: `slide`,
`subslide` and `fragment` project a cell of prose whole, `notes` only speaks it, `skip` drops it.
"""

import re
from collections.abc import Sequence
from typing import Any

from coursekit.course import catalogue, outputs
from coursekit.course.catalogue import Lecture
from coursekit.course.slides import card, prose, sources
from coursekit.course.slides.card import Card
from coursekit.course.slides.talk import PREDICT, QUIET, Talk
from coursekit.teaching import MIME

GUESSED = re.compile(r"^(.+?): you guessed (.+?), measured (.+?)\.?$", re.MULTILINE)
TO_DO = re.compile(r"^(.+): not attempted yet\.$", re.MULTILINE)
DERIVES = re.compile(r"\*\*derive\b", re.IGNORECASE)
ASKED = re.compile(r"^guess\w* = [^#\n]+# *(.+)$", re.MULTILINE)  # what a guess is about
GUESSES = re.compile(r"^guess", re.MULTILINE)
READS = re.compile(r"read(ing)?$")  # ids of cells of prose that read the figure before them


def cards(lecture: Lecture) -> list[Card]:
    """The slides of a lecture, in order."""
    notebook = catalogue.read(lecture.path)
    talk = Talk(lecture)
    for cell in notebook.cells:
        _hear(talk, cell)
    talk.close()
    held = outputs.claims(notebook)
    verdict = f"{sum(held.values())} of {len(held)} claims hold."
    talk.cards.append(Card("end", verdict, kicker=lecture.question))
    return talk.cards


def _hear(talk: Talk, cell: Any) -> None:
    """Take in the next cell."""
    asked = cell.metadata.get("slideshow", {}).get("slide_type", "-")
    if asked == "skip":
        return
    if cell.cell_type == "code":
        _code(talk, cell)
    elif asked == "notes":
        talk.spoken.append(cell.source)
    elif asked in ("slide", "subslide", "fragment"):
        talk.add(Card("words", body=prose.html(cell.source)))
    else:
        for passage in prose.passages(prose.blocks(cell.source)):
            _words(talk, cell, passage)


def _words(talk: Talk, cell: Any, pieces: list[prose.Block]) -> None:
    """A passage of Markdown: what is projected of it, and the whole of it for the speaker."""
    texts = [piece.source for piece in pieces if piece.kind == "text"]
    spoken = [piece.source for piece in pieces if piece.kind in ("text", "list")]
    heads = [piece for piece in pieces if piece.kind == "heading"]
    talk.derives = bool(DERIVES.search(cell.source))
    if heads and heads[0].level > 1:
        talk.close()
        talk.spoken = spoken
        talk.open(heads[0], prose.key(texts[0]) if texts else "")
    elif texts and READS.search(cell.get("id", "")) and talk.figure:
        talk.figure.headline = prose.key(texts[0]) or talk.figure.headline
        talk.figure.notes += spoken
        talk.figure, texts = None, []
    else:
        talk.spoken += spoken
    quiet = any(word in talk.chapter.lower() for word in QUIET)
    if not quiet and not talk.project(pieces) and texts and not heads:
        talk.lead = prose.key(texts[0])


def _code(talk: Talk, cell: Any) -> None:
    """A cell of code: what it shows, checks and records; itself, if it derives."""
    calls = ("show_source(", "check(")  # what these print is shown, and not the cell
    bare = "" if any(call in cell.source for call in calls) else sources.short(cell.source)
    if talk.chapter == PREDICT and (asked := ASKED.findall(cell.source)):
        talk.add(Card("points", talk.lead or "What do you expect?", card.points(asked)))
    elif bare and not GUESSES.search(bare) and (talk.derives or "derive" in cell.get("id", "")):
        talk.listing(bare, "By hand")
    talk.derives = False
    if tex := [
        out.data["text/latex"] for out in cell.outputs if "text/latex" in out.get("data", {})
    ]:
        talk.add(Card("words", talk.lead or "SymPy's answer", _solved(cell.source, tex)))
    for output in cell.outputs:
        printed = output.get("text", "") if output.output_type == "stream" else ""
        _printed(talk, cell, printed)
        _shown(talk, cell, output.get("data", {}), output.get("metadata", {}))


def _printed(talk: Talk, cell: Any, text: str) -> None:
    """Claims, guesses, exercises, listings of the package."""
    talk.claims += [line for line in text.splitlines() if line.startswith(("✓ ", "✗ "))]
    talk.exercises += TO_DO.findall(text)
    if rows := GUESSED.findall(text):
        talk.add(Card("guess", "What did you expect?", card.guesses(rows)))
    if "show_source(" in cell.source:
        for name, piece in sources.pieces(cell.source, text):
            talk.listing(piece, f"`{name}` in the package")


def _shown(talk: Talk, cell: Any, data: dict[str, Any], about: dict[str, Any]) -> None:
    """Pictures, films, stills of widgets, recorded figures."""
    for mime in ("image/gif", "image/png"):
        if mime in data:
            talk.picture(cell, data[mime], mime, about.get(mime, {}).get("alt", ""))
    if MIME in data and data[MIME]["paper"] != "—":
        talk.papers.append(_row(data[MIME]))


def _solved(source: str, tex: Sequence[str]) -> str:
    """The formulas that SymPy found in a cell, each under its name if the cell gives it one."""
    names, bare = sources.displayed(source), [text.strip("$ \n") for text in tex]
    named = bare
    if len(names) == len(bare):
        named = [rf"\text{{{name}}} = {text}" for name, text in zip(names, bare, strict=True)]
    if len(named) == 1:
        return prose.formula(*named)
    return prose.formula(r"\begin{gathered}" + r"\\[.8em]".join(named) + r"\end{gathered}")


def _row(record: dict[str, Any]) -> str:
    """A recorded figure as a row of a Markdown table."""
    spread = "" if record["spread"] is None else f" ± {record['spread']:.2g}"
    ours = f"{record['ours']:.4g}{spread} {record['unit']}".rstrip()
    cells = (record["claim"], record["paper"], ours.replace(" ", "\N{NO-BREAK SPACE}"))
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
