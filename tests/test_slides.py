"""Which cells become slides, and a deck that needs nothing but itself."""

import base64
import copy
import re
from io import BytesIO

import nbformat
import PIL.Image
import pytest

from coursekit.__main__ import main
from coursekit.course.catalogue import Lecture, catalogue, read
from coursekit.course.slides import deck, sources
from coursekit.course.slides import prose as words
from coursekit.course.slides import rule as room
from coursekit.errors import CourseError

pytest.importorskip("mdit_py_plugins", reason="slides need the extra `site`")
LECTURES = catalogue()


def of(tmp_path, *cells):
    """The slides of a notebook with these cells after a title."""
    notebook = nbformat.v4.new_notebook(cells=[markdown("# Title\n\n**Why?**"), *cells])
    path = tmp_path / "05_x.ipynb"
    nbformat.write(notebook, path)
    return room.cards(Lecture("05", "Title", "Why?", {}, path))


def markdown(text, **metadata):
    return nbformat.v4.new_markdown_cell(text, metadata=metadata)


def printing(text, source="check()"):
    out = nbformat.v4.new_output("stream", name="stdout", text=text)
    return nbformat.v4.new_code_cell(source, outputs=[out])


def picture(kind="PNG", alt="A grey square in the middle.", frames=1):
    images = [PIL.Image.new("L", (8, 4), 40 * n) for n in range(frames)]
    images[0].save(buffer := BytesIO(), kind, save_all=frames > 1, append_images=images[1:])
    mime = f"image/{kind.lower()}"
    data = {mime: base64.b64encode(buffer.getvalue()).decode()}
    out = nbformat.v4.new_output("display_data", data=data, metadata={mime: {"alt": alt}})
    return nbformat.v4.new_code_cell("show()", outputs=[out])


@pytest.mark.parametrize("lecture", LECTURES, ids=lambda lecture: lecture.name)
def test_every_lecture_makes_a_deck_worth_showing(lecture):
    found = room.cards(lecture)
    kinds = [card.kind for card in found]
    assert (kinds[0], kinds[-1]) == ("title", "end")
    least = 3 if lecture.number == "00" else 10  # the first page has few figures
    assert kinds.count("figure") >= least
    assert 3 * least <= len(found) <= 90
    assert sum(len(" ".join(card.notes)) for card in found) > 300 * least, "the prose went nowhere"
    assert max(len(card.headline) for card in found) <= 330


@pytest.mark.parametrize("lecture", LECTURES, ids=lambda lecture: lecture.name)
def test_a_deck_holds_all_it_needs(lecture):
    try:
        text = deck.page(lecture)
    except CourseError as error:
        pytest.skip(str(error))
    own = re.sub(r"<script>.*?</script>|<style>.*?</style>", "", text, flags=re.DOTALL)
    loaded = re.findall(r"<(?:script|img|link|iframe)[^>]*?(?:src|href)=\"([^\"]{0,40})", own)
    assert loaded
    assert all(address.startswith("data:") for address in loaded)
    assert not re.search(
        r"url\((?!['\"]?data:)|@import", re.findall(r"<style>(.*?)</style>", text, re.DOTALL)[0]
    )
    assert own.count("<section") == len(room.cards(lecture)) == own.count('<aside class="notes">')
    assert all(re.search(r'alt="[^"]+"', image) for image in re.findall(r"<img[^>]*>", own))


def test_a_section_opens_with_its_key_sentence_and_the_rest_is_spoken(tmp_path):
    text = "## 1 · Far apart\n\nOne begins. **It all depends on one number** here. So be it."
    _, section, _ = of(tmp_path, markdown(text))
    assert (section.kind, section.headline, section.mark) == ("section", "Far apart", "1")
    assert section.body == "<strong>It all depends on one number</strong> here."
    assert "So be it." in section.notes[0]


def test_formulas_lists_and_tables_are_slides_of_their_own(tmp_path):
    text = "## A\n\nSo it is:\n$$a < b$$\n\n- one\n- two\n\n| x | y |\n| - | - |\n| 1 | 2 |\n"
    kinds = {card.kind: card for card in of(tmp_path, markdown(text))}
    assert kinds["words"].headline == "So it is:"
    assert kinds["words"].body == r"\[a &lt; b\]"
    assert kinds["points"].body.count("<li>") == 2
    assert kinds["table"].body.count("<td>") == 2


def test_a_figure_is_headed_by_what_reads_it_or_by_its_description(tmp_path):
    reading = markdown("The square is grey all over, as it should be. More.")
    reading["id"] = "square-read"
    one, two = (c for c in of(tmp_path, picture(), reading, picture()) if c.kind == "figure")
    assert one.headline == "The square is grey all over, as it should be."
    assert two.headline == "A grey square in the middle."
    assert any("More." in note for note in one.notes)


def test_a_film_prints_as_its_last_frame(tmp_path):
    (film,) = (c for c in of(tmp_path, picture("GIF", frames=3)) if c.kind == "figure")
    assert film.mark == "film"
    gif, png = re.findall(r"data:image/(\w+);base64,([^\"]+)", film.body)
    assert (gif[0], png[0]) == ("gif", "png")
    still = PIL.Image.open(BytesIO(base64.b64decode(png[1]))).convert("L")
    assert still.getpixel((0, 0)) == 80


def test_claims_stand_below_a_figure_or_in_short_lists(tmp_path):
    lines = "".join(f"✓ claim {n}\n" for n in range(7))
    found = of(
        tmp_path, markdown("## A"), printing(lines), markdown("## B"), picture(), printing("✗ no")
    )
    assert [card.body.count("<li>") for card in found if card.kind == "claims"] == [3, 4]
    (shown,) = (card for card in found if card.kind == "figure")
    assert '<b class="bad">✗</b>' in shown.foot
    assert found[-1].headline == "7 of 8 claims hold."


def test_guesses_wait_for_a_key_press(tmp_path):
    said = "accuracy at ε = 0.1: you guessed 0.5, measured 0.6013.\n"
    (guess,) = (c for c in of(tmp_path, printing(said)) if c.kind == "guess")
    assert "accuracy at ε = 0.1" in guess.body
    assert '<td class="fragment">0.6013</td>' in guess.body
    assert "0.5" not in guess.body


@pytest.mark.parametrize(("asked", "kinds"), [("skip", []), ("notes", []), ("slide", ["words"])])
def test_metadata_overrides_the_rule(tmp_path, asked, kinds):
    cell = markdown("## Head\n\nSome words of prose.", slideshow={"slide_type": asked})
    found = of(tmp_path, cell)
    assert [card.kind for card in found[1:-1]] == kinds
    assert any("Some words" in note for card in found for note in card.notes) == (asked == "notes")


def test_long_code_stays_out_and_docstrings_go():
    f = 'def f(x):\n    """Say.\n\n    More.\n    """\n    return x'
    long = "def g(x):\n" + "    x += 1\n" * 20
    assert sources.pieces("show_source(f, m.g)", f"{f}\n\n{long}") == [
        ("f", "def f(x):\n    return x")
    ]
    assert sources.pieces("show_source(g)", long) == []
    (pair,) = sources.pieces("show_source(f, g, f)", f"{f}\n\n{long}\n{f}")
    assert pair == ("f`, `f", "def f(x):\n    return x\n\ndef f(x):\n    return x")
    assert sources.short("x = 1") == "x = 1"
    assert sources.short("x" * 101) == ""


def test_methods_are_told_apart_by_their_class_and_functions_from_what_follows():
    method = '    def forward(self):\n        """Say."""\n        return 1\n'
    outer = "def inner(x):\n    def attack(y):\n        return y\n\n    return attack\n"
    shown = "show_source(A.forward, B.forward)\nshow_source(inner, p.grow.__next__)"
    following = "    @property\n    def __next__(self):\n        return 2\n"
    printed = "\n".join((method, method, outer, following))
    (together,) = sources.pieces(shown, printed)
    assert together[0] == "A.forward`, `B.forward`, `inner`, `grow.__next__"
    assert together[1].startswith("def forward(self):\n    return 1\n\ndef forward(self):")
    assert together[1].endswith("return attack\n\n@property\ndef __next__(self):\n    return 2")


def test_a_short_listing_carries_its_claim(tmp_path):
    listing = printing("def f(x):\n    return x\n", source="show_source(f)")
    found = of(tmp_path, markdown("## A"), listing, printing("✓ mine equals the package's"))
    assert [card.kind for card in found] == ["title", "section", "code", "end"]
    assert "mine equals" in found[2].foot


def test_a_guess_is_asked_and_never_shown_as_code(tmp_path):
    guess = nbformat.v4.new_code_cell("guess_a = 0.5  # … at rest?\nguess_b = 2  # … in motion?")
    lead = "Write down: of a hundred images, what share does it read …"
    found = of(tmp_path, markdown(f"## 3 · Predict\n\nAs printed above. {lead}"), guess)
    (asked,) = found[1:-1]
    assert (asked.kind, asked.headline) == ("points", lead)
    assert "at rest?" in asked.body
    assert "0.5" not in asked.body
    by_hand = of(tmp_path, markdown("## A\n\n**Derive.** By hand."), guess)
    assert "code" not in [card.kind for card in by_hand]


def test_what_is_looked_up_is_not_projected(tmp_path):
    text = "## 3 · Limits\n\n- one\n- two\n\n## References\n\n- Paper A\n- Paper B"
    glossary = markdown("## Glossary\n\n| a | b |\n| - | - |\n| 1 | 2 |\n")
    (limits,) = of(tmp_path, markdown(text), glossary)[1:-1]
    assert (limits.kind, limits.body.count("<li>")) == ("points", 2)


def test_what_sympy_found_goes_by_its_name(tmp_path):
    found = [
        nbformat.v4.new_output("display_data", data={"text/latex": f"$\\displaystyle {n}$"})
        for n in (3, 4)
    ]
    cell = nbformat.v4.new_code_cell("low, high = solve()\ndisplay(low, high)", outputs=found)
    (answer,) = of(tmp_path, cell)[1:-1]
    assert r"\text{low} = \displaystyle 3" in answer.body
    assert r"\text{high} = \displaystyle 4" in answer.body


def test_a_figure_that_is_not_wide_stands_beside_its_headline(tmp_path):
    tall = picture()
    image = PIL.Image.new("L", (8, 8))
    image.save(buffer := BytesIO(), "PNG")
    tall.outputs[0].data["image/png"] = base64.b64encode(buffer.getvalue()).decode()
    assert [card.shape for card in of(tmp_path, picture(), tall)[1:-1]] == ["", "tall"]


@pytest.mark.parametrize("text", ["with $a$, and", "with **$a$**: and", "with *$a$*."])
def test_no_line_begins_with_the_mark_after_a_formula(text):
    mark = text.rstrip(" and")[-1]
    assert re.search(
        rf'<span class="whole">[^,:.]*\)[^,:.]*{re.escape(mark)}</span>', words.inline(text)
    )


def test_sentences_end_where_they_end():
    text = "By Radford et al. (§3), D has $x. Y$ in it. `a. B` too! **Is it?** Yes"
    assert words.sentences(text) == [
        "By Radford et al. (§3), D has $x. Y$ in it.", "`a. B` too!", "**Is it?**", "Yes",
    ]  # fmt: skip


def test_it_says_which_extra_is_missing(monkeypatch):
    def absent(name):
        raise deck.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(deck.metadata, "files", absent)
    with pytest.raises(CourseError, match=r"sphinx-revealjs is not installed; .*\[site\]"):
        deck.page(LECTURES[0])


def test_the_notebook_is_left_as_it_is():
    before = copy.deepcopy(read(LECTURES[0].path))
    room.cards(LECTURES[0])
    assert read(LECTURES[0].path) == before


def test_the_command_line_writes_a_deck(tmp_path, capsys):
    code = 0
    try:
        main(["slides", LECTURES[0].number, "--out", str(tmp_path / "decks")])
    except SystemExit as stop:
        code = int(stop.code or 0)
    told = capsys.readouterr()
    if "not installed" in told.err:
        pytest.skip(told.err)
    assert code == 0
    (written,) = (tmp_path / "decks").iterdir()
    assert written.name == f"{LECTURES[0].name}.html"
    assert str(written) in told.out
