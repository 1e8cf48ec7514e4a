"""Code for the wall: only what is short, without its docstrings, highlighted."""

import ast
import re
import textwrap
from collections.abc import Iterator
from typing import Any

LINES, COLUMNS = 16, 100  # what a person at the back of a room reads


def short(source: str) -> str:
    """`source` without docstrings, or nothing if it is still too long for a slide."""
    bare = _without_docstrings(textwrap.dedent(source)).strip("\n")
    lines = bare.splitlines()
    fits = len(lines) <= LINES and all(len(line) <= COLUMNS for line in lines)
    return bare if fits else ""


def pieces(cell: str, printed: str) -> list[tuple[str, str]]:
    """What the calls of `show_source` in a cell printed, as slides: names and code of each.

    As many on a slide, in order, as are short together; what is long by itself is left out.
    """
    slides: list[tuple[str, str]] = []
    for name, text in ((name, short(text)) for name, text in _parts(_shown(cell), printed)):
        if slides and text and (both := short(f"{slides[-1][1]}\n\n{text}")):
            slides[-1] = (f"{slides[-1][0]}`, `{name}", both)
        elif text:
            slides.append((name, text))
    return slides


def displayed(cell: str) -> list[str]:
    """The names that a cell hands to `display`, if it hands over nothing else."""
    calls = [node for node in _calls(cell) if node.func.id == "display"]
    given = [thing for call in calls for thing in call.args]
    return [thing.id for thing in given if isinstance(thing, ast.Name)]


def _shown(cell: str) -> list[str]:
    """What a cell hands to `show_source`, as written, in order."""
    calls = [node for node in _calls(cell) if node.func.id == "show_source"]
    return [ast.unparse(thing) for call in calls for thing in call.args]


def _calls(cell: str) -> list[Any]:
    """The calls of plain names in a cell, from top to bottom."""
    try:
        nodes = list(ast.walk(ast.parse(cell)))
    except SyntaxError:
        return []
    calls = [n for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    return sorted(calls, key=lambda call: (call.lineno, call.col_offset))


def _parts(names: list[str], printed: str) -> Iterator[tuple[str, str]]:
    """`printed`, cut where the definition of each name begins; methods with their class."""
    starts, after = [], 0
    for name in names:
        last = re.sub(r"\.__wrapped__$", "", name).split(".")[-1]
        begins = rf"^[ ]*(?:@[^\n]*\n[ ]*)*(?:async )?(?:def|class) {last}\b"
        if found := re.compile(begins, re.MULTILINE).search(printed, after):
            starts.append((name, found.start()))
            after = found.end()
    ends = [start for _, start in starts[1:]] + [len(printed)]
    for (name, start), end in zip(starts, ends, strict=True):
        own = 2 if printed[start] == " " else 1  # a method is set in
        yield ".".join(name.split(".")[-own:]), printed[start:end]


def highlighted(source: str) -> str:
    """HTML with the classes of Pygments."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return str(highlight(source, PythonLexer(), HtmlFormatter(nowrap=True)))


def colours() -> str:
    """The style sheet of those classes."""
    from pygments.formatters import HtmlFormatter

    return str(HtmlFormatter(style="friendly").get_style_defs(".code"))


def _without_docstrings(source: str) -> str:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    gone: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            text = node.body[0]
            gone |= set(range(text.lineno, (text.end_lineno or text.lineno) + 1))
            if len(node.body) > 1:  # the empty line that set the docstring apart
                gone |= set(range(text.lineno, node.body[1].lineno)) - _comments(source)
    return "\n".join(text for n, text in enumerate(source.splitlines(), 1) if n not in gone)


def _comments(source: str) -> set[int]:
    return {n for n, text in enumerate(source.splitlines(), 1) if text.strip()[:1] in ("#", "@")}
