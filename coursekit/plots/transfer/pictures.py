"""Pictures of transfer: what each attack paints, a tree's boxes, one cell of the matrix."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from coursekit.plots.base import GREEN, VERMILION, array, canvas, label, picture


def crafts(
    x: Tensor, examples: Mapping[str, Tensor], captions: Mapping[str, str], title: str
) -> Figure:
    """One image and what each source makes of it: the example, and below it the perturbation.

    Args:
        x: the image, (c, h, w).
        examples: source → its example, (c, h, w).
        captions: source → a line or two about its perturbation.
        title: of the figure.
    """
    figure, axes = canvas(2, 1 + len(examples), 1.7, 2.0, title)
    picture(axes[0], x, "image")
    axes[1 + len(examples)].set_axis_off()
    for column, (name, x_adv) in enumerate(examples.items(), start=1):
        picture(axes[column], x_adv, name)
        below = axes[1 + len(examples) + column]
        picture(below, (0.5 + (x_adv - x)).clamp(0, 1))
        below.set_title(captions[name], loc="left", fontsize=8)
    return figure


def leaf_moves(winner: Tensor, points: Tensor, moves: Mapping[str, Tensor], title: str) -> Figure:
    """A tree over two features: its regions, some points, and where each attack moves them.

    Args:
        winner: class on a grid of [0, 1]², rows are the second feature, (m, m).
        points: (n, 2).
        moves: attack → (n, 2).
        title: of the figure.
    """
    figure, axes = canvas(1, len(moves), width=3.9, height=3.7, title=title)
    for ax, (name, arrived) in zip(axes, moves.items(), strict=True):
        ax.imshow(array(winner), extent=(0, 1, 0, 1), origin="lower", cmap="Pastel1", vmax=8)
        start, end = array(points), array(arrived)
        for a, b in zip(start, end, strict=True):
            arrow = {"arrowstyle": "->", "color": VERMILION, "shrinkA": 0, "shrinkB": 0}
            ax.annotate("", b, a, arrowprops=arrow)
        ax.plot(*start.T, "o", color="black", markersize=4)
        ax.grid(False)
        mean = np.linalg.norm(end - start, axis=1).mean()
        label(ax, f"{name}, mean length {mean:.2f}", "feature 1", "feature 2")
    return figure


def cell(
    x: Tensor,
    x_adv: Tensor,
    answers: Mapping[str, tuple[int, int]],
    classes: Sequence[str],
    true: int,
    title: str,
) -> Figure:
    """One example of one cell: image, perturbation, example, and what both models say.

    Args:
        x, x_adv: (c, h, w).
        answers: "source …" and "target …" → class for the image and for the example.
        classes: names.
        true: the image's class.
        title: of the figure.
    """
    figure, axes = canvas(1, 4, width=2.1, height=2.5, title=title)
    picture(axes[0], x, f"image: {classes[true][:12]}")
    picture(axes[1], (0.5 + (x_adv - x)).clamp(0, 1), "perturbation")
    picture(axes[2], x_adv, "example")
    _verdicts(axes[3], answers, classes, true)
    return figure


def _verdicts(
    axes: Axes, answers: Mapping[str, tuple[int, int]], classes: Sequence[str], true: int
) -> None:
    axes.set_axis_off()
    for row, (name, (before, after)) in enumerate(answers.items()):
        top = 0.92 - 0.46 * row
        axes.text(0, top, name, fontweight="bold", fontsize=10, transform=axes.transAxes)
        for line, (when, said) in enumerate((("image", before), ("example", after)), start=1):
            axes.text(
                0.04,
                top - 0.14 * line,
                f"{when}: {classes[said][:12]}",
                color=GREEN if said == true else VERMILION,
                fontsize=10,
                transform=axes.transAxes,
            )
