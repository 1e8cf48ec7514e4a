"""The figures of 12: losses side by side, fields of patches, who became whom, films."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from coursekit.plots import array, canvas, label, picture, tile
from coursekit.plots.colours import BLACK, BLUE, GREEN, ORANGE, SKY, VERMILION


def bars(
    panels: Mapping[str, Mapping[str, float]],
    lines: Mapping[str, float],
    errors: Mapping[str, Mapping[str, float]],
    title: str,
) -> Figure:
    """A panel for each quantity, a bar for each network; a dotted line is what real images have.

    Args:
        panels: quantity → network → value.
        lines: quantity → value of real images, where there is one.
        errors: quantity → network → standard error, where it is known.
        title: of the whole.
    """
    count = max(map(len, panels.values()))
    height = 0.32 * count + 1.3
    figure, axes = canvas(1, len(panels), width=3.5, height=height, title=title)
    for colour, ax, (name, values) in zip(
        (BLUE, GREEN, VERMILION, ORANGE), axes, panels.items(), strict=False
    ):
        spread = list(errors[name].values()) if name in errors else None
        ax.barh(list(values), list(values.values()), xerr=spread, color=colour, alpha=0.8)
        for i, value in enumerate(values.values()):
            ax.text(0.02 * max(values.values()), i, f"{value:.3f}", va="center", fontsize=9)
        if name in lines:
            ax.axvline(lines[name], color=BLACK, linestyle=":", linewidth=1.4)
        ax.invert_yaxis()
        ax.grid(axis="y", visible=False)
        if ax is not axes[0]:
            ax.set_yticklabels([])
        below = "dotted: real images" if name in lines else "mean over test images"
        label(ax, name, below + (", ± standard error" if spread else ""))
    return figure


def patch_fields(slopes: Mapping[int, Any], title: str) -> Figure:
    """For each field: where the gradient of one score to the image is not zero, in a frame."""
    figure, axes = canvas(1, len(slopes), width=2.2, height=2.8, title=title)
    for ax, (field, slope) in zip(axes, slopes.items(), strict=True):
        seen = array(slope) != 0
        ax.imshow(seen, cmap="Blues", vmin=0, vmax=1.4, interpolation="nearest")
        h, w = seen.shape
        ax.add_patch(Rectangle((w / 2 - 14.5, h / 2 - 14.5), 28, 28, fill=False, color=VERMILION))
        ax.grid(False)
        label(ax, f"{field} × {field}", "column", "row" if ax is axes[0] else "")
    return figure


def permutations(
    tables: Mapping[str, Any], names: Sequence[str], title: str, of: str = "share of the class"
) -> Figure:
    """As which class the images of each class are classified, in shares; a panel for each run.

    Args:
        tables: run → matrix (classes, classes), rows sum to 1.
        names: of the classes.
        title: of the whole.
        of: what the shares are of, beside the colours.
    """
    figure, axes = canvas(1, len(tables), width=2.9, height=3.3, title=title)
    for ax, (name, table) in zip(axes, tables.items(), strict=True):
        shown = ax.imshow(array(table), cmap="Blues", vmin=0, vmax=1)
        ticks = range(len(names))
        ax.set_xticks(ticks, names)
        ax.set_yticks(ticks, names)
        ax.grid(False)
        label(ax, name, "classified as", "class of the original" if ax is axes[0] else "")
    figure.colorbar(shown, ax=axes, shrink=0.7, label=of)
    return figure


def kept_against_error(
    panels: Mapping[str, Mapping[str, tuple[Sequence[float], Sequence[float]]]], title: str
) -> Figure:
    """Share of classes kept against the cycle error, a mark a run.

    Args:
        panels: task → kind of training → errors and shares in [0, 1], one of each for each seed.
        title: of the whole.
    """
    figure, axes = canvas(1, len(panels), width=4.9, height=3.9, title=title)
    styles = zip((BLUE, ORANGE, VERMILION, GREEN), "osX^", strict=True)
    ticks = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
    looks: dict[str, tuple[str, str]] = {}
    for ax, (task, kinds) in zip(axes, panels.items(), strict=True):
        for kind, (errors, kept) in kinds.items():
            colour, marker = looks[kind] = looks.get(kind) or next(styles)
            shares = [100 * share for share in kept]
            ax.plot(errors, shares, marker, color=colour, alpha=0.75, mew=0, ms=7, label=kind)
        ax.set_xscale("log")
        ax.set_xticks(ticks, [str(tick) for tick in ticks])
        ax.minorticks_off()
        ax.set_ylim(0, 100)
        label(ax, task, "cycle error, mean over pixels (log)", "classes kept, %")
    axes[0].legend(fontsize=9, loc="center left")
    return figure


def films(rows: Mapping[str, Tensor], title: str = "") -> Figure:
    """One film a row, t frames (t, 1, h, w) from left to right, the name to its left."""
    longest = max(map(len, rows.values()))
    figure, axes = canvas(len(rows), 1, width=0.9 * longest + 1.6, height=0.98, title=title)
    for ax, (name, frames) in zip(axes, rows.items(), strict=True):
        picture(ax, tile(frames, longest))
        ax.set_anchor("W")
        ax.text(-0.01, 0.5, name, transform=ax.transAxes, ha="right", va="center", fontsize=9)
    return figure


def flicker_and_quality(points: Mapping[str, tuple[float, float]], title: str) -> Figure:
    """Warping error against the error of single frames, a point for each way to make a film.

    At most seven; the last of them is hollow, in the colour of the second.
    """
    figure, (ax,) = canvas(width=6.4, height=3.4)
    colours = (BLACK, BLUE, GREEN, VERMILION, ORANGE, SKY, BLUE)
    styles = zip(colours, "PosD^vo", (*["full"] * 6, "none"), strict=True)
    for (colour, marker, fill), (name, (error, flicker)) in zip(
        styles, points.items(), strict=False
    ):
        ax.plot(error, flicker, marker, color=colour, fillstyle=fill, ms=9, label=name)
    ax.set_xlim(0, 1.1 * max(error for error, _ in points.values()))
    ax.set_ylim(bottom=0)
    label(ax, title, "mean absolute error of a frame", "warping error (squared)")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def translated(given: Tensor, made: Tensor, name: str) -> Figure:
    """An image that is given, and one answer beside it."""
    figure, (left, right) = canvas(1, 2, width=2.3, height=2.5)
    picture(left, tile(given, 1), "given")
    picture(right, tile(made, 1), name)
    return figure
