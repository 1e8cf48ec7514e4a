"""A widget that redraws a figure, and is a still picture where no front end listens."""

from collections.abc import Callable, Mapping

import ipywidgets as widgets
from IPython.display import display
from matplotlib.figure import Figure

from coursekit.teaching.pages import _describe, png

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def play(
    draw: Callable[..., Figure], controls: Mapping[str, widgets.ValueWidget], alt: str
) -> widgets.VBox:
    """Show `draw(**values)` under its controls and redraw when one of them moves.

    The page receives the live widget and a still PNG of its first state in one output: a notebook
    on the web, on paper or in a test shows the picture, JupyterLab the widget.

    Args:
        draw: returns a Figure; called with the value of each control by name.
        controls: argument name → ipywidgets control; slow ones want `continuous_update=False`.
        alt: what the picture shows.

    Returns:
        The widget's box, whose controls can also be moved from code.
    """
    _describe(alt)

    def picture() -> bytes:
        return png(draw(**{name: control.value for name, control in controls.items()}))

    still = picture()
    image = widgets.Image(value=still, format="png", layout={"max_width": "100%", "height": "auto"})

    def redraw(_change: object) -> None:
        image.value = picture()

    for control in controls.values():
        control.observe(redraw, names="value")
    box = widgets.VBox([*controls.values(), image])
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    bundle = {WIDGET_VIEW: view, "image/png": still, "text/plain": alt}
    display(bundle, raw=True, metadata={"image/png": {"alt": alt}})
    return box
