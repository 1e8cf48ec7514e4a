"""Each deck in a Chromium without a network: nothing overflows, nothing is asked for, it prints.

make test-browser          # screenshots in build/browser/slides/
"""

import re
from pathlib import Path

import pytest

from coursekit.course.lectures import all_lectures
from coursekit.course.slides import has_slides, write
from coursekit.errors import CourseError

SHOTS = Path(__file__).resolve().parents[2] / "build" / "browser" / "slides"
SMALLEST = 16  # pixels of 720: what the last row can still read

# What of the slide on show leaves the page.
SPILLS = """() => {
  const page = Reveal.getCurrentSlide();
  const edge = page.getBoundingClientRect();
  const parts = [...page.querySelectorAll('*')].filter(e =>
    !e.closest('mjx-assistive-mml, svg, .notes') && getComputedStyle(e).display !== 'none');
  const out = e => { const box = e.getBoundingClientRect();
    return box.right > edge.right + 1 || box.bottom > edge.bottom + 1 ||
           box.left < edge.left - 1 || box.top < edge.top - 1; };
  return parts.filter(out).map(e => e.outerHTML.slice(0, 120));
}"""
LETTERS = "() => parseFloat(getComputedStyle(Reveal.getCurrentSlide()).fontSize)"
TALL = """() => Math.min(...[...Reveal.getCurrentSlide().querySelectorAll('img')]
  .map(e => e.getBoundingClientRect().height / innerHeight), 1)"""


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(one, marks=pytest.mark.xdist_group(one.name))  # written once for all its tests
        for one in all_lectures()
        if has_slides(one)
    ],
    ids=lambda lecture: lecture.name,
)
def deck(request, tmp_path_factory):
    """The file of a lecture's deck."""
    try:
        return write(request.param, tmp_path_factory.mktemp("slides"))
    except CourseError as error:
        pytest.skip(str(error))


@pytest.fixture
def page(deck, browser):
    """The deck on a projector, without a network."""
    context = browser.new_context(viewport={"width": 1920, "height": 1080}, offline=True)
    page = context.new_page()
    page.asked, page.errors = [], []
    page.on("request", lambda asked: page.asked.append(asked.url))
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(deck.as_uri())
    page.wait_for_selector("html.ready", timeout=60_000)
    yield page
    context.close()


def test_no_slide_overflows_and_no_request_leaves(page, deck):
    SHOTS.mkdir(parents=True, exist_ok=True)
    slides = page.evaluate("Reveal.getTotalSlides()")
    assert slides >= 15
    for number in range(slides):
        page.evaluate(f"Reveal.slide({number}, 0, 9)")
        assert page.evaluate(SPILLS) == [], f"slide {number + 1} overflows"
        assert page.evaluate(LETTERS) >= SMALLEST, f"slide {number + 1} is too small to read"
        assert page.evaluate(TALL) > 0.3, f"a picture of slide {number + 1} is too small"
        page.screenshot(path=SHOTS / f"{deck.stem}-{number + 1:02}.jpg", type="jpeg", quality=70)
    assert page.locator("mjx-merror").count() == 0
    assert page.errors == []
    assert [url for url in page.asked if not url.startswith(("data:", deck.as_uri()))] == []


def test_it_prints_one_page_a_slide(page, deck):
    slides = page.evaluate("Reveal.getTotalSlides()")
    page.goto(deck.as_uri() + "?print-pdf")
    page.wait_for_selector("html.ready", timeout=60_000)
    page.wait_for_selector(".pdf-page")
    pdf = page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == slides
