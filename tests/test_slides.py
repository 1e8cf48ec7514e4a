"""Slides: chosen by hand in a lecture's metadata, one file, nothing from the network."""

import base64
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from tiny import notebook

from coursekit.__main__ import main
from coursekit.course import slides
from coursekit.course.lectures import all_lectures, find_lectures, read_notebook
from coursekit.course.site import LOADED, Page
from coursekit.errors import CourseError

LECTURES = {lecture.number: lecture for lecture in all_lectures()}
CHOSEN = [lecture for lecture in LECTURES.values() if slides.has_slides(lecture)]
ONE_PIXEL = base64.b64encode(b"a picture").decode()


def deck_or_skip(lecture):
    try:
        return slides.deck(lecture)
    except CourseError as error:
        if "not installed" in str(error):
            pytest.skip(str(error))
        raise


def body(deck):
    """What the audience and the speaker see, without styles and scripts."""
    return re.sub(r"<(script|style).*?</\1>", "", deck, flags=re.DOTALL)


def cell(source, kind, **metadata):
    return new_markdown_cell(source, metadata={"slideshow": {"slide_type": kind}, **metadata})


def lecture_of(tmp_path, *cells):
    """A lecture in which exactly `cells` follow the usual ones."""
    made = notebook()
    made.cells += cells
    nbformat.write(made, tmp_path / "02_x.ipynb")
    return find_lectures(["02"], tmp_path)[0]


def test_one_lecture_at_least_has_slides():
    assert "02" in [lecture.number for lecture in CHOSEN]


@pytest.fixture(scope="module", params=CHOSEN, ids=lambda lecture: lecture.name)
def chosen(request):
    """(lecture, its deck)"""
    return request.param, deck_or_skip(request.param)


def test_it_opens_without_a_network(chosen):
    page = Page()
    page.feed(chosen[1])
    loaded = [address for tag, name, address in page.links if (tag, name) in LOADED]
    assert loaded, "pictures lie in the deck itself"
    assert all(address.startswith("data:") for address in loaded)
    styles = "".join(re.findall(r"<style.*?</style>", chosen[1], flags=re.DOTALL))
    assert not re.findall(r"@import|url\((?![\"']?data:)[^)]*\)", styles)
    assert "Reveal" in chosen[1] and "MathJax" in chosen[1]


def test_a_talk_has_15_to_20_slides_and_no_list_of_ticks(chosen):
    shown = body(chosen[1])
    begun = sum(slides.slide_type(c) in slides.BEGINS for c in read_notebook(chosen[0].path).cells)
    assert 15 <= begun <= 20
    more = sum(max(0, pictures(c) - 1) for c in read_notebook(chosen[0].path).cells)
    assert len(re.findall(r"<section[^>]*>(?!\s*<section)", shown)) == begun + more
    assert "✓" not in shown
    assert shown.count("<img") >= 8


def pictures(cell):
    """How many pictures a cell puts on slides."""
    outputs = cell.get("outputs", []) if slides.slide_type(cell) != "skip" else []
    return sum(any(key.startswith("image/") for key in o.get("data", {})) for o in outputs)


@pytest.mark.parametrize("kind", ["printed", "recorded"])
@pytest.mark.parametrize(("lines", "said"), [(2, True), (12, False)])
def test_each_picture_has_a_slide_and_a_long_print_stays_off_it(tmp_path, kind, lines, said):
    image = new_output("display_data", data={"image/png": ONE_PIXEL, "text/plain": "x"})
    if kind == "printed":
        texts = [new_output("stream", name="stdout", text="recalled\n" * lines)]
    else:
        texts = [new_output("display_data", data={"text/plain": "recalled"})] * lines
    about = {"slideshow": {"slide_type": "slide"}}
    source = new_code_cell("show()", outputs=[image, *texts, image], metadata=about)
    shown = body(deck_or_skip(lecture_of(tmp_path, source)))
    first, second = re.findall(r"<section[^>]*>((?:(?!</?section).)+)</section>", shown, re.DOTALL)
    assert first.count("<img") == second.count("<img") == 1
    assert ("recalled" in first) == said and "recalled" not in second


def test_the_speaker_is_told_minutes_and_the_notebook_hides_that(chosen):
    notes = [c for c in read_notebook(chosen[0].path).cells if slides.slide_type(c) == "notes"]
    assert len(notes) >= 6
    assert all("notes" in c.metadata.tags and c.metadata.jupyter.source_hidden for c in notes)
    minutes = [int(re.search(r"(\d+) minutes", c.source)[1]) for c in notes]
    assert 45 <= sum(minutes) <= 90
    assert body(chosen[1]).count('<aside class="notes">') == len(notes)


def test_a_picture_beside_the_notebook_lies_in_the_deck(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "02.png").write_bytes(b"\x89PNG")
    shown = body(deck_or_skip(lecture_of(tmp_path, cell("![two](pictures/02.png)", "slide"))))
    assert 'src="data:image/png;base64,iVBORw=="' in shown


def test_a_title_slide_ends_with_its_picture(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "02.png").write_bytes(b"\x89PNG")
    title = "# Two\n\n**Why?**\n\n![two](pictures/02.png)\n\n*You need*: patience."
    shown = body(deck_or_skip(lecture_of(tmp_path, cell(title, "slide"))))
    assert "<strong>Why?</strong>" in shown and 'alt="two"' in shown
    assert "patience" not in shown


def test_only_what_was_chosen_is_shown(tmp_path):
    lecture = lecture_of(
        tmp_path,
        cell("# First $x^2$", "slide"),
        cell("at once", "-"),
        cell("on a click, [03](03_gan_training.ipynb#top)", "fragment"),
        cell("say this", "notes"),
        cell("left out", "skip"),
        new_markdown_cell("says nothing"),
        cell("second", "slide"),
        cell("below", "subslide"),
    )
    shown = body(deck_or_skip(lecture))
    for text in ("First $x^2$", "at once", "on a click, 03", "say this", "second", "below"):
        assert text in shown
    for text in ("left out", "says nothing", "Tiny</h1>", "profile =", "03_gan_training.ipynb"):
        assert text not in shown
    first = shown[shown.index("<section") : shown.index("second")]
    assert re.search(r'class="fragment"[^§]*on a click', first)
    assert re.search(r'<aside class="notes">[^§]*say this[^§]*</aside>', first)
    assert shown.count("<section") == 5, "two columns, the second of two slides"


@pytest.mark.parametrize(("tags", "shown"), [([], False), (["slide-source"], True)])
def test_a_result_is_shown_without_its_code_unless_asked_for(tmp_path, tags, shown):
    image = new_output("display_data", data={"image/png": ONE_PIXEL, "text/plain": "x"})
    about = {"slideshow": {"slide_type": "slide"}, "tags": tags}
    drawn = new_code_cell("draw_it()", outputs=[image], metadata=about)
    loop = new_code_cell("the_loop()", metadata={"slideshow": {"slide_type": "slide"}})
    page = body(deck_or_skip(lecture_of(tmp_path, drawn, loop)))
    assert "data:image/png;base64," in page
    assert ("draw_it" in page) == shown
    assert "the_loop" in page, "code that shows nothing is shown itself"


def test_a_lecture_without_slides_gets_a_sentence(tmp_path, capsys):
    with pytest.raises(CourseError, match="02_x has no slides: none of its cells"):
        slides.write(lecture_of(tmp_path), tmp_path / "out")
    with pytest.raises(SystemExit, match="1"):
        main(["slides", "--notebooks", str(tmp_path), "--out", str(tmp_path / "out")])
    assert capsys.readouterr().err.startswith("No slides have been chosen in 02")
    assert not (tmp_path / "out").exists()


def test_the_command_writes_the_deck_and_names_the_lectures_without(tmp_path, capsys):
    lecture_of(tmp_path, cell("# One", "slide"))
    nbformat.write(notebook(number="03"), tmp_path / "03_y.ipynb")
    deck_or_skip(find_lectures(["02"], tmp_path)[0])
    with pytest.raises(SystemExit, match="0"):
        main(["slides", "--notebooks", str(tmp_path), "--out", str(tmp_path / "decks")])
    said = capsys.readouterr().out
    assert [path.name for path in (tmp_path / "decks").iterdir()] == ["02_x.html"]
    assert str(tmp_path / "decks" / "02_x.html") in said
    assert "No slides have been chosen in 03" in said


def test_it_says_which_extra_is_missing(monkeypatch):
    def absent(name):
        raise slides.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(slides.metadata, "files", absent)
    with pytest.raises(CourseError, match=r"sphinx-revealjs is not installed; .*\[site\]"):
        slides.deck(CHOSEN[0])
