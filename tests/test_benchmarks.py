"""The benchmarks run, and their table says what was measured."""

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

# Each script is asked for --help in one process, which loads the libraries once.
ASK = """
import runpy, sys
from pathlib import Path
for script in sys.argv[1:]:
    sys.argv, sys.path[0] = [script, "--help"], str(Path(script).parent)
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as ended:
        assert not ended.code, script
    print("---")
"""
FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def side_by_side(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return pytest.importorskip("side_by_side")


def test_ratios_are_taken_round_by_round(side_by_side):
    """A machine that becomes ten times slower half-way does not change the ratio."""
    table = side_by_side.table({"quick": [200.0, 20.0], "slow": [100.0, 10.0]}, "slow", "images")
    assert "| quick | 110 | 2 (2–2) |" in table and "| slow | 55.0 | 1 (1–1) |" in table


def test_every_contender_takes_its_turn_in_every_round(side_by_side):
    turns = {"a": 0, "b": 0}

    def contender(name):
        def work():
            turns[name] += 1
            return 1

        return work

    speeds = side_by_side.race({name: contender(name) for name in turns}, rounds=3, seconds=0.0)
    assert all(len(values) == 3 for values in speeds.values())
    assert turns == {"a": 4, "b": 4}  # one to warm up, three that count


def test_the_machine_is_measured_beside_the_one_that_the_minutes_come_from():
    turns = ["--rounds", "1", "--seconds", "0.01"]
    script = [sys.executable, str(FOLDER / "bench_machine.py"), *turns]
    done = subprocess.run(script, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = [line.split("|")[2:5] for line in done.stdout.splitlines() if line.startswith("| ")][2:]
    assert len(rows) == 4
    rounded = 0.11  # two figures are rounded by 5 % at worst, on either side
    for there, here, ratio in ([float(x.replace(",", "")) for x in row] for row in rows):
        assert ratio == pytest.approx(there / here, rel=rounded)
    product = math.prod(float(row[2]) for row in rows)
    (mean,) = re.findall(r"takes (\S+) times as long", done.stdout)
    assert float(mean) == pytest.approx(product**0.25, rel=rounded)


def test_every_benchmark_says_what_it_takes():
    scripts = sorted(FOLDER.glob("bench_*.py"))
    assert len(scripts) >= 6
    told = subprocess.run(
        [sys.executable, "-c", ASK, *map(str, scripts)], capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr
    for script, said in zip(scripts, told.stdout.split("---\n"), strict=False):
        assert f"usage: {script.name}" in said
        assert "--device" in said or script.stem == "bench_machine"


def test_the_benchmark_of_batches_runs():
    options = ["--images", "300", "--rounds", "1", "--seconds", "0.01"]
    done = subprocess.run(
        [sys.executable, str(FOLDER / "bench_batches.py"), *options], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 4 and "torch" in done.stdout
