"""What Sphinx is told, and how it reads this package: docstrings, signatures, pictures.

`python -m coursekit site` runs Sphinx on the sources that `site.stage` puts together.
"""

import ast
import inspect
import re
import textwrap
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from coursekit.course.lectures import read_notebook
from coursekit.course.results import descriptions
from coursekit.course.site import ASSETS

project = "coursekit"
author = "the course"
copyright = "code MIT, text and figures CC BY 4.0"
language = "en"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]

# Notebooks are shown as they are stored; films count as pictures.
nb_execution_mode = "off"
nb_mime_priority_overrides = [("html", "image/gif", 5)]
nb_ipywidgets_js: dict[str, Any] = {}  # stored widgets are stills; nothing is loaded for live ones
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath", "strikethrough"]
myst_dmath_double_inline = True
myst_heading_anchors = 3

# MathJax lies in the site itself (see site.ASSETS); its SVG needs no font files.
mathjax_path = "mathjax/tex-svg-full.js"
mathjax3_config = {"options": {"enableMenu": False}}

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "ignore-module-all": True}
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
add_module_names = False
suppress_warnings = ["ref.python"]  # a type alias may have the name of another room's
python_maximum_signature_line_length = 88

html_theme = "furo"
html_title = "coursekit"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0068a3", "color-brand-content": "#0068a3"},
    "dark_css_variables": {"color-brand-primary": "#6cb8ea", "color-brand-content": "#6cb8ea"},
    "footer_icons": [],
}
pygments_style = "friendly"
pygments_dark_style = "github-dark"

NAMES = re.compile(r"^[a-z_]+: \S", re.MULTILINE)
CODE = re.compile(r"`+([^`]+)`+")


def own_assets(app: Any, config: Any) -> None:
    """Files that `site.stage` put beside the sources go where Sphinx keeps its own."""
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
    texts = descriptions(read_notebook(path))
    shown = [image for image in doctree.findall(nodes.image) if not image.get("alt")]
    for image, text in zip(shown, texts, strict=False):
        image["alt"] = text


def setup(app: Any) -> None:
    """Connect what this site adds to Sphinx."""
    app.connect("config-inited", own_assets)
    app.connect("autodoc-process-docstring", docstring, priority=400)  # before napoleon
    app.connect("autodoc-process-signature", signature)
    app.connect("autodoc-skip-member", skip)
    app.connect("doctree-read", describe)
