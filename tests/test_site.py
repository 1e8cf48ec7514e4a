"""The site: sources, docstrings and signatures read right, and no link that leads nowhere."""

import inspect
import os

import pytest

from coursekit.cli import refresh
from coursekit.course import site as room
from coursekit.course.site import build, conf, link_faults
from coursekit.errors import CourseError
from coursekit.threats import Linf
from coursekit.types import Images


def site(folder, **pages):
    for name, body in pages.items():
        (folder / f"{name}.html").write_text(f"<html><body>{body}</body></html>")
    return link_faults(folder)


def test_links_that_lead_somewhere_are_no_fault(tmp_path):
    (tmp_path / "a%20b.png").touch()
    (tmp_path / "a b.png").touch()
    one = '<h1 id="top">x</h1><a href="two.html#sun">y</a><a href="#top">z</a>'
    two = '<p id="sun"></p><img src="a%20b.png"><a href="https://example.org/">out</a>'
    assert site(tmp_path, one=one, two=two) == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('<a href="gone.html">x</a>', "gone.html is not there"),
        ('<a href="page.html#gone">x</a>', "page.html#gone has no such place"),
        ('<a href="#gone">x</a>', "#gone has no such place"),
        ('<img src="gone.png">', "gone.png is not there"),
        ('<script src="https://cdn.example.org/x.js"></script>', "is loaded from elsewhere"),
        ('<link rel="stylesheet" href="//fonts.example.org/x.css">', "is loaded from elsewhere"),
    ],
)
def test_a_link_that_leads_nowhere_is_found(tmp_path, body, words):
    (fault,) = site(tmp_path, page=body)
    assert words in fault


def test_docstrings_become_what_sphinx_reads():
    assert conf.to_rst("`x` (n, *shape) of |x|, `a*b`") == r"``x`` (n, \*shape) of \|x\|, ``a*b``"
    assert conf.to_rst("θ_ and snake_case") == r"θ\_ and snake_case"


def test_names_explained_one_by_one_get_a_head():
    text = "All of it.\n\nsteps: how many,\n    at least 1.\nname: shown."
    wanted = (
        "All of it.\n\nAttributes:\n    steps: how many,\n        at least 1.\n    name: shown."
    )
    assert conf.with_heads(text) == wanted
    assert conf.with_heads("Note: one of these.") == "Note: one of these."


def test_signatures_are_those_of_the_source():
    def attack(self, x: Images, threat: Linf, eps: float = 8 / 255) -> Images:
        return x

    wanted = "(x: Images, threat: ~coursekit.threats.Linf, eps: float=8 / 255)"
    assert conf.of_source(attack) == (wanted, "Images")
    assert conf.of_source(len) is None


def test_a_folder_that_is_no_site_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(CourseError, match="holds something that is no site"):
        build(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_a_build_that_was_cut_short_neither_harms_nor_hinders(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "objects.inv").write_text("an earlier site")
    (tmp_path / ".site-unfinished").mkdir()
    (tmp_path / ".site-unfinished" / "half.html").write_text("left by a build that was killed")

    def killed(sources, new):
        assert list(new.iterdir()) == [], "what the other build left is gone"
        raise KeyboardInterrupt

    monkeypatch.setattr(room, "_sphinx", killed)
    monkeypatch.setattr(room, "stage", lambda lectures, sources: None)
    with pytest.raises(KeyboardInterrupt):
        build(folder, say=lambda _: None)
    assert (folder / "objects.inv").read_text() == "an earlier site"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The site of this course, or the one that COURSEKIT_SITE names."""
    if "COURSEKIT_SITE" in os.environ:
        return tmp_path_factory.getbasetemp().joinpath(os.environ["COURSEKIT_SITE"])
    for package in ("sphinx", "myst_nb", "furo"):
        pytest.importorskip(package, reason="the site needs the extra `site`")
    folder = tmp_path_factory.mktemp("web") / "site"
    try:
        build(folder, say=lambda _: None)
    except CourseError as error:
        if "not installed" in str(error):
            pytest.skip(str(error))
        raise
    return folder


def test_the_whole_site_is_built_without_a_warning_and_every_link_leads_somewhere(whole):
    assert link_faults(whole) == []
    pages = {path.relative_to(whole).as_posix() for path in whole.rglob("*.html")}
    assert {"index.html", "results.html", "search.html", "api/index.html"} <= pages
    assert "fgsm" in (whole / "api" / "attacks.html").read_text()
    assert (whole / "searchindex.js").exists()


def test_documenting_a_function_leaves_its_defaults_as_they_are(whole):
    defaults = [known.default for known in inspect.signature(refresh).parameters.values()]
    assert defaults == [None, False, False, None, 3600, None]


def test_lectures_are_shown_as_executed(whole):
    page = (whole / "notebooks" / "03_gan_training.html").read_text()
    assert "✓ The slopes of both losses are those of the table in section 1" in page
    assert 'alt="Eighty generated images of ' in page
    assert 'href="02_gan_theory.html"' in page
    assert 'href="../slides/03_gan_training.html"' in page
    theory = (whole / "notebooks" / "02_gan_theory.html").read_text()
    assert 'href="../slides/02_gan_theory.html"' in theory
    assert "For the speaker" not in theory
    assert (whole / "slides" / "02_gan_theory.html").exists()


def test_an_appendix_has_a_page_that_its_lecture_leads_to(whole):
    theory = (whole / "notebooks" / "02_gan_theory.html").read_text()
    assert 'href="02a_divergences.html"' in theory
    appendix = (whole / "notebooks" / "02a_divergences.html").read_text()
    assert "f-divergence" in appendix
    assert (whole / "notebooks" / "02a_divergences.ipynb").exists()
