"""The figures of 07 and of the other lectures that attack classifiers."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from torch import Tensor

from coursekit.plots import (
    BLUE,
    PALETTE,
    VERMILION,
    array,
    canvas,
    curves,
    label,
    picture,
    standard_error,
)

INCH = 1.15  # of one small image


def captions(probabilities: Tensor, classes: Sequence[str], letters: int = 9) -> list[str]:
    """What a model says of each image: its likeliest class (so many letters) and probability."""
    top = probabilities.max(1)
    return [f"{classes[k][:letters]} {p:.0%}" for p, k in zip(top.values, top.indices, strict=True)]


def before_after(
    x: Tensor,
    x_adv: Tensor,
    said: Sequence[str],
    now: Sequence[str],
    gain: float = 1.0,
    title: str = "",
) -> Figure:
    """Columns of image, perturbation × `gain` around grey, attacked image, each with its caption.

    Args:
        x, x_adv: (n, c, h, w), pixels in [0, 1].
        said, now: a caption above each image and each attacked image.
        gain: how many times the perturbation is enlarged so that it can be seen.
        title: of the figure.
    """
    n = len(x)
    figure, axes = canvas(3, n, INCH, INCH + 0.12, title)
    added = (0.5 + gain * (x_adv - x)).clamp(0, 1)
    for column in range(n):
        _captioned(axes[column], x[column], said[column])
        _captioned(axes[n + column], added[column], "")
        _captioned(axes[2 * n + column], x_adv[column], now[column])
    times = "" if gain == 1 else f" × {gain:g}"
    for row, name in enumerate(("image", f"perturbation{times}", "attacked")):
        _beside(axes[row * n], name)
    return figure


def variants(
    rows: Mapping[str, tuple[Tensor, Sequence[str]]], title: str = "", inch: float = INCH
) -> Figure:
    """Rows of images, each `inch` wide under its caption; the row's name at its left."""
    columns = max(len(images) for images, _ in rows.values())
    figure, axes = canvas(len(rows), columns, inch, inch + 0.12, title)
    for ax in axes:
        ax.set_axis_off()
    for row, (name, (images, captions)) in enumerate(rows.items()):
        for column, (image, caption) in enumerate(zip(images, captions, strict=True)):
            _captioned(axes[row * columns + column], image, caption)
        _beside(axes[row * columns], name)
    return figure


def attention(x: Tensor, maps: Mapping[str, Tensor], title: str = "") -> Figure:
    """The images, and below them each map (n, h, w) over a pale copy of the image."""
    n = len(x)
    figure, axes = canvas(1 + len(maps), n, INCH, INCH, title)
    for column in range(n):
        _captioned(axes[column], x[column], "")
    _beside(axes[0], "image")
    for row, (name, values) in enumerate(maps.items(), start=1):
        for column in range(n):
            ax = axes[row * n + column]
            shown, grey = array(values[column]), array(1 - 0.25 * x[column].mean(0))
            ax.imshow(grey, cmap="gray", vmin=0, vmax=1)
            ax.imshow(shown.clip(0), cmap="inferno", alpha=0.85, vmin=0)
            ax.set_axis_off()
        _beside(axes[row * n], name)
    return figure


def attack_widget(
    x: Tensor, x_adv: Tensor, probabilities: Tensor, classes: Sequence[str], true: int, eps: float
) -> Figure:
    """One image under attack: the picture, the perturbation × 10, the class probabilities."""
    figure, (left, middle, right) = canvas(1, 3, width=2.6, height=2.7)
    picture(left, x_adv, f"attacked, ε = {eps:.3f}")
    picture(middle, (0.5 + 10 * (x_adv - x)).clamp(0, 1), "perturbation × 10")
    shares = array(probabilities)
    colours = [BLUE if k == true else VERMILION for k in range(len(shares))]
    right.barh(range(len(shares)), shares, color=colours)
    right.set_yticks(range(len(shares)), [name[:12] for name in classes])
    right.invert_yaxis()
    right.grid(axis="y", visible=False)
    right.set_xlim(0, 1)
    label(right, "the model's answer", "probability (blue: the true class)")
    return figure


def _captioned(axes: Axes, image: Tensor, caption: str) -> None:
    picture(axes, image)
    axes.set_title(caption, loc="center", fontsize=8)


def _beside(axes: Axes, name: str) -> None:
    axes.text(
        -0.08, 0.5, name, transform=axes.transAxes, ha="right", va="center", rotation=90, fontsize=9
    )


PERCENT = PercentFormatter(1.0)


def sweep(
    eps: Sequence[float], accuracy: Mapping[str, Tensor], confidence: Mapping[str, Tensor]
) -> Figure:
    """Accuracy, and confidence in the wrong answers, against ε; mean ± standard error over seeds.

    Args:
        eps: the ε of each column, in units of pixels.
        accuracy: attack → (seeds, len(eps)).
        confidence: the same; NaN where nothing was fooled.
    """
    figure, (left, right) = canvas(1, 2, width=4.6, height=3.4)
    for axes, series in ((left, accuracy), (right, confidence)):
        known = {name: np.ma.masked_invalid(array(values)) for name, values in series.items()}
        means = {name: values.mean(0).filled(np.nan) for name, values in known.items()}
        spread = {name: standard_error(values) for name, values in known.items()}
        curves(axes, eps, means, spread)
        axes.yaxis.set_major_formatter(PERCENT)
        axes.set_ylim(-0.03, 1.03)
    label(left, "Accuracy under attack", "ε, in units of pixels", "images still right")
    label(right, "Confidence in the wrong class", "ε, in units of pixels", "mean probability")
    left.legend().remove()
    right.legend(frameon=False, loc="lower left")  # where no curve passes
    return figure


def margins(groups: Mapping[str, Tensor], moves: Mapping[str, float]) -> Figure:
    """Histograms of signed margins (right if positive), one row a group.

    Args:
        groups: name → margins of the images, (n,).
        moves: name → share of the images on the wrong side.
    """
    figure, axes = canvas(len(groups), 1, width=6.6, height=1.3, title="The same step, two ways")
    everything = np.concatenate([array(values) for values in groups.values()])
    bins = np.linspace(everything.min(), everything.max(), 60).tolist()
    for ax, (name, values), colour in zip(axes, groups.items(), PALETTE, strict=False):
        ax.hist(array(values), bins=bins, color=colour)
        ax.axvline(0, color="black", linewidth=1)
        ax.set_yticks([])
        ax.set_title(f"{name}: {moves[name]:.1%} wrong", loc="left", fontsize=10)
        if ax is not axes[-1]:
            ax.tick_params(labelbottom=False)
    axes[-1].set_xlabel("margin s·(w·x + b); right of the line the model is right")
    return figure


def radii(eps: Sequence[float], accuracy: Mapping[str, Tensor], lengths: Tensor) -> Figure:
    """L2: what fixed budgets leave, beside the shortest perturbation found for each image.

    Args:
        eps: L2 budgets.
        accuracy: attack → accuracy at each budget.
        lengths: ‖δ‖₂ found for each image by minimising it; 0 where the image was wrong anyway.
    """
    figure, (axes,) = canvas(width=6.0, height=3.4)
    curves(axes, eps, dict(accuracy))
    found = np.sort(array(lengths))
    left = 1 - np.arange(1, len(found) + 1) / len(found)
    axes.step(found, left, where="post", color="black", linestyle="--", label="C&W, each image")
    axes.legend(frameon=False)
    axes.set_xlim(0, max(eps))
    axes.set_ylim(-0.03, 1.03)
    axes.yaxis.set_major_formatter(PERCENT)
    label(axes, "Fixed and smallest budget agree", "L2 length of the perturbation")
    axes.set_ylabel("images still right")
    return figure


def trade_off(c: Sequence[float], length: Tensor, loss: Tensor, fooled: Tensor) -> Figure:
    """Szegedy's penalty: for each c the typical ‖r‖₂ and loss reached, and the share fooled."""
    figure, (left, right) = canvas(1, 2, width=4.6, height=3.3)
    left.semilogy(array(length), array(loss), color=BLUE, marker="o")
    for each, x, y in zip(c, array(length), array(loss), strict=True):
        left.annotate(f"c = {each:g}", (x, y), textcoords="offset points", xytext=(7, 4))
    left.set_xlim(-0.03 * float(array(length).max()), 1.25 * float(array(length).max()))
    label(left, "The trade-off", "median ‖r‖₂", "median loss J(x + r, y′)")
    right.semilogx(list(c), array(fooled), color=VERMILION, marker="o")
    right.yaxis.set_major_formatter(PERCENT)
    right.set_ylim(-0.03, 1.03)
    label(right, "Too dear, and it gives up", "price c of a unit of length", "images that reach y′")
    return figure


def queries(
    spent: Tensor, budget: int, eps: float, budgets: Sequence[int], lengths: Sequence[float]
) -> Figure:
    """Score-based: images fooled against queries; decision-based: length against queries.

    Args:
        spent: queries that each fooled image had cost, padded with `budget` where none sufficed.
        budget: the most queries of the score-based attack, in the ball of radius `eps`.
        budgets, lengths: queries allowed to the decision-based attack, median ‖δ‖₂ it reached.
    """
    figure, (left, right) = canvas(1, 2, width=4.6, height=3.3)
    sorted_ = np.sort(array(spent))
    share = np.arange(1, len(sorted_) + 1) / len(sorted_)
    done = sorted_ < budget
    x, y = np.append(sorted_[done], budget), np.append(share[done], share[done].max(initial=0))
    left.step(x, y, where="post", color=BLUE)
    left.set_xscale("log")
    left.set_ylim(-0.03, 1.03)
    left.yaxis.set_major_formatter(PERCENT)
    label(left, f"Scores: Square, ε = {eps:g}", "queries for one image", "images fooled")
    right.loglog(list(budgets), list(lengths), color=VERMILION, marker="o")
    right.set_xticks(list(budgets), [str(b) for b in budgets])
    ticks = [round(length, 1) for length in lengths]
    right.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    right.minorticks_off()
    label(right, "Decisions: HopSkipJump", "queries for one image", "median ‖δ‖₂")
    return figure


def surfaces(reach: Tensor, planes: Mapping[str, tuple[Tensor, Tensor]], true: int) -> Figure:
    """Loss on planes through one image, side by side on one scale; where the class is wrong.

    Args:
        reach: the values along both axes.
        planes: title → loss (m, m) and winning class (m, m).
        true: the image's class; the white line is where another one begins to win.
    """
    figure, axes = canvas(1, len(planes), width=4.0, height=3.3)
    top = max(float(loss.max()) for loss, _ in planes.values()) + 1e-6
    for number, (ax, (title, (loss, winner))) in enumerate(zip(axes, planes.items(), strict=True)):
        levels = np.linspace(0, top, 25).tolist()
        filled = ax.contourf(array(reach), array(reach), array(loss), levels, cmap="viridis")
        wrong = array(winner != true).astype(float)
        if 0 < wrong.mean() < 1:
            ax.contour(array(reach), array(reach), wrong, [0.5], colors="white", linewidths=1.5)
        ax.plot(0, 0, "o", color="white")
        across = "a second random direction" if number else "a random direction"
        label(ax, title, "step along " + ("a random direction" if number else "the attack"), across)
        ax.grid(False)
    figure.colorbar(filled, ax=axes, label="loss J", ticks=MaxNLocator(6))
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
