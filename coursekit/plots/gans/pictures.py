"""Sheets of samples: arrays in, `Figure` out."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
from matplotlib.figure import Figure
from torch import Tensor

from coursekit.plots.base import STYLE, VERMILION, canvas, picture, tile

INCH = 0.5  # of one small image


def strips(rows: Mapping[str, Tensor], title: str = "", scale: float = INCH) -> Figure:
    """One row of images (n, c, h, w) in [0, 1] per name, the name to its left."""
    longest = max(len(images) for images in rows.values())
    figure, axes = canvas(len(rows), 1, width=longest * scale + 2.2, height=scale + 0.08)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=12)
    for ax, (name, images) in zip(axes, rows.items(), strict=True):
        picture(ax, tile(images, longest))
        ax.set_anchor("W")
        ax.text(-0.01, 0.5, name, transform=ax.transAxes, ha="right", va="center", fontsize=9)
    figure.set_size_inches(longest * scale + 2.2, len(rows) * (scale + 0.08) + 0.4 * bool(title))
    return figure


def album(sheets: Mapping[str, Tensor], columns: int = 8, scale: float = 0.36) -> Figure:
    """Square sheets of samples side by side, each under its name."""
    rows = -(-max(len(images) for images in sheets.values()) // columns)
    size = columns * scale
    figure, axes = canvas(1, len(sheets), width=size + 0.15, height=rows * scale + 0.35)
    for ax, (name, images) in zip(axes, sheets.items(), strict=True):
        picture(ax, tile(images, columns), name)
    return figure


def beside(left: Tensor, right: Tensor, names: tuple[str, str], columns: int = 10) -> Figure:
    """Each image of `left` above its partner in `right`."""
    return strips({names[0]: left[:columns], names[1]: right[:columns]})


def frames(moments: Sequence[Tensor], captions: Sequence[str], columns: int = 8) -> list[Figure]:
    """The pictures of a film: one sheet of samples per moment, under its caption."""
    pairs = zip(moments, captions, strict=True)
    return [_frame(images, caption, columns) for images, caption in pairs]


def _frame(images: Tensor, caption: str, columns: int) -> Figure:
    rows = -(-len(images) // columns)
    width = max(2.6, columns * INCH)
    figure, (ax,) = canvas(width=width, height=rows * INCH + 0.45)
    picture(ax, tile(images, columns), caption)
    return figure


def explorer(image: Tensor, path: Tensor, position: float) -> Figure:
    """One image large, and below it the way through latent space, with the place marked."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 3.4), layout="constrained")
        large, way = figure.subplots(2, 1, height_ratios=(5, 1))
    picture(large, image)
    picture(way, tile(path, len(path)))
    side = path.shape[-1]
    at = position * (len(path) - 1) * side + side / 2 - 0.5
    way.plot([at], [-0.12 * side], marker="v", color=VERMILION, clip_on=False)
    return figure
