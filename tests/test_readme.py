"""The README shows the notebooks as they are."""

import re
from pathlib import Path

import pytest

from coursekit.course import readme
from coursekit.course.lectures import all_lectures
from coursekit.course.results import collect, table
from coursekit.errors import CourseError

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text()


def test_the_table_of_lectures_is_made_from_the_notebooks():
    table = readme.lectures(all_lectures(ROOT / "notebooks"), readme.repository(ROOT))
    assert readme.between(TEXT, "lectures", table) == TEXT, "run `python -m coursekit refresh`"


def test_badges_open_a_lecture_of_the_published_repository(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        '[tool.coursekit]\nrepository = "https://github.com/some.one/the-course/"\n'
    )
    address = readme.repository(tmp_path)
    row = readme.lectures(all_lectures(ROOT / "notebooks")[:1], address).splitlines()[2]
    path = "notebooks/00_start_here.ipynb"
    blob = f"https://colab.research.google.com/github/some.one/the-course/blob/main/{path}"
    assert f"colab-badge.svg)]({blob})" in row
    assert f"](https://mybinder.org/v2/gh/some.one/the-course/main?labpath={path})" in row
    assert row.count("|") == 7, "still one row of six cells"


def test_without_an_address_there_are_no_badges(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.coursekit]\nrepository = ""\n')
    assert readme.repository(tmp_path) == ""
    assert "badge" not in readme.lectures(all_lectures(ROOT / "notebooks"))


def test_an_address_of_another_kind_is_refused(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.coursekit]\nrepository = "my course"\n')
    with pytest.raises(CourseError, match="repository in pyproject.toml was 'my course'; it must"):
        readme.repository(tmp_path)


def test_each_lecture_has_the_picture_that_its_notebook_holds():
    for entry in all_lectures(ROOT / "notebooks"):
        stored = ROOT / "notebooks" / "pictures" / f"{entry.number}.png"
        assert stored.read_bytes() == readme.picture(entry) != b""
        assert readme.alt(entry)


def test_the_cover_is_a_film_that_one_notebook_holds():
    stored = ROOT / "notebooks" / "pictures" / "cover.gif"
    assert stored.read_bytes() == readme.cover(all_lectures(ROOT / "notebooks"))


def test_every_file_and_picture_it_names_exists():
    named = re.findall(r"\]\(([^)#:]+)\)|src=\"([^\"]+)\"", TEXT)
    assert len(named) >= 6
    for link in (a or b for a, b in named):
        assert (ROOT / link).exists(), link


def test_every_command_it_names_is_there():
    from typer.main import get_command

    from coursekit.__main__ import app

    known = set(get_command(app).commands)
    used = set(re.findall(r"-m coursekit (\w+)", TEXT))
    assert used <= known
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"make (\w+) {2,}#", TEXT)) <= set(targets)


def test_results_keep_only_what_a_paper_has_beside_it():
    row = {"kind": "figure", "notebook": "03", "claim": "FID", "paper": "34", "ours": "80", "n": 3}
    rows = [row, row | {"paper": "—", "claim": "mine"}, {"kind": "check", "paper": "—"}]
    assert readme.results(rows).splitlines()[2:] == ["| 03 | FID | 34 | 80 | 3 |"]
    assert len(readme.results([row, row], each=1).splitlines()) == 3


def test_the_results_are_the_first_of_each_stored_notebook_and_ten_at_most():
    body = readme.results(table(collect(ROOT / "notebooks")), each=1)
    assert readme.between(TEXT, "results", body) == TEXT, "run `python -m coursekit refresh`"
    numbers = [line.split("|")[1].strip() for line in body.splitlines()[2:]]
    assert len(numbers) == len(set(numbers)) <= 10


def test_text_without_marks_is_refused():
    with pytest.raises(CourseError, match="0 pairs of marks called 'results'"):
        readme.between("no marks", "results", "body")
    with pytest.raises(CourseError, match="^OTHER.md has 0 pairs"):
        readme.between("no marks", "results", "body", "OTHER.md")
    with pytest.raises(CourseError, match="There is no file"):
        readme.put(Path("nowhere.md"), "results", "body")
    marked = "a\n<!-- results: begin -->\nold\n<!-- results: end -->\nb"
    assert "old" not in readme.between(marked, "results", "new")
