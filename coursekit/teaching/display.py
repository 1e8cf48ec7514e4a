"""Pictures, films, widgets, source listings and recorded figures on the page of a notebook."""

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from statistics import mean, stdev

import ipywidgets as widgets
import numpy as np
from IPython.display import Image, display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from coursekit.errors import require


def show_source(*functions: Callable[..., object] | type) -> None:
    """Print the source of each function, so that lecture and package cannot drift apart."""
    print("\n\n".join(inspect.getsource(function).rstrip() for function in functions))


def png(figure: Figure, dpi: int = 100, colours: int | None = None) -> bytes:
    """The figure as the bytes of a PNG file; a third as large in so many `colours`, if given."""
    import PIL.Image

    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # once; `savefig` draws a first time only to place the axes, which this does too
    picture = PIL.Image.fromarray(np.asarray(canvas.buffer_rgba()))
    if colours is not None:
        picture = picture.convert("RGB").quantize(colours)
    picture.save(buffer := BytesIO(), "PNG", optimize=colours is not None)
    return buffer.getvalue()


def show(figure: Figure, alt: str, colours: int | None = None, quality: int | None = None) -> None:
    """Put a figure on the page, with its description for those who cannot see it.

    Args:
        figure: what to show.
        alt: what it shows, in a sentence.
        colours: at most so many, for pages full of photographs; None keeps them all.
        quality: if given, stored as JPEG of this quality, 1 to 95: photographs in full colour.

    Raises:
        CourseError: `alt` is shorter than a sentence.
    """
    _describe(alt)
    if quality is None:
        display(Image(data=png(figure, colours=colours), format="png", alt=alt))
    else:
        display(Image(data=_jpeg(png(figure), quality), format="jpeg", alt=alt))


def _jpeg(png: bytes, quality: int) -> bytes:
    import PIL.Image

    picture = PIL.Image.open(BytesIO(png)).convert("RGB")
    picture.save(buffer := BytesIO(), "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()


def film(
    frames: Sequence[Figure], alt: str, seconds_per_frame: float = 0.25, dither: bool = False
) -> None:
    """Put a looping film (GIF) of the frames on the page; the last frame stays a while.

    Args:
        frames: its pictures, in order.
        alt: what it shows, in a sentence.
        seconds_per_frame: how long each is shown.
        dither: for photographs: the 128 colours are chosen from all frames and mixed by Floyd and
            Steinberg's dots; otherwise they are those of the last frame, and flat.

    Raises:
        CourseError: no frames, or `alt` shorter than a sentence.
    """
    import PIL.Image

    _describe(alt)
    require(len(frames) > 0, "frames was empty; a film needs at least one.")
    pictures = [PIL.Image.open(BytesIO(png(frame, dpi=100))).convert("RGB") for frame in frames]
    if dither:
        rows = np.concatenate([np.asarray(picture)[::4] for picture in pictures])
        palette, dots = PIL.Image.fromarray(rows).quantize(128), PIL.Image.Dither.FLOYDSTEINBERG
    else:
        palette, dots = pictures[-1].quantize(128), PIL.Image.Dither.NONE
    pictures = [p.quantize(palette=palette, dither=dots) for p in pictures]
    pause = [int(1000 * seconds_per_frame)] * (len(frames) - 1) + [2000]
    buffer = BytesIO()
    pictures[0].save(
        buffer, "GIF", save_all=True, append_images=pictures[1:], duration=pause, loop=0
    )
    display(Image(data=buffer.getvalue(), format="gif", alt=alt))


def _describe(alt: str) -> None:
    require(len(alt.split()) >= 5, f"alt was {alt!r}; describe the picture in a sentence.")


MIME = "application/vnd.coursekit.record+json"


def record(
    claim: str,
    ours: float | Sequence[float],
    paper: str = "—",
    source: str = "",
    unit: str = "",
) -> None:
    """Write one measured figure down, with the paper's beside it; `coursekit report` collects them.

    Args:
        claim: what was measured, including the sample count and the feature network if it has any.
        ours: one number, or one number per seed; then mean ± standard error is shown.
        paper: the figure the paper reports, as text, with "reported" where it was not reproduced.
        source: paper, section, table.
        unit: for example "%" or "FID".
    """
    values = [float(v) for v in (ours if isinstance(ours, Sequence) else [ours])]
    spread = stdev(values) / len(values) ** 0.5 if len(values) > 1 else None
    row = {
        "claim": claim,
        "ours": mean(values),
        "spread": spread,
        "n": len(values),
        "paper": paper,
        "source": source,
        "unit": unit,
    }
    text = f"{claim}: {row['ours']:.4g}" + (f" ± {spread:.2g}" if spread is not None else "")
    text += f" {unit}".rstrip() + (f" (mean of {row['n']})" if spread is not None else "")
    text += f"; paper: {paper}"
    display({"text/plain": text + (f" [{source}]" if source else ""), MIME: row}, raw=True)


def reveal(what: str, guess: float, measured: float, unit: str = "") -> None:
    """Print a reader's guess beside the measurement, without judging it."""
    ends = f" {unit}" if unit else ""
    print(f"{what}: you guessed {guess:.4g}{ends}, measured {measured:.4g}{ends}.")


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
