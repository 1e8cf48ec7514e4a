"""Formatting, lint (notebooks included) and types, as `make lint` leaves them."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    "tool", [("ruff", "format", "--check", "."), ("ruff", "check", "."), ("mypy",)]
)
def test_the_tree_is_clean(tool, tmp_path):
    cache = ["--cache-dir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", *tool, *cache], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, f"run `make lint`:\n{done.stdout}{done.stderr}"
