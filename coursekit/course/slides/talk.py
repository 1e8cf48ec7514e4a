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
from typing import Any

from coursekit.course import catalogue, outputs
from coursekit.course.catalogue import Lecture
from coursekit.course.slides import card, prose, sources
from coursekit.course.slides.card import Card
from coursekit.teaching import MIME

GUESSED = re.compile(r"^(.+?): you guessed (.+?), measured (.+?)\.?$", re.MULTILINE)
TO_DO = re.compile(r"^(.+): not attempted yet\.$", re.MULTILINE)
READS = re.compile(r"read(ing)?$")  # ids of cells of prose that read the figure before them
QUIET = ("exercise", "reference")  # sections whose prose is for those who read the notebook
BARE = ("limits", "play", "predict")  # and those that need no slide to open them


def cards(lecture: Lecture) -> list[Card]:
    """The slides of a lecture, in order."""
    notebook = catalogue.read(lecture.path)
    talk = Talk(lecture)
    for cell in notebook.cells:
        talk.hear(cell)
    talk.close()
    held = outputs.claims(notebook)
    verdict = f"{sum(held.values())} of {len(held)} claims hold."
    talk.cards.append(Card("end", verdict, kicker=lecture.question))
    return talk.cards


class Talk:
    """The slides so far, and what waits to be put on one."""

    def __init__(self, lecture: Lecture) -> None:
        self.cards = [_opening(lecture)]
        self.chapter = self.part = ""  # the headings that we stand under
        self.waiting = ""  # a heading that needs a slide if nothing else follows it
        self.lead = "Notation"  # key sentence of the prose just before, if no slide shows it yet
        self.spoken: list[str] = []  # prose for the notes of the next slide
        self.figure: Card | None = None  # the last figure, until a sentence has read it
        self.derives = False
        self.claims: list[str] = []
        self.papers: list[str] = []
        self.exercises: list[str] = []

    def hear(self, cell: Any) -> None:
        """Take in the next cell."""
        asked = cell.metadata.get("slideshow", {}).get("slide_type", "-")
        if asked == "skip":
            return
        if cell.cell_type == "code":
            self.code(cell)
        elif asked == "notes":
            self.spoken.append(cell.source)
        elif asked in ("slide", "subslide", "fragment"):
            self.add(Card("words", body=prose.html(cell.source)))
        else:
            self.words(cell, prose.blocks(cell.source))

    def add(self, new: Card) -> Card:
        """Put a slide at the end; the speaker says there what has not been said."""
        new.kicker = " · ".join(filter(None, (self.chapter, self.part)))
        new.notes += self.spoken
        self.spoken, self.waiting = [], ""
        self.cards.append(new)
        return new

    def words(self, cell: Any, pieces: list[prose.Block]) -> None:
        """A cell of Markdown: what is projected of it, and the whole of it for the speaker."""
        texts = [piece.source for piece in pieces if piece.kind == "text"]
        spoken = [piece.source for piece in pieces if piece.kind in ("text", "list")]
        heads = [piece for piece in pieces if piece.kind == "heading"]
        self.derives = "**derive" in cell.source.lower()
        if heads and heads[0].level > 1:
            self.close()
            self.spoken = spoken
            self.open(heads[0], prose.key(texts[0]) if texts else "")
        elif texts and READS.search(cell.get("id", "")) and self.figure:
            self.figure.headline, self.figure.notes = (
                prose.key(texts[0]),
                self.figure.notes + spoken,
            )
            self.figure, texts = None, []
        else:
            self.spoken += spoken
        quiet = any(word in self.chapter.lower() for word in QUIET)
        if not quiet and not self.project(pieces) and texts and not heads:
            self.lead = prose.key(texts[0])

    def open(self, heading: prose.Block, lead: str) -> None:
        """A new section, which has a slide, or a part of one, which needs none."""
        title, number = re.sub(r"^\d+\s*·\s*", "", heading.source), re.match(r"\d+", heading.source)
        if heading.level > 2:
            self.part = title
        else:
            self.chapter, self.part = title, ""
        if heading.level > 2 or any(word in title.lower() for word in BARE):
            self.lead, self.waiting = lead, title
        elif not any(word in title.lower() for word in QUIET):
            body = prose.inline(lead) if lead else ""
            self.add(Card("section", title, body, mark=number[0] if number else ""))

    def project(self, pieces: list[prose.Block]) -> bool:
        """Formulas, lists and tables become slides; whether there were any."""
        said, before = self.lead, len(self.cards)
        for piece in pieces:
            if piece.kind == "text":
                said = prose.shortened(prose.sentences(piece.source)[-1])
            elif piece.kind == "formula":
                self.add(Card("words", said, prose.formula(piece.source)))
            elif piece.kind == "list" and len(piece.items) > 1:
                for part in card.in_parts(piece.items, card.POINTS):
                    self.add(Card("points", said, card.points(part)))
            elif piece.kind == "table":
                said = "Notation" if len(self.cards) == 1 else said
                for table in card.tables(piece.source):
                    self.add(Card("table", said, table))
        return len(self.cards) > before

    def code(self, cell: Any) -> None:
        """A cell of code: what it shows, checks and records; itself, if it derives."""
        calls = ("show_source(", "check(")  # what these print is shown, and not the cell
        bare = "" if any(call in cell.source for call in calls) else sources.short(cell.source)
        if bare and (self.derives or "derive" in cell.get("id", "")):
            self.listing(bare, "By hand")
        self.derives = False
        for output in cell.outputs:
            printed = output.get("text", "") if output.output_type == "stream" else ""
            self.printed(cell, printed)
            self.shown(cell, output.get("data", {}), output.get("metadata", {}))

    def printed(self, cell: Any, text: str) -> None:
        """Claims, guesses, exercises, listings of the package."""
        self.claims += [line for line in text.splitlines() if line.startswith(("✓ ", "✗ "))]
        self.exercises += TO_DO.findall(text)
        if rows := GUESSED.findall(text):
            self.add(Card("guess", "What did you expect?", card.guesses(rows)))
        if "show_source(" in cell.source:
            for piece in sources.pieces(text):
                self.listing(piece, f"`{sources.name(piece)}` in the package")

    def listing(self, code: str, otherwise: str) -> None:
        """A slide of code under the key sentence that leads to it, or else under `otherwise`."""
        body = f'<pre class="code tex2jax_ignore"><code>{sources.highlighted(code)}</code></pre>'
        self.add(Card("code", self.lead or otherwise, body))
        self.lead = ""

    def shown(self, cell: Any, data: dict[str, Any], about: dict[str, Any]) -> None:
        """Pictures, films, stills of widgets, formulas that SymPy found, recorded figures."""
        for mime in ("image/gif", "image/png"):
            if mime in data:
                self.picture(cell, data[mime], mime, about.get(mime, {}).get("alt", ""))
        if MIME in data and data[MIME]["paper"] != "—":
            self.papers.append(_row(data[MIME]))
        if "text/latex" in data:
            self.add(
                Card(
                    "words",
                    self.lead or "SymPy's answer",
                    prose.formula(data["text/latex"].strip("$ \n")),
                )
            )

    def picture(self, cell: Any, data: str, mime: str, alt: str) -> None:
        """A slide with one figure."""
        mark = "film" if mime == "image/gif" else "live in JupyterLab" * ("play(" in cell.source)
        headline = self.lead if prose.stressed(self.lead) else alt
        self.figure = self.add(Card("figure", headline, card.figure(data, mime, alt), mark=mark))
        self.figure.notes.append(f"*The picture:* {alt}")
        self.lead = ""

    def close(self) -> None:
        """End a section: what it claimed, compared and set as exercises."""
        if self.waiting:
            self.add(Card("part", self.waiting, prose.inline(self.lead)))
        if self.claims and "reference" in self.chapter.lower():
            self.chapter, self.part = "At the end", ""
        if len(self.claims) <= card.BELOW and self.cards[-1].kind == "figure":
            self.cards[-1].foot, self.claims = card.claims(self.claims), []
        for part in card.in_parts(self.claims, card.CLAIMS):
            self.add(Card("claims", "Checked by measurement", card.claims(part)))
        head = "| measured | paper | ours |\n| --- | --- | --- |\n"
        for table in card.tables(head + "\n".join(self.papers)) if self.papers else ():
            self.add(Card("table", "The paper's figures beside ours", table))
        if self.exercises:
            self.add(Card("points", "To be written in the notebook", card.points(self.exercises)))
        self.cards[-1].notes += self.spoken
        self.claims, self.papers, self.exercises, self.spoken = [], [], [], []
        self.lead, self.figure = "", None


def _opening(lecture: Lecture) -> Card:
    return Card("title", lecture.title, kicker=lecture.question, mark=lecture.number)


def _row(record: dict[str, Any]) -> str:
    """A recorded figure as a row of a Markdown table."""
    spread = "" if record["spread"] is None else f" ± {record['spread']:.2g}"
    ours = f"{record['ours']:.4g}{spread} {record['unit']}".rstrip()
    cells = (record["claim"], record["paper"], ours)
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
