"""Every lecture in JupyterLab in a browser: all cells run, its widget answers the keyboard.

    make test-browser          # screenshots in build/browser/

Only the keyboard is used on the widgets: whoever cannot use a mouse can use them too.
"""

import time
from pathlib import Path

import pytest

from coursekit.course.catalogue import catalogue

SHOTS = Path(__file__).resolve().parents[2] / "build" / "browser"
CONTROLS = ".noUi-handle, .widget-dropdown select, input[type=checkbox], input[type=text]"
MINUTES = 60_000  # in milliseconds, as playwright counts
RAISED = "[data-mime-type='application/vnd.jupyter.error']"


@pytest.fixture(params=catalogue(), ids=lambda lecture: lecture.name)
def page(request, browser, server):
    """A lecture, opened and run to its end."""
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    page.name, page.failed = request.param.name, []
    page.on("requestfailed", lambda asked: page.failed.append(asked.url))
    page.goto(server(request.param.path), timeout=2 * MINUTES)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=2 * MINUTES)
    page.wait_for_selector("text=/\\| Idle/", timeout=2 * MINUTES)
    page.evaluate(COUNT_RUNS)
    page.locator(".lm-MenuBar-itemLabel", has_text="Run").first.click()
    page.locator("[data-command='runmenu:run-all']").click()
    page.wait_for_function("() => window.pending() === 0", timeout=10 * MINUTES)
    page.wait_for_selector("text=/\\| Idle/", timeout=MINUTES)
    yield page
    page.close()


# Prompts are emptied first, so that the numbers stored in the file are not taken for answers.
COUNT_RUNS = """() => {
  const prompts = () => [...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')];
  for (const prompt of prompts()) prompt.textContent = '[ ]:';
  window.pending = () => prompts().filter(p => !/\\d/.test(p.textContent)).length;
}"""


class Desk:
    """The widget of the page: its controls, its picture, and what is said below them."""

    def __init__(self, page):
        boxes = page.locator(".widget-vbox", has=page.locator("img.widget-image"))
        assert boxes.count() >= 1, "no live widget on the page"
        self.page, self.box = page, boxes.first
        self.image = self.box.locator("img.widget-image").first
        self.controls = self.box.locator(CONTROLS)
        self.box.scroll_into_view_if_needed()

    def press(self, control, key):
        """Press `key` on a control; seconds until the picture changed, or None if it never did."""
        before, start = self.image.get_attribute("src"), time.monotonic()
        control.focus()
        self.page.keyboard.press(key)
        while time.monotonic() - start < 8:
            if self.image.get_attribute("src") != before:
                return time.monotonic() - start
            self.page.wait_for_timeout(20)
        return None

    def settle(self):
        """Wait until nothing is being drawn; what the widget complains of."""
        said = self.box.locator(".widget-label").last
        self.page.wait_for_function("e => e.textContent !== 'drawing …'", arg=said.element_handle())
        return said.text_content()


def sound(page):
    """No cell raised, no claim failed, and nothing was asked of the network in vain."""
    assert page.locator(RAISED).count() == 0, page.locator(RAISED).first.text_content()
    assert page.locator(".jp-OutputArea-output", has_text="✗ ").count() == 0
    assert page.failed == []


def test_all_cells_run_and_the_widget_answers_the_keyboard(page):
    SHOTS.mkdir(parents=True, exist_ok=True)
    sound(page)
    desk = Desk(page)
    page.screenshot(path=SHOTS / f"{page.name}-0-as-opened.png")
    answers = {}
    for number in range(desk.controls.count()):
        control = desk.controls.nth(number)
        kind = control.evaluate("e => e.type || 'slider'")
        keys = {"checkbox": ["Space"], "select-one": ["ArrowDown", "ArrowUp"]}
        pressed = [desk.press(control, k) for k in keys.get(kind, ["ArrowRight", "ArrowLeft"])]
        answers[number, kind] = min(filter(None, pressed), default=None)
        assert desk.settle() == ""
    page.screenshot(path=SHOTS / f"{page.name}-1-moved.png")
    print(f"{page.name}: seconds to answer, by control: {answers}")
    assert answers, "the widget has no control"
    assert all(answers.values()), f"a control changed nothing: {answers}"
    for number in range(desk.controls.count()):  # each control at its ends, the others as they are
        for key in ("End", "Home"):
            desk.press(desk.controls.nth(number), key)
            assert desk.settle() == ""
            page.screenshot(path=SHOTS / f"{page.name}-2-{number}-{key}.png")
    sound(page)
