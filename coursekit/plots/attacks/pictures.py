"""Pictures of attacks: the image, what was added, what the model then says."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from coursekit.plots.base import BLUE, VERMILION, array, canvas, label, picture

INCH = 1.15  # of one small image


def captions(probabilities: Tensor, classes: Sequence[str], letters: int = 9) -> list[str]:
    """What a model says of each image: its likeliest class (so many letters) and probability."""
    top = probabilities.max(1)
    return [f"{classes[k][:letters]} {p:.0%}" for p, k in zip(top.values, top.indices, strict=True)]


def before_after(
    x: Tensor,
    x_adv: Tensor,
    said: Sequence[str],
    now: Sequence[str],
    gain: float = 1.0,
    title: str = "",
) -> Figure:
    """Columns of image, perturbation × `gain` around grey, attacked image, each with its caption.

    Args:
        x, x_adv: (n, c, h, w), pixels in [0, 1].
        said, now: a caption above each image and each attacked image.
        gain: how many times the perturbation is enlarged so that it can be seen.
        title: of the figure.
    """
    n = len(x)
    figure, axes = canvas(3, n, INCH, INCH + 0.12, title)
    added = (0.5 + gain * (x_adv - x)).clamp(0, 1)
    for column in range(n):
        _captioned(axes[column], x[column], said[column])
        _captioned(axes[n + column], added[column], "")
        _captioned(axes[2 * n + column], x_adv[column], now[column])
    times = "" if gain == 1 else f" × {gain:g}"
    for row, name in enumerate(("image", f"perturbation{times}", "attacked")):
        _beside(axes[row * n], name)
    return figure


def variants(
    rows: Mapping[str, tuple[Tensor, Sequence[str]]], title: str = "", inch: float = INCH
) -> Figure:
    """Rows of images, each `inch` wide under its caption; the row's name at its left."""
    columns = max(len(images) for images, _ in rows.values())
    figure, axes = canvas(len(rows), columns, inch, inch + 0.12, title)
    for ax in axes:
        ax.set_axis_off()
    for row, (name, (images, captions)) in enumerate(rows.items()):
        for column, (image, caption) in enumerate(zip(images, captions, strict=True)):
            _captioned(axes[row * columns + column], image, caption)
        _beside(axes[row * columns], name)
    return figure


def attention(x: Tensor, maps: Mapping[str, Tensor], title: str = "") -> Figure:
    """The images, and below them each map (n, h, w) over a pale copy of the image."""
    n = len(x)
    figure, axes = canvas(1 + len(maps), n, INCH, INCH, title)
    for column in range(n):
        _captioned(axes[column], x[column], "")
    _beside(axes[0], "image")
    for row, (name, values) in enumerate(maps.items(), start=1):
        for column in range(n):
            ax = axes[row * n + column]
            shown, grey = array(values[column]), array(1 - 0.25 * x[column].mean(0))
            ax.imshow(grey, cmap="gray", vmin=0, vmax=1)
            ax.imshow(shown.clip(0), cmap="inferno", alpha=0.85, vmin=0)
            ax.set_axis_off()
        _beside(axes[row * n], name)
    return figure


def playground(
    x: Tensor, x_adv: Tensor, probabilities: Tensor, classes: Sequence[str], true: int, eps: float
) -> Figure:
    """One image under attack: the picture, the perturbation × 10, the class probabilities."""
    figure, (left, middle, right) = canvas(1, 3, width=2.6, height=2.7)
    picture(left, x_adv, f"attacked, ε = {eps:.3f}")
    picture(middle, (0.5 + 10 * (x_adv - x)).clamp(0, 1), "perturbation × 10")
    shares = array(probabilities)
    colours = [BLUE if k == true else VERMILION for k in range(len(shares))]
    right.barh(range(len(shares)), shares, color=colours)
    right.set_yticks(range(len(shares)), [name[:12] for name in classes])
    right.invert_yaxis()
    right.grid(axis="y", visible=False)
    right.set_xlim(0, 1)
    label(right, "the model's answer", "probability (blue: the true class)")
    return figure


def _captioned(axes: Axes, image: Tensor, caption: str) -> None:
    picture(axes, image)
    axes.set_title(caption, loc="center", fontsize=8)


def _beside(axes: Axes, name: str) -> None:
    axes.text(
        -0.08, 0.5, name, transform=axes.transAxes, ha="right", va="center", rotation=90, fontsize=9
    )
