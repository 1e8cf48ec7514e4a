"""One screen that answers "why does it not work": each line is well, or says what to do."""

import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from joblib import cpu_count
from jupyter_client.kernelspec import KernelSpecManager
from rich.console import Console
from rich.table import Table
from rich.text import Text

from coursekit import data
from coursekit.course.lectures import all_lectures
from coursekit.course.preflight import KERNEL, ROOM, kernel_present
from coursekit.errors import CourseError
from coursekit.lab import cache_root, data_root, describe, pick_device

PACKAGES = ("torch", "torchvision", "numpy", "scikit-learn", "matplotlib", "ipywidgets")
TOOLS = ("jupyterlab", "ipykernel", "papermill", "nbval", "joblib")
STYLES = {"ok": "green", "note": "yellow", "problem": "bold red"}
COMFORT = 2048  # megabytes of free memory below which two notebooks at once get tight


@dataclass(frozen=True)
class Finding:
    """One line. `state` is "ok", "note" (the course runs, with less) or "problem" (it does not)."""

    what: str
    state: str
    detail: str
    remedy: str = ""


def examine() -> list[Finding]:
    """Everything the course depends on, on this machine."""
    looks: tuple[Callable[[], Finding], ...] = (
        _python,
        lambda: _packages("libraries", PACKAGES),
        lambda: _packages("tools", TOOLS),
        _device,
        _threads,
        _memory,
        _disk,
        _kernel,
        _notebooks,
        _data,
        _weights,
        _trained,
    )
    return [look() for look in looks]


def show(findings: list[Finding], console: Console) -> None:
    """The findings as a table that fits on one screen, remedies below."""
    table = Table(show_header=False, box=None, pad_edge=False)
    for finding in findings:
        table.add_row(_mark(finding), Text(finding.what), Text(finding.detail))
    console.print(table)
    for finding in findings:
        if finding.remedy:
            console.print(_mark(finding).append(f" {finding.what}: {finding.remedy}", "default"))


def _mark(finding: Finding) -> Text:
    return Text(finding.state, STYLES[finding.state])


def _python() -> Finding:
    detail = f"{platform.python_version()} at {sys.executable}, {platform.system()}"
    return Finding("python", "ok", detail)


def _packages(what: str, names: tuple[str, ...]) -> Finding:
    there, missing = [], []
    for name in names:
        try:
            there.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        remedy = f"{', '.join(missing)} missing: run `make course`, or pip install -e ."
        return Finding(what, "problem", ", ".join(there), remedy)
    return Finding(what, "ok", ", ".join(there))


def _device() -> Finding:
    device = pick_device("auto")
    count = torch.cuda.device_count() if device.type == "cuda" else 1
    detail = describe(device) + f", {count} of them" * (count > 1)
    if device.type == "cpu" and shutil.which("nvidia-smi"):
        remedy = "nvidia-smi is here, but this torch finds no GPU; see the README, section GPU."
        return Finding("device", "note", detail, remedy)
    return Finding("device", "ok", detail)


def _threads() -> Finding:
    cores, threads = cpu_count(), torch.get_num_threads()
    named = [n for n in ("COURSEKIT_THREADS", "OMP_NUM_THREADS") if n in os.environ]
    set_by = ", ".join(f"{name}={os.environ[name]}" for name in named) or "set by torch"
    detail = f"{threads} on {cores} cores ({set_by})"
    if threads > cores:
        remedy = "more threads than cores are far slower than fewer; set COURSEKIT_THREADS."
        return Finding("threads", "note", detail, remedy)
    return Finding("threads", "ok", detail)


def _memory() -> Finding:
    try:
        pages = {name: os.sysconf(name) for name in ("SC_PHYS_PAGES", "SC_AVPHYS_PAGES")}
        total, free = (count * os.sysconf("SC_PAGE_SIZE") // 2**20 for count in pages.values())
    except (ValueError, OSError, AttributeError):  # not every system counts its free pages
        return Finding("memory", "note", "this system does not say")
    detail = f"{free} MB free of {total} MB"
    if free < COMFORT:
        return Finding("memory", "note", detail, "run one notebook at a time, with --jobs 1.")
    return Finding("memory", "ok", detail)


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free // 2**20
    detail = f"{free} MB free here"
    if free < ROOM:
        return Finding("disk", "problem", detail, f"make room: a run needs {ROOM} MB.")
    return Finding("disk", "ok", detail)


def _kernel() -> Finding:
    try:
        kernel_present(KERNEL)
    except CourseError as error:
        return Finding("kernel", "problem", "none", str(error))
    started = KernelSpecManager().get_kernel_spec(KERNEL).argv[0]
    # Jupyter reads a bare "python" as the Python that it runs in.
    if os.path.isabs(started) and Path(started).parent != Path(sys.executable).parent:
        install = f"python -m ipykernel install --sys-prefix --name {KERNEL}"
        remedy = f"it belongs to another Python; run `{install}`."
        return Finding("kernel", "problem", f"{KERNEL} runs {started}", remedy)
    return Finding("kernel", "ok", f"{KERNEL} runs this Python")


def _notebooks() -> Finding:
    try:
        lectures = all_lectures()
    except CourseError as error:
        remedy = "run this in the project's folder, or clone it again."
        return Finding("notebooks", "problem", str(error), remedy)
    names = ", ".join(lecture.name for lecture in lectures)
    return Finding("notebooks", "ok", f"{names} in {lectures[0].path.parent}")


def _data() -> Finding:
    states = ", ".join(f"{entry.name} {entry.state}" for entry in data.catalogue())
    detail = f"{states}; root {data_root()}"
    if "incomplete" in states:
        remedy = "an incomplete set: run `python -m coursekit data get NAME`."
        return Finding("data", "note", detail, remedy)
    return Finding("data", "ok", detail)


def _weights() -> Finding:
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    files = sorted(path.name for path in folder.glob("*.pth"))
    if files:
        return Finding("weights", "ok", f"{', '.join(files)} in {folder}")
    detail = f"no ImageNet weights in {folder}; the demonstrations on real photos are skipped"
    return Finding(
        "weights", "note", detail, "torchvision downloads them; set TORCH_HOME if you have them."
    )


def _trained() -> Finding:
    files = list(cache_root().rglob("*.safetensors")) if cache_root().is_dir() else []
    size = sum(path.stat().st_size for path in files if path.is_file()) // 2**20
    return Finding("cache", "ok", f"{len(files)} trained models, {size} MB, in {cache_root()}")
