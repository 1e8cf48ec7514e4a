"""Critics, their weights and their slopes: arrays in, `Figure` out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from coursekit.plots.base import BLACK, BLUE, GREEN, PALETTE, VERMILION, canvas, label
from coursekit.plots.gans.numbers import _logarithmic, smooth

Floats = NDArray[np.float64]


def landscape(
    grid: tuple[ArrayLike, ArrayLike],
    fields: Mapping[str, ArrayLike],
    real: ArrayLike,
    fake: ArrayLike,
) -> Figure:
    """The height of critics over the plane, with the two clouds on top.

    Args:
        grid: the coordinates along each axis.
        fields: name → values, shape (len(y), len(x)).
        real, fake: points, shape (n, 2).
    """
    across, up = (np.asarray(part, dtype=float) for part in grid)
    figure, axes = canvas(1, len(fields), width=4.3, height=3.7)
    for ax, (name, values) in zip(axes, fields.items(), strict=True):
        height = np.asarray(values, dtype=float)
        drawn = ax.contourf(across, up, height - height.mean(), levels=14, cmap="cividis")
        figure.colorbar(drawn, ax=ax, label="f, mean 0", shrink=0.85)
        ax.plot(*np.asarray(real).T, "o", color=BLUE, markersize=3, mec="white", mew=0.4)
        ax.plot(*np.asarray(fake).T, "s", color=VERMILION, markersize=3, mec="white", mew=0.4)
        ax.set_aspect("equal")
        ax.grid(False)
        label(ax, name, "$x_1$", "$x_2$")
    return figure


def values(found: Mapping[str, Sequence[float]], exact: float, title: str) -> Figure:
    """What each critic says W₁ is, over what it is: mean and every seed; 1 is right."""
    figure, (ax,) = canvas(width=6.6, height=0.9 + 0.34 * len(found))
    for row, given in enumerate(found.values()):
        share = np.asarray(given, dtype=float) / exact
        ax.barh(row, share.mean(), 0.6, color=PALETTE[row % 6], alpha=0.75)
        ax.plot(share, np.full(len(share), row), "|", color=BLACK, markersize=9)
        ax.text(share.max() + 0.02, row, f"{share.mean():.2f}", va="center", fontsize=9)
    ax.axvline(1, color=BLACK, linewidth=1.2, linestyle=":")
    ax.set_yticks(range(len(found)), list(found))
    ax.invert_yaxis()
    label(ax, title, "value ÷ exact $W_1$")
    return figure


def weights(held: Mapping[str, ArrayLike], walls: Mapping[str, float]) -> Figure:
    """Histograms of the weights of critics, a panel each; dotted lines where they are clipped."""
    figure, axes = canvas(1, len(held), width=3.1, height=2.7)
    for ax, (name, values_) in zip(axes, held.items(), strict=True):
        w = np.asarray(values_, dtype=float)
        reach = walls.get(name, float(np.quantile(np.abs(w), 0.995))) * 1.08
        ax.hist(w.clip(-reach, reach), bins=41, range=(-reach, reach), color=BLUE)
        for wall in (walls[name], -walls[name]) if name in walls else ():
            ax.axvline(wall, color=VERMILION, linestyle=":", linewidth=1.2)
        ax.locator_params(axis="x", nbins=4)
        label(ax, name, "weight", "weights in the bin" if ax is axes[0] else "")
    return figure


def gradients(norms: Mapping[str, Mapping[str, ArrayLike]]) -> Figure:
    """Slopes at real, fake and interpolated points, a panel per critic: medians and all points."""
    figure, axes = canvas(1, len(norms), width=2.6, height=3.0)
    colours = (BLUE, VERMILION, GREEN)
    for ax, (name, places) in zip(axes, norms.items(), strict=True):
        drawn = ax.violinplot([np.asarray(v, float) for v in places.values()], showmedians=True)
        bodies: Any = drawn["bodies"]
        for part, colour in zip(bodies, colours, strict=False):
            part.set(facecolor=colour, alpha=0.55)
        for part in ("cmedians", "cbars", "cmins", "cmaxes"):
            drawn[part].set(color=BLACK, linewidth=0.9)
        ax.axhline(1, color=BLACK, linestyle=":", linewidth=1)
        ax.set_xticks(range(1, len(places) + 1), list(places), fontsize=9)
        ax.set_ylim(bottom=0)
        label(ax, name, "", "‖∇D‖₂" if ax is axes[0] else "")
    return figure


def games(
    along: Mapping[str, Mapping[str, ArrayLike]], fid: Mapping[str, ArrayLike], floor: float
) -> Figure:
    """FID of every loss, mean over seeds, against each kind of effort (steps, seconds).

    Args:
        along: name of the axis → contestant → (seeds, moments).
        fid: contestant → (seeds, moments).
        floor: real against real.
    """
    figure, axes = canvas(1, len(along), width=4.6, height=3.6)
    marks = "os^Dv<>P"
    for ax, (axis, effort) in zip(axes, along.items(), strict=True):
        for i, (name, v) in enumerate(fid.items()):
            t = np.asarray(effort[name], dtype=float).mean(0)
            colour = (*PALETTE[:6], "#777777", "#8B5A2B")[i % 8]
            mean = np.asarray(v, dtype=float).mean(0)
            ax.plot(t, mean, color=colour, marker=marks[i % 8], markersize=4, label=name)
        ax.axhline(floor, color=BLACK, linestyle=":", linewidth=1.2, label="real against real")
        _logarithmic(ax.yaxis)
        label(ax, f"FID against {axis}", axis, "FID (log scale)" if ax is axes[0] else "")
    axes[-1].legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def opinions(losses: Mapping[str, ArrayLike], nothing: float, window: int) -> Figure:
    """The critic's loss over steps, a running mean over seeds; `nothing`: without an opinion."""
    figure, (ax,) = canvas(width=6.2, height=3.2)
    for colour, (name, values_) in zip(PALETTE, losses.items(), strict=False):
        curve = smooth(np.atleast_2d(np.asarray(values_, dtype=float)).mean(0), window)
        ax.plot(np.arange(1, len(curve) + 1), curve, color=colour, label=name)
    ax.axhline(nothing, color=BLACK, linestyle=":", linewidth=1, label="no opinion")
    label(ax, "How sure the critic is", "step", "critic's loss (running mean)")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure
