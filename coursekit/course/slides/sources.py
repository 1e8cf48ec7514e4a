"""Code for the wall: only what is short, without its docstrings, highlighted."""

import ast
import re
import textwrap

LINES, COLUMNS = 16, 100  # what a person at the back of a room reads


def short(source: str) -> str:
    """`source` without docstrings, or nothing if it is still too long for a slide."""
    bare = _without_docstrings(textwrap.dedent(source)).strip("\n")
    lines = bare.splitlines()
    fits = len(lines) <= LINES and all(len(line) <= COLUMNS for line in lines)
    return bare if fits else ""


def pieces(listing: str) -> list[str]:
    """What `show_source` printed, as slides: together if that is short, else the short ones."""
    if whole := short(listing):
        return [whole]
    try:
        tree = ast.parse(listing := textwrap.dedent(listing))
    except SyntaxError:
        return []
    parts = (ast.get_source_segment(listing, node) or "" for node in tree.body)
    return [part for part in map(short, parts) if part]


def name(listing: str) -> str:
    """What it defines first."""
    found = re.search(r"(?:def|class) (\w+)", listing)
    return found[1] if found else ""


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
