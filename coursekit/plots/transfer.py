"""The figures of 08: who fools whom."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from coursekit.plots import (
    BLACK,
    GREEN,
    PALETTE,
    VERMILION,
    array,
    canvas,
    curves,
    label,
    picture,
    standard_error,
)


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


Names = Sequence[str]


def matrices(
    panels: Mapping[str, Tensor],
    sources: Names,
    targets: Names,
    controls: Mapping[str, Tensor] | None = None,
    title: str = "",
) -> Figure:
    """Heat maps side by side: sources are rows, targets columns.

    Args:
        panels: title → shares (sources, targets).
        sources, targets: names of the rows and columns.
        controls: name → shares (targets,), shown as further rows below a gap, in every panel.
        title: of the whole figure.
    """
    controls = controls or {}
    wide = 1.5 + 0.62 * len(targets)
    high = 1.2 + 0.5 * (len(sources) + len(controls) + bool(controls) * 0.4)
    figure, axes = canvas(1, len(panels), wide, high, title)
    for ax, (name, rates) in zip(axes, panels.items(), strict=True):
        _heat(ax, array(rates), 0.0)
        for row, values in enumerate(controls.values()):
            _heat(ax, array(values)[None], len(sources) + 0.4 + row)
        places = [*range(len(sources)), *(len(sources) + 0.4 + r for r in range(len(controls)))]
        ax.set_yticks(places, [*sources, *controls])
        ax.set_xticks(range(len(targets)), list(targets), rotation=_steep(targets))
        ax.set_ylim(places[-1] + 0.5, -0.5)
        ax.set_xlim(-0.5, len(targets) - 0.5)
        label(ax, name, "target", "source")
    return figure


def within(panels: Mapping[str, Tensor], parts: Names, title: str = "") -> Figure:
    """One technique a panel: source part against target part; the diagonal is the source itself."""
    figure, axes = canvas(1, len(panels), 2.05, 2.6, title)
    for number, (ax, (name, rates)) in enumerate(zip(axes, panels.items(), strict=True)):
        _heat(ax, array(rates), 0.0, size=8)
        ax.set_xticks(range(len(parts)), list(parts))
        ax.set_yticks(range(len(parts)), list(parts))
        ax.set_ylim(len(parts) - 0.5, -0.5)
        label(ax, name, "target's part", "source's part" if number == 0 else "")
    return figure


def _heat(axes: Axes, values: np.ndarray, top: float, size: int = 10) -> None:
    """Coloured cells with their per cent, the first row centred at `top`."""
    rows, columns = values.shape
    extent = (-0.5, columns - 0.5, top + rows - 0.5, top - 0.5)
    axes.imshow(values, vmin=0, vmax=1, cmap="Blues", extent=extent, aspect="auto")
    for i, j in np.ndindex(rows, columns):
        if np.isfinite(values[i, j]):
            colour = "white" if values[i, j] > 0.6 else "black"
            text = f"{100 * values[i, j]:.0f}"
            axes.text(j, top + i, text, ha="center", va="center", color=colour, fontsize=size)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _steep(names: Names) -> int:
    return 30 if max(map(len, names)) > 7 else 0


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
        curves(
            ax, eps, means, {name: standard_error(array(values)) for name, values in series.items()}
        )
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
        curves(
            ax,
            queries,
            means,
            {name: standard_error(array(values)) for name, values in shown.items()},
        )
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
            yerr=standard_error(heights) if len(heights) > 1 else None,
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
