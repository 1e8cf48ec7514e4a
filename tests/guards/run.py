"""Planted bugs: each notebook, run on a deliberately broken copy of the package, must fail.

`tests/guards/NN.toml` lists the bugs of notebook NN as [[bug]] tables: `name`, `file`, `find` (text
that stands exactly once in the file), `replace` and mostly `cell`, whose claim should fail. The
copy lives in a temporary folder; the package has no switches. A broken import or a crash of the
harness does not count: a claim must fail, or the package refuse.

A bug meets first only those statements that the claims of its cell depend on (`slicing.py`); if it
passes them, those that all checks depend on, and then the whole notebook. Whatever caught a bug is
then run on an unbroken copy and must pass there, so that the failure is the bug's doing.

    python tests/guards/run.py [NN ...] [--jobs N]
"""

import argparse
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import inside
import nbformat
import slicing
from joblib import Parallel, delayed

ROOT = Path(__file__).resolve().parents[2]
CHECKS = "coursekit/teaching/checks.py"
GO_ON = '    return Held(outcome == "held")\n'
STOP = '    if outcome == "failed": raise ClaimFailed(claim)\n' + GO_ON
NOT_A_CATCH = {"ImportError", "SyntaxError", "NameError"}  # and what is derived from them
SETTINGS = {"PROFILE": "smoke", "DATASET": "digits", "PROGRESS": "0", "THREADS": "1", "ZOO": "off"}
# A fork of loaded libraries saves ten seconds a bug; only on Linux do they bear it.
PROCESSES = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")


class Clumsy(Exception):
    """The run says nothing about the bug."""


@dataclass(frozen=True)
class Bug:
    notebook: str
    name: str = "(none: the control)"
    file: str = ""
    find: str = ""
    replace: str = ""
    cell: str = ""


@dataclass(frozen=True)
class Verdict:
    """Whether a copy did what it should: passed as it is, failed on a broken package.

    `code` is what caught the bug.
    """

    bug: Bug
    good: bool
    said: str
    seconds: float
    code: tuple[str, ...] = ()


def load_bugs(number: str) -> list[Bug]:
    """The planted bugs of one notebook."""
    rows = tomllib.loads((ROOT / "tests" / "guards" / f"{number}.toml").read_text())["bug"]
    (notebook,) = [path.name for path in (ROOT / "notebooks").glob(f"{number}_*.ipynb")]
    return [Bug(notebook, **row) for row in rows]


def plant(bug: Bug, copy: Path) -> None:
    """Copy package and notebook to `copy`, with the bug patched in.

    There the first claim that fails ends the notebook: one is enough, and the rest costs minutes.
    """
    shutil.copytree(ROOT / "coursekit", copy / "coursekit")
    (copy / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / bug.notebook, copy / "notebooks")
    if bug.find:
        patch(bug, copy, bug.file, bug.find, bug.replace)
        patch(bug, copy, CHECKS, GO_ON, STOP)


def patch(bug: Bug, copy: Path, file: str, find: str, replace: str) -> None:
    """Replace a text that stands exactly once in a file of the copy."""
    source = (copy / file).read_text()
    if source.count(find) != 1:
        times = source.count(find)
        raise Clumsy(f"the text to replace stands {times} times in {file}, not exactly once")
    (copy / file).write_text(source.replace(find, replace))


def execute(copy: Path, code: list[str]) -> list[str]:
    """Run the cells of the copied notebook with the copied package; return what it says is wrong.

    That is each claim that failed, and the error that stopped it. A process that died, or an error
    that only a clumsy patch makes, is reported as the harness's own.
    """
    found, printed = copy / inside.FOUND, copy / inside.PRINTED
    found.unlink(missing_ok=True)
    process = PROCESSES.Process(target=inside.run, args=(str(copy), code))
    process.start()
    process.join()
    if not found.exists():
        raise Clumsy(f"the process died with exit code {process.exitcode}")
    error = json.loads(found.read_text())
    lines = printed.read_text(encoding="utf-8").splitlines()
    claims = [line for line in lines if line.startswith("✗ ")]
    if error is None:
        return claims
    kinds, message = error
    said = f"{kinds[0]}: {message}"
    if NOT_A_CATCH & set(kinds):
        raise Clumsy(said)
    return claims if claims and kinds[0] == "ClaimFailed" else [*claims, said]


def slices(bug: Bug) -> Iterator[list[str]]:
    """What the bug meets in turn: the claims of its cell, all checks, the whole notebook."""
    cells = nbformat.read(ROOT / "notebooks" / bug.notebook, 4).cells
    cells = [cell for cell in cells if cell.cell_type == "code"]
    code, ids = [cell.source for cell in cells], [cell.id for cell in cells]
    if bug.cell:
        if bug.cell not in ids:
            raise Clumsy(f"the notebook has no cell {bug.cell}")
        try:
            yield slicing.claims_of(code, ids.index(bug.cell))
        except ValueError as error:
            raise Clumsy(f"{bug.cell}: {error}") from None
    yield slicing.checks_alone(code)
    yield code


def judge(bug: Bug, code: tuple[str, ...] = ()) -> Verdict:
    """Try a bug; without one it is a control, and `code` must pass."""
    start, caught_by, reasons = time.monotonic(), (), []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder).resolve()
        try:
            plant(bug, copy)
            for part in [list(code)] if code else slices(bug):
                if reasons := execute(copy, part):
                    caught_by = tuple(part)
                    break
        except Clumsy as error:
            return Verdict(bug, False, f"NOT A FAIR TEST: {error}", time.monotonic() - start)
    good = bool(reasons) == bool(bug.find)
    if bug.find:
        said = f"caught by {len(reasons)}" if good else "NOT CAUGHT"
    else:
        said = "passes, as it must" if good else "FAILS"
    detail = "; ".join(reasons[:2])[:160]
    said = f"{said}{': ' * bool(detail)}{detail}"
    return Verdict(bug, good, said, time.monotonic() - start, caught_by)


def told(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Print each as it comes; all of them."""
    seen = []
    for one in verdicts:
        mark, number = "✓" if one.good else "✗", one.bug.notebook[:2]
        print(f"{mark} {number}  {one.bug.name}  ({one.seconds:.0f} s)  {one.said}", flush=True)
        seen.append(one)
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    specified = sorted(path.stem for path in (ROOT / "tests" / "guards").glob("[0-9]*.toml"))
    parser.add_argument("numbers", nargs="*", metavar="NN", help=f"of {', '.join(specified)}")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="notebooks at a time")
    arguments = parser.parse_args()
    if unknown := set(arguments.numbers) - set(specified):
        parser.error(f"no bugs are specified for {', '.join(sorted(unknown))}")
    bugs = [bug for number in arguments.numbers or specified for bug in load_bugs(number)]
    for name in [name for name in os.environ if name.startswith("COURSEKIT_")]:
        del os.environ[name]
    os.environ |= {f"COURSEKIT_{what}": value for what, value in SETTINGS.items()}
    os.environ["OMP_NUM_THREADS"] = "1"
    if sys.platform == "linux":
        PROCESSES.set_forkserver_preload(inside.LIBRARIES)
    jobs = Parallel(n_jobs=arguments.jobs, return_as="generator", backend="threading")
    verdicts = told(jobs(delayed(judge)(bug) for bug in bugs))
    caught = dict.fromkeys((one.bug.notebook, one.code) for one in verdicts if one.code)
    verdicts += told(jobs(delayed(judge)(Bug(notebook), code) for notebook, code in caught))
    failed = [one for one in verdicts if not one.good]
    print(f"{len(verdicts) - len(failed)} passed, {len(failed)} failed")
    told(failed)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
