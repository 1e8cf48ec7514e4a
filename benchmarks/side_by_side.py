"""Ratios that hold on a busy machine: the contenders take turns within one run.

A neighbour that slows the machine down slows all of them down. In every round each contender runs
once, in a new order, and is compared with the reference of the *same* round; the table gives the
median over rounds and, in brackets, the smallest and the largest ratio.
"""

import os
import platform
import random
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version

import torch

Contender = Callable[[], int]  # does a piece of work and says how many units it was


def race(contenders: dict[str, Contender], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Units per second of each contender, one figure per round.

    Args:
        contenders: by name; each is run once to warm up, then at least `seconds` in each round.
        rounds: how often each contender takes its turn.
        seconds: the shortest turn.
    """
    for work in contenders.values():
        work()
    speeds: dict[str, list[float]] = {name: [] for name in contenders}
    shuffler = random.Random(0)
    for _ in range(rounds):
        for name in shuffler.sample(list(contenders), len(contenders)):
            speeds[name].append(speed(contenders[name], seconds))
    return speeds


def speed(work: Contender, seconds: float) -> float:
    """Units per second, over repetitions of `work` that take at least `seconds`."""
    settle()
    units, start, taken = 0, time.perf_counter(), 0.0
    while units == 0 or taken < seconds:
        units += work()
        settle()
        taken = time.perf_counter() - start
    return units / taken


def settle() -> None:
    """Wait for the GPU, which works behind the program's back."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def table(speeds: dict[str, list[float]], reference: str, unit: str) -> str:
    """A Markdown table: speed, and how many times faster than `reference`."""
    lines = [f"| contender | {unit} a second | times {reference} |", "| --- | ---: | ---: |"]
    for name, values in speeds.items():
        ratios = [a / b for a, b in zip(values, speeds[reference], strict=True)]
        ratio = f"{statistics.median(ratios):.2g} ({min(ratios):.2g}–{max(ratios):.2g})"
        lines.append(f"| {name} | {figures(statistics.median(values))} | {ratio} |")
    return "\n".join(lines)


def figures(value: float) -> str:
    """Three significant figures."""
    return f"{float(f'{value:.3g}'):,.{0 if value >= 100 else 1}f}"


def machine() -> str:
    """One line: processor or GPU, threads, versions, and how busy the machine was."""
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return (
        f"{processor()}, {os.cpu_count()} cores{gpu}; {torch.get_num_threads()} thread(s), load "
        f"{load:.1f}; Python {platform.python_version()}, torch {torch.__version__}, "
        f"torchvision {version('torchvision')}"
    )


def processor() -> str:
    """The processor's name, as far as the system tells."""
    try:
        with open("/proc/cpuinfo") as lines:
            named = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    except OSError:
        named = []
    return named[0] if named else platform.processor() or platform.machine()
