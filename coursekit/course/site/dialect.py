"""How Sphinx reads this package: docstrings in plain words, signatures as they are written."""

import ast
import inspect
import re
import textwrap
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from coursekit.course import catalogue, outputs

ASSETS = "_assets"  # in the sources: what is copied into the site as it is
NAMES = re.compile(r"^[a-z_]+: \S", re.MULTILINE)
CODE = re.compile(r"`+([^`]+)`+")


def own_assets(app: Any, config: Any) -> None:
    """Files that `stage` put beside the sources go where Sphinx keeps its own."""
    config.html_static_path.append(str(Path(app.srcdir) / ASSETS))


def docstring(app: Any, what: str, name: str, obj: object, options: Any, lines: list[str]) -> None:
    """Our docstrings are plain text with `code`; in reStructuredText code has two ticks."""
    lines[:] = to_rst(with_heads("\n".join(lines))).splitlines()


def with_heads(text: str) -> str:
    """Paragraphs that explain one name after the other, under the head that napoleon looks for."""
    return "\n\n".join(
        "Attributes:\n" + textwrap.indent(paragraph, "    ")
        if len(NAMES.findall(paragraph)) > 1 and NAMES.match(paragraph)
        else paragraph
        for paragraph in text.split("\n\n")
    )


def to_rst(text: str) -> str:
    """Plain text with `code` as reStructuredText, nothing else of which means anything."""
    spans: list[str] = []

    def keep(match: re.Match[str]) -> str:
        spans.append(match[1])
        return f"\x00{len(spans) - 1}\x01"

    plain = re.sub(r"([\\*|])", r"\\\1", CODE.sub(keep, text))
    plain = re.sub(r"(?<=\w)_(?!\w)", r"\\_", plain)
    return re.sub(r"\x00(\d+)\x01", lambda m: f"``{spans[int(m[1])]}``", plain)


def signature(
    app: Any, what: str, name: str, obj: Any, options: Any, given: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """The signature as the source has it: `x: Images`, and not what Images stands for."""
    if what == "class":
        own = "__init__" in vars(obj) and not is_dataclass(obj)
        written = of_source(obj.__init__) if own else None
        return (written[0], None) if written else (given, returns)
    written = of_source(inspect.unwrap(obj)) if what in ("function", "method") else None
    return written or (given, returns)


def of_source(function: Any) -> tuple[str, str | None] | None:
    """Arguments and result of a function as its source writes them, if there is a source."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return None
    node = tree.body[0]
    if not isinstance(node, ast.FunctionDef):
        return None
    every = [*node.args.posonlyargs, *node.args.args]
    if every and every[0].arg in ("self", "cls"):
        (node.args.posonlyargs or node.args.args).pop(0)
    named = Named(getattr(function, "__globals__", {}))
    for argument in ast.walk(node.args):
        if isinstance(argument, ast.arg) and argument.annotation:
            argument.annotation = named.visit(argument.annotation)
    result = ast.unparse(named.visit(node.returns)) if node.returns else None
    return f"({ast.unparse(node.args)})", result


class Named(ast.NodeTransformer):
    """Classes of ours by their whole name, which Sphinx links and (for the ~) shows short."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """`Options` of this module is not `Options` of another."""
        meant = self.names.get(node.id)
        if inspect.isclass(meant) and meant.__module__.startswith("coursekit."):
            return ast.parse(f"~{meant.__module__}.{meant.__qualname__}", mode="eval").body
        return node


def skip(app: Any, what: str, name: str, obj: Any, skipped: bool, options: Any) -> bool | None:
    """A module shows what it defines, not what it imports."""
    return True if inspect.ismodule(obj) else None


def describe(app: Any, doctree: Any) -> None:
    """Pictures of a notebook get the description that is stored with them."""
    from docutils import nodes

    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix != ".ipynb":
        return
    texts = outputs.descriptions(catalogue.read(path))
    shown = [image for image in doctree.findall(nodes.image) if not image.get("alt")]
    for image, text in zip(shown, texts, strict=False):
        image["alt"] = text
