"""What the commands share: the application, its output, and how lectures are named."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    help="A course on DeepDream, GANs and adversarial examples, run from the command line.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Notebooks = Annotated[
    list[str] | None,
    typer.Argument(help="Numbers (02, 2), names (02_gan_theory) or paths; all, if none is given."),
]
Folder = Annotated[
    Path | None, typer.Option("--notebooks", help="Where the notebooks are.", hidden=True)
]


def console() -> "Console":
    """Standard output, as wide as the terminal, or 100 columns in a log."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 100)
