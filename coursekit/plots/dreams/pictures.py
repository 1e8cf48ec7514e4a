"""Photographs and what became of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from torch import Tensor

from coursekit.plots.base import BLUE, array, canvas, label, picture

DPI = 72  # at which films are drawn


def sheet(
    rows: Mapping[str, Sequence[Tensor]],
    captions: Mapping[str, Sequence[str]] | Sequence[str] = (),
    title: str = "",
    inch: float = 1.3,
) -> Figure:
    """Rows of images, each row with its name at the left.

    Args:
        rows: name → images (1, c, h, w) or (c, h, w), pixels in [0, 1]; all of about one shape.
        captions: above each image of every row, or by row; a sequence is put above the first row.
        title: of the figure.
        inch: width of one image.
    """
    first = next(iter(rows))
    by_row = captions if isinstance(captions, Mapping) else {first: captions}
    columns = max(len(images) for images in rows.values())
    h, w = rows[first][0].shape[-2:]
    height = inch * h / w + (0.22 if captions else 0.04)
    figure, axes = canvas(len(rows), columns, inch, height, title)
    if title:  # the canvas leaves no room for it
        figure.set_size_inches(columns * inch + 0.3, len(rows) * height + 0.35)
    for ax in axes:
        ax.set_axis_off()
    for row, (name, images) in enumerate(rows.items()):
        words = list(by_row.get(name, ())) + [""] * len(images)
        for column, image in enumerate(images):
            ax = picture(axes[row * columns + column], image.reshape(image.shape[-3:]))
            ax.set_title(words[column], loc="center", fontsize=8)
        ax = axes[row * columns]
        place: Any = {"ha": "right", "va": "center", "rotation": 90, "fontsize": 9}
        ax.text(-0.04, 0.5, name, transform=ax.transAxes, **place)
    return figure


def before_after(photo: Tensor, dreamt: Tensor, title: str = "", inch: float = 4.2) -> Figure:
    """A photo and its dream, side by side."""
    return sheet({"": (photo, dreamt)}, ("the photo", "the dream"), title, inch)


def frame(image: Tensor) -> Figure:
    """One picture of a film, to the pixel and without margins; image (1, c, h, w)."""
    h, w = image.shape[-2:]
    figure = Figure(figsize=(w / DPI, h / DPI))
    axes = figure.add_axes((0, 0, 1, 1))
    picture(axes, image[0])
    return figure


def playground(photo: Tensor, dreamt: Tensor, trace: Tensor, what: str) -> Figure:
    """The photo, the dream, and the objective where each step began."""
    figure, (left, middle, right) = canvas(1, 3, width=3.0, height=2.4)
    picture(left, photo[0], "the photo")
    picture(middle, dreamt[0], what)
    right.plot(array(trace), color=BLUE)
    label(right, "Objective", "step, all octaves", "value (its own unit)")
    return figure
