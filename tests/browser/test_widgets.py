"""Every lecture in JupyterLab in a browser: all cells run, its widget answers the keyboard.

    make test-browser          # screenshots in build/browser/

Only the keyboard is used on the widgets: whoever cannot use a mouse can use them too.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from coursekit.course.lectures import all_lectures

SHOTS = Path(__file__).resolve().parents[2] / "build" / "browser"
SLIDER, CHECKBOX, TEXT = ".noUi-handle", "input[type=checkbox]", "input[type=text]"
CONTROLS = f"{SLIDER}, {CHECKBOX}, {TEXT}, .widget-vbox select, input[type=radio]"
MINUTES = 60_000  # in milliseconds, as playwright counts
PATIENCE = 500  # milliseconds that a reader is left without any sign
BURST = 15  # moves in quick succession, as of a key that is held down
TYPED = ["End", "Backspace"]  # in a line of text arrows change nothing
WAYS = {"1-moved": ["ArrowRight", "ArrowLeft"], "2-all-high": ["End"], "3-all-low": ["Home"]}
RAISED = "[data-mime-type='application/vnd.jupyter.error']"

# Prompts are emptied first, so that the numbers stored in the file are not taken for answers.
COUNT_RUNS = """() => {
  const prompts = () => [...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')];
  for (const prompt of prompts()) prompt.textContent = '[ ]:';
  const texts = () => prompts().map(p => p.textContent);
  window.pending = () => texts().filter(t => !/\\d/.test(t)).length;
  window.ended = () => texts().some(t => /\\d/.test(t)) && !texts().some(t => t.includes('*'));
}"""
# When keys were pressed and when the widget's words and its picture changed, as the page sees it.
WATCH = """([said, image]) => {
  const seen = window.seen = {key: [], said: [], drawn: []};
  window.forget = () => Object.values(seen).forEach(list => list.length = 0);
  const note = name => () => seen[name].push(performance.now());
  document.addEventListener('keydown', note('key'), true);
  const inside = {childList: true, characterData: true, subtree: true};
  new MutationObserver(note('said')).observe(said, inside);
  new MutationObserver(note('drawn')).observe(image, {attributeFilter: ['src']});
}"""
ANSWERED = "() => seen.said.length + seen.drawn.length > 0"
# Nothing is being drawn and, after a burst, no move is still on its way to the kernel.
AT_REST = """said => said.textContent !== 'drawing …' &&
  (seen.key.length === 1 || performance.now() - seen.said.at(-1) > 500)"""
TEXT_OF = """e => ['checkbox', 'radio'].includes(e.type) ? e.checked :
  e.closest('.jupyter-widgets').innerText + (e.value ?? '')"""
CUT_SHORT = """box => [...box.querySelectorAll('.widget-label, .widget-readout')]
  .filter(e => e.scrollWidth > e.clientWidth).map(e => e.textContent)"""
PIXELS = """async e => {
  const bytes = await (await fetch(e.src)).arrayBuffer();
  return [...new Uint8Array(await crypto.subtle.digest('SHA-1', bytes))].join();
}"""


def complaints(page):
    """A list that grows with each request that fails and each error of the page's scripts."""
    found = []
    page.on("requestfailed", lambda request: found.append(request.url))
    page.on("response", lambda r: found.append(f"{r.status}: {r.url}") if r.status >= 400 else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda said: found.append(said.text) if said.type == "error" else None)
    return found


@pytest.fixture(params=all_lectures(), ids=lambda lecture: lecture.name)
def page(request, browser, server):
    """A lecture, opened and run to its end."""
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    page.name, page.failed = request.param.name, complaints(page)
    page.goto(server.page(request.param.path), timeout=2 * MINUTES)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=2 * MINUTES)
    page.wait_for_selector("text=/\\| Idle/", timeout=2 * MINUTES)
    page.evaluate(COUNT_RUNS)
    page.locator(".lm-MenuBar-itemLabel", has_text="Run").first.click()
    page.locator("[data-command='runmenu:run-all']").click()
    page.wait_for_function("() => window.ended()", timeout=10 * MINUTES)
    page.wait_for_selector("text=/\\| Idle/", timeout=MINUTES)
    yield page
    page.close()
    server.end_kernels()


@dataclass(frozen=True)
class Answer:
    """What a move brought: milliseconds to a first sign, and from the last key to each picture."""

    sign: float
    pictures: list[float]


class Desk:
    """The widget of the page: its controls, its picture, and what is said below them."""

    def __init__(self, page):
        boxes = page.locator(".widget-vbox", has=page.locator("img.widget-image"))
        assert boxes.count() >= 1, "no live widget on the page"
        self.page, self.box = page, boxes.first
        self.image = self.box.locator("img.widget-image").first
        self.said = self.box.locator(".widget-label").last
        self.controls = self.box.locator(CONTROLS).all()
        assert self.controls, "the widget has no control"
        page.evaluate(WATCH, [self.said.element_handle(), self.image.element_handle()])
        self.box.scroll_into_view_if_needed()

    def press(self, control, key, times=1):
        """Press or hold a key on a control; its Answer, or None if it stood still."""
        control.focus()
        text = control.evaluate(TEXT_OF)
        self.page.evaluate("() => forget()")
        for _ in range(times):
            self.page.keyboard.down(key)
        self.page.keyboard.up(key)
        if control.evaluate(TEXT_OF) == text:
            return None
        for state in (ANSWERED, AT_REST):
            self.page.wait_for_function(state, arg=self.said.element_handle(), timeout=MINUTES)
        assert self.said.text_content() == ""
        seen = self.page.evaluate("() => seen")
        first, last = seen["key"][0], seen["key"][-1]
        pictures = [round(drawn - last) for drawn in seen["drawn"]]
        return Answer(round(min(seen["said"] + seen["drawn"]) - first), pictures)

    def shot(self, name):
        assert self.box.evaluate(CUT_SHORT) == []
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{self.page.name}-{name}.png")


def sound(page):
    """No cell raised, no claim failed, and nothing was asked of the network in vain."""
    assert page.locator(RAISED).count() == 0, page.locator(RAISED).first.text_content()
    assert page.evaluate("pending()") == 0, "a cell raised, and those after it did not run"
    assert page.locator(".jp-OutputArea-output", has_text="✗ ").count() == 0
    assert page.failed == []


def of_kind(control, kind):
    return control.evaluate("(e, kind) => e.matches(kind)", kind)


def test_all_cells_run_and_the_widget_answers_the_keyboard(page):
    sound(page)
    desk = Desk(page)
    desk.shot("0-as-opened")
    answers = [[] for _ in desk.controls]
    for name, keys in WAYS.items():
        for control, seen in zip(desk.controls, answers, strict=True):
            typed = TYPED if of_kind(control, TEXT) else keys
            for key in ["Space"] * len(keys) if of_kind(control, CHECKBOX) else typed:
                seen.append(desk.press(control, key))
        desk.shot(name)
    for seen in answers:
        print(page.name, *seen, sep="\n    ")
        moved = [answer for answer in seen if answer]
        assert moved, "a control stands still"
        assert any(answer.pictures for answer in moved), "a control that changes no picture"
        assert min(answer.sign for answer in moved) <= PATIENCE
    sound(page)
    for control in (one for one in desk.controls if of_kind(one, SLIDER)):
        of_a_burst_the_newest_wins(desk, control)
    desk.shot("4-burst")
    sound(page)


def of_a_burst_the_newest_wins(desk, control):
    """Many moves, few pictures, and the last of them is that of the last move.

    After the last key come at most three: one under way, one of the move that waited for it in the
    kernel, and one of the newest of those that waited in the page.
    """
    answer = desk.press(control, "ArrowRight", BURST)
    print("    burst", answer)
    assert len([late for late in answer.pictures if late > 0]) <= 3
    assert len(answer.pictures) <= BURST // 2
    picture = desk.image.evaluate(PIXELS)
    assert desk.press(control, "ArrowLeft") and desk.press(control, "ArrowRight")
    assert desk.image.evaluate(PIXELS) == picture
