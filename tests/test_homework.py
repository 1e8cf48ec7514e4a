"""Students' copies: made once, never overwritten, without answers; and the list of exercises."""

import re

import nbformat
import pytest

from coursekit.__main__ import main
from coursekit.course.lectures import all_lectures, begin, tasks
from coursekit.errors import CourseError

START = "00"  # the page before the lectures: one exercise, to see how they work
LECTURES = {lecture.number: lecture for lecture in all_lectures()}


@pytest.mark.parametrize("number", LECTURES)
def test_every_lecture_has_exercises_with_hints_that_stand_in_its_cells(number):
    found = tasks(LECTURES[number])
    source = LECTURES[number].path.read_text(encoding="utf-8")
    assert len(found) >= (1 if number == START else 3)
    assert len({task.exercise.title for task in found}) == len(found) == source.count(".grade(")
    assert all(1 <= len(task.exercise.hints) <= 2 for task in found)


def test_a_copy_has_every_cell_and_no_answer(tmp_path):
    lecture = LECTURES["03"]
    copy = nbformat.read(begin(lecture, tmp_path / "mine"), 4)
    stored = nbformat.read(lecture.path, 4)
    nbformat.validate(copy)
    assert [cell.id for cell in copy.cells] == [cell.id for cell in stored.cells]
    code = [cell for cell in copy.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


@pytest.mark.parametrize("number", LECTURES)
@pytest.mark.parametrize("folder", ["mine", "deep/down/mine"])
def test_links_of_a_copy_lead_to_the_stored_lectures_wherever_it_lies(number, folder, tmp_path):
    def text(path):
        return "\n".join(cell.source for cell in nbformat.read(path, 4).cells)

    path, stored = begin(LECTURES[number], tmp_path / folder), text(LECTURES[number].path)
    copy = text(path).replace("{e.path.name}", LECTURES["01"].path.name)
    links = re.findall(r"\]\(([^)\s]*\.ipynb)\)", copy)
    assert len(links) == len(
        re.findall(r"\]\((?:\d\d[a-z]?_\w+\.ipynb|\{\w+\.path\.name\})\)", stored)
    )
    pictures = re.findall(r"\]\(([^)\s]*pictures/\w+\.png)\)", copy)
    assert len(pictures) == stored.count("](pictures/")
    for link in links + pictures:
        assert (path.parent / link).is_file(), link


def test_work_is_never_overwritten(tmp_path):
    path = begin(LECTURES["02"], tmp_path)
    path.write_text("solved")
    with pytest.raises(CourseError, match="there already and was left as it is"):
        begin(LECTURES["02"], tmp_path)
    assert path.read_text() == "solved"


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CourseError, match="could not be written: Not a directory"):
        begin(LECTURES["02"], tmp_path / "file" / "mine")


def test_the_commands(tmp_path, capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["exercises", "03"])
    listed = capsys.readouterr().out
    assert re.search(r"^03 +Spherical interpolation +my_slerp +2$", listed, re.MULTILINE)
    assert not re.search(r"^0[^3] ", listed, re.MULTILINE)
    with pytest.raises(SystemExit, match="0"):
        main(["work", "2", "--to", str(tmp_path)])
    assert (tmp_path / "02_gan_theory.ipynb").is_file()
    with pytest.raises(SystemExit, match="1"):
        main(["work", "2", "--to", str(tmp_path)])
    assert "left as it is" in capsys.readouterr().err
