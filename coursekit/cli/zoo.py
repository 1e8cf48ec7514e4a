"""The zoo of trained networks: what is stored, train it, check it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coursekit.cli import app, console

if TYPE_CHECKING:
    from coursekit.zoo import Recipe

zoo_app = typer.Typer(help="The zoo of trained networks: what is stored, train it, check it.")
app.add_typer(zoo_app, name="zoo", no_args_is_help=True)
Names = Annotated[
    list[str] | None, typer.Argument(help="Names of recipes, as zoo list prints them; all if none.")
]
NOTHING_MEASURED = 3  # exit code


def _chosen(names: list[str] | None) -> "list[Recipe]":
    from coursekit.errors import choose
    from coursekit.zoo import RECIPES

    return [RECIPES[choose("recipe", name, RECIPES)] for name in names or RECIPES]


@zoo_app.command("list")
def zoo_list() -> None:
    """Every recipe: its data and steps, what is stored of it, how long it took, its figures."""
    from rich.table import Table

    from coursekit.zoo import RECIPES
    from coursekit.zoo.store import read_run, zoo_root

    table = Table("name", "data", "steps", "MB", "minutes", "figures", box=None, pad_edge=False)
    for recipe in RECIPES.values():
        path = zoo_root() / recipe.id
        run, file = read_run(path), path.with_name(f"{path.name}.safetensors")
        if run is None or not file.is_file():
            table.add_row(recipe.name, recipe.data, f"{recipe.steps:,}", "", "", "not stored")
            continue
        figures = ", ".join(f"{k} {v['value']:.4g}" for k, v in run.figures.items())
        size, minutes = f"{file.stat().st_size / 1e6:.1f}", f"{run.seconds / 60:.1f}"
        table.add_row(recipe.name, recipe.data, f"{recipe.steps:,}", size, minutes, figures)
    console().print(table)


@zoo_app.command("train")
def zoo_train(
    names: Names = None,
    again: Annotated[
        list[str] | None,
        typer.Option("--again", help="Train this one anew, stored or not, into --out."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for what is trained again.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Runs side by side, one thread each.")] = 1,
) -> None:
    """Train what is not stored. A killed run continues; runs whose data are absent are skipped."""
    from joblib import Parallel, delayed

    from coursekit.errors import require
    from coursekit.zoo.store import read_run, zoo_root

    require(bool(again) == (out is not None), "--again NAME and --out FOLDER are given together.")
    asked = _chosen(again or names)
    wanted = [r for r in asked if again or read_run(zoo_root() / r.id) is None]
    judges = [r for r in wanted if r.name.startswith("features-")]  # games are measured with them
    said: list[str] = []
    for group in (judges, [r for r in wanted if r not in judges]):
        said += Parallel(n_jobs=jobs)(delayed(_train)(recipe, out) for recipe in group)
    for line in said or ["Everything that was asked for is stored."]:
        console().print(line, soft_wrap=True)
    raise typer.Exit(NOTHING_MEASURED if said and all("skipped" in s for s in said) else 0)


def _train(recipe: "Recipe", out: Path | None) -> str:
    import torch

    from coursekit.zoo.store import absent, make, read_run, zoo_root

    if absent(recipe):
        return f"{recipe.name}: skipped (no {recipe.data})"
    torch.set_num_threads(1)
    before, run = read_run(zoo_root() / recipe.id), make(recipe, out)
    rows = []
    for name, row in run.figures.items():
        then = f" (stored: {before.figures[name]['value']:.4g})" if before and out else ""
        rows.append(f"{name} {row['value']:.4g}{then}")
    return f"{recipe.name}: {', '.join(rows)}, {run.seconds / 60:.1f} min"


@zoo_app.command("check")
def zoo_check(
    names: Names = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Take the figures anew from the stored weights.")
    ] = False,
    replay: Annotated[
        bool, typer.Option("--replay", help="Run 8 steps anew; stamp what is the same.")
    ] = False,
) -> None:
    """Schema, recipes and tensors of what is stored; figures or replays if asked for.

    Exit code 1 if something is wrong, 3 if figures or replays were asked for and no data were here.
    """
    from coursekit.progress import following
    from coursekit.zoo.store import absent, check, read_run, zoo_root
    from coursekit.zoo.store import replay as replayed

    wrong, done, skipped = [], 0, 0
    for recipe in following(_chosen(names), "zoo check"):
        if not names and read_run(zoo_root() / recipe.id) is None:
            console().print(f"{recipe.name}: not stored")
            continue
        if (measure or replay) and absent(recipe):
            skipped += 1
            console().print(f"{recipe.name}: skipped (no {recipe.data})")
            continue
        found = check(recipe, measure) + (replayed(recipe) if replay else [])
        done += 1
        wrong += found
        console().print("\n".join(found) or f"{recipe.name}: as stored", soft_wrap=True)
    console().print(f"{done} checked, {skipped} skipped, {len(wrong)} differences")
    if wrong:
        raise typer.Exit(1)
    raise typer.Exit(NOTHING_MEASURED if (measure or replay) and not done else 0)
