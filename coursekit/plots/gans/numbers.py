"""What was measured while a GAN was trained: arrays in, `Figure` out."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import ArrayLike, NDArray

from coursekit.plots.base import BLACK, BLUE, GREEN, ORANGE, PALETTE, VERMILION, canvas, label

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
        error = curves.std(0, ddof=1) / len(curves) ** 0.5
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
        error = v.std(ddof=1) / len(v) ** 0.5 if len(v) > 1 else 0.0
        ax.errorbar(v.mean(), row, xerr=error, fmt="o", color=colour, capsize=3)
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
