"""What a slide is, and the bodies that slides may have, as HTML."""

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from io import BytesIO

from coursekit.course.slides import prose

POINTS, ROWS, CLAIMS = 5, 8, 5  # on one slide
FEW = 3  # points that may be set larger
BELOW = 2  # claims that find room below a figure, a guess or a listing
TALL = 1.2  # a picture that is less wide than so many times its height gains from a slide's height


@dataclass
class Card:
    """One slide, one idea.

    Attributes:
        kind: which layout: title, section, words, points, table, figure, claims, guess, code, end.
        headline: the sentence on top, Markdown.
        body: what stands below it, HTML.
        kicker: the section it belongs to, Markdown.
        notes: what the speaker says and nobody reads, Markdown.
        mark: a word at the edge of the slide, such as "film".
        foot: claims below a figure, HTML.
        shape: "tall" sets a figure that is hardly wider than high beside its headline.
    """

    kind: str
    headline: str = ""
    body: str = ""
    kicker: str = ""
    notes: list[str] = field(default_factory=list)
    mark: str = ""
    foot: str = ""
    shape: str = ""


def in_parts(rows: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    """`rows` in as few parts as hold at most so many each, of about the same length."""
    parts = -(-len(rows) // most)
    for part in range(parts):
        yield rows[part * len(rows) // parts : (part + 1) * len(rows) // parts]


def points(items: Sequence[str]) -> str:
    """A list, each point as its first sentences."""
    return _listed("points", (prose.inline(prose.brief(item)) for item in items))


def claims(lines: Sequence[str]) -> str:
    """Claims as they were checked: `✓ …` held, `✗ …` did not."""
    rows = (f'<b class="{"good" if line[0] == "✓" else "bad"}">{line[0]}</b>' for line in lines)
    texts = (f"<span>{escape(line[2:])}</span>" for line in lines)
    return _listed("claims", map("".join, zip(rows, texts, strict=True)))


def guesses(rows: Sequence[tuple[str, str, str]]) -> str:
    """What is asked and, one after the other, what was measured."""
    asked = (
        f"<tr><td>{escape(what)}</td><td>your guess?</td>"
        f'<td class="fragment">{escape(measured)}</td></tr>'
        for what, _, measured in rows
    )
    return f'<table class="guesses"><tbody>{"".join(asked)}</tbody></table>'


def tables(source: str) -> Iterator[str]:
    """A Markdown table as HTML tables of at most `ROWS` rows, each with its head."""
    head, rule, *rows = source.splitlines()
    for part in in_parts(rows, ROWS):
        yield prose.html("\n".join((head, rule, *part)))


def figure(data: str, mime: str, alt: str) -> str:
    """A picture with all of its data; a film is a still on paper, its last frame."""
    shown = f'<img class="{"film" if mime == "image/gif" else "still"}" {_image(data, mime, alt)}>'
    if mime != "image/gif":
        return shown
    return shown + f'<img class="paper" {_image(_last_frame(data), "image/png", alt)}>'


def shape(data: str) -> str:
    """How a picture is set on its slide."""
    width, height = _size(data)
    return "tall" if width < TALL * height else ""


def _image(data: str, mime: str, alt: str) -> str:
    width, height = _size(data)
    address = f"data:{mime};base64,{''.join(data.split())}"
    return f'src="{address}" alt="{escape(alt)}" width="{width}" height="{height}"'


def _size(data: str) -> tuple[int, int]:
    import PIL.Image

    return PIL.Image.open(BytesIO(base64.b64decode(data))).size


def _last_frame(data: str) -> str:
    import PIL.Image

    film = PIL.Image.open(BytesIO(base64.b64decode(data)))
    film.seek(getattr(film, "n_frames", 1) - 1)
    film.convert("RGB").save(buffer := BytesIO(), "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def _listed(name: str, rows: Iterable[str]) -> str:
    items = [f"<li>{row}</li>" for row in rows]
    return f'<ul class="{name}{" few" * (len(items) <= FEW)}">{"".join(items)}</ul>'
