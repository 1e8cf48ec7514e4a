"""Planted bugs: each notebook, run on a deliberately broken copy of the package, must fail.

`tests/guards/NN.toml` lists the bugs of notebook NN as [[bug]] tables: `name`, `file`, `find` (text
that stands exactly once in the file) and `replace`. The copy lives in a temporary folder; the
package has no switches. An unbroken copy must pass first, so that a failure is the bug's doing. A
broken import or a crash of the harness does not count: a claim must fail, or the package refuse.

    python tests/guards/run.py [NN ...] [--jobs N]
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

import nbformat
from joblib import Parallel, delayed

ROOT = Path(__file__).resolve().parents[2]
CHECKS = "coursekit/teaching/checks.py"
GO_ON, STOP = (
    "return Held(held)\n",
    "if not held: raise ClaimFailed(claim)\n    return Held(held)\n",
)
NOT_A_CATCH = {"ImportError", "ModuleNotFoundError", "SyntaxError", "NameError", "DeadKernelError"}


@dataclass(frozen=True)
class Bug:
    notebook: str
    name: str = "(none: the control)"
    file: str = ""
    find: str = ""
    replace: str = ""


def load_bugs(number: str) -> list[Bug]:
    """The control and the planted bugs of one notebook."""
    rows = tomllib.loads((ROOT / "tests" / "guards" / f"{number}.toml").read_text())["bug"]
    (notebook,) = [path.name for path in (ROOT / "notebooks").glob(f"{number}_*.ipynb")]
    return [Bug(notebook), *[Bug(notebook, **row) for row in rows]]


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
        raise SystemExit(
            f"{bug.notebook}, bug {bug.name!r}: the text to replace stands "
            f"{source.count(find)} times in {file}; it must stand exactly once."
        )
    (copy / file).write_text(source.replace(find, replace))


def execute(copy: Path, notebook: str) -> tuple[int, Path]:
    """Run the copied notebook at smoke, importing the copied package; return code and output."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("COURSEKIT_")}
    env |= {
        "PYTHONPATH": str(copy),
        "COURSEKIT_CACHE": str(copy / "cache"),
        "COURSEKIT_PROGRESS": "0",
        "COURSEKIT_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    found = subprocess.run(
        [sys.executable, "-c", "import coursekit; print(coursekit.__file__)"],
        env=env, cwd=copy, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert str(copy) in found, f"the copy is not the package that is imported: {found}"
    out = copy / "executed.ipynb"
    command = [sys.executable, "-m", "papermill", "-k", "python3", "--no-progress-bar"]
    command += ["--cwd", str(copy / "notebooks"), "-p", "profile", "smoke"]
    command += [str(copy / "notebooks" / notebook), str(out)]
    return subprocess.run(command, env=env, capture_output=True, cwd=copy).returncode, out


def caught(executed: Path) -> list[str]:
    """What the notebook says is wrong: failed claims, or the error that stopped it."""
    if not executed.exists():
        return []
    cells = [c for c in nbformat.read(executed, 4).cells if c.cell_type == "code"]
    outputs = [output for cell in cells for output in cell.outputs]
    text = "".join(o.text for o in outputs if o.output_type == "stream")
    claims = [line for line in text.splitlines() if line.startswith("✗ ")]
    errors = [o for o in outputs if o.output_type == "error" and o.ename not in NOT_A_CATCH]
    stops = [f"{o.ename}: {o.evalue}" for o in errors if o.ename != "ClaimFailed"]
    return claims + stops


def judge(bug: Bug) -> tuple[Bug, bool, str, float]:
    """Whether the notebook did what it should: passed as it is, failed on a broken package."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder).resolve()
        plant(bug, copy)
        code, executed = execute(copy, bug.notebook)
        reasons = caught(executed)
    if not bug.find:
        good, said = code == 0 and not reasons, "passes, as it must" if code == 0 else "FAILS"
    else:
        good = code != 0 and bool(reasons)
        said = f"caught by {len(reasons)}" if good else "NOT CAUGHT"
    detail = "; ".join(reasons[:2])[:160]
    return bug, good, f"{said}{': ' * bool(detail)}{detail}", time.monotonic() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    specified = sorted(path.stem for path in (ROOT / "tests" / "guards").glob("[0-9]*.toml"))
    parser.add_argument("numbers", nargs="*", metavar="NN", help=f"of {', '.join(specified)}")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="notebooks at a time")
    arguments = parser.parse_args()
    if unknown := set(arguments.numbers) - set(specified):
        parser.error(f"no bugs are specified for {', '.join(sorted(unknown))}")
    bugs = [bug for number in arguments.numbers or specified for bug in load_bugs(number)]
    failed = 0
    jobs = Parallel(n_jobs=arguments.jobs, return_as="generator")
    for bug, good, said, seconds in jobs(delayed(judge)(bug) for bug in bugs):
        failed += not good
        mark = "✓" if good else "✗"
        print(f"{mark} {bug.notebook[:2]}  {bug.name}  ({seconds:.0f} s)  {said}", flush=True)
    print(f"{len(bugs) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
