"""The lectures as boxes, and arrows for what one takes from another."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from coursekit.plots.base import BLACK, BLUE, GREEN, VERMILION, canvas

WIDTH, HEIGHT = 2.05, 1.12
PLACES = {  # lecture -> column, row
    "04": (2, 2.0),
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
BELOW = "arc,angleA=-90,angleB=-90,armA=26,armB=26,rad=12"  # round the boxes in between
PAINT = "The game: networks that paint"
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
    figure, (ax,) = canvas(width=11.8, height=6.2)
    for (start, end), words in flows.items():
        _arrow(ax, start, end, words)
    for stop in stops:
        _box(ax, stop)
    left, bottom = _centre("01")
    heading: dict[str, Any] = {"fontsize": 13, "fontweight": "bold"}
    ax.text(left - WIDTH / 2, _centre("02")[1] + 0.75, PAINT, color=BLUE, **heading)
    ax.text(left - WIDTH / 2, bottom + 0.75, LOOK, color=VERMILION, **heading)
    ax.set(xlim=(-1.15, 3 * STEP_X + 1.15), ylim=(bottom - 1.15, _centre("04")[1] + 0.65))
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
    question = "\n".join(textwrap.wrap(stop.question, 27))
    later = "" if stop.there else "\n(to come)"
    ax.text(x, y + 0.46, title, ha="center", va="top", fontsize=11, fontweight="bold", color=colour)
    ax.text(x, y - 0.5, question + later, ha="center", va="bottom", fontsize=8.5, color=BLACK)


def _arrow(ax: Axes, start: str, end: str, words: str) -> None:
    (x, y), (u, v) = _centre(start), _centre(end)
    style = {"arrowstyle": "-|>", "color": GREEN, "linewidth": 1.6, "shrinkA": 0, "shrinkB": 0}
    if v == y and u - x > 1.5 * STEP_X:  # over the heads of others: below the row
        low = y - HEIGHT / 2 - 0.06
        ax.annotate("", (u, low), (x, low), arrowprops=style | {"connectionstyle": BELOW})
        ax.text((x + u) / 2, low - 0.42, words, ha="center", va="top", fontsize=9, color=GREEN)
        return
    tip = (u - WIDTH / 2 - 0.06, v if v == y else v - 0.1)
    ax.annotate("", tip, (x + WIDTH / 2 + 0.06, y if v == y else y + 0.3), arrowprops=style)
    place = ((x + u) / 2, (y + v) / 2 + 0.09) if v == y else ((x + u) / 2 - 0.42, (y + v) / 2 + 0.1)
    ax.text(*place, words, ha="center", va="bottom", fontsize=9, color=GREEN)
