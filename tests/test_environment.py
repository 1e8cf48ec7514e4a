"""What is installed is said once: environment.yml, constraints.txt, Makefile and README agree."""

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())
PINS = [
    Requirement(line)
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if line and not line.startswith("#")
]
PINNED = {pin.name.lower().replace("_", "-"): str(pin.specifier) for pin in PINS}


def requirements():
    extras = PROJECT["optional-dependencies"]
    rows = [*PROJECT["dependencies"], *(row for rows in extras.values() for row in rows)]
    return [Requirement(row) for row in rows if not row.startswith("coursekit[")]


def test_conda_installs_this_project_through_pip_at_the_tested_versions():
    (through_pip,) = [row["pip"] for row in CONDA["dependencies"] if isinstance(row, dict)]
    assert through_pip == ["--constraint constraints.txt", "--editable .[test]"]
    assert "pip" in CONDA["dependencies"]
    assert f"python{PROJECT['requires-python']}" in CONDA["dependencies"]


def test_every_requirement_is_pinned_within_its_bounds():
    for requirement in requirements():
        name = requirement.name.lower().replace("_", "-")
        assert name in PINNED, f"{name} is not in constraints.txt; run `make constraints`"
        version = PINNED[name].removeprefix("==")
        assert Version(version) in requirement.specifier, f"{name} {version}"


def test_constraints_hold_pins_and_no_address():
    text = (ROOT / "constraints.txt").read_text()
    assert not re.search(r"://|@|--index|--extra|--find", text)
    assert all(spec.startswith("==") and "+" not in spec for spec in PINNED.values())


def test_what_the_user_fixed_is_required():
    fixed = {"torch", "torchvision", "jupyterlab", "ipywidgets", "matplotlib", "nbval"}
    fixed |= {"papermill", "numpy"}
    assert fixed <= {Requirement(row).name for row in PROJECT["dependencies"]}


def test_no_lock_file_and_no_upper_bound_on_torch():
    assert not list(ROOT.glob("*.lock"))
    bounds = {r.name: str(r.specifier) for r in requirements()}
    assert bounds["torch"] == ">=2.9"
    assert bounds["torchvision"] == ">=0.24"


def test_the_readme_gives_both_commands_with_and_without_make():
    readme = (ROOT / "README.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    for command in ("make course", "make test", "-m coursekit run", "-m pytest"):
        assert command in readme
    (recipe,) = re.findall(r"^test:.*\n\t\$\(BIN\)/(.*)$", makefile, re.MULTILINE)
    assert recipe in readme, "the README's test command is the Makefile's"
