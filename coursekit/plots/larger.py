"""The figures of 13: attention, truncation, growing, mixed styles, noise, captions."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, StrMethodFormatter
from torch import Tensor

from coursekit.plots import array, canvas, label, picture, standard_error, tile
from coursekit.plots.colours import BLACK, BLUE, GREEN, ORANGE, PURPLE, VERMILION

INCH = 0.55  # of one small image
COLOURS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE)


def bars(groups: Mapping[str, Mapping[str, float]], title: str, unit: str) -> Figure:
    """A group of bars for each part, one bar for each name (at most five), with its value on it."""
    figure, (ax,) = canvas(width=9.2, height=3.6)
    parts = list(next(iter(groups.values())))
    wide = 0.86 / len(groups)
    for i, (colour, (name, values)) in enumerate(zip(COLOURS, groups.items(), strict=False)):
        at = [j + (i - (len(groups) - 1) / 2) * wide for j in range(len(parts))]
        ax.bar(at, list(values.values()), wide * 0.9, color=colour, label=name)
        for x, value in zip(at, values.values(), strict=True):
            ax.text(x, value, f"{value:.0f}", ha="center", va="bottom", fontsize=9)
    ax.set_xticks(range(len(parts)), parts)
    ax.set_ylim(0, 1.1 * max(max(v.values()) for v in groups.values()) + 1e-9)
    label(ax, title, "part of the caption", unit)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=len(groups))
    return figure


def attention_maps(images: Tensor, weights: Tensor, places: Sequence[int], title: str) -> Figure:
    """A row for each image: the image, then the attention weights of one query place after another.

    Args:
        images: shape (n, c, h, w).
        weights: of the n images, shape (n, query, key), over a square map.
        places: numbers of the query places; a cross marks each.
        title: of the whole figure.
    """
    side = round(weights.shape[-1] ** 0.5)
    columns = 1 + len(places)
    figure, axes = canvas(len(images), columns, width=1.75, height=1.75, title=title)
    for row, (image, of_queries) in enumerate(zip(images, weights, strict=True)):
        first, *maps = axes[row * columns : (row + 1) * columns]
        picture(first, image, "" if row else "the image")
        for ax, place in zip(maps, places, strict=True):
            beta = of_queries[place]
            seen = ax.imshow(array(beta.view(side, side)), cmap="magma", vmin=0, vmax=1)
            ax.plot(place % side, place // side, "x", color=ORANGE, ms=9, mew=2)
            ax.set_title(f"largest {float(beta.max()):.2f}", loc="left", fontsize=9)
            ax.set_axis_off()
    bar = figure.colorbar(seen, ax=axes, shrink=0.7)
    bar.set_label("attention weight of a key", fontsize=9)
    return figure


def colour_runs(
    curves: Mapping[str, tuple[Any, Any]], real: tuple[float, float], title: str
) -> Figure:
    """Fréchet distance and class accuracy of runs in colour over updates.

    Args:
        curves: run → (updates, value) pairs of the distance, and of the accuracy as a share.
        real: both for real images.
        title: of the whole figure.
    """
    figure, axes = canvas(1, 2, width=4.9, height=3.2, title=title)
    for colour, (name, pair) in zip(COLOURS, curves.items(), strict=False):
        for ax, scale, curve in zip(axes, (1, 100), pair, strict=True):
            updates, values = zip(*curve, strict=True)
            ax.plot(updates, [scale * v for v in values], "o-", color=colour, label=name)
    for ax, value in zip(axes, (real[0], 100 * real[1]), strict=True):
        ax.axhline(value, color=BLACK, linestyle=":", linewidth=1.2, label="real images")
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    left, right = axes
    left.set_yscale("log")
    ticks = (0.1, 0.2, 0.5, 1, 2, 5)
    left.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    left.yaxis.set_minor_formatter(NullFormatter())
    label(left, "Fréchet distance", "updates", "Fréchet distance (log)")
    label(right, "Class asked for", "updates", "classified as asked, %")
    handles, names = left.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names))
    return figure


def truncation(
    bounds: Sequence[float],
    curves: Mapping[str, Mapping[str, Any]],
    real: float,
    n: int,
    title: str,
) -> Figure:
    """Left diversity over the bound; right accuracy against diversity, a point for each bound.

    Args:
        bounds: of each coordinate of z; written beside the points of the first network.
        curves: network → "accuracy" in per cent and "diversity", one value a bound.
        real: accuracy on real images, in per cent.
        n: samples behind a point; bars are binomial standard errors.
        title: of the whole figure.
    """
    figure, (left, right) = canvas(1, 2, width=5.2, height=3.5, title=title)
    for colour, (name, curve) in zip(COLOURS, curves.items(), strict=False):
        share = array(curve["accuracy"]) / 100
        error = 100 * (share * (1 - share) / n) ** 0.5
        left.plot(bounds, curve["diversity"], "o-", color=colour, label=name)
        right.errorbar(
            curve["diversity"], curve["accuracy"], error, fmt="o-", color=colour, capsize=2
        )
    first = next(iter(curves.values()))
    for at, x, y in zip(bounds, first["diversity"], first["accuracy"], strict=True):
        right.annotate(
            f"{at:g}", (x, y), (-4, -14), textcoords="offset points", ha="right", fontsize=9
        )
    right.axhline(real, color=BLACK, linestyle=":", linewidth=1.2, label="real images")
    right.set_xlim(0, 1.02)
    label(left, "Diversity", "bound on each coordinate of z", "share of that of real images")
    label(right, "The trade-off, a point a bound", "diversity", "classified as asked, %")
    handles, names = left.get_legend_handles_labels()
    handles += right.get_legend_handles_labels()[0][-1:]
    figure.legend(handles, [*names, "real images"], loc="outside lower center", ncols=3)
    return figure


NAMES = {  # of the networks of 13, for readers
    "biggan": "BigGAN", "biggan-own-codes": "a code for each layer",
    "biggan-orthogonal": "orthogonal penalty", "biggan-clamp": "clamped σ₁",
    "biggan-batch-16": "16 images a batch", "progressive": "progressive",
    "progressive-at-once": "all layers at once", "style": "StyleGAN",
    "style-no-mixing": "without mixing", "style-no-noise": "without noise",
    "twins-attention": "attention in D", "twins-local": "local D", "text": "wrong pairs",
    "text-no-wrong": "no wrong pairs", "stack": "two stages",
}  # fmt: skip


def over_seeds(
    panels: Mapping[str, Mapping[str, Sequence[float]]], real: Mapping[str, float], title: str
) -> Figure:
    """A panel for each measure; in it a row for each network, a dot a seed, a bar at their mean.

    Args:
        panels: measure with its unit → network → the values of its seeds.
        real: measure → its value for real images, where there is one: a dotted line.
        title: of the whole figure.
    """
    tall = [max(map(len, pair)) for pair in _pairs(list(panels.values()))]
    height = 1.0 + 0.24 * sum(tall) / len(tall)
    figure, axes = canvas(
        len(tall), 2, width=4.6, height=height, title=title, height_ratios=[2 + t for t in tall]
    )
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    for ax, (measure, networks) in zip(axes, panels.items(), strict=False):
        for row, values in enumerate(networks.values()):
            ax.plot(values, [row] * len(values), "o", color=BLUE, alpha=0.7)
            ax.plot([sum(values) / len(values)], [row], "|", color=BLACK, ms=14, mew=2)
        if measure in real:
            ax.axvline(real[measure], color=BLACK, linestyle=":", linewidth=1.2)
        ax.set_yticks(range(len(networks)), [NAMES.get(name, name) for name in networks])
        ax.set_ylim(len(networks) - 0.5, -0.5)
        ax.grid(axis="y", visible=False)
        ax.set_xlabel(measure)
    return figure


def _pairs(values: list[Any]) -> list[list[Any]]:
    """Two by two, as panels stand in rows."""
    return [values[i : i + 2] for i in range(0, len(values), 2)]


def growing(runs: Mapping[str, Sequence[tuple[Any, Any, Any]]], real: float, title: str) -> Figure:
    """Fréchet distance of runs against updates, and against the operations that they needed.

    Args:
        runs: name → of each seed updates, operations as a share of the dearest run's, distances;
            the first seed is drawn solid, a second one dashed.
        real: the distance of real images.
        title: of the whole figure.
    """
    figure, (left, right) = canvas(1, 2, width=4.9, height=3.6, title=title)
    ticks = (25, 50, 100, 200, 400, 800)
    for colour, (name, seeds) in zip(COLOURS, runs.items(), strict=False):
        for k, (updates, operations, distances) in enumerate(seeds):
            how: Any = {"color": colour, "marker": "os^"[k], "linestyle": ("-", "--", ":")[k]}
            left.plot(updates, distances, label=f"{name}, seed {k}", **how)
            right.plot(operations, distances, **how)
    for ax in (left, right):
        ax.axhline(real, color=BLACK, linestyle=":", linewidth=1.2, label="real images")
        ax.set_yscale("log")
        ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        ax.yaxis.set_minor_formatter(NullFormatter())
    left.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    label(left, "After equal updates", "updates", "Fréchet distance (log)")
    label(
        right,
        "After equal arithmetic",
        "operations, share of all at once",
        "Fréchet distance (log)",
    )
    handles, names = left.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3)
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
        width=(len(columns) + 1) * INCH + 1.6, height=(len(rows) + 1) * INCH + 0.9
    )
    picture(ax, tile(torch.cat(sheet), len(columns) + 1))
    side = rows.shape[-1]
    ax.axhline(side - 0.5, color=VERMILION, linewidth=2)
    ax.axvline(side - 0.5, color=BLUE, linewidth=2)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
    words: Any = {"transform": ax.transAxes, "fontsize": 9}
    ax.text(
        0.55, 1.01, "fine layers from these", ha="center", va="bottom", color=VERMILION, **words
    )
    ax.text(-0.02, 0.43, "coarse layers from these", rotation=90, ha="right", va="center",
            color=BLUE, **words)  # fmt: skip
    return figure


def noise_maps(
    image: Tensor, maps: Mapping[str, Tensor], strengths: Sequence[float], title: str
) -> Figure:
    """One image, how much each of its pixels changes with this and with that, learnt strengths.

    Args:
        image: (1, h, w).
        maps: what was changed → standard deviation of each pixel (1, h, w); one colour scale.
        strengths: of the noise, one a layer.
        title: of the whole figure.
    """
    ratios = [1.0] * (1 + len(maps)) + [0.2, 1.0]  # a gap, for what stands beside the colour bar
    figure, (one, *middle, gap, right) = canvas(
        1, len(ratios), width=2.2, height=2.7, title=title, width_ratios=ratios
    )
    gap.set_axis_off()
    picture(one, image, "one image")
    top = max(float(spread.max()) for spread in maps.values())
    for ax, (name, spread) in zip(middle, maps.items(), strict=True):
        seen = ax.imshow(array(spread.squeeze()), cmap="magma", vmin=0, vmax=top)
        ax.set_axis_off()
        ax.set_title(name, loc="left", fontsize=10)
    bar = figure.colorbar(seen, ax=middle, shrink=0.8)
    bar.set_label("standard deviation", fontsize=9)
    names = ["7 × 7", "14 × 14", "28 × 28", "28 × 28, last"]
    right.barh(names, [abs(s) for s in strengths], color=BLUE)
    right.invert_yaxis()
    right.tick_params(labelsize=9)
    label(right, "Learnt strength", "|strength|", "layer")
    return figure


def paths(lengths: Mapping[str, Any], title: str) -> Figure:
    """The perceptual speed along paths, mean and standard error over pairs (places, pairs)."""
    figure, (ax,) = canvas(width=6.8, height=3.2)
    for colour, (name, values) in zip(COLOURS, lengths.items(), strict=False):
        y, error = array(values).mean(1), standard_error(array(values).T)
        way = [i / (len(y) - 1) for i in range(len(y))]
        ax.plot(way, y, color=colour, label=name)
        ax.fill_between(way, y - error, y + error, color=colour, alpha=0.2, linewidth=0)
    label(ax, title, "share of the way between two latents", "squared feature distance / step²")
    ax.set_ylim(0)
    ax.legend()
    return figure


def captioned(
    images: Tensor, sentences: Sequence[str], columns: int = 4, title: str = ""
) -> Figure:
    """Images (n, 1, h, w), each under its caption."""
    rows = -(-len(images) // columns)
    figure, axes = canvas(rows, columns, width=2.2, height=1.9, title=title)
    for ax, image, said in zip(axes, images, sentences, strict=False):
        picture(ax, image)
        ax.set_title(fill(said, 28), loc="center", fontsize=9)
    for ax in axes[len(images) :]:
        ax.set_axis_off()
    return figure


def caption_widget(images: Tensor, said: str, read: Sequence[str]) -> Figure:
    """Samples of one caption in a row, and above each what is read of it."""
    figure, axes = canvas(1, len(images), width=1.0, height=1.75, title=said)
    for ax, image, words in zip(axes, images, read, strict=True):
        picture(ax, image)
        ax.set_title(words, loc="center", fontsize=9)
    return figure
