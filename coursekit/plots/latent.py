"""The figures of 11: codes, maps of a latent plane, bounds, rate and distortion."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, PercentFormatter
from torch import Tensor

from coursekit.plots import STYLE, array, canvas, label, picture, tile
from coursekit.plots.colours import BLACK, BLUE, GREEN, ORANGE, PALETTE, VERMILION

TEN = mpl.colormaps["tab10"]
ROW = 0.58  # inches of a row of images below a panel


def _panel(width: float, height: float, rows: Mapping[str, Tensor] | None) -> tuple[Figure, Axes]:
    """A figure with one panel and, below it, a row of images for each name."""
    if not rows:
        figure, (ax,) = canvas(width=width, height=height)
        return figure, ax
    below = ROW * len(rows)
    figure = Figure(figsize=(width, height + below), layout="constrained")
    with mpl.rc_context(STYLE):
        parts = figure.subfigures(2, 1, height_ratios=(height, below), squeeze=False)
        upper, lower = parts[:, 0]
        ax, panels = upper.subplots(), lower.subplots(len(rows), 1, squeeze=False)[:, 0]
    for panel, (name, images) in zip(panels, rows.items(), strict=True):
        picture(panel, tile(images, len(images))).set_anchor("W")
        panel.text(-0.01, 0.5, name, transform=panel.transAxes, ha="right", va="center", fontsize=9)
    return figure, ax


def _codes(ax: Axes, codes: Tensor, y: Tensor, classes: Sequence[str], reach: float) -> None:
    """Codes of images in the plane, a colour for each class, and its name framed in that colour.

    The name stands where the class is densest, or near it where names would cover one another.
    """
    points, labels = array(codes), array(y)
    ax.scatter(points[:, 0], points[:, 1], c=TEN(labels % 10), s=10, alpha=0.7, linewidth=0)
    there = [c for c in range(len(classes)) if (labels == c).any()]
    places = np.stack([_densest(points[labels == c]) for c in there])
    for c, (across, up) in zip(there, _apart(places, 0.13 * reach), strict=True):
        ax.text(
            across, up, classes[c], ha="center", va="center", fontsize=12, fontweight="bold",
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": TEN(c % 10), "lw": 1.6},
        )  # fmt: skip
    ax.set_xlim(-reach, reach)
    ax.set_ylim(-reach, reach)
    ax.set_aspect("equal")


def _densest(points: Any, radius: float = 0.3) -> Any:
    """Of points, shape (n, 2), the one that has most of them within `radius`."""
    far = np.linalg.norm(points[:, None] - points, axis=-1)
    return points[(far < radius).sum(1).argmax()]


def _apart(places: Any, gap: float) -> Any:
    """Places, shape (n, 2), pushed away from one another until all are about `gap` apart."""
    for _ in range(100):
        away = places[:, None] - places
        far = np.maximum(np.linalg.norm(away, axis=-1, keepdims=True), 1e-9)
        places = places + (away / far * np.maximum(gap - far, 0)).sum(1) / 4
    return places


def latent_map(
    codes: Tensor, y: Tensor, classes: Sequence[str], sheet: Tensor, reach: float, spread: float,
    title: str,
) -> Figure:  # fmt: skip
    """Left where the encoder puts images, right what the decoder makes of a grid of places.

    Args:
        codes, y: means of q(z | x), shape (n, 2), and the classes of the images.
        classes: their names.
        sheet: images of side × side places, rows from the top, shape (side², c, h, w).
        reach: half the side of the left panel, in units of z.
        spread: the same of the right panel.
        title: of the whole.
    """
    figure, (left, right) = canvas(1, 2, width=5.0, height=5.2, title=title)
    _codes(left, codes, y, classes, reach)
    label(left, "Codes (bold: class, where its codes are densest)", "z₁", "z₂")
    side = round(len(sheet) ** 0.5)
    picture(right, tile(sheet, side))
    label(right, f"What the decoder makes of |z₁|, |z₂| ≤ {spread:g}")
    return figure


def walk_widget(
    image: Tensor, place: tuple[float, float], codes: Tensor, y: Tensor, classes: Sequence[str]
) -> Figure:
    """A place on the map of codes, and the image that is decoded there."""
    figure, (left, right) = canvas(1, 2, width=3.9, height=3.9)
    _codes(left, codes, y, classes, 4.0)
    left.plot(*place, "+", color=VERMILION, markersize=22, markeredgewidth=3.5, zorder=9)
    label(left, "A place in the latent plane", "z₁", "z₂")
    picture(right, image)
    label(right, "The image decoded there")
    return figure


def sizes(
    lines: Mapping[str, tuple[Sequence[int], Sequence[float]]],
    title: str,
    rows: Mapping[str, Tensor] | None = None,
) -> Figure:
    """Squared error against the numbers in the code, both logarithmic; a line for each kind.

    Below it `rows` of images, each under its name.
    """
    figure, ax = _panel(7.6, 3.2, rows)
    for colour, marker, (name, (k, values)) in zip(
        (BLUE, VERMILION, GREEN, ORANGE), "os^D", lines.items(), strict=False
    ):
        ax.plot(k, values, color=colour, marker=marker, markersize=6, label=name)
    ticks = sorted({k for ks, _ in lines.values() for k in ks})
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xticks(ticks, [str(k) for k in ticks])
    ax.xaxis.set_minor_formatter(NullFormatter())
    for axis in (ax.yaxis.set_major_formatter, ax.yaxis.set_minor_formatter):
        axis(FuncFormatter(lambda v, _: f"{v:.2g}" if f"{v:.0e}"[0] in "125" else ""))
    label(ax, title, "numbers in the code", "squared error a pixel (log)")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def fields(
    points: Tensor, arrows: Mapping[str, Tensor], background: Tensor, reach: float, title: str
) -> Figure:
    """Vector fields over a density of the plane: `arrows` name → (n, 2) at `points`."""
    figure, axes = canvas(1, len(arrows), width=4.3, height=4.6, title=title)
    at, density = array(points), array(background)
    for ax, (name, field) in zip(axes, arrows.items(), strict=True):
        box = (-reach, reach, -reach, reach)
        ax.imshow(density, extent=box, origin="lower", cmap="Blues", alpha=0.7)
        ax.quiver(*at.T, *array(field).T, angles="xy", scale_units="xy", scale=1, width=0.004)
        ax.grid(False)
        ax.set_xlim(-reach, reach)
        ax.set_ylim(-reach, reach)
        label(ax, name, "x₁", "x₂")
    return figure


def estimators(draws: Mapping[str, Tensor], truth: float, title: str) -> Figure:
    """How far single draws lie from the derivative: the share that is nearer than a distance.

    The distances differ by orders of magnitude, so their axis is logarithmic, and what is shown is
    a share of draws, which no choice of bins can distort. Dots: the root of the mean square.
    """
    figure, (ax,) = canvas(width=7.2, height=3.5)
    share = np.linspace(0.01, 1, 400)
    colours = (BLUE, VERMILION, GREEN)
    for colour, style, (name, values) in zip(colours, ("-", "-", "--"), draws.items(), strict=True):
        off = np.abs(array(values) - truth)
        ax.plot(np.quantile(off, share), share, style, color=colour, label=name)
        typical = float(np.sqrt(np.square(off).mean()))
        ax.plot(typical, (off <= typical).mean(), "o", color=colour, markersize=8)
    ax.plot([], [], "o", color=BLACK, markersize=8, label="root of the mean square")
    ax.set_xscale("log")
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    label(
        ax,
        title,
        "distance from the derivative, nats per unit of z₁ (log)",
        "share of draws nearer than this",
    )
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def gaps(amortisation: Tensor, family: Tensor, title: str) -> Figure:
    """The two parts of log p − ELBO, image by image, in one order; each part has its own scale.

    On one scale the smaller part cannot be seen, and on a logarithmic one the few images that lose
    most would look like the others.
    """
    parts = (array(family), array(amortisation))
    order = np.argsort(parts[0] + parts[1])
    figure, axes = canvas(1, 2, width=4.5, height=3.4, title=title)
    names = ("Family: the posterior is no Gaussian", "Amortisation: not the best Gaussian")
    for ax, colour, name, part in zip(axes, (BLUE, ORANGE), names, parts, strict=True):
        ax.bar(np.arange(1, len(part) + 1), part[order], 1.0, color=colour)
        mean = float(part.mean())
        ax.axhline(mean, color=BLACK, linestyle="--", linewidth=1.2, label=f"mean {mean:.2g}")
        label(ax, name, "test images, in order of the sum of both", "nats below log p(x)")
        ax.legend(loc="upper left")
    return figure


def bounds(
    k: Sequence[int], values: Sequence[float], errors: Sequence[float], exact: float, title: str
) -> Figure:
    """The importance-weighted bound against k, below the exact likelihood.

    `errors` are the standard errors, over images, of the distance between the two.
    """
    figure, (ax,) = canvas(width=6.8, height=3.4)
    ax.errorbar(
        k, values, errors, color=BLUE, marker="o", capsize=3,
        label="bound, ± error of the distance to the grid",
    )  # fmt: skip
    ax.axhline(exact, color=BLACK, linestyle="--", linewidth=1.4, label="log p(x) by the grid")
    ax.set_xscale("log")
    ax.set_xticks(k, [str(value) for value in k])
    ax.minorticks_off()
    ax.set_ylim(top=exact + 0.4 * (exact - min(values)))
    label(ax, title, "draws k (log)", "nats an image")
    ax.legend(loc="lower right")
    return figure


def rate_distortion(
    rate: Sequence[float], distortion: Sequence[float], names: Sequence[str], title: str,
    rows: Mapping[str, Tensor] | None = None,
) -> Figure:  # fmt: skip
    """Distortion against rate; the dashed line joins pairs whose sum is the least one here.

    `names` are those of the points; the one with that least sum is named beside the line. Below it
    `rows` of images.
    """
    figure, ax = _panel(7.4, 3.5, rows)
    r, d = np.asarray(rate), np.asarray(distortion)
    ax.plot(r, d, color=BLUE, marker="o", markersize=7)
    for at, name in zip(zip(r, d, strict=True), names, strict=True):
        ax.annotate(name, at, (8, 5), textcoords="offset points", fontsize=10)
    line = np.linspace(0, 1.12 * r.max(), 50)
    least, where = (r + d).min(), names[int((r + d).argmin())]
    ax.plot(line, least - line, color=BLACK, linestyle="--", linewidth=1.2)
    ax.text(
        0.98, 0.95, f"dashed: rate + distortion = {least:.1f} nats (at {where})",
        transform=ax.transAxes, ha="right", va="top", fontsize=9,
    )  # fmt: skip
    room = 0.12 * (d.max() - d.min()) + 1
    ax.set_ylim(d.min() - room, d.max() + 1.6 * room)
    label(ax, title, "rate KL(q(z|x) ‖ p(z)), nats", "distortion, nats")
    return figure


def carried(rates: Mapping[str, Tensor], floor: float, title: str) -> Figure:
    """The KL of each latent, sorted, one panel a model; dotted what free bits ask of a latent."""
    figure, axes = canvas(1, len(rates), width=3.7, height=2.9, sharey=True)
    for ax, colour, (name, values) in zip(axes, PALETTE, rates.items(), strict=False):
        sorted_ = np.sort(array(values))[::-1]
        ax.bar(np.arange(1, len(sorted_) + 1), sorted_, color=colour)
        ax.axhline(floor, color=BLACK, linestyle=":", linewidth=1.4)
        label(ax, name, "latent, sorted", "KL, nats" if ax is axes[0] else "")
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=12)
    return figure


def few_labels(counts: Sequence[int], gains: Mapping[str, Any], title: str) -> Figure:
    """Points of accuracy ahead of the pixels against the labels a class, ± standard error.

    `gains` name → (counts × draws of the labels). The lines are a little apart sideways, so that
    their bars can be told from one another.
    """
    figure, (ax,) = canvas(width=7.2, height=3.3)
    ax.axhline(0, color=BLACK, linestyle="--", linewidth=1.2, label="pixels")
    draws = 1
    for at, (colour, (name, values)) in enumerate(
        zip((BLUE, VERMILION, GREEN, ORANGE), gains.items(), strict=False)
    ):
        runs = array(values)
        draws = runs.shape[1]
        spread = runs.std(1, ddof=1) / draws**0.5 if draws > 1 else None
        ax.errorbar(
            np.asarray(counts) * 1.05 ** (at - 1), runs.mean(1), spread, color=colour, marker="o",
            markersize=5, capsize=3, label=name,
        )  # fmt: skip
    ax.set_xscale("log")
    ax.set_xticks(counts, [str(count) for count in counts])
    ax.minorticks_off()
    ahead = f"points ahead of pixels,\n± standard error of {draws} draws"
    label(ax, title, "labels a class (log)", ahead)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def _unordered(k: int) -> np.ndarray:
    """Colours for k indices without an order, (k, 3): hues a golden section apart, three shades."""
    at = np.arange(k)
    hue, shade = at * (5**0.5 - 1) / 2 % 1, at % 3
    saturation, value = np.array([0.85, 0.5, 0.95])[shade], np.array([0.9, 0.95, 0.5])[shade]
    return mpl.colors.hsv_to_rgb(np.stack([hue, saturation, value], 1))


def code_maps(images: Tensor, indices: Tensor, rebuilt: Tensor, title: str) -> Figure:
    """Rows: images, the map of indices of each in unordered colours, what is decoded from it."""
    figure, axes = canvas(3, 1, width=0.62 * len(images) + 1.3, height=0.72)
    picture(axes[0], tile(images, len(images)))
    maps = array(indices)
    colours = _unordered(int(maps.max()) + 1)[np.concatenate(list(maps), 1)]
    axes[1].imshow(colours, interpolation="nearest")
    for edge in range(1, len(maps)):
        axes[1].axvline(edge * maps.shape[2] - 0.5, color="white", linewidth=2)
    axes[1].set_axis_off()
    picture(axes[2], tile(rebuilt, len(images)))
    for ax, name in zip(axes, ("binary image", "indices", "decoded"), strict=True):
        ax.text(-0.01, 0.5, name, transform=ax.transAxes, ha="right", va="center", fontsize=9)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=12)
    return figure
