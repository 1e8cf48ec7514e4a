"""The site in a Chromium without a network: desktop and phone, by day and by night, and its search.

make test-browser   # screenshots in build/browser/site/; COURSEKIT_SITE names a site built before
"""

import os
import warnings
from pathlib import Path

import pytest

from coursekit.course.site import build
from coursekit.errors import CourseError

pytestmark = pytest.mark.xdist_group("site")  # built once
SHOTS = Path(__file__).resolve().parents[2] / "build" / "browser" / "site"
PAGES = ("index", "results", "api/index", "api/attacks", "api/types", "search", "genindex")
SCREENS = {"desktop": (1440, 900), "phone": (390, 844)}
# Everything that a page wider than its window would owe its width to.
WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
  [...document.querySelectorAll('article *')].filter(e =>
    e.getBoundingClientRect().right > innerWidth + 1).slice(0, 5).map(e => e.outerHTML.slice(0, 90))
  .concat([`${document.documentElement.scrollWidth} > ${innerWidth}`])"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site."""
    if named := os.environ.get("COURSEKIT_SITE"):
        return Path(named).resolve()
    folder = tmp_path_factory.mktemp("web") / "site"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Sphinx deprecates what its own extensions use
            build(folder, say=lambda _: None)
    except CourseError as error:
        if "not installed" in str(error):
            pytest.skip(str(error))
        raise
    return folder


@pytest.fixture
def look(browser, site):
    """A function: screen, colour scheme -> a page that keeps what it asked for and what failed."""
    contexts = []

    def opened(screen, scheme):
        width, height = SCREENS[screen]
        size = {"width": width, "height": height}
        contexts.append(browser.new_context(viewport=size, color_scheme=scheme, offline=True))
        page = contexts[-1].new_page()
        page.left, page.errors = [], []
        inside = (site.as_uri(), "data:", "blob:")
        page.on("request", lambda a: a.url.startswith(inside) or page.left.append(a.url))
        page.on("requestfailed", lambda asked: page.left.append(asked.url))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_pages_fit_the_screen_and_ask_nothing_of_the_network(look, site, screen, scheme):
    SHOTS.mkdir(parents=True, exist_ok=True)
    page = look(screen, scheme)
    lectures = [f"notebooks/{path.stem}" for path in sorted(site.glob("notebooks/*.html"))]
    assert len(lectures) >= 3
    for name in [*PAGES, *(lectures if scheme == "light" else lectures[:1])]:
        page.goto((site / f"{name}.html").as_uri())
        if page.evaluate("'MathJax' in window"):
            page.evaluate("MathJax.startup.promise")
        assert page.evaluate(WIDE) == [], f"{name} scrolls sideways"
        assert page.locator("mjx-merror").count() == 0, name
        page.screenshot(path=SHOTS / f"{screen}-{scheme}-{name.replace('/', '-')}.png")
    assert page.left == []
    assert page.errors == []


def test_the_search_finds_a_function_from_the_file_system(look, site):
    page = look("desktop", "light")
    page.goto((site / "search.html").as_uri() + "?q=fgsm")
    page.wait_for_selector("#search-results li a", timeout=20_000)
    assert "attacks" in " ".join(page.locator("#search-results").all_text_contents())
