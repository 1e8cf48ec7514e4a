"""Figures: arrays in, `Figure` out. One module a lecture; what they share is defined here.

Colours that people with any colour vision can tell apart, quiet axes, one way to lay pictures out.
"""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from coursekit.plots.colours import PALETTE

STYLE: Any = {
    "axes.prop_cycle": cycler(color=PALETTE),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "figure.titlesize": 12,
    "figure.titleweight": "bold",
    "font.size": 10,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "image.cmap": "gray",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}


def canvas(
    rows: int = 1,
    columns: int = 1,
    width: float = 4.2,
    height: float = 3.2,
    title: str = "",
    **grid: Any,
) -> tuple[Figure, list[Axes]]:
    """A figure of `rows` × `columns` panels, each `width` × `height` inches, in the house style.

    `grid` goes to matplotlib's `subplots`: with `height_ratios`, say, the sizes are those on
    average.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(columns * width, rows * height), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, **grid)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=12)
    return figure, list(axes.flat)


def label(axes: Axes, title: str, x: str = "", y: str = "") -> Axes:
    """Title and axis labels (with their units) in one line."""
    axes.set_title(title, loc="left", fontweight="bold", fontsize=11)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return axes


def array(values: Tensor | np.ndarray | Sequence[Any]) -> np.ndarray:
    """A NumPy array of whatever was given, from any device."""
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def tile(images: Tensor, columns: int) -> np.ndarray:
    """Images (n, c, h, w) in [0, 1] as one picture (H, W) or (H, W, 3), `columns` to a row."""
    pixels = array(images.clamp(0, 1))
    n, c, h, w = pixels.shape
    rows = -(-n // columns)
    sheet = np.ones((rows * columns, c, h, w), pixels.dtype)
    sheet[:n] = pixels
    sheet = sheet.reshape(rows, columns, c, h, w).transpose(0, 3, 1, 4, 2)
    picture = sheet.reshape(rows * h, columns * w, c)
    return picture[..., 0] if c == 1 else picture


def picture(axes: Axes, image: Tensor | np.ndarray | Sequence[Any], title: str = "") -> Axes:
    """One image (c, h, w), (h, w) or (h, w, 3) in [0, 1], without ticks or frame."""
    pixels = array(image)
    if isinstance(image, Tensor) and image.dim() == 3:
        pixels = tile(image[None], 1)
    axes.imshow(pixels, vmin=0, vmax=1, cmap="gray", interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(title, loc="left", fontsize=10)
    return axes


def gallery(images: Tensor, columns: int = 10, title: str = "", scale: float = 0.55) -> Figure:
    """A sheet of images (n, c, h, w) in [0, 1]."""
    rows = -(-len(images) // columns)
    figure, (axes,) = canvas(width=columns * scale, height=rows * scale + 0.35 * bool(title))
    picture(axes, tile(images, columns))
    axes.set_title(title, loc="left", fontweight="bold", fontsize=11)
    return figure


def curves(
    axes: Axes, x: Sequence[float], series: dict[str, Any], spread: dict[str, Any] | None = None
) -> Axes:
    """Named lines over `x`, each with a band of ± `spread` where one is given."""
    for colour, (name, values) in zip(PALETTE * 3, series.items(), strict=False):
        y = array(values)
        axes.plot(x, y, color=colour, label=name)
        if spread and name in spread:
            band = array(spread[name])
            axes.fill_between(x, y - band, y + band, color=colour, alpha=0.2, linewidth=0)
    axes.legend(frameon=False)
    return axes


def standard_error(values: np.ndarray) -> np.ndarray:
    """Standard error of the mean over the first axis; 0 where there is one row. Masks are kept out.

    The standard deviation is that of a sample (n − 1).
    """
    known = np.ma.asarray(values)
    n = known.count(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.ma.filled(known.std(axis=0), 0.0) / np.sqrt(np.maximum(n - 1, 1))
    return np.asarray(np.where(n > 1, error, 0.0))
