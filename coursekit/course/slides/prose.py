"""Markdown in pieces: headings, paragraphs, formulas, lists, tables; sentences; HTML."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Any

LONGEST = 230  # characters of a sentence that still reads as the headline of a slide
WIDEST = 100  # characters of TeX that fit on a line in large type
MATHS = r"<span class=\"math inline\">\\\((?:(?!\\\)).)*\\\)</span>"
STOP = re.compile(rf"((?:<(strong|em)>)?{MATHS}(?:</\2>)?[,.;:!?)]+)", re.DOTALL)
MASKED = re.compile(r"\$\$.*?\$\$|\$[^$]+\$|`[^`]*`|\[[^\]]*\]\([^)]*\)", re.DOTALL)
ABBREVIATED = re.compile(
    r"(?:\b(?:al|cf|eq|eqs|fig|figs|sec|app|thm|vs|resp|no)|e\.g|i\.e)\.$", re.I
)
END = re.compile(r"[.!?][)*_”\"']*\s+(?=[\"“(*_`\\$\x00A-Z0-9])")
BOLD = re.compile(r"\*\*(.+?)\*\*")
LEAD = re.compile(
    r"^(?:\*\*(?:Derive|Show|Prove|Predict|Play|Reveal)\b[^*]*\*\*[:,.]?\s*(?=[A-Z])"
    r"|\*\*[^*]{1,30}[.:]\*\*\s+)"
)


@dataclass(frozen=True)
class Block:
    """A piece of a Markdown cell.

    Attributes:
        kind: heading, text, formula, list, table, or other (HTML, code).
        source: its Markdown; of a formula, the TeX between its dollars.
        items: the points of a list.
        level: of a heading, 1 for the largest.
    """

    kind: str
    source: str
    items: tuple[str, ...] = ()
    level: int = 0


@cache
def parser() -> Any:
    """CommonMark with tables and dollar maths, written for MathJax, links reduced to their text."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    markdown.use(dollarmath_plugin, double_inline=True, renderer=_maths)
    markdown.add_render_rule("link_open", lambda *_: "")
    markdown.add_render_rule("link_close", lambda *_: "")
    return markdown


def _maths(tex: str, options: dict[str, Any]) -> str:
    left, right = (r"\[", r"\]") if options["display_mode"] else (r"\(", r"\)")
    return f"{left}{escape(tex)}{right}"


def html(markdown: str) -> str:
    """Paragraphs, lists and tables as HTML."""
    return str(parser().render(markdown))


def inline(markdown: str) -> str:
    """A sentence as HTML, without a paragraph around it; no comma begins a line."""
    return STOP.sub(r'<span class="whole">\1</span>', str(parser().renderInline(markdown)))


def formula(tex: str) -> str:
    """Displayed maths, for MathJax; what stands side by side on paper is stacked if it is long."""
    parts = [part.strip() for part in tex.split(r"\qquad") if part.strip()]
    if len(parts) > 1 and len(tex) > WIDEST:
        tex = r"\begin{gathered}" + r"\\[.6em]".join(parts) + r"\end{gathered}"
    return _maths(tex.strip(), {"display_mode": True})


def blocks(markdown: str) -> list[Block]:
    """The pieces of a cell, in order; a formula within a paragraph divides it."""
    tokens, lines = parser().parse(markdown), markdown.splitlines()
    found: list[Block] = []
    for start, token in enumerate(tokens):
        if token.level == 0 and token.nesting >= 0 and token.map:
            source = "\n".join(lines[slice(*token.map)])
            found += _blocks(token.type, source, tokens[start:])
    return found


def passages(pieces: Sequence[Block]) -> list[list[Block]]:
    """`pieces`, divided before each heading."""
    found: list[list[Block]] = []
    for piece in pieces:
        if piece.kind == "heading" or not found:
            found.append([])
        found[-1].append(piece)
    return found


def _blocks(kind: str, source: str, tokens: Sequence[Any]) -> Iterator[Block]:
    if kind == "heading_open":
        yield Block("heading", tokens[1].content, level=int(tokens[0].tag[1]))
    elif kind == "paragraph_open":
        yield from _around_formulas(tokens[1].content)
    elif kind in ("bullet_list_open", "ordered_list_open"):
        yield Block("list", source, tuple(_items(tokens)))
    elif kind == "table_open":
        yield Block("table", source)
    elif kind.startswith("math_block"):
        yield Block("formula", tokens[0].content)
    else:
        yield Block("other", source)


def _around_formulas(paragraph: str) -> Iterator[Block]:
    for number, piece in enumerate(paragraph.split("$$")):
        if piece.strip():
            yield Block("formula" if number % 2 else "text", piece.strip())


def _items(tokens: Sequence[Any]) -> Iterator[str]:
    """The first paragraph of each point of the list that `tokens` begin with."""
    for number, token in enumerate(tokens):
        if token.level == 0 and number and token.nesting < 0:
            return
        if token.type == "list_item_open" and token.level == 1:
            yield tokens[number + 2].content


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph; dots in formulas, code and abbreviations end none."""
    kept: list[str] = []

    def mask(match: re.Match[str]) -> str:
        kept.append(match[0])
        return f"\x00{len(kept) - 1}\x01"

    masked, found, start = MASKED.sub(mask, " ".join(text.split())), [], 0
    for match in END.finditer(masked):
        if not ABBREVIATED.search(masked[start : match.start() + 1]):
            found.append(masked[start : match.end()].strip())
            start = match.end()
    found.append(masked[start:].strip())
    return [re.sub(r"\x00(\d+)\x01", lambda m: kept[int(m[1])], s) for s in found if s]


def key(text: str) -> str:
    """The sentence of a paragraph for the wall: the first with a phrase in bold, or the first.

    Sentences of a few words and openings such as `Derive.` say too little. One too long for a
    headline is cut at a semicolon or a colon, if that leaves a sentence. A last sentence that ends
    in `…` leads to what follows, and is it.
    """
    said = sentences(LEAD.sub("", text.strip()))
    whole = said[-1:] if said[-1:] and said[-1].endswith("…") else [*filter(_says_something, said)]
    return shortened(next(filter(stressed, whole), whole[0] if whole else ""))


def stressed(sentence: str) -> bool:
    """Whether its author put a phrase of it, not only a name, in bold."""
    return any(len(phrase.split()) >= 5 for phrase in BOLD.findall(sentence))


def _says_something(sentence: str) -> bool:
    told = not sentence.startswith("**Predict")  # to the reader of the notebook
    return told and len(sentence.split()) >= 6 and sentence.rstrip('*_)”"')[-1] in ".!?"


def brief(text: str) -> str:
    """As many of the first sentences as a point of a list can hold."""
    first, *more = sentences(text)
    said = shortened(first)
    for sentence in more:
        if said != first or len(f"{said} {sentence}") > LONGEST:
            break
        said = first = f"{said} {sentence}"
    return said


def shortened(sentence: str) -> str:
    """`sentence`, or as much of it as a slide can hold."""
    for mark in (";", ":"):
        head = sentence.split(f"{mark} ")[0]
        if len(sentence) > LONGEST and len(head) > 40 and head.count("$") % 2 == 0:
            sentence = head.rstrip(".") + "."
    return sentence
