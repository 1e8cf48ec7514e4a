"""The data sets: what is here, fetch one, verify one."""

from typing import Annotated

import typer

from coursekit.cli.base import app, console

data_app = typer.Typer(help="The data sets: what is here, fetch one, verify one.")
app.add_typer(data_app, name="data", no_args_is_help=True)


@data_app.command("list")
def data_list() -> None:
    """What is embedded, present or missing, where files go, and how to bring them by hand."""
    from rich.table import Table

    from coursekit import data

    table = Table("name", "state", "what", "where", box=None, pad_edge=False)
    entries = data.catalogue()
    for entry in entries:
        table.add_row(entry.name, entry.state, entry.about, entry.where)
    console().print(table)
    console().print("\nWithout a network:")
    for entry in entries:
        if entry.by_hand:
            console().print(f"  {entry.name}: {entry.by_hand}", soft_wrap=True)


@data_app.command("get")
def data_get(name: Annotated[str, typer.Argument(help="Name of a data set.")]) -> None:
    """Download a data set and verify it, unless it is here and whole."""
    from coursekit import data

    console().print(data.download(name), soft_wrap=True)


@data_app.command("check")
def data_check(name: Annotated[str, typer.Argument(help="Name or path of a data set.")]) -> None:
    """Verify a data set: checksums of a public one, shapes and ranges of your own."""
    from coursekit import data

    console().print(data.verify(name), soft_wrap=True)
