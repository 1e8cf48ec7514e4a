"""The figures of 10: densities, what a pixel sees, completions, scores."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from coursekit.plots import array, canvas, label, picture, tile
from coursekit.plots.colours import BLACK, BLUE, GREEN, PALETTE, SKY, VERMILION

INCH = 0.62  # of one small image


def completions(original: Tensor, mask: Tensor, drawn: Sequence[Tensor], title: str = "") -> Figure:
    """A column for each image: the original, what is given of it (the rest in grey), then draws.

    Args:
        original: images (n, 1, h, w).
        mask: true where a pixel is given; expands to the images.
        drawn: completed images, a tensor like `original` for each row.
        title: of the figure.
    """
    given = original * mask + 0.5 * (~mask)
    rows = {"original": original, "given": given}
    rows |= {f"completion {i}": x for i, x in enumerate(drawn, 1)}
    width = max(len(original) * INCH + 1.3, 0.12 * len(title))  # 1.3 inches for the names
    height = len(rows) * (INCH + 0.06)
    figure, axes = canvas(len(rows), 1, width=width, height=height / len(rows), title=title)
    for ax, (name, images) in zip(axes, rows.items(), strict=True):
        picture(ax, tile(images, len(images)))
        ax.set_anchor("W")
        ax.text(-0.01, 0.5, name, transform=ax.transAxes, ha="right", va="center", fontsize=9)
    figure.set_size_inches(width, height + 0.35 * bool(title))
    return figure


def completion_widget(given: Tensor, drawn: Tensor, name: str, title: str) -> Figure:
    """Above, what is given; below, how a model goes on. Images (n, 1, h, w)."""
    figure, (above, below) = canvas(2, 1, len(given) * 0.95, 1.4, title=title)
    picture(above, tile(given, len(given)), "given; grey is unknown")
    picture(below, tile(drawn, len(drawn)), f"completed by {name}")
    return figure


def kl_on_a_grid(x: Any, p: Any, best: Any, sigma: Any, nll: Any, kl: Any) -> Figure:
    """A density and its best Gaussian; NLL and KL over the standard deviation, in nats."""
    figure, (left, right) = canvas(1, 2, width=4.4, height=3.0)
    left.fill_between(array(x), array(p), color=SKY, alpha=0.5, linewidth=0, label="data p")
    left.plot(array(x), array(best), color=VERMILION, label="most likely Gaussian q")
    label(left, "Two humps and their most likely Gaussian", "x", "probability of a grid point")
    left.set_ylim(0, 1.4 * float(array(p).max()))  # room for the legend above the humps
    left.legend(frameon=False, loc="upper left")
    s = array(sigma)
    right.plot(s, array(nll), color=BLUE, label="NLL, −Σ p log q")
    right.plot(s, array(kl), color=VERMILION, label="KL(p ‖ q)")
    lowest = s[int(array(kl).argmin())]
    right.axvline(lowest, color=BLACK, linestyle=":", linewidth=1.2, label="least of both")
    label(right, "One constant apart (mean as at the least)", "standard deviation of q", "nats")
    right.legend(frameon=False)
    return figure


def contrastive(
    x: Any,
    p: Any,
    noises: Mapping[float, Any],
    exact: Mapping[float, Any],
    sampled: Any,
    shown: float,
    n: int,
) -> Figure:
    """NCE: data, noise and the fitted density; the learnt constant against the noise's width.

    Args:
        x: the grid.
        p: probabilities of the data.
        noises: standard deviation → probabilities of the noise that is drawn.
        exact: the same → exp of the log-density s, learnt from the probabilities themselves.
        sampled: Σ exp(s) of densities learnt from samples, a row of repetitions for each noise.
        shown: the noise of the left panel.
        n: size of each sample.
    """
    figure, (left, right) = canvas(1, 2, width=4.8, height=3.4)
    left.fill_between(array(x), array(p), color=SKY, alpha=0.5, linewidth=0, label="data")
    name = f"noise, σ = {shown:g}"
    left.plot(array(x), array(noises[shown]), color=GREEN, linestyle="--", label=name)
    left.plot(array(x), array(exact[shown]), color=VERMILION, label="exp(s), learnt exactly")
    label(left, "Learnt by separating data from noise", "x", "probability of a grid point")
    left.set_ylim(0, 1.5 * float(array(p).max()))  # room for the legend above the bells
    left.legend(frameon=False, loc="upper left")
    rows, at = np.log(array(sampled)), np.array(list(noises))
    said = f"{n:,} of each, {rows.shape[1]} draws: mean ± standard deviation"
    right.errorbar(
        at, rows.mean(1), rows.std(1, ddof=1), fmt="o", color=BLUE, capsize=3, label=said
    )
    sums = np.log([float(array(q).sum()) for q in exact.values()])
    said = f"exact sums; largest distance from 0: {np.abs(sums).max():.0e}"
    right.plot(at, sums, "x", color=VERMILION, markersize=8, label=said)
    right.axhline(0, color=BLACK, linestyle=":", linewidth=1.2, label="0: a density")
    right.set_xscale("log")
    right.set_xticks(at, [f"{v:g}" for v in at])
    right.minorticks_off()
    low, high = right.get_ylim()
    right.set_ylim(low, high + 0.6 * (high - low))  # room for the legend above the bars
    title = "The learnt normalising constant"
    label(right, title, "standard deviation σ of the noise (log)", "log Σ exp(s)")
    right.legend(frameon=False, loc="upper right")
    return figure


def made_masks(first: Any, second: Any, paths: Any, title: str) -> Figure:
    """The two masks of a MADE, and how many paths lead from each pixel to each output."""
    figure, axes = canvas(1, 3, width=3.3, height=3.3, title=title)
    parts = ((first, "pixel", "hidden unit"), (second, "hidden unit", "output"))
    for ax, (mask, start, end) in zip(axes, parts, strict=False):
        ax.imshow(array(mask), cmap="Blues", vmin=0, vmax=1.4, aspect="auto")
        label(ax, f"Allowed: {start} → {end}", start, end)
    found = axes[-1].imshow(array(paths), cmap="Blues", aspect="auto")
    label(axes[-1], "Paths from pixel to output", "pixel", "output")
    figure.colorbar(found, ax=axes[-1], shrink=0.8, label="number of paths")
    for ax in axes:
        ax.grid(False)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(6, integer=True))
    return figure


def totals(names: Sequence[str], sums: Sequence[float], title: str) -> Figure:
    """Σ p over all images for several ways to average, beside the line at 1."""
    figure, (ax,) = canvas(width=6.2, height=0.55 * len(names) + 1.0)
    ax.barh(list(names), list(sums), color=[BLUE if abs(s - 1) < 1e-6 else VERMILION for s in sums])
    ax.axvline(1, color=BLACK, linestyle=":", linewidth=1.2)
    for i, s in enumerate(sums):
        ax.text(max(s, 1), i, f" {s:.4f}", va="center", fontsize=9)
    ax.set_xlim(0, 1.2 * max(sums))
    ax.invert_yaxis()
    label(ax, title, "Σ p over all images")
    return figure


def blind_spots(
    maps: Mapping[str, Any], at: tuple[int, int], shape: tuple[int, int], title: str
) -> Figure:
    """What pixel `at` sees, for each model: before it and seen, before it and unseen, not before.

    Args:
        maps: name → map (h, w), true where a pixel *before* `at` is not seen.
        at: row and column.
        shape: height and width.
        title: of the figure.
    """
    h, w = shape
    before = np.arange(h * w).reshape(h, w) < at[0] * w + at[1]
    figure, axes = canvas(1, len(maps), width=2.9, height=3.3, title=title)
    colours = ListedColormap(["#f2f2f2", SKY, VERMILION])
    for ax, (name, unseen) in zip(axes, maps.items(), strict=True):
        kind = np.where(before, 1 + (array(unseen) & before), 0)
        ax.imshow(kind, cmap=colours, vmin=0, vmax=2)
        ax.add_patch(Rectangle((at[1] - 0.5, at[0] - 0.5), 1, 1, color=BLACK))
        ax.set_xticks(range(0, w, 2))
        ax.set_yticks(range(0, h, 2))
        ax.set_xticks(np.arange(-0.5, w), minor=True)
        ax.set_yticks(np.arange(-0.5, h), minor=True)
        ax.grid(False)
        ax.grid(which="minor", color="white", linewidth=1)
        ax.tick_params(which="both", length=0)
        label(ax, name, "column", "row" if ax is axes[0] else "")
    kinds = (("the pixel", BLACK), ("seen", SKY), ("before it, unseen", VERMILION))
    handles = [Patch(color=c, label=n) for n, c in (*kinds, ("not before it", "#f2f2f2"))]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
    return figure


def grey_values(values: Any, found: Any, fits: Mapping[str, Any], title: str) -> Figure:
    """The histogram of 256 grey values, and distributions fitted to it, as probabilities."""
    figure, (ax,) = canvas(width=7.6, height=3.0)
    ax.bar(array(values), array(found), width=1.0, color=SKY, label="found")
    for colour, (name, p) in zip((VERMILION, BLACK), fits.items(), strict=False):
        ax.plot(array(values), array(p), color=colour, linewidth=1.4, label=name)
    ax.set_yscale("log")
    ax.set_ylim(1e-5, 1)
    label(ax, title, "grey value", "probability")
    ax.legend(frameon=False)
    return figure


def nll_bars(
    rows: Mapping[str, tuple[float, float]], title: str, seeds: Mapping[str, Sequence[float]]
) -> Figure:
    """Test NLL in nats of each model, in the order given.

    Args:
        rows: name → (mean, standard error over images).
        title: of the figure.
        seeds: name of a row → the same figure of further seeds, as circles in that row.
    """
    means, errors = zip(*rows.values(), strict=True)
    figure, (ax,) = canvas(width=8.6, height=0.36 * len(rows) + 1.5)
    shown = "one network: mean ± standard error over images"
    ax.errorbar(means, list(rows), xerr=errors, fmt="o", color=BLUE, capsize=3, label=shown)
    for i, (mean, error) in enumerate(rows.values()):
        ax.text(mean + error, i, f"   {mean:.1f} ± {error:.1f}", va="center", fontsize=9)
    for k, (name, values) in enumerate(seeds.items()):
        places = [list(rows).index(name) + 0.3] * len(values)  # below the row's own point
        said = "" if k else "further seeds, from the record"
        ax.plot(values, places, "o", color=VERMILION, markerfacecolor="none", label=said)
    low, high = min(means), max(means)
    ax.set_xlim(low - 0.1 * (high - low) - 0.5, high + 0.3 * (high - low) + 0.5)
    ax.margins(y=0.08)
    ax.invert_yaxis()
    label(ax, title, "negative log-likelihood of test images in nats (lower is better)")
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def nll_curves(runs: Mapping[str, tuple[Any, Any]], title: str, top: float = 112.0) -> Figure:
    """NLL on the way of several runs against the images they have been trained on.

    Args:
        runs: name → (images so far, NLL in nats); what stands before a comma is the family, which
            has one colour.
        title: of the figure.
        top: of the axis; early values may lie above it.
    """
    figure, (ax,) = canvas(width=8.8, height=3.8)
    families: dict[str, int] = {}
    colours = dict(zip(dict.fromkeys(name.split(",")[0] for name in runs), PALETTE, strict=False))
    for name, (seen, values) in runs.items():
        family = name.split(",")[0]
        style = ("-", "--", ":")[families.setdefault(family, 0) % 3]
        families[family] += 1
        said, colour = f"{name}: {values[-1]:.1f}", colours[family]
        ax.plot(array(seen), array(values), style, color=colour, marker="o", ms=4, label=said)
    low, _ = ax.get_ylim()
    ax.set_ylim(min(low, top - 1), top)
    ax.set_xscale("log")
    label(ax, title, "training images so far, with repetitions (log)", "test NLL in nats")
    figure.legend(loc="outside right upper", frameon=False, title="last value")
    return figure


def moons(
    density: Any, points: Tensor, samples: Tensor, z: Tensor, span: float, title: str
) -> Figure:
    """Data, samples and density in the plane, and where the flow carries the data.

    Args:
        density: on a square grid over [−span, span]², rows from below.
        points, samples: shape (n, 2).
        z: the points carried to the latent plane, shape (n, 2).
        span: half the side of the square that is shown.
        title: of the figure.
    """
    figure, axes = canvas(1, 4, width=2.9, height=3.3, title=title)
    box = (-span, span, -span, span)
    for ax, x, name in ((axes[0], points, "data"), (axes[1], samples, "samples of the flow")):
        ax.plot(*array(x).T, ".", color=BLUE, markersize=2)
        _square(ax, span, name)
    shown = array(density)
    axes[2].imshow(shown, origin="lower", extent=box, cmap="Blues", vmax=np.quantile(shown, 0.995))
    axes[2].grid(False)
    _square(axes[2], span, "its density")
    axes[3].plot(*array(z).T, ".", color=VERMILION, markersize=2)
    for r in (1, 2, 3):
        turn = np.linspace(0, 2 * np.pi, 100)
        axes[3].plot(r * np.cos(turn), r * np.sin(turn), color=BLACK, linewidth=0.7)
    _square(axes[3], 4, "data, carried to z")
    axes[3].set_xlabel("z₁")
    axes[3].set_ylabel("z₂")
    return figure


def _square(ax: Axes, span: float, name: str) -> None:
    ax.set_xlim(-span, span)
    ax.set_ylim(-span, span)
    ax.set_aspect("equal")
    label(ax, name, "x₁", "x₂")


def scores(panels: Mapping[str, tuple[Mapping[str, Any], str]], title: str) -> Figure:
    """Histograms of a score for several kinds of images, one panel a score.

    Args:
        panels: title → (kind → scores (n,), label of the axis). A kind whose scores are all the
            same is drawn as a line.
        title: of the figure.
    """
    figure, axes = canvas(1, len(panels), width=4.7, height=3.4, title=title)
    for ax, (name, (kinds, unit)) in zip(axes, panels.items(), strict=True):
        everything = np.concatenate([array(v) for v in kinds.values()])
        bins = np.linspace(everything.min(), everything.max(), 60).tolist()
        for colour, (kind, values) in zip(PALETTE, kinds.items(), strict=False):
            v = array(values)
            if np.ptp(v) < 1e-3:
                ax.axvline(v[0], color=colour, label=kind)
            else:
                ax.hist(v, bins, color=colour, alpha=0.6, label=kind, weights=[1 / len(v)] * len(v))
        label(ax, name, unit, "share of images")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False)
    return figure


def refusal(
    shares: Any,
    answered: Mapping[str, Sequence[tuple[float, float]]],
    refused: Mapping[str, Mapping[str, Any]],
    title: str,
) -> Figure:
    """A classifier that may refuse: what it gets right of what it answers, and what it refuses.

    Args:
        shares: share of test images that is refused, one for each threshold.
        answered: score → (accuracy, standard error) on the test images that are answered.
        refused: score → kind of other images → share refused at the same thresholds.
        title: of the figure.
    """
    figure, (left, right) = canvas(1, 2, width=4.8, height=3.4, title=title)
    x, styles = 100 * array(shares), ("-", "--")
    for style, (score, pairs) in zip(styles, answered.items(), strict=True):
        mean, error = 100 * np.array(pairs).T
        left.plot(x, mean, style, color=BLUE, label=f"test images, by {score}")
        left.fill_between(x, mean - error, mean + error, color=BLUE, alpha=0.2, linewidth=0)
        for i, (kind, values) in enumerate(refused[score].items()):
            wide = 3.6 - i  # lines that lie on each other stay visible
            y, said = 100 * array(values), f"{kind}, by {score}"
            right.plot(x, y, style, color=PALETTE[1 + i], linewidth=wide, label=said)
    label(left, "Classified correctly of the answered", "test images refused (%)", "accuracy (%)")
    right.set_ylim(-4, 104)
    label(right, "Other images that are refused", "test images refused (%)", "refused (%)")
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return figure
