"""Transfer against ε, against queries, against the paper; shares in [0, 1]."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from coursekit.plots.base import BLACK, PALETTE, array, canvas, curves, label

PERCENT = PercentFormatter(1.0)
GREY = "#777777"


def against_eps(
    eps: Sequence[float], panels: Mapping[str, Mapping[str, Tensor]], what: str
) -> Figure:
    """One panel a group: named curves over ε, mean ± standard error over the rows of each.

    Args:
        eps: the ε of each column, in units of pixels.
        panels: title → name → (repeats, len(eps)).
        what: the y axis in words.
    """
    figure, axes = canvas(1, len(panels), width=4.6, height=3.4)
    for ax, (title, series) in zip(axes, panels.items(), strict=True):
        means = {name: array(values).mean(0) for name, values in series.items()}
        curves(ax, eps, means, {name: _error(array(values)) for name, values in series.items()})
        for line in ax.get_lines():
            if "noise" in str(line.get_label()) or "random" in str(line.get_label()):
                line.set(color=GREY, linestyle="--")
        for band, line in zip(ax.collections, ax.get_lines(), strict=False):
            band.set_facecolor(str(line.get_color()))
        ax.legend(frameon=False, fontsize=9)
        ax.yaxis.set_major_formatter(PERCENT)
        ax.set_ylim(-0.03, 1.03)
        label(ax, title, "ε, in units of pixels", what)
    return figure


def against_queries(
    queries: Sequence[int],
    alike: Mapping[str, Tensor],
    fooled: Mapping[str, Tensor],
    lines: Mapping[str, float],
    eps: float,
) -> Figure:
    """Substitutes against the questions asked: how they agree with the oracle, and fool it.

    Args:
        queries: questions asked by each column.
        alike, fooled: way of asking → (repeats, len(queries)).
        lines: name → a share that needs no question.
        eps: the budget of the attack.
    """
    figure, (left, right) = canvas(1, 2, width=4.4, height=3.5)
    for ax, shown in ((left, alike), (right, fooled)):
        means = {name: array(values).mean(0) for name, values in shown.items()}
        curves(ax, queries, means, {name: _error(array(values)) for name, values in shown.items()})
        for line in ax.get_lines():
            line.set_marker("o")
        ax.set_xscale("log")
        ax.set_xticks(list(queries), [f"{q:,}" for q in queries])
        ax.minorticks_off()
        ax.yaxis.set_major_formatter(PERCENT)
        ax.set_ylim(-0.03, 1.03)
        ax.legend().remove()
    for (name, share), style in zip(lines.items(), ("--", ":", "-."), strict=False):
        right.axhline(share, color=GREY, linestyle=style, linewidth=1.4, label=name)
    right.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.01, 0.5))
    label(left, "Agrees with the oracle", "labels asked of the oracle", "test images")
    label(right, f"Fools the oracle, ε = {eps:g}", "labels asked of the oracle", "fooled")
    return figure


def agreement(
    paper: Tensor, ours: Tensor, spread: Tensor, names: Sequence[str], title: str
) -> Figure:
    """Every cell of the paper's matrix against ours; colour tells the target, text the source."""
    figure, (ax,) = canvas(width=6.4, height=4.6)
    ax.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1, zorder=0)
    for column, (name, colour) in enumerate(zip(names, PALETTE, strict=False)):
        x, y = array(paper)[:, column], array(ours)[:, column]
        error = array(spread)[:, column]
        ax.errorbar(x, y, error, fmt="o", color=colour, label=name, capsize=2, markersize=5)
        for row, source in enumerate(names):
            if abs(x[row] - y[row]) > 0.15:  # the others lie too close together to be named
                ax.annotate(
                    f"{source} →",
                    (x[row], y[row]),
                    textcoords="offset points",
                    xytext=(6, 1 if column % 2 else -8),  # targets that agree keep two lines apart
                    fontsize=8,
                )
    ax.legend(frameon=False, title="target", loc="center left", bbox_to_anchor=(1.01, 0.5))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PERCENT)
    ax.set_xlim(-0.03, 1.08)
    ax.set_ylim(-0.03, 1.08)
    return label(ax, title, "the paper's cell (MNIST)", "our cell").get_figure()  # type: ignore[return-value]


def intervals(
    ours: Tensor, bounds: Tensor, paper: Tensor, noise: Tensor, names: Sequence[str]
) -> Figure:
    """Each cell with its 95 % interval, the paper's mark beside it, and the target's noise row.

    Args:
        ours: (sources, targets).
        bounds: low and high, (2, sources, targets).
        paper: (sources, targets).
        noise: (targets,).
        names: of sources and targets.
    """
    figure, axes = canvas(1, len(names), 2.05, 3.2, "Each cell with its 95 % interval")
    rows = np.arange(len(names))
    for column, (ax, name) in enumerate(zip(axes, names, strict=True)):
        mine, (low, high) = array(ours)[:, column], array(bounds)[:, :, column]
        error = np.stack([mine - low, high - mine]).clip(0)
        ax.errorbar(
            mine, rows, xerr=error, fmt="o", color=PALETTE[0], markersize=3, capsize=3, label="here"
        )
        ax.plot(array(paper)[:, column], rows, "x", color=PALETTE[1], label="paper")
        ax.axvline(float(noise[column]), color=GREY, linestyle="--", label="noise")
        ax.set_yticks(rows, list(names) if column == 0 else [""] * len(names))
        ax.invert_yaxis()
        ax.set_xlim(-0.05, 1.05)
        ax.set_xticks([0, 0.5, 1])
        ax.xaxis.set_major_formatter(PERCENT)
        label(ax, f"→ {name}", "misclassified", "source" if column == 0 else "")
    axes[-1].legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def bars(groups: Mapping[str, Tensor], names: Sequence[str], what: str, title: str) -> Figure:
    """Bars side by side for each name, mean ± standard error over the rows of each group."""
    wide = max(1.15, 0.1 * max(map(len, names)) + 0.2)  # a name has room below its bars
    figure, (ax,) = canvas(width=3.6 + wide * len(names), height=3.4)
    width, places = 0.8 / len(groups), np.arange(len(names))
    for number, (group, values) in enumerate(groups.items()):
        heights = array(values).reshape(-1, len(names))
        colour = GREY if "noise" in group or "random" in group else PALETTE[number]
        ax.bar(
            places + (number - (len(groups) - 1) / 2) * width,
            heights.mean(0),
            0.92 * width,
            yerr=_error(heights) if len(heights) > 1 else None,
            color=colour,
            ecolor=BLACK,
            label=group,
            capsize=2,
        )
    ax.set_xticks(places, list(names))
    ax.grid(axis="x", visible=False)
    ax.yaxis.set_major_formatter(PERCENT)
    ax.set_ylim(0, 1.03)
    ax.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return label(ax, title, "", what).get_figure()  # type: ignore[return-value]


def _error(values: np.ndarray) -> np.ndarray:
    """Standard error of the mean over the rows; 0 where there is only one."""
    n = len(values)
    return values.std(0, ddof=1) / np.sqrt(n) if n > 1 else np.zeros(values.shape[1:])
