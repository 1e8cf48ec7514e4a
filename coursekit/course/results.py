"""What executed notebooks hold, put together, and the report of it: page, Markdown, JSON, JUnit.

Runs of one notebook that differ only in their seed are one entry; its spread is over the seeds.
"""

import base64
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO
from itertools import groupby
from pathlib import Path
from statistics import mean, stdev
from typing import Any
from xml.etree import ElementTree

import PIL.Image
from jinja2 import Environment, PackageLoader, StrictUndefined
from nbformat import NotebookNode

from coursekit.course.lectures import Lecture, all_lectures, code_cells, read_notebook
from coursekit.errors import CourseError, require
from coursekit.io import write_bytes
from coursekit.teaching import MIME
from coursekit.teaching.checks import NOT_HERE, NOT_MEASURED

RUN = "coursekit_run"  # the metadata entry in which an executed notebook says how it came about
OPENED = re.compile(
    r"^profile (?P<profile>\S+), data (?P<dataset>.+), seed (?P<seed>\d+), (?P<device>.+)$"
)
STILLS = ("image/png", "image/jpeg")
CLAIM = re.compile(r"^([✓✗–]) (.*?)(?: \[([^\[\]]*)\])?$")  # mark, sentence, bracket
KEYS = ("claim", "ours", "spread", "n", "paper", "source", "unit")  # what a record says
WIDTH = 560  # pixels of a thumbnail; shown at half of that, so that it is sharp on any screen
SETTING = ("profile", "dataset", "device")
COLUMNS = ("notebook", "claim", "paper", "ours", "n", *SETTING, "seconds")
OF_A_RUN = ("seed", *SETTING, "status", "reason", "seconds", "finished", "machine", "versions")
REPORTS = tuple(f"report.{kind}" for kind in ("html", "md", "json"))


# What one notebook holds


@dataclass(frozen=True)
class Picture:
    """A figure of a notebook: the bytes of its file, PNG or JPEG, and what it shows."""

    file: bytes
    alt: str

    @property
    def image(self) -> PIL.Image.Image:
        """The picture itself.

        Raises:
            CourseError: its bytes are no picture.
        """
        try:
            return PIL.Image.open(BytesIO(self.file)).convert("RGB")
        except OSError:
            raise CourseError(
                f"The figure {self.alt!r} is no picture; execute its notebook again."
            ) from None

    @property
    def broad(self) -> bool:
        """Whether it is much wider than high, as rows of panels are."""
        width, height = self.image.size
        return width > 1.9 * height


def opened(notebook: NotebookNode) -> dict[str, str]:
    """What `lab.start` printed: profile, dataset, seed and device; empty if it never ran."""
    matches = (OPENED.match(line) for line in _printed(notebook))
    return next((match.groupdict() for match in matches if match), {})


def claims(notebook: NotebookNode) -> dict[str, bool]:
    """Claim → whether it held, in the order in which they were measured."""
    return {claim: mark == "✓" for mark, claim, _ in _claim_lines(notebook) if mark != "–"}


def broken(notebook: NotebookNode) -> list[str]:
    """The claims that failed. A finding that did not hold on other data is none of them."""
    lines = _claim_lines(notebook)
    return [claim for mark, claim, told in lines if mark == "✗" and not told.endswith(NOT_HERE)]


def unmeasured(notebook: NotebookNode) -> list[str]:
    """The claims that were printed as not measured here."""
    return [claim for mark, claim, _ in _claim_lines(notebook) if mark == "–"]


def _claim_lines(notebook: NotebookNode) -> list[tuple[str, str, str]]:
    """Mark, sentence and what stands in the bracket of every claim; a later line counts."""
    matches = [match for line in _printed(notebook) if (match := CLAIM.match(line))]
    found = {m[2]: (m[1], m[2], m[3] or "") for m in matches if m[1] != "–" or m[3] == NOT_MEASURED}
    return list(found.values())


def pictures(notebook: NotebookNode) -> list[Picture]:
    """Its figures, in order. Films are left out: their frames are many."""
    return [
        Picture(base64.b64decode(bundle[mime]), about.get(mime, {}).get("alt", ""))
        for bundle, about in _bundles(notebook)
        for mime in STILLS
        if mime in bundle
    ]


def descriptions(notebook: NotebookNode) -> list[str]:
    """What each of its figures and films shows, in order."""
    return [
        about.get(mime, {}).get("alt", "")
        for bundle, about in _bundles(notebook)
        for mime in (*STILLS, "image/gif")
        if mime in bundle
    ]


def _printed(notebook: NotebookNode) -> Iterator[str]:
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stdout":
                yield from output.text.splitlines()


def _bundles(notebook: NotebookNode) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if "data" in output:
                yield output.data, output.metadata


# All notebooks of a folder


@dataclass(frozen=True)
class Run:
    """One executed notebook: which, how it was run, how it ended, and the notebook itself."""

    lecture: Lecture
    seed: str
    profile: str
    dataset: str
    device: str
    status: str
    reason: str
    seconds: float | None
    finished: str
    machine: str
    versions: dict[str, str]
    notebook: NotebookNode

    @property
    def key(self) -> tuple[str, ...]:
        """Equal for runs that differ only in their seed."""
        return (self.lecture.number, self.profile, self.dataset, self.device)


@dataclass(frozen=True)
class Entry:
    """One notebook in one setting, over all its seeds.

    Attributes:
        runs: one a seed.
        claims: claim → number of runs in which it held and in which it was checked.
        records: rows of figures, `ours` and `spread` over the seeds.
    """

    runs: list[Run]
    claims: dict[str, tuple[int, int]]
    records: list[dict[str, Any]]

    @property
    def passed(self) -> tuple[int, int]:
        """Checks that held, and that were made, over all runs."""
        counts = self.claims.values()
        return sum(held for held, _ in counts), sum(of for _, of in counts)

    @property
    def seconds(self) -> float | None:
        """Mean wall time of the runs that say theirs."""
        known = [run.seconds for run in self.runs if run.seconds is not None]
        return mean(known) if known else None

    @property
    def seeds(self) -> str:
        """The seeds of its runs: `0`, `0 to 4` or `0, 2`."""
        texts = [run.seed for run in self.runs]
        numbers = [int(seed) for seed in texts if seed.isdecimal()]
        if len(numbers) == len(texts) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
            return f"{numbers[0]} to {numbers[-1]}"
        return ", ".join(texts)

    @property
    def status(self) -> str:
        """`done`, or how the runs that are not ended."""
        others = [run.status for run in self.runs if run.status != "done"]
        return ", ".join(f"{others.count(word)} {word}" for word in dict.fromkeys(others)) or "done"


def collect(folder: Path) -> list[Entry]:
    """The executed notebooks in `folder`, by number, profile, data set and device.

    Raises:
        CourseError: there are none, or a recorded figure is not whole.
    """
    newest: dict[tuple[str, ...], Run] = {}
    for run in sorted(map(_run, all_lectures(folder)), key=lambda run: run.finished):
        newest[(*run.key, run.seed)] = run
    runs = sorted(newest.values(), key=lambda run: (run.key, int(run.seed or 0)))
    groups = (list(same) for _, same in groupby(runs, key=lambda run: run.key))
    return [Entry(group, _claims(group), _records(group)) for group in groups]


def _run(lecture: Lecture) -> Run:
    notebook = read_notebook(lecture.path)
    told, seen = notebook.metadata.get(RUN, {}), opened(notebook)
    executed = any(cell.execution_count for cell in code_cells(notebook))
    return Run(
        lecture=lecture,
        seed=str(told.get("seed", seen.get("seed", ""))),
        profile=told.get("profile") or seen.get("profile", ""),
        # Of a path the last part: where a reader keeps files concerns nobody else.
        dataset=Path(told.get("dataset") or seen.get("dataset", "")).name,
        device=seen.get("device") or told.get("device", ""),
        status=told.get("status", "done" if executed else "not executed"),
        reason=told.get("reason", ""),
        seconds=told.get("seconds"),
        finished=told.get("finished", ""),
        machine=told.get("machine", ""),
        versions=told.get("versions", {}),
        notebook=notebook,
    )


def _claims(runs: Sequence[Run]) -> dict[str, tuple[int, int]]:
    verdicts: dict[str, list[bool]] = {}
    for run in runs:
        for claim, held in claims(run.notebook).items():
            verdicts.setdefault(claim, []).append(held)
    return {claim: (sum(held), len(held)) for claim, held in verdicts.items()}


def _records(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """One row a recorded figure: as it was recorded, or mean ± standard error over the seeds."""
    by_claim: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        for row in (bundle[MIME] for bundle, _ in _bundles(run.notebook) if MIME in bundle):
            lacking = ", ".join(key for key in KEYS if key not in row)
            told = f"{run.lecture.path.name} holds a recorded figure without {lacking}"
            require(not lacking, f"{told}; execute the notebook again.")
            by_claim.setdefault(row["claim"], []).append(row)
    found = []
    for rows in by_claim.values():
        values = [row["ours"] for row in rows]
        over: dict[str, Any] = {"seeds": len(rows), "values": values}
        if len(rows) > 1:
            spread = stdev(values) / len(values) ** 0.5
            over |= {"ours": mean(values), "spread": spread, "n": sum(row["n"] for row in rows)}
        found.append({**rows[0], **over})
    return found


# The report


def write_report(folder: Path) -> Path:
    """Collect the executed notebooks in `folder`; write report.html, report.md and report.json.

    Returns:
        The path of the page.

    Raises:
        CourseError: there are no notebooks in `folder`, or one holds a figure that is not whole.
    """
    entries = collect(folder)
    told = [
        {"notebook": run.lecture.name, **{key: getattr(run, key) for key in OF_A_RUN}}
        | {"unmeasured": unmeasured(run.notebook)}
        for entry in entries
        for run in entry.runs
    ]
    data = json.dumps({"table": table(entries), "runs": told}, indent=1, ensure_ascii=False) + "\n"
    page = _page(entries)  # first of all: what cannot be shown is told before a file is written
    for name, text in zip(REPORTS, (page, as_markdown(table(entries)), data), strict=True):
        write_bytes(folder / name, text.encode())
    return folder / "report.html"


def table(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Every recorded figure, then every check, of each notebook; text as people read it."""
    return [row for entry in entries for row in _rows(entry)]


def _rows(entry: Entry) -> list[dict[str, Any]]:
    """The rows of one notebook; a figure also has its raw numbers, a check its count."""
    run = entry.runs[0]
    common: dict[str, Any] = {key: getattr(run, key) for key in SETTING}
    common |= {"notebook": run.lecture.number, "seconds": entry.seconds}
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


def _page(entries: Sequence[Entry]) -> str:
    """One HTML file that needs no other."""
    return render(
        "report.html",
        entries=entries,
        glance=glance(entries),
        parts=_parts,
        pictures=lambda entry: pictures(entry.runs[0].notebook),
        text=_text,
        thumbnail=_thumbnail,
        written=datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC"),
    )


def glance(entries: Sequence[Entry]) -> dict[str, Any]:
    """What a reader wants to know first: did it all hold, in how many runs, on what machine."""
    runs = [run for entry in entries for run in entry.runs]
    held, of = (sum(counts) for counts in zip(*(e.passed for e in entries), strict=True))
    ended = sum(run.status == "done" for run in runs)
    minutes = sum(run.seconds or 0 for run in runs) / 60
    told = (", ".join([run.machine, *map(" ".join, run.versions.items())]) for run in runs)
    count = len({run.lecture.number for run in runs})
    return {
        "good": ended == len(runs) and not any(broken(run.notebook) for run in runs),
        "checks": f"{held:,} of {of:,} checks passed.",
        "runs": f"{ended} of {len(runs)} runs done, {count} lecture{'s' * (count != 1)},"
        f" {minutes:.0f} minutes of computing",
        "machine": "; ".join(filter(None, dict.fromkeys(told))),
    }


def _parts(entry: Entry) -> tuple[list[dict[str, Any]], ...]:
    """The rows of one notebook: figures with a paper's beside, figures alone, checks."""
    lines = _rows(entry)
    figures = [row for row in lines if row["kind"] == "figure"]
    beside = [row for row in figures if row["paper"] != "—"]
    return beside, [row for row in figures if row not in beside], lines[len(figures) :]


def _thumbnail(picture: Picture) -> str:
    """The picture, made small, as an address that holds all of its data."""
    image, width = picture.image, WIDTH * (1 + picture.broad)
    image.thumbnail((width, width))
    buffer = BytesIO()
    image.save(buffer, "WEBP", quality=80)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


@lru_cache
def _environment() -> Environment:
    """The course's only Jinja environment; of its templates only pages of HTML escape values."""
    return Environment(
        loader=PackageLoader("coursekit.course"),
        autoescape=lambda name: bool(name and name.endswith(".html")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(template: str, **values: Any) -> str:
    """A template of `coursekit/course/templates/`, filled in."""
    return _environment().get_template(template).render(values)


def write_junit(folder: Path, names: Sequence[str], path: Path) -> None:
    """Write the runs called `names`, whose notebooks lie in `folder`, as JUnit XML.

    One test case a notebook: failed with its reason and the claims that did not hold, or passed.
    A claim that was not measured here is a test case of its own, skipped.
    """
    suite = ElementTree.Element("testsuite", name="coursekit")
    for name in names:
        notebook = read_notebook(folder / f"{name}.ipynb")
        run = notebook.metadata[RUN]
        where = f"coursekit.{run['profile']}.{Path(run['dataset']).name}"
        case = {"classname": _xml(where), "name": _xml(name)}
        tested = ElementTree.SubElement(suite, "testcase", case, time=str(run["seconds"]))
        if run["status"] != "done":
            failed = [f"✗ {claim}" for claim in broken(notebook)]
            failure = ElementTree.SubElement(tested, "failure", message=_xml(run["reason"]))
            failure.set("type", "claim" if failed else "cell")
            failure.text = _xml("\n".join(failed or [run["reason"]]))
        for claim in unmeasured(notebook):
            case = {"classname": _xml(f"{where}.{name}"), "name": _xml(claim)}
            skipped = ElementTree.SubElement(suite, "testcase", case, time="0")
            ElementTree.SubElement(skipped, "skipped", message="not measured here")
    counts = {"tests": "testcase", "failures": "testcase/failure", "skipped": "testcase/skipped"}
    for key, found in counts.items():
        suite.set(key, str(len(suite.findall(found))))
    suite.set("errors", "0")
    suite.set("time", f"{sum(float(case.get('time', 0)) for case in suite):.1f}")
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    ElementTree.indent(suites)
    write_bytes(path, ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True))


def _xml(text: str) -> str:
    """`text` without the control characters that XML forbids."""
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "�", text)
