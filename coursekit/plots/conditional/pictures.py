"""Sheets of samples with a column for each class: arrays in, `Figure` out."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from coursekit.plots.base import STYLE, VERMILION, canvas, picture, tile

INCH = 0.42  # of one small image


def _columns(ax: Axes, images: Tensor, classes: Sequence[str], title: str) -> None:
    """Images in rows of one per class, the names of the classes above."""
    picture(ax, tile(images, len(classes)))
    side = images.shape[-1]
    for c, name in enumerate(classes):
        at = ((c + 0.5) / len(classes), 1.0)
        longest = max(len(n) for n in classes)
        turned = {"rotation": 35, "ha": "left"} if longest > 2 else {"ha": "center"}
        ax.annotate(
            name, at, (0, 3), xycoords="axes fraction", textcoords="offset points",
            va="bottom", fontsize=8, **turned,
        )  # fmt: skip
        if c:
            ax.axvline(c * side - 0.5, color="white", linewidth=1)
    ax.set_title(title, loc="left", fontsize=10, fontweight="bold", pad=_room(classes))


def _room(classes: Sequence[str]) -> float:
    """Points between a title and the picture, so that turned names fit."""
    longest = max(len(name) for name in classes)
    return 16 if longest <= 2 else 14 + 3.6 * longest


def class_grid(images: Tensor, classes: Sequence[str], title: str = "") -> Figure:
    """Images (rows × classes, c, h, w): a column for each class, a row for each z."""
    return class_grids({title: images}, classes, scale=INCH)


def class_grids(
    sheets: Mapping[str, Tensor], classes: Sequence[str], across: int = 2, scale: float = 0.36
) -> Figure:
    """Several class grids, `across` to a row, each under its title."""
    across = min(across, len(sheets))
    down = -(-len(sheets) // across)
    rows = max(-(-len(images) // len(classes)) for images in sheets.values())
    title = (_room(classes) + 14) / 72
    figure, axes = canvas(
        down, across, width=len(classes) * scale + 0.2, height=rows * scale + title
    )
    for ax in axes:
        ax.set_axis_off()
    for ax, (name, images) in zip(axes, sheets.items(), strict=False):
        _columns(ax, images, classes, name)
    return figure


def chooser(image: Tensor, row: Tensor, chosen: int, classes: Sequence[str], seen: str) -> Figure:
    """One image large; below it the same z in every class, the chosen one framed."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 3.5), layout="constrained")
        large, all_classes = figure.subplots(2, 1, height_ratios=(5, 1.3))
    picture(large, image)
    large.set_title(f"asked for {classes[chosen]}, the judge sees {seen}", loc="center")
    picture(all_classes, tile(row, len(row)))
    side = row.shape[-1]
    frame = Rectangle(
        (chosen * side - 0.5, -0.5), side, row.shape[-2], fill=False, color=VERMILION, linewidth=2
    )
    all_classes.add_patch(frame)
    middle = np.arange(len(row)) * side + side / 2
    for at, name in zip(middle, classes, strict=True):
        all_classes.text(
            at, 1.12 * row.shape[-2], name, ha="center", va="top", fontsize=7, clip_on=False
        )
    return figure
