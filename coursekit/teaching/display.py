"""Pictures, films, source listings and recorded figures on the page of a notebook."""

import inspect
from collections.abc import Callable, Sequence
from io import BytesIO
from statistics import mean, stdev

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


def show(figure: Figure, alt: str, colours: int | None = None) -> None:
    """Put a figure on the page, with its description for those who cannot see it.

    Args:
        figure: what to show.
        alt: what it shows, in a sentence.
        colours: at most so many, for pages full of photographs; None keeps them all.

    Raises:
        CourseError: `alt` is shorter than a sentence.
    """
    _describe(alt)
    display(Image(data=png(figure, colours=colours), format="png", alt=alt))


def film(frames: Sequence[Figure], alt: str, seconds_per_frame: float = 0.25) -> None:
    """Put a looping film (GIF) of the frames on the page; the last frame stays a while.

    Raises:
        CourseError: no frames, or `alt` shorter than a sentence.
    """
    import PIL.Image

    _describe(alt)
    require(len(frames) > 0, "frames was empty; a film needs at least one.")
    pictures = [PIL.Image.open(BytesIO(png(frame, dpi=72))).convert("RGB") for frame in frames]
    palette = pictures[-1].quantize(128)
    pictures = [p.quantize(palette=palette, dither=PIL.Image.Dither.NONE) for p in pictures]
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
    n: int | None = None,
) -> None:
    """Write one measured figure down, with the paper's beside it; `coursekit report` collects them.

    Args:
        claim: what was measured, including the sample count and the feature network if it has any.
        ours: one number, or one number per seed; then mean ± standard error is shown.
        paper: the figure the paper reports, as text, with "reported" where it was not reproduced.
        source: paper, section, table.
        unit: for example "%" or "FID".
        n: how many measurements; by default the length of `ours`.
    """
    values = [float(v) for v in (ours if isinstance(ours, Sequence) else [ours])]
    spread = stdev(values) / len(values) ** 0.5 if len(values) > 1 else None
    row = {
        "claim": claim,
        "ours": mean(values),
        "spread": spread,
        "n": n if n is not None else len(values),
        "paper": paper,
        "source": source,
        "unit": unit,
    }
    text = f"{claim}: {row['ours']:.4g}" + (f" ± {spread:.2g}" if spread is not None else "")
    text += f" {unit}".rstrip() + f" (n = {row['n']}); paper: {paper}"
    display({"text/plain": text + (f" [{source}]" if source else ""), MIME: row}, raw=True)


def reveal(what: str, guess: float, measured: float, unit: str = "") -> None:
    """Print a reader's guess beside the measurement, without judging it."""
    ends = f" {unit}" if unit else ""
    print(f"{what}: you guessed {guess:.4g}{ends}, measured {measured:.4g}{ends}.")
