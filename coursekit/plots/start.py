"""Figures of the first page: the map of the course, and three kinds of model in one picture."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from numpy.typing import ArrayLike

from coursekit.plots import array, canvas, label
from coursekit.plots.colours import BLACK, BLUE, GREEN, VERMILION

WIDTH, HEIGHT = 2.05, 1.22
PLACES = {  # lecture -> column, row
    "10": (0, 3.35),
    "11": (1, 3.35),
    "14": (2, 3.35),
    "12": (3, 3.35),
    "04": (2, 2.15),
    "13": (3, 2.15),
    "02": (0, 1.0),
    "03": (1, 1.0),
    "05": (2, 1.0),
    "06": (3, 1.0),
    "01": (0, -0.55),
    "07": (1, -0.55),
    "08": (2, -0.55),
    "09": (3, -0.55),
}
STEP_X, STEP_Y = 3.3, 1.62
STRANDS = dict.fromkeys(("01", "07", "08", "09"), VERMILION)  # the rest play games
STRANDS |= dict.fromkeys(("10", "11", "14"), BLACK)
ELECTIVE = ("10", "11", "12", "13", "14")
CROSSING = {  # arrows between rows: start and end from the centres of the boxes, place of the words
    ("03", "04"): ((1.09, 0.3), (-1.09, -0.1), (5.45, 2.57)),
    ("03", "11"): ((0.42, 0.67), (0.42, -0.67), (3.05, 3.75)),
    ("03", "14"): ((0.75, 0.67), (-0.75, -0.67), (4.38, 3.75)),
    ("04", "12"): ((1.09, 0.3), (-1.09, -0.1), (7.6, 4.43)),
}
BELOW = "arc,angleA=-90,angleB=-90,armA=26,armB=26,rad=12"  # round the boxes in between
PAINT = "The game: networks that paint"
DENSITY = "Electives: networks that say how likely an image is (black)"
LOOK = "The image as variable: networks that are looked into, and fooled"


@runtime_checkable
class Stop(Protocol):
    """A lecture: number, title, question, and whether it is there yet."""

    number: str
    title: str
    question: str
    there: bool


def lecture_map(stops: Sequence[Stop], flows: Mapping[tuple[str, str], str]) -> Figure:
    """The map of the course.

    Args:
        stops: the lectures; one that is not there yet has a dashed frame.
        flows: (from, to) -> what is taken along, written beside the arrow.
    """
    figure, (ax,) = canvas(width=11.8, height=8.5)
    for (start, end), words in flows.items():
        _arrow(ax, start, end, words)
    for stop in stops:
        _box(ax, stop)
    left, bottom = _centre("01")
    heading: dict[str, Any] = {"fontsize": 13, "fontweight": "bold"}
    ax.text(left + 0.15, _centre("02")[1] + 0.8, PAINT, color=BLUE, **heading)
    ax.text(left - WIDTH / 2, bottom + 0.8, LOOK, color=VERMILION, **heading)
    column, top = _centre("10")
    ax.text(column - WIDTH / 2, top + 0.8, DENSITY, color=BLACK, **heading)
    ax.set(xlim=(-1.15, 3 * STEP_X + 1.15), ylim=(bottom - 1.25, top + 1.15))
    ax.set_aspect("equal")
    ax.set_axis_off()
    return figure


def _centre(number: str) -> tuple[float, float]:
    column, row = PLACES[number]
    return column * STEP_X, row * STEP_Y


def _box(ax: Axes, stop: Stop) -> None:
    x, y = _centre(stop.number)
    colour = STRANDS.get(stop.number, BLUE)
    corner, line = (x - WIDTH / 2, y - HEIGHT / 2), "-" if stop.there else "--"
    shape = "round,pad=0.04,rounding_size=0.12"
    look: dict[str, Any] = {
        "facecolor": "white",
        "edgecolor": colour,
        "linewidth": 2.0,
        "linestyle": line,
    }
    frame = FancyBboxPatch(corner, WIDTH, HEIGHT, boxstyle=shape, **look)
    ax.add_patch(frame)
    title = "\n".join(textwrap.wrap(f"{stop.number} · {stop.title}", 20))
    question = "\n".join(_two_lines(stop.question))
    later = "" if stop.there else "\n(to come)"
    ax.text(x, y + 0.51, title, ha="center", va="top", fontsize=11, fontweight="bold", color=colour)
    ax.text(x, y - 0.55, question + later, ha="center", va="bottom", fontsize=9, color=BLACK)
    if stop.number in ELECTIVE and stop.there:
        ax.text(x, y - 0.02, "elective", ha="center", va="center", fontsize=9, style="italic")


def _two_lines(words: str) -> list[str]:
    """Words in at most two lines, as even as can be."""
    widths = range(1, len(words) + 1)
    return next(lines for w in widths if len(lines := textwrap.wrap(words, w)) <= 2)


def _arrow(ax: Axes, start: str, end: str, words: str) -> None:
    (x, y), (u, v) = _centre(start), _centre(end)
    style = {"arrowstyle": "-|>", "color": GREEN, "linewidth": 1.6, "shrinkA": 0, "shrinkB": 0}
    if v == y and u - x > 1.5 * STEP_X:  # over the heads of others: below the row
        low = y - HEIGHT / 2 - 0.06
        ax.annotate("", (u, low), (x, low), arrowprops=style | {"connectionstyle": BELOW})
        ax.text((x + u) / 2, low - 0.5, words, ha="center", va="top", fontsize=9, color=GREEN)
        return
    if (start, end) in CROSSING:
        (a, b), (c, d), at = CROSSING[start, end]
        ax.annotate("", (u + c, v + d), (x + a, y + b), arrowprops=style)
        ax.text(*at, words, ha="center", va="center", fontsize=9, color=GREEN)
        return
    if u == x:
        ax.annotate("", (u, v - HEIGHT / 2 - 0.06), (x, y + HEIGHT / 2 + 0.06), arrowprops=style)
        ax.text(x + 0.12, (y + v) / 2, words, ha="left", va="center", fontsize=9, color=GREEN)
        return
    ax.annotate("", (u - WIDTH / 2 - 0.06, v), (x + WIDTH / 2 + 0.06, y), arrowprops=style)
    ax.text((x + u) / 2, y + 0.09, words, ha="center", va="bottom", fontsize=9, color=GREEN)


COLOURS = (BLUE, VERMILION)


def three_models(
    x: Any, conditional: Any, joint: Any, posterior: Any, at: float | None = None
) -> Figure:
    """p(x|y), p(x) and p(y|x) of two classes, under one another, with the rule that joins them.

    Args:
        x: places, shape (m,).
        conditional: p(x|y), shape (2, m).
        joint: p(x, y), shape (2, m).
        posterior: p(y|x), shape (2, m).
        at: a place to mark, with what each model says of it.
    """
    x, conditional, joint, posterior = map(array, (x, conditional, joint, posterior))
    figure, (top, middle, low) = canvas(3, 1, width=7.6, height=2.05)
    for y, colour in enumerate(COLOURS):
        top.plot(x, conditional[y], color=colour, label=f"y = {y}")
        middle.fill_between(x, joint[0] * y, joint[: y + 1].sum(0), color=colour, alpha=0.4, lw=0)
        low.plot(x, posterior[y], color=colour)
    middle.plot(x, joint.sum(0), color=BLACK)
    label(top, "conditional: p(x|y). Draw me an x of class y", "", "density")
    label(middle, "generative: p(x, y) = p(x|y) p(y); its sum over y is p(x)", "", "density")
    label(low, "discriminative: p(y|x) = p(x, y) / p(x). Which class is x?", "x", "probability")
    low.set_ylim(-0.04, 1.04)
    top.legend(loc="upper left")
    for ax in (top, middle, low):
        ax.set_xlim(x[0], x[-1])
        if at is not None:
            ax.axvline(at, color=BLACK, linestyle=":", linewidth=1.4)
    if at is not None:
        _say(middle, x, joint.sum(0), at, "p(x) = {:.2g}")
        _say(low, x, posterior[1], at, "p(y=1|x) = {:.3f}")
    return figure


def _say(ax: Any, x: Any, curve: Any, at: float, words: str) -> None:
    """What a curve says at a place, written half-way up beside the mark."""
    left = at > (x[0] + x[-1]) / 2
    ax.annotate(
        words.format(float(np.interp(at, x, curve))), (at, 0.5), (-8 if left else 8, 0),
        xycoords=ax.get_xaxis_transform(), textcoords="offset points", va="center",
        ha="right" if left else "left", fontweight="bold",
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
    )  # fmt: skip


def refusal(
    side: ArrayLike, posterior: Any, log10_p: Any, samples: tuple[Any, Any], marks: Any
) -> Figure:
    """A plane of inputs: what a classifier says of each, and how likely each is.

    Args:
        side: the m coordinates of both axes.
        posterior: p(y = 1|x), shape (m, m).
        log10_p: log₁₀ p(x), shape (m, m).
        samples: points of either class, each of shape (n, 2).
        marks: points A, B, …, shape (j, 2).
    """
    figure, axes = canvas(1, 2, width=5.0, height=4.0)
    side = np.asarray(side)
    levels = (np.linspace(0, 1, 11), np.arange(-60, 1, 6))
    looks: tuple[dict[str, Any], ...] = ({"cmap": "cividis"}, {"cmap": "viridis", "extend": "min"})
    for ax, values, steps, look in zip(axes, (posterior, log10_p), levels, looks, strict=True):
        shown = ax.contourf(side, side, array(values), steps, **look)
        figure.colorbar(shown, ax=ax, shrink=0.85)
        for y, (points, colour) in enumerate(zip(samples, ("white", VERMILION), strict=True)):
            points = array(points)
            dots: dict[str, Any] = {"markeredgecolor": BLACK, "markeredgewidth": 0.4}
            dots |= {"color": colour, "markersize": 3.2, "label": f"y = {y}"}
            ax.plot(points[:, 0], points[:, 1], "o", **dots)
        for name, (u, v) in zip("ABC", array(marks), strict=False):
            ax.plot(u, v, "o", markersize=15, color="white", markeredgecolor=BLACK)
            ax.text(u, v, name, ha="center", va="center", fontsize=10, fontweight="bold")
        ax.set_aspect("equal")
    label(axes[0], "p(y = 1|x): certain almost everywhere", "x₁", "x₂")
    label(axes[1], "log₁₀ p(x): falls with the distance", "x₁", "x₂")
    axes[0].legend(loc="upper left", markerscale=2)
    return figure


def refused(
    seen: Mapping[str, tuple[Any, Any]], auroc: Mapping[str, tuple[float, float]], pixels: int
) -> Figure:
    """What a classifier and a density say of several kinds of input, a bar for each kind.

    Args:
        seen: kind → (largest p(y|x), log p(x) in nats), each of shape (n,); the first is the real.
        auroc: kind → how well each of the two tells it from the first kind, in [0, 1].
        pixels: of one input; log p(x) is shown per pixel.
    """
    figure, axes = canvas(1, 3, width=4.4, height=0.9 + 0.42 * len(seen))
    rows = list(seen)
    for panel, ax in enumerate(axes):
        side = min(panel, 1)
        for at, name in enumerate(rows):
            values = array(seen[name][side]) / (pixels if side else 1)
            low, first, middle, third, high = np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95))
            colour = GREEN if at == 0 else VERMILION
            ax.plot([low, high], [at, at], color=colour, linewidth=1.5)
            ax.plot([first, third], [at, at], color=colour, linewidth=9, solid_capstyle="butt")
            ax.plot(middle, at, "|", color=BLACK, markersize=13, markeredgewidth=2)
            said = "AUROC" if at == 0 else f"{auroc[name][side]:.3f}".lstrip("0")
            if panel < 2:
                ax.text(1.02, at, said, transform=ax.get_yaxis_transform(), va="center", size=11)
        ax.set_yticks(range(len(rows)), rows if panel == 0 else [""] * len(rows))
        ax.tick_params(axis="y", left=panel == 0)
        ax.invert_yaxis()
    real = array(seen[rows[0]][1]) / pixels
    first, last = np.quantile(real, (0.02, 1.0))
    axes[2].set_xlim(first - 0.3 * (last - first), last + 0.3 * (last - first))
    label(axes[0], "How certain is the classifier?", "confidence, max p(y|x)")
    label(axes[1], "How likely is the input?", "log p(x), nats per pixel")
    label(axes[2], "The same, near the test images", "log p(x), nats per pixel")
    figure.supxlabel("bar: 25 to 75 %, line: 5 to 95 %, tick: median", fontsize=10)
    return figure
