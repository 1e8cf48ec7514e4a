"""The figures of 13: truncation, mixed styles, noise, captions."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from coursekit.plots import array, canvas, label, picture, tile
from coursekit.plots.colours import BLACK, BLUE, GREEN, ORANGE, VERMILION

INCH = 0.55  # of one small image
COLOURS = (BLUE, VERMILION, GREEN, ORANGE)


def bars(groups: Mapping[str, Mapping[str, float]], title: str, unit: str) -> Figure:
    """A group of bars for each name, one bar for each part, with its value written on it."""
    figure, (ax,) = canvas(width=7.6, height=3.0)
    parts = list(next(iter(groups.values())))
    wide = 0.8 / len(groups)
    for i, (colour, (name, values)) in enumerate(zip(COLOURS, groups.items(), strict=False)):
        at = [j + (i - (len(groups) - 1) / 2) * wide for j in range(len(parts))]
        ax.bar(at, list(values.values()), wide * 0.92, color=colour, label=name)
        for x, value in zip(at, values.values(), strict=True):
            ax.text(x, value, f"{value:.0f}", ha="center", va="bottom", fontsize=9)
    ax.set_xticks(range(len(parts)), parts)
    ax.set_ylim(0, 1.1 * max(max(v.values()) for v in groups.values()) + 1e-9)
    label(ax, title, "", unit)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def truncation(bounds: Sequence[float], curves: Mapping[str, Mapping[str, Any]], at: str) -> Figure:
    """Accuracy and diversity over the bound, and one against the other, for several networks.

    Args:
        bounds: of |z|, or ψ.
        curves: network → "accuracy" in per cent and "diversity", one value a bound.
        at: what the bounds are called.
    """
    figure, (left, middle, right) = canvas(1, 3, width=3.7, height=3.0)
    for colour, (name, curve) in zip(COLOURS, curves.items(), strict=False):
        left.plot(bounds, curve["accuracy"], "o-", color=colour, label=name)
        middle.plot(bounds, curve["diversity"], "o-", color=colour)
        right.plot(curve["diversity"], curve["accuracy"], "o-", color=colour)
    label(left, "Accuracy", at, "read as asked, %")
    label(middle, "Diversity", at, "share of that of real images")
    label(right, "One for the other", "diversity", "read as asked, %")
    left.legend(fontsize=9)
    return figure


def mixing(rows: Tensor, columns: Tensor, mixed: Tensor, title: str) -> Figure:
    """A grid: row i has the coarse style of `rows[i]`, column j the fine one of `columns[j]`.

    Args:
        rows: images (r, 1, h, w).
        columns: images (k, 1, h, w).
        mixed: images (r, k, 1, h, w).
    """
    blank = 0.6 + 0 * rows[:1]
    sheet = [blank, columns]
    for one, line in zip(rows, mixed, strict=True):
        sheet += [one[None], line]
    figure, (ax,) = canvas(
        width=(len(columns) + 1) * INCH + 1.1, height=(len(rows) + 1) * INCH + 0.7
    )
    picture(ax, tile(torch.cat(sheet), len(columns) + 1))
    side = rows.shape[-1]
    ax.axhline(side - 0.5, color=VERMILION, linewidth=2)
    ax.axvline(side - 0.5, color=BLUE, linewidth=2)
    ax.set_title(title, loc="left", fontweight="bold", fontsize=11)
    ax.text(-0.01, 0.4, "coarse from\nthese", transform=ax.transAxes, ha="right", fontsize=9)
    return figure


def noise_maps(image: Tensor, spread: Tensor, strengths: Sequence[float]) -> Figure:
    """One image, the standard deviation of its pixels over the noise, and the learnt strengths."""
    figure, (left, middle, right) = canvas(1, 3, width=2.9, height=2.6)
    picture(left, image, "one z")
    seen = middle.imshow(array(spread.squeeze()), cmap="magma")
    middle.set_axis_off()
    middle.set_title("standard deviation over the noise", loc="left", fontsize=9)
    figure.colorbar(seen, ax=middle, shrink=0.8)
    names = ["7 × 7", "14 × 14", "28 × 28", "28 × 28 (last)"]
    right.barh(names, [abs(s) for s in strengths], color=BLUE)
    right.invert_yaxis()
    label(right, "Learnt strength", "|strength|", "")
    return figure


def paths(lengths: Mapping[str, Any], title: str) -> Figure:
    """The perceptual length of steps along paths, as curves over the way."""
    figure, (ax,) = canvas(width=6.4, height=3.0)
    for colour, (name, values) in zip(COLOURS, lengths.items(), strict=False):
        y = array(values)
        ax.plot([i / (len(y) - 1) for i in range(len(y))], y, color=colour, label=name)
    label(ax, title, "the way from one latent to the other", "squared distance / step²")
    ax.set_ylim(0)
    ax.legend()
    return figure


def captioned(images: Tensor, sentences: Sequence[str], columns: int = 4) -> Figure:
    """Images (n, 1, h, w), each under its caption."""
    rows = -(-len(images) // columns)
    figure, axes = canvas(rows, columns, width=2.25, height=1.65)
    for ax, image, said in zip(axes, images, sentences, strict=False):
        picture(ax, image)
        ax.set_title(said, loc="center", fontsize=9)
    for ax in axes[len(images) :]:
        ax.set_axis_off()
    return figure


def caption_widget(images: Tensor, said: str, read: str) -> Figure:
    """Eight samples of one caption, and what the pixels say of them."""
    figure, (ax,) = canvas(width=7.2, height=1.6)
    picture(ax, tile(images, len(images)), f"“{said}”")
    ax.text(0, -0.08, read, transform=ax.transAxes, va="top", fontsize=9, color=BLACK)
    return figure
