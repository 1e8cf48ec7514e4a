"""The report of executed notebooks: one table, as a page with pictures, as Markdown, as data."""

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from coursekit.course import outputs
from coursekit.course.collect import Entry, Run, collect, seconds
from coursekit.course.files import write_whole
from coursekit.course.outputs import Picture

WIDTH = 560  # pixels of a thumbnail; shown at half of that, so that it is sharp on any screen
SETTING = ("profile", "dataset", "device")
COLUMNS = ("notebook", "claim", "paper", "ours", "n", *SETTING, "seconds")
OF_A_RUN = ("seed", *SETTING, "status", "reason", "seconds", "finished", "machine", "versions")


def write(folder: Path) -> Path:
    """Collect the executed notebooks in `folder`; write report.html, report.md and report.json.

    Returns:
        The path of the page.

    Raises:
        CourseError: there are no notebooks in `folder`, or one holds a figure that is not whole.
    """
    entries = collect(folder)
    data = {"table": table(entries), "runs": [_run(run) for e in entries for run in e.runs]}
    page = as_page(entries)  # first of all: what cannot be shown is told before a file is written
    write_whole(folder / "report.json", json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    write_whole(folder / "report.md", as_markdown(table(entries)))
    write_whole(folder / "report.html", page)
    return folder / "report.html"


def table(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Every recorded figure, then every check, of each notebook; text as people read it."""
    return [row for entry in entries for row in rows(entry)]


def rows(entry: Entry) -> list[dict[str, Any]]:
    """The rows of one notebook; a figure also has its raw numbers, a check its count."""
    run, took = entry.runs[0], seconds(entry.runs)
    common: dict[str, Any] = {key: getattr(run, key) for key in SETTING}
    common |= {"notebook": run.lecture.number, "seconds": took}
    figures = [
        {
            **row,
            **common,
            "kind": "figure",
            "value": row["ours"],
            "ours": _figure(row),
            "paper": row["paper"] + f" ({row['source']})" * bool(row["source"]),
        }
        for row in entry.records
    ]
    checks = [
        {**common, "kind": "check", "claim": claim, "paper": "—", "n": of, "held": held}
        | {"ours": _verdict(held, of)}
        for claim, (held, of) in entry.claims.items()
    ]
    return figures + checks


def _figure(row: dict[str, Any]) -> str:
    spread = "" if row["spread"] is None else f" ± {row['spread']:.2g}"
    return f"{row['ours']:.4g}{spread} ".replace("-", "−").rstrip() + f" {row['unit']}".rstrip()


def _verdict(held: int, of: int) -> str:
    if of == 1:
        return "✓ holds" if held else "✗ does not hold"
    return f"{'✓' if held == of else '✗'} holds in {held} of {of}"


def _run(run: Run) -> dict[str, Any]:
    return {"notebook": run.lecture.name, **{key: getattr(run, key) for key in OF_A_RUN}}


def as_markdown(lines: Sequence[dict[str, Any]]) -> str:
    """The table for any viewer of Markdown."""
    texts = [[_text(line[column]) for column in COLUMNS] for line in lines]
    ruled = [["data set" if c == "dataset" else c for c in COLUMNS], ["---"] * len(COLUMNS), *texts]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in ruled)


def _text(value: object) -> str:
    if value is None:
        return "—"
    text = f"{value:.0f}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|")


def as_page(entries: Sequence[Entry]) -> str:
    """One HTML file that needs no other."""
    environment = Environment(
        loader=PackageLoader("coursekit.course", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"text": _text, "thumbnail": thumbnail}
    return environment.get_template("report.html").render(
        entries=entries,
        glance=glance(entries),
        parts=parts,
        passed=passed,
        seconds=seconds,
        seeds=seeds,
        status=status,
        pictures=lambda entry: outputs.pictures(entry.runs[0].notebook),
        written=datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC"),
    )


def glance(entries: Sequence[Entry]) -> dict[str, Any]:
    """What a reader wants to know first: did it all hold, in how many runs, on what machine."""
    runs = [run for entry in entries for run in entry.runs]
    held, of = (sum(counts) for counts in zip(*map(passed, entries), strict=True))
    ended = sum(run.status == "done" for run in runs)
    minutes = sum(run.seconds or 0 for run in runs) / 60
    told = (", ".join([run.machine, *map(" ".join, run.versions.items())]) for run in runs)
    return {
        "good": held == of and ended == len(runs),
        "checks": f"{held:,} of {of:,} checks passed.",
        "runs": f"{ended} of {len(runs)} runs done, {_lectures(runs)},"
        f" {minutes:.0f} minutes of computing",
        "machine": "; ".join(filter(None, dict.fromkeys(told))),
    }


def _lectures(runs: Sequence[Run]) -> str:
    count = len({run.lecture.number for run in runs})
    return f"{count} lecture{'s' * (count != 1)}"


def parts(entry: Entry) -> tuple[list[dict[str, Any]], ...]:
    """The rows of one notebook: figures with a paper's beside, figures alone, checks."""
    lines = rows(entry)
    figures = [row for row in lines if row["kind"] == "figure"]
    beside = [row for row in figures if row["paper"] != "—"]
    return beside, [row for row in figures if row not in beside], lines[len(figures) :]


def passed(entry: Entry) -> tuple[int, int]:
    """Checks that held, and that were made, over all runs of a notebook."""
    return sum(held for held, _ in entry.claims.values()), sum(
        of for _, of in entry.claims.values()
    )


def seeds(entry: Entry) -> str:
    """The seeds of its runs: `0`, `0 to 4` or `0, 2`."""
    all_of_them = [run.seed for run in entry.runs]
    numbers = [int(seed) for seed in all_of_them if seed.isdecimal()]
    if len(numbers) == len(all_of_them) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(all_of_them)


def status(entry: Entry) -> str:
    """`done`, or how the runs that are not ended."""
    others = [run.status for run in entry.runs if run.status != "done"]
    return ", ".join(f"{others.count(word)} {word}" for word in dict.fromkeys(others)) or "done"


def thumbnail(picture: Picture) -> str:
    """The picture, made small, as an address that holds all of its data."""
    image, width = picture.image, WIDTH * (1 + picture.broad)
    image.thumbnail((width, width))
    buffer = BytesIO()
    image.save(buffer, "WEBP", quality=80)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
