"""The figures of 03 and of the other lectures that train GANs."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from coursekit.plots import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    PALETTE,
    STYLE,
    VERMILION,
    canvas,
    label,
    picture,
    standard_error,
    tile,
)

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


def latent_widget(image: Tensor, path: Tensor, position: float) -> Figure:
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


Floats = NDArray[np.float64]


def moves(moments: Sequence[str], G: Sequence[float], D: Sequence[float]) -> Figure:
    """How far the parameters of each player moved at each moment: one of the two never does."""
    figure, (ax,) = canvas(width=7.2, height=2.6)
    at = np.arange(len(moments))
    ax.bar(at - 0.2, D, 0.4, color=GREEN, label="discriminator D")
    ax.bar(at + 0.2, G, 0.4, color=VERMILION, label="generator G")
    ax.set_xticks(at, moments)
    label(ax, "Who is updated when", "", "‖change of parameters‖₂")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def smooth(values: ArrayLike, window: int) -> Floats:
    """A running mean; near the ends over what there is."""
    v = np.asarray(values, dtype=float)
    kernel = np.ones(min(window, len(v)))
    return np.convolve(v, kernel, "same") / np.convolve(np.ones_like(v), kernel, "same")


def losses_and_quality(
    losses: Mapping[str, ArrayLike],
    steps: Sequence[int],
    quality: Mapping[str, ArrayLike],
    floors: Mapping[str, float],
) -> Figure:
    """Loss curves, and beside them what samples are worth.

    Args:
        losses: name → (seeds, steps).
        steps: when quality was measured.
        quality: name → (seeds, len(steps)); drawn on a log axis if it starts far above its end.
        floors: name → what real data score.
    """
    figure, axes = canvas(1, 1 + len(quality), width=3.9, height=3.1)
    for colour, (name, values) in zip((GREEN, VERMILION), losses.items(), strict=True):
        curve = np.atleast_2d(np.asarray(values, dtype=float))
        mean = smooth(curve.mean(0), max(1, curve.shape[1] // 40))
        axes[0].plot(np.arange(1, len(mean) + 1), mean, color=colour, label=name)
    label(axes[0], "What training sees", "step", "loss (running mean)")
    axes[0].legend(frameon=False)
    for ax, (name, values) in zip(axes[1:], quality.items(), strict=True):
        _band(ax, steps, np.atleast_2d(np.asarray(values, dtype=float)), BLUE, name)
        ax.axhline(floors[name], color=BLACK, linestyle=":", linewidth=1.2, label="real data")
        label(ax, "What samples are worth", "step", name)
        ax.legend(frameon=False)
    return figure


def _band(ax: Axes, x: Sequence[float], curves: Floats, colour: str, name: str) -> None:
    """Mean over seeds with ± standard error, each seed faintly."""
    ax.plot(x, curves.T, color=colour, alpha=0.25, linewidth=0.8)
    ax.plot(x, curves.mean(0), color=colour, marker="o", markersize=3, label=name)
    if len(curves) > 1:
        error = standard_error(curves)
        low, high = curves.mean(0) - error, curves.mean(0) + error
        ax.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
    if curves.min() > 0 and curves[:, 0].mean() > 10 * curves[:, -1].mean():
        _logarithmic(ax.yaxis)


def quality_by_seconds(
    seconds: Mapping[str, ArrayLike], fid: Mapping[str, ArrayLike], floor: float
) -> Figure:
    """FID against seconds of training, a line per seed and a colour per contestant."""
    figure, (ax,) = canvas(width=6.0, height=3.4)
    for colour, name in zip(PALETTE, fid, strict=False):
        times = np.atleast_2d(np.asarray(seconds[name], dtype=float))
        values = np.atleast_2d(np.asarray(fid[name], dtype=float))
        for i, (t, v) in enumerate(zip(times, values, strict=True)):
            ax.plot(t, v, color=colour, marker="o", markersize=3, label=name if i == 0 else None)
    ax.axhline(floor, color=BLACK, linestyle=":", linewidth=1.2, label="real against real")
    _logarithmic(ax.yaxis)
    label(ax, "Quality against time", "seconds of training, one line per seed", "FID (log scale)")
    ax.legend(frameon=False)
    return figure


def compared(
    results: Mapping[str, Sequence[float]],
    what: str,
    title: str,
    baseline: str | None = None,
    log: bool = True,
) -> Figure:
    """One row per variant: every seed a dot, mean ± standard error a bar, the baseline a line."""
    figure, (ax,) = canvas(width=7.0, height=0.7 + 0.34 * len(results))
    for row, (name, values) in enumerate(results.items()):
        v = np.asarray(values, dtype=float)
        colour = ORANGE if name == baseline else BLUE
        ax.errorbar(v.mean(), row, xerr=standard_error(v), fmt="o", color=colour, capsize=3)
        ax.plot(v, np.full(len(v), row), "|", color=colour, markersize=9, alpha=0.5)
    if baseline is not None:
        ax.axvline(float(np.mean(results[baseline])), color=ORANGE, linewidth=1, linestyle="--")
    ax.set_yticks(range(len(results)), list(results))
    ax.invert_yaxis()
    if log:
        _logarithmic(ax.xaxis)
    label(ax, title, what)
    return figure


def _logarithmic(axis: Axis) -> None:
    """A log axis whose ticks are plain numbers: 200, 500, 1,000."""
    (axis.axes.set_xscale if isinstance(axis, XAxis) else axis.axes.set_yscale)("log")
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axis.set_minor_formatter(NullFormatter())


def shares(values: Mapping[str, ArrayLike], what: str, title: str) -> Figure:
    """Cumulative shares: how many of each sample lie below each value."""
    figure, (ax,) = canvas(width=6.4, height=3.0)
    for colour, (name, v) in zip((BLUE, VERMILION, GREEN), values.items(), strict=False):
        at = np.sort(np.asarray(v, dtype=float))
        ax.step(at, np.arange(1, len(at) + 1) / len(at), color=colour, label=name)
    ax.set_xlim(left=0)
    label(ax, title, what, "share of images below")
    ax.legend(frameon=False)
    return figure
