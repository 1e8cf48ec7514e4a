"""What networks look at: signed gradients, and one image under one attack."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from torch import Tensor

from coursekit.plots.base import BLUE, VERMILION, array, canvas, label, picture

INCH = 1.15


def gradients(x: Tensor, maps: Mapping[str, Tensor], title: str = "") -> Figure:
    """The images, and below them each gradient (n, c, h, w): red raises the loss, blue lowers it.

    Each map is scaled by its own 99.5th percentile, so that only its pattern is compared.
    """
    n = len(x)
    figure, axes = canvas(1 + len(maps), n, INCH, INCH, title)
    for column in range(n):
        picture(axes[column], x[column])
    for row, (_, values) in enumerate(maps.items(), start=1):
        for column in range(n):
            shown = values[column].sum(0)
            top = float(shown.abs().flatten().quantile(0.995)) or 1.0
            ax = axes[row * n + column]
            ax.imshow(array(shown), cmap="RdBu_r", vmin=-top, vmax=top)
            ax.set_axis_off()
    for row, name in enumerate(["image", *maps]):
        ax = axes[row * n]
        place = ax.transAxes
        ax.text(-0.08, 0.5, name, transform=place, rotation=90, fontsize=9, ha="right", va="center")
    return figure


def playground(
    x: Tensor,
    x_adv: Tensor,
    probabilities: Mapping[str, Tensor],
    classes: Sequence[str],
    true: int,
    title: str,
) -> Figure:
    """One attacked image, what was added, and what each network makes of it.

    Args:
        x, x_adv: (c, h, w), pixels in [0, 1].
        probabilities: network → probability of each class, (k,).
        classes: their names.
        true: number of the true class, drawn in blue.
        title: which attack on which network.
    """
    figure, (left, middle, *rest) = canvas(1, 2 + len(probabilities), 2.5, 2.7, title)
    picture(left, x_adv, "attacked")
    picture(middle, (0.5 + (x_adv - x)).clamp(0, 1), "perturbation")
    for ax, (name, shares) in zip(rest, probabilities.items(), strict=True):
        colours = [BLUE if k == true else VERMILION for k in range(len(shares))]
        ax.barh(range(len(shares)), array(shares), color=colours)
        ax.set_yticks(range(len(shares)), [each[:12] for each in classes])
        ax.invert_yaxis()
        ax.grid(axis="y", visible=False)
        ax.set_xlim(0, 1)
        label(ax, name, "probability (blue: true class)")
    return figure
