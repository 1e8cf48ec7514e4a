"""A widget that redraws a figure, and is a still picture where no front end listens."""

import asyncio
from collections.abc import Callable, Mapping

import ipywidgets as widgets
from IPython.display import display
from matplotlib.figure import Figure

from coursekit.teaching.display import _describe, png

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
NAMED, WIDE = "8em", "32em"  # widths of a control's name and of all of it: nothing is cut short
REST = 0.05  # seconds without a move before a picture is drawn


class Redraw:
    """Draws when the controls have come to rest: of a burst of moves only the newest is drawn.

    The wait is spent in the kernel's event loop, which meanwhile takes in the moves that queue up.
    Where no loop runs (a control moved by a script) the picture is drawn at once.
    """

    def __init__(self, picture: Callable[[], bytes], image: widgets.Image) -> None:
        self.picture, self.image = picture, image
        self.said = widgets.Label()  # that it is working, or what went wrong
        self.waiting: asyncio.TimerHandle | None = None

    def __call__(self, _change: object) -> None:
        self.said.value = "drawing …"
        if self.waiting:
            self.waiting.cancel()
        try:
            self.waiting = asyncio.get_running_loop().call_later(REST, self.draw)
        except RuntimeError:
            self.draw()

    def draw(self) -> None:
        """The picture of the controls as they now stand; an error is said below them."""
        try:
            self.image.value = self.picture()
        except Exception as error:  # no one above would show it
            self.said.value = f"{type(error).__name__}: {error}"
        else:
            self.said.value = ""


def dressed(name: str, control: widgets.ValueWidget) -> widgets.ValueWidget:
    """The control with its name beside it; for a dropdown, a slider that stays in step with it.

    On a dropdown, JupyterLab takes the arrow keys and moves to another cell. A slider keeps them.
    """
    if isinstance(control, widgets.Dropdown):
        now = {"value": control.value, "description": control.description}
        slider = widgets.SelectionSlider(options=control.options, continuous_update=False, **now)
        widgets.link((control, "value"), (slider, "value"))
        control = slider
    control.description = control.description or name
    control.style.description_width, control.layout.width = NAMED, WIDE
    return control


def interact(
    draw: Callable[..., Figure], controls: Mapping[str, widgets.ValueWidget], alt: str
) -> widgets.VBox:
    """Show `draw(**values)` under its controls and redraw when one of them moves.

    The page receives the live widget and a still PNG of its first state in one output: a notebook
    on the web, on paper or in a test shows the picture, JupyterLab the widget.

    Args:
        draw: returns a Figure; called with the value of each control by name.
        controls: argument name → ipywidgets control; slow ones want `continuous_update=False`. A
            dropdown is shown as a slider over its options, which the arrow keys can move.
        alt: what the picture shows.

    Returns:
        The widget's box, whose controls can also be moved from code.
    """
    _describe(alt)
    controls = {name: dressed(name, control) for name, control in controls.items()}

    def picture() -> bytes:
        return png(draw(**{name: control.value for name, control in controls.items()}))

    still = picture()
    image = widgets.Image(value=still, format="png", layout={"max_width": "100%", "height": "auto"})
    redraw = Redraw(picture, image)
    for control in controls.values():
        control.observe(redraw, names="value")
    box = widgets.VBox([*controls.values(), redraw.said, image])
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    bundle = {WIDGET_VIEW: view, "image/png": still, "text/plain": alt}
    display(bundle, raw=True, metadata={"image/png": {"alt": alt}})
    return box
