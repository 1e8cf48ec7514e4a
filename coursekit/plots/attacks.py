"""The figures of 07 and of the other lectures that attack classifiers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from coursekit.plots import array, canvas, label, picture, tile
from coursekit.plots.colours import BLACK, BLUE, GREEN, ORANGE, PALETTE, PURPLE, SKY, VERMILION

INCH = 1.25  # of one small image
SIZE = "ε (pixel values run from 0 to 1)"
FIXED = {"random": BLUE, "Gaussian": BLUE, "FGSM": VERMILION, "PGD": GREEN, "clean": "#777777"}


def _colour(name: str, otherwise: str) -> str:
    """Noise, FGSM and PGD have one colour in all figures; other lines take what is given."""
    return next((colour for word, colour in FIXED.items() if name.startswith(word)), otherwise)


def captions(probabilities: Tensor, classes: Sequence[str], letters: int = 9) -> list[str]:
    """What a model says of each image: its likeliest class (so many letters) and probability."""
    top = probabilities.max(1)
    pairs = zip(top.values, top.indices, strict=True)
    return [f"{classes[k][:letters]}, {p:.0%}" for p, k in pairs]


def variants(
    rows: Mapping[str, tuple[Tensor, Sequence[str]]], title: str = "", inch: float = INCH
) -> Figure:
    """Rows of images, each in about `inch` under its caption; the row's name at its left.

    All lie in one panel measured in inches: a panel for each would take several times as long.
    """
    columns = max(len(images) for images, _ in rows.values())
    left, gap, line = 0.28 if any(rows) else 0.1, 0.2, 0.155  # line: one of text of 9 points
    inch -= left / columns
    heads = [max(word.count("\n") + 1 for word in words) * line for _, words in rows.values()]
    sides = [(inch - gap) * images.shape[2] / images.shape[3] for images, _ in rows.values()]
    width, top = left + columns * inch, 0.32 if title else 0.02
    height = top + sum(heads) + sum(sides) + 0.14 * len(rows)
    figure, (axes,) = canvas(1, 1, width, height, title)
    figure.set_layout_engine("none")
    place: Any = {"ha": "center", "fontsize": 9}
    how: Any = {"vmin": 0, "vmax": 1, "cmap": "gray", "interpolation": "nearest", "aspect": "auto"}
    for (name, (images, words)), head, side in zip(rows.items(), heads, sides, strict=True):
        top += head + 0.06
        axes.text(0.5 * left, top + side / 2, name, va="center", rotation=90, **place)
        for column, (image, word) in enumerate(zip(images, words, strict=True)):
            x = left + column * inch
            axes.imshow(tile(image[None], 1), extent=(x, x + inch - gap, top + side, top), **how)
            axes.text(x + (inch - gap) / 2, top - 0.04, word, va="bottom", **place)
        top += side + 0.08
    axes.set(position=(0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    return figure


def attack_widget(
    x: Tensor, x_adv: Tensor, probabilities: Tensor, classes: Sequence[str], true: int, eps: float
) -> Figure:
    """One image under attack: the picture, the change in units of ε, the class probabilities."""
    figure, (left, middle, right) = canvas(1, 3, width=2.6, height=2.7)
    picture(left, x_adv, f"attacked, ε = {eps:.3f}")
    picture(middle, 0.5 + (x_adv - x) / (2 * max(eps, 1e-6)), "change: black −ε, white +ε")
    shares = array(probabilities)
    colours = [BLUE if k == true else VERMILION for k in range(len(shares))]
    right.barh(range(len(shares)), shares, color=colours)
    right.set_yticks(range(len(shares)), [name[:12] for name in classes])
    right.invert_yaxis()
    right.grid(axis="y", visible=False)
    right.set_xlim(0, 1)
    label(right, "the model's answer", "probability (blue: the true class)")
    return figure


PERCENT = PercentFormatter(1.0, decimals=0)


def sweep(
    eps: Sequence[float],
    accuracy: Mapping[str, Tensor],
    confidence: Mapping[str, Tensor],
    of: str = "",
) -> Figure:
    """Accuracy, and confidence in the wrong answers, against ε.

    Args:
        eps: the ε of each column, in units of pixels.
        accuracy: attack → one share for each ε.
        confidence: the same; NaN where nothing was fooled.
        of: what the title adds, the number of images for example.
    """
    figure, (left, right) = canvas(1, 2, width=4.8, height=3.5)
    for axes, series in ((left, accuracy), (right, confidence)):
        _lines(axes, eps, series)
        _shares(axes)
    label(left, f"Accuracy under attack{of}", SIZE, "images still correct")
    label(right, "Confidence where it is wrong", SIZE, "mean probability of the answer")
    left.legend(frameon=False, loc="lower left")
    right.legend(frameon=False, loc="lower right")
    return figure


def shares(
    x: Sequence[float], series: Mapping[str, Sequence[float]], title: str, at: str
) -> Figure:
    """Share of images fooled against `x`, one line for each attack; `at` names the axis."""
    figure, (axes,) = canvas(width=6.0, height=3.4)
    _lines(axes, x, series, (PURPLE, GREEN))
    axes.legend(frameon=False)
    _shares(axes)
    label(axes, title, at, "images fooled")
    return figure


def bars(values: Mapping[str, float | tuple[float, int]], title: str) -> Figure:
    """A row for each attack: the share of images still correct, as a number too.

    Args:
        values: attack → share, or (share, n): then a whisker shows the standard error √(p(1−p)/n).
        title: with the data, ε and n.
    """
    figure, (axes,) = canvas(width=7.2, height=1.0 + 0.34 * len(values))
    pairs = [v if isinstance(v, tuple) else (v, 0) for v in values.values()]
    shares_ = [share for share, _ in pairs]
    errors = [(p * (1 - p) / n) ** 0.5 if n else 0.0 for p, n in pairs]
    lowest = min(np.subtract(shares_, errors))
    left = float(max(-0.02, np.floor(20 * lowest - 0.2) / 20))
    axes.errorbar(shares_, range(len(pairs)), xerr=errors, fmt="o", color=BLUE, capsize=3)
    for row, (share, error) in enumerate(zip(shares_, errors, strict=True)):
        axes.text(share + error + 0.015 * (1 - left), row, f"{share:.1%}", va="center")
    axes.set_yticks(range(len(values)), list(values))
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.set_xlim(left, 1 + 0.15 * (1 - left))
    axes.set_xticks([tick for tick in axes.get_xticks() if left <= tick <= 1.001])
    axes.xaxis.set_major_formatter(PERCENT)
    whiskers = " (whiskers: one standard error)" if any(errors) else ""
    label(axes, title, f"images still correct{whiskers}", "attack")
    return figure


def margins(groups: Mapping[str, Tensor], wrong: Mapping[str, float], title: str) -> Figure:
    """Histograms of signed margins, one row a group on one axis.

    Args:
        groups: name → margins of the images, (n,); negative ones are classified wrongly.
        wrong: name → share of the images on the wrong side.
    """
    figure, axes = canvas(len(groups), 1, width=6.8, height=1.3, title=title)
    everything = np.concatenate([array(values) for values in groups.values()])
    bins = np.linspace(everything.min(), everything.max(), 60).tolist()
    for ax, (name, values), colour in zip(axes, groups.items(), PALETTE, strict=False):
        ax.hist(array(values), bins=bins, color=_colour(name, colour))
        ax.axvline(0, color="black", linewidth=1)
        ax.set_yticks([])
        ax.set_title(f"{name}: {wrong[name]:.1%} wrong", loc="left", fontsize=10)
        if ax is not axes[-1]:
            ax.tick_params(labelbottom=False)
    axes[-1].set_xlabel("margin s·(w·x + b); left of the line the model is wrong. Height: images")
    return figure


def radii(
    eps: Sequence[float],
    accuracy: Mapping[str, Sequence[float]],
    lengths: Mapping[str, Tensor],
    title: str = "Budget given, or length minimised",
    noise: tuple[Sequence[float], Sequence[float]] | None = None,
) -> Figure:
    """L2: what fixed budgets leave, beside the shortest perturbations found for each image.

    Args:
        eps: L2 budgets.
        accuracy: attack → accuracy at each budget, drawn as marks.
        lengths: attack → ‖δ‖₂ found for each image, drawn as steps; infinite where it failed.
        title: with the number of images.
        noise: median lengths of Gaussian noise after the clamp, and the accuracy at each.
    """
    figure, (axes,) = canvas(width=7.6, height=3.6)
    for name, colour, wide in zip(lengths, (PURPLE, ORANGE, SKY), (3.6, 1.8, 1.8), strict=False):
        length = np.sort(array(lengths[name][lengths[name].isfinite()]))
        left = 1 - np.arange(1, len(length) + 1) / len(lengths[name])
        x, y = np.append(0, length), np.append(1, left)
        axes.step(x, y, where="post", color=colour, lw=wide, label=f"{name}: shortest found")
    _lines(axes, eps, accuracy, marks="o")
    if noise is not None:
        _lines(axes, noise[0], {"Gaussian noise (median length)": noise[1]}, marks="o")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    axes.set_xlim(0, max(eps) * 1.02)
    _shares(axes)
    label(axes, title, "length ‖δ‖₂ (pixel values run from 0 to 1)")
    axes.set_ylabel("images still correct")
    return figure


def queries(
    asked: Sequence[int],
    by_score: Sequence[float],
    budgets: Sequence[int],
    by_decision: Sequence[float],
    by_gradient: float,
    eps: float,
    images: Sequence[int] = (),
) -> Figure:
    """Share of images fooled within ‖δ‖∞ ≤ ε against queries: Square, HopSkipJump, and PGD's level.

    Args:
        asked, by_score: queries for one image, and the share that Square has fooled by then.
        budgets, by_decision: queries allowed to HopSkipJump, and the share it brought within ε.
        by_gradient: the share that PGD fools, which sees gradients.
        eps: radius of the ball.
        images: how many were attacked by Square, HopSkipJump and PGD; told in the legend.
    """
    figure, (axes,) = canvas(width=7.6, height=3.5)
    names = ["Square: sees scores", "HopSkipJump: sees decisions", "PGD: sees gradients"]
    if images:
        names = [f"{name}, n = {n:,}" for name, n in zip(names, images, strict=True)]
    axes.plot(asked, by_score, ".-", color=BLACK, label=names[0])
    axes.plot(budgets, by_decision, "o-", color=ORANGE, label=names[1])
    axes.axhline(by_gradient, color=GREEN, linestyle="--", label=names[2])
    axes.set_xscale("log")
    _shares(axes)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    title = f"Fooled within ‖δ‖∞ ≤ {eps:g}, by the queries spent"
    label(axes, title, "queries for one image (log scale)", "images fooled")
    return figure


def linearity(reach: Tensor, real: Tensor, linear: Tensor, title: str) -> Figure:
    """Median margin and its quartiles along a direction, beside the linear prediction.

    Args:
        reach: sizes of the step, (m,), in units of pixels.
        real, linear: margins, (m, images).
    """
    figure, (axes,) = canvas(width=6.2, height=3.5)
    both = ((real, "the network", VERMILION), (linear, "linear prediction", BLACK))
    for values, name, colour in both:
        low, middle, high = np.quantile(array(values), (0.25, 0.5, 0.75), axis=1)
        axes.plot(array(reach), middle, color=colour, label=name)
        axes.fill_between(array(reach), low, high, color=colour, alpha=0.2, linewidth=0)
    axes.axhline(0, color=BLACK, linewidth=1)
    axes.legend(frameon=False, title="median, quartiles")
    label(axes, title, SIZE, "margin; below 0 it is wrong")
    return figure


def _lines(
    axes: Axes,
    x: Sequence[float],
    series: Mapping[str, Any],
    others: Sequence[str] = PALETTE,
    marks: str = "",
) -> None:
    """Named lines over `x`, noise, FGSM and PGD in their own colours."""
    for (name, values), colour in zip(series.items(), others, strict=False):
        axes.plot(x, array(values), color=_colour(name, colour), marker=marks, label=name)


def _shares(axes: Axes) -> None:
    axes.set_ylim(-0.03, 1.03)
    axes.yaxis.set_major_formatter(PERCENT)


def trade_off(
    c: Sequence[float], length: Tensor, loss: Tensor, fooled: Tensor, of: str = ""
) -> Figure:
    """Szegedy's penalty: for each c the typical ‖r‖₂ and loss reached, and the share fooled."""
    figure, (left, right) = canvas(1, 2, width=4.6, height=3.3)
    left.semilogy(array(length), array(loss), color=PURPLE, marker="o")
    left.margins(y=0.15)  # for the labels
    for each, x, y in zip(c, array(length), array(loss), strict=True):
        left.annotate(f"c = {each:g}", (x, y), textcoords="offset points", xytext=(7, 4))
    left.set_xlim(-0.03 * float(array(length).max()), 1.25 * float(array(length).max()))
    label(left, f"Length against loss{of}", "median ‖r‖₂", "median loss J(x + r, y′)")
    right.semilogx(list(c), array(fooled), color=PURPLE, marker="o")
    right.yaxis.set_major_formatter(PERCENT)
    right.set_ylim(-0.03, 1.03)
    label(
        right,
        "A price too high: the class is lost",
        "price c of a unit of length",
        "images that reach y′",
    )
    return figure


def target_matrix(rates: Tensor, classes: Sequence[str], title: str) -> Figure:
    """Share of each true class (row) that was driven to each target (column)."""
    names = [name[:10] for name in classes]
    side = 1.6 + 0.42 * len(names)
    figure, (axes,) = canvas(width=side + 0.9, height=side)
    values = array(rates)
    axes.imshow(values, vmin=0, vmax=1, cmap="Blues")
    for i, j in np.ndindex(*values.shape):
        if np.isfinite(values[i, j]):
            colour = "white" if values[i, j] > 0.6 else "black"
            axes.text(j, i, f"{100 * values[i, j]:.0f}", ha="center", va="center", color=colour)
    steep = 45 if max(map(len, names)) > 3 else 0
    axes.set_xticks(range(len(names)), names, rotation=steep)
    axes.set_yticks(range(len(names)), names)
    axes.grid(False)
    return label(axes, title, "target class", "true class (% that arrive)").get_figure()  # type: ignore[return-value]
