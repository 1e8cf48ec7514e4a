"""The workflow of GitHub and the hooks of pre-commit say what the project says elsewhere."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from test_environment import PINNED, PROJECT

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / ".github" / "workflows" / "course.yml"
FLOW = yaml.safe_load(FILE.read_text())
STEPS = [step for job in FLOW["jobs"].values() for step in job["steps"]]


def test_both_commands_of_the_readme_run_on_every_python_that_is_supported():
    job = FLOW["jobs"]["course"]
    versions = job["strategy"]["matrix"]["python"]
    assert f">={versions[0]}" == PROJECT["requires-python"]
    assert versions == [f"3.{minor}" for minor in range(11, 15)]
    assert [step["run"] for step in job["steps"] if "run" in step] == ["make test", "make course"]


def test_every_target_and_command_it_runs_is_there():
    from typer.main import get_command

    from coursekit.__main__ import app

    makefile = (ROOT / "Makefile").read_text()
    lines = [line for step in STEPS for line in step.get("run", "").splitlines()]
    assert lines
    for line in lines:
        if line.startswith("make "):
            target = line.split()[1].replace(".venv/.installed", "$(STAMP)")
            assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), target
        else:
            command, *rest = line.removeprefix(".venv/bin/python -m coursekit ").split()
            known = get_command(app).commands
            assert command in known
            parameters = _leaf(known[command], rest).params
            options = {option for parameter in parameters for option in parameter.opts}
            assert {word for word in rest if word.startswith("--")} <= options


def _leaf(command, words):
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    return command


def test_a_download_that_fails_fails_nothing():
    nightly = FLOW["jobs"]["nightly"]["steps"]
    (get,) = [step for step in nightly if "data get" in step.get("run", "")]
    assert get["continue-on-error"] is True
    after = [step for step in nightly[nightly.index(get) + 1 :] if "run" in step]
    assert len(after) >= 2
    assert all(step["if"] == f"steps.{get['id']}.outcome == 'success'" for step in after)


def test_reports_and_junit_are_kept_whatever_happened():
    kept = [step for step in STEPS if "upload-artifact" in step.get("uses", "")]
    assert len(kept) == len(FLOW["jobs"])
    for step in kept:
        assert step["if"] == "always()"
        assert step["with"]["path"].split() == ["build/report.*", "build/*.xml"]


def test_actionlint_finds_no_fault():
    actionlint = shutil.which("actionlint")
    if actionlint is None:
        pytest.skip("actionlint is not installed")
    done = subprocess.run([actionlint, str(FILE)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_hooks_use_the_ruff_that_is_pinned():
    (hooks,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert hooks["rev"] == "v" + PINNED["ruff"].removeprefix("==")
    assert {hook["id"] for hook in hooks["hooks"]} == {"ruff-check", "ruff-format"}
