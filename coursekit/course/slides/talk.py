"""The slides so far, and what waits to be put on one: prose for the speaker, claims, figures."""

import re
from typing import Any

from coursekit.course.catalogue import Lecture
from coursekit.course.slides import card, prose, sources
from coursekit.course.slides.card import Card

QUIET = (
    "exercise",
    "reference",
    "notation",
    "glossary",
)  # sections whose prose is for those who read the notebook
PREDICT = "Predict"  # the section of guesses; its slide is their list
FOOTED = ("figure", "guess", "code")  # slides with room for a claim or two
BARE = ("limits", "play", "predict")  # and those that need no slide to open them


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

    def add(self, new: Card) -> Card:
        """Put a slide at the end; the speaker says there what has not been said."""
        new.kicker = " · ".join(filter(None, (self.chapter, self.part)))
        new.notes += self.spoken
        self.spoken, self.waiting = [], ""
        self.cards.append(new)
        return new

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

    def listing(self, code: str, otherwise: str) -> None:
        """A slide of code under the key sentence that leads to it, or else under `otherwise`."""
        body = f'<pre class="code tex2jax_ignore"><code>{sources.highlighted(code)}</code></pre>'
        self.add(Card("code", self.lead or otherwise, body))
        self.lead = ""

    def picture(self, cell: Any, data: str, mime: str, alt: str) -> None:
        """A slide with one figure."""
        mark = "film" if mime == "image/gif" else "live in JupyterLab" * ("play(" in cell.source)
        headline = self.lead if prose.stressed(self.lead) else alt
        shown = Card("figure", headline, card.figure(data, mime, alt), mark=mark)
        shown.shape = card.shape(data)
        self.figure = self.add(shown)
        self.figure.notes.append(f"*The picture:* {alt}")
        self.lead = ""

    def close(self) -> None:
        """End a section: what it claimed, compared and set as exercises."""
        if self.waiting and self.waiting != PREDICT:
            self.add(Card("part", self.waiting, prose.inline(self.lead)))
        if self.claims and "reference" in self.chapter.lower():
            self.chapter, self.part = "At the end", ""
        if 0 < len(self.claims) <= card.BELOW and self.cards[-1].kind in FOOTED:
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
