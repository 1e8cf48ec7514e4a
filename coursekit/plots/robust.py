"""The figures of 09: training against an adversary, and what withstands which attack."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from coursekit.plots import (
    BLACK,
    BLUE,
    GREEN,
    PALETTE,
    VERMILION,
    array,
    canvas,
    label,
    picture,
    standard_error,
)


def ladder_table(rows: Mapping[str, Mapping[str, float]], title: str) -> Figure:
    """Accuracy (%) of each network (row) under each attack (column).

    Args:
        rows: network → attack → accuracy; all with the same attacks in the same order. NaN where
            an attack was not run.
        title: of the figure.
    """
    attacks = list(next(iter(rows.values())))
    values = np.array([[row[attack] for attack in attacks] for row in rows.values()])
    width, height = 1.9 + 0.78 * len(attacks), 1.25 + 0.46 * len(rows)
    figure, (axes,) = canvas(width=width, height=height)
    axes.imshow(values, vmin=0, vmax=1, cmap="RdYlBu", aspect="auto")
    for i, j in np.ndindex(*values.shape):
        if np.isfinite(values[i, j]):
            strong = 0.25 < values[i, j] < 0.8
            text, colour = f"{100 * values[i, j]:.0f}", "black" if strong else "white"
            bold = "bold" if attacks[j] == attacks[-1] else "normal"
            axes.text(j, i, text, ha="center", va="center", color=colour, fontweight=bold)
    axes.axvline(len(attacks) - 1.5, color="black", linewidth=1.5)
    axes.set_xticks(range(len(attacks)), [_broken(attack) for attack in attacks], fontsize=9)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.tick_params(length=0)
    axes.grid(False)
    label(axes, title, "attack; images still right, in %")
    return figure


def _broken(name: str) -> str:
    """A column's name on two lines."""
    return name.replace(" ", "\n", 1)


INCH = 1.15


def gradients(x: Tensor, maps: Mapping[str, Tensor], title: str = "") -> Figure:
    """The images, and below them each gradient (n, c, h, w): red raises the loss, blue lowers it.

    Each map is scaled by its own 99.5th percentile, so that only its pattern is compared.
    """
    n = len(x)
    figure, axes = canvas(1 + len(maps), n, INCH, INCH, title)
    for column in range(n):
        picture(axes[column], x[column])
    for row, (_, values) in enumerate(maps.items(), start=1):
        for column in range(n):
            shown = values[column].sum(0)
            top = float(shown.abs().flatten().quantile(0.995)) or 1.0
            ax = axes[row * n + column]
            ax.imshow(array(shown), cmap="RdBu_r", vmin=-top, vmax=top)
            ax.set_axis_off()
    for row, name in enumerate(["image", *maps]):
        ax = axes[row * n]
        place = ax.transAxes
        ax.text(-0.08, 0.5, name, transform=place, rotation=90, fontsize=9, ha="right", va="center")
    return figure


def robust_widget(
    x: Tensor,
    x_adv: Tensor,
    probabilities: Mapping[str, Tensor],
    classes: Sequence[str],
    true: int,
    title: str,
) -> Figure:
    """One attacked image, what was added, and what each network makes of it.

    Args:
        x, x_adv: (c, h, w), pixels in [0, 1].
        probabilities: network → probability of each class, (k,).
        classes: their names.
        true: number of the true class, drawn in blue.
        title: which attack on which network.
    """
    figure, (left, middle, *rest) = canvas(1, 2 + len(probabilities), 2.5, 2.7, title)
    picture(left, x_adv, "attacked")
    picture(middle, (0.5 + (x_adv - x)).clamp(0, 1), "perturbation")
    for ax, (name, shares) in zip(rest, probabilities.items(), strict=True):
        colours = [BLUE if k == true else VERMILION for k in range(len(shares))]
        ax.barh(range(len(shares)), array(shares), color=colours)
        ax.set_yticks(range(len(shares)), [each[:12] for each in classes])
        ax.invert_yaxis()
        ax.grid(axis="y", visible=False)
        ax.set_xlim(0, 1)
        label(ax, name, "probability (blue: true class)")
    return figure


PERCENT = PercentFormatter(1.0, decimals=0)
COLOURS = {"clean": BLUE, "attacked": VERMILION}


def four_curves(
    epochs: Sequence[float], accuracy: Mapping[tuple[str, str], Sequence[float]], title: str
) -> Figure:
    """Two networks or two sets of images, each clean and attacked, over the epochs.

    Args:
        epochs: passes over the training set at each look.
        accuracy: (which of the two, "clean" or "attacked") → accuracy at each look.
        title: of the figure.
    """
    figure, (axes,) = canvas(width=7.6, height=3.4)
    first = next(iter(accuracy))[0]
    for (part, kind), values in accuracy.items():
        name, style = f"{part}, {kind}", "-" if part == first else "--"
        axes.plot(epochs, array(values), style, color=COLOURS[kind], label=name, marker=".")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))
    _shares(axes)
    return _figure(label(axes, title, "epochs of training", "accuracy"))


def overfitting(
    runs: Mapping[str, tuple[Sequence[float], Sequence[float], Sequence[float]]],
) -> Figure:
    """Accuracy under one step and under many, while each network trains; side by side.

    Args:
        runs: title → steps, accuracy under FGSM, accuracy under PGD.
    """
    figure, axes = canvas(1, len(runs), width=4.4, height=3.3)
    for ax, (title, (steps, one, many)) in zip(axes, runs.items(), strict=True):
        ax.plot(steps, array(one), color=BLUE, label="FGSM, one step")
        ax.plot(steps, array(many), color=VERMILION, label="PGD, many steps")
        gap = np.clip(array(one) - array(many), 0, None)
        ax.fill_between(steps, array(one) - gap, array(one), color=VERMILION, alpha=0.12)
        _shares(ax)
        label(ax, title, "training steps", "accuracy on test images")
    axes[-1].legend(frameon=False, loc="lower right")
    return figure


def frontier(points: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Clean against robust accuracy; each family of settings is a line, each setting a point.

    Args:
        points: family → setting → (networks, 2): clean and robust accuracy of each network.
            Bars are the standard error over the networks.
    """
    figure, (axes,) = canvas(width=6.6, height=4.4)
    beside = (((7, 5), "left"), ((-7, -13), "right"))  # outside the frontier; inside it
    for i, (family, settings) in enumerate(points.items()):
        values = [array(each) for each in settings.values()]
        means = np.array([each.mean(0) for each in values])
        errors = np.array([standard_error(each) for each in values])
        (x, y), (dx, dy) = means.T, errors.T
        axes.errorbar(x, y, yerr=dy, xerr=dx, color=PALETTE[i], marker="o")
        axes.lines[-1].set_label(family)
        place, side = beside[i % 2]
        for name, at in zip(settings, means, strict=True):
            axes.annotate(name, tuple(at), place, textcoords="offset points", ha=side, fontsize=9)
    axes.legend(frameon=False, loc="lower left")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=1))
    axes.yaxis.set_major_formatter(PERCENT)
    axes.margins(0.12)
    return _figure(label(axes, "What robustness costs", "clean accuracy", "accuracy under PGD"))


def carried(
    panels: Mapping[str, tuple[Sequence[float], Mapping[str, Sequence[float]]]],
    trained: Mapping[str, float] | None = None,
) -> Figure:
    """Accuracy against the size of several kinds of attack, one panel a kind.

    Args:
        panels: the kind (with its unit) → sizes, and name of the network → accuracy at each size.
        trained: kind → the size met in training, drawn as a line.
    """
    figure, axes = canvas(1, len(panels), width=3.7, height=3.4)
    for ax, (kind, (sizes, series)) in zip(axes, panels.items(), strict=True):
        for colour, (name, values) in zip(PALETTE, series.items(), strict=False):
            ax.plot(sizes, array(values), color=colour, label=name, marker=".")
        if trained and kind in trained:
            ax.axvline(trained[kind], color=BLACK, linewidth=1, linestyle=":")
        _shares(ax)
        label(ax, kind.split(",")[0], kind, "images still right")
    axes[-1].legend(frameon=False, loc="lower left", fontsize=9)
    return figure


def slices(way: Sequence[float], losses: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Mean loss on the straight ways from the images to the points that two attacks found.

    Args:
        way: share of the way, 1 at the point found.
        losses: network → attack → loss at each share, mean over the images.
    """
    figure, (axes,) = canvas(width=7.6, height=3.5)
    for colour, (name, attacks) in zip((VERMILION, GREEN, BLUE), losses.items(), strict=False):
        for style, (attack, values) in zip(("--", "-", ":"), attacks.items(), strict=False):
            named = f"{name}, to {attack}'s point"
            axes.plot(way, array(values), style, color=colour, label=named)
    axes.axvline(1, color=BLACK, linewidth=1, linestyle=":")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))
    axes.set_ylim(bottom=0)
    title = "The way to two points of the same ball"
    return _figure(label(axes, title, "share of the way, in units of ε", "mean loss J"))


def _shares(axes: Axes) -> None:
    axes.set_ylim(-0.03, 1.03)
    axes.yaxis.set_major_formatter(PERCENT)


def _figure(axes: Axes) -> Figure:
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    return figure
