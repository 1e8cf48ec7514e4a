"""What `doctor` says, on the page of a notebook."""

import io

import ipywidgets as widgets
from rich.console import Console

from coursekit.course.doctor import Finding, show

FONT = "font-family: monospace; line-height: 1.35; overflow-x: auto"


def screen(findings: list[Finding]) -> widgets.HTML:
    """The findings as a widget: live on the page, and gone from a notebook that is stored.

    Paths and versions of one machine have no place in a file that others read.
    """
    console = Console(file=io.StringIO(), record=True, width=110, force_jupyter=False)
    show(findings, console)
    page = f'<pre style="{FONT}">{{code}}</pre>'
    return widgets.HTML(console.export_html(inline_styles=True, code_format=page))
