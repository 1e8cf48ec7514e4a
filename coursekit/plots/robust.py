"""The figures of 09: training against an adversary, and what withstands which attack."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from torch import Tensor

from coursekit.plots import array, canvas, label, picture
from coursekit.plots.colours import BLACK, BLUE, GREEN, PALETTE, VERMILION


def ladder_table(
    rows: Mapping[str, Mapping[str, float]], title: str, n: Sequence[int] = ()
) -> Figure:
    """Accuracy (%) of each network (row) under each attack (column).

    Args:
        rows: network → attack → accuracy; all with the same attacks in the same order. NaN where
            an attack was not run.
        title: of the figure.
        n: images of each column, written into its head.
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
    heads = [attack.replace(" ", "\n", 1) for attack in attacks]
    if n:
        heads = [f"{head.strip()}\nn = {each:,}" for head, each in zip(heads, n, strict=True)]
    axes.set_xticks(range(len(attacks)), heads, fontsize=9)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.tick_params(length=0)
    axes.grid(False)
    label(axes, title, "attack; images still right, in %")
    return figure


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
KINDS = {"clean": BLUE, "PGD-10": VERMILION}


def four_curves(
    panels: Mapping[str, Mapping[tuple[str, str], tuple[Sequence[float], Sequence[float]]]],
) -> Figure:
    """How a network was trained, a panel each: accuracy over training, clean and attacked.

    Args:
        panels: title → (which images: "test" or "training"; "clean" or "PGD-10") → steps,
            accuracy at each measurement.
    """
    columns = min(2, len(panels))
    figure, axes = canvas(-(-len(panels) // columns), columns, 4.4, 2.7)
    for spare in axes[len(panels) :]:
        spare.set_axis_off()
    for ax, (title, lines) in zip(axes, panels.items(), strict=False):
        for (images, kind), (steps, values) in lines.items():
            style = "-" if images == "test" else ":"
            ax.plot(steps, values, style, color=KINDS[kind], label=f"{images}, {kind}")
        _shares(ax)
        label(ax, title, "updates", "accuracy")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False)
    return figure


def overfitting(runs: Mapping[str, Sequence[Sequence[float]] | None], columns: int = 3) -> Figure:
    """Accuracy under one step and under many, while each network trains; a panel each.

    Args:
        runs: title → steps, accuracy under FGSM, under PGD, and under PGD on training images;
            None leaves the place empty.
        columns: panels in a row, at most.
    """
    columns = min(columns, len(runs))
    figure, axes = canvas(-(-len(runs) // columns), columns, width=3.1, height=2.7)
    for spare in axes[len(runs) :]:
        spare.set_axis_off()
    for ax, (title, run) in zip(axes, runs.items(), strict=False):
        if run is None:
            ax.set_axis_off()
            continue
        steps, one, many, seen = run
        ax.plot(steps, array(one), color=BLUE, label="FGSM, one step")
        ax.plot(steps, array(many), color=VERMILION, label="PGD, ten steps")
        ax.plot(steps, array(seen), "--", color=BLACK, linewidth=1, label="PGD, training images")
        gap = np.clip(array(one) - array(many), 0, None)
        ax.fill_between(steps, array(one) - gap, array(one), color=VERMILION, alpha=0.12)
        _shares(ax)
        label(ax, title, "updates", "accuracy")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False)
    return figure


def frontier(points: Mapping[str, Sequence[float]], n: tuple[int, int], title: str) -> Figure:
    """Clean against robust accuracy, a network a point; the settings of TRADES are joined.

    Args:
        points: network → accuracy on clean images, under PGD, and perhaps under AutoAttack, drawn
            as a ring; NaN where it is not known.
        n: clean and attacked images; bars are the standard errors of shares.
        title: of the figure.
    """
    figure, (axes,) = canvas(width=7.2, height=4.4)
    traded = []
    ordered = sorted(points.items(), key=lambda item: item[1][0])
    reach = max(0.12 * (ordered[-1][1][0] - ordered[0][1][0]), 1e-3)  # of a name, along the axis
    named: list[tuple[float, float]] = []
    for name, (x, y, *rings) in ordered:
        dx, dy = (np.sqrt(p * (1 - p) / m) for p, m in zip((x, y), n, strict=True))
        colour = GREEN if name.startswith("trades") else BLUE
        for ring in rings:
            axes.plot([x, x], [y, ring], color="#bbbbbb", linewidth=1.2)
            axes.plot(x, ring, "o", markersize=6, markerfacecolor="white", color=colour)
        axes.errorbar(x, y, yerr=dy, xerr=dx, color=colour, marker="o", linewidth=1.2)
        below = sum(abs(x - a) < reach and abs(y - b) < 0.15 for a, b in named)
        at = (0, 7 + 13 * below)  # names of points that are near each other are stacked
        axes.annotate(name, (x, y), at, textcoords="offset points", fontsize=10, ha="center")
        named += [(x, y)]
        traded += [(x, y)] if name.startswith("trades") else []
    if traded:
        axes.plot(*zip(*traded, strict=True), color=GREEN, linewidth=1)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=1))
    axes.yaxis.set_major_formatter(PERCENT)
    axes.margins(0.12)
    ringed = any(len(point) > 2 for point in points.values())
    left = "● PGD-40, 3 starts   ○ AutoAttack" if ringed else "accuracy under PGD-40, 3 starts"
    return _figure(label(axes, title, "clean accuracy", left))


def pairs(
    rows: Mapping[str, tuple[float, float]],
    attacks: tuple[str, str],
    n: int,
    title: str,
    reference: tuple[str, float] | None = None,
) -> Figure:
    """What two attacks leave of each network, side by side, with standard errors of n images.

    `reference` is a name and a share, drawn as a line across.
    """
    figure, (axes,) = canvas(width=8.4, height=3.3)
    for k, (attack, colour) in enumerate(zip(attacks, (BLUE, VERMILION), strict=True)):
        shares = np.array([row[k] for row in rows.values()])
        at = np.arange(len(rows)) + 0.4 * k - 0.2
        error = np.sqrt(shares * (1 - shares) / n)
        axes.bar(at, shares, 0.38, yerr=error, color=colour, label=attack, capsize=3)
    axes.set_xticks(range(len(rows)), list(rows))
    axes.grid(axis="x", visible=False)
    if reference:
        axes.axhline(reference[1], color=BLACK, linestyle=":", label=reference[0])
    axes.legend(frameon=False, loc="upper left", ncols=3)
    axes.yaxis.set_major_formatter(PERCENT)
    axes.set_ylim(0, 1.18)
    return _figure(label(axes, title, f"network (n = {n} each)", "images still right"))


def thresholds(layers: Mapping[str, tuple[Tensor, Tensor]], eps: float) -> Figure:
    """What the units of a first layer answer to a patch of one grey value, a panel a network.

    Args:
        layers: network → grey values (m,), activations (m, units).
        eps: the radius of training; lines stand at ε and at 1 − ε.
    """
    figure, axes = canvas(1, len(layers), width=3.5, height=3.1)
    for ax, (name, (grey, answers)) in zip(axes, layers.items(), strict=True):
        for k, unit in enumerate(array(answers).T):
            ax.plot(array(grey), unit, color=PALETTE[k % 7], linewidth=1.3)
        for line, text in ((eps, "ε"), (1 - eps, "1 − ε")):
            ax.axvline(line, color=BLACK, linewidth=1, linestyle=":")
            at = ax.get_xaxis_transform()
            ax.text(line + 0.015, 0.97, text, transform=at, fontsize=9, va="top")
        label(ax, f"Network: {name}", "value of the patch's pixels", "activation of a unit")
    return figure


def certificate(
    radii: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    title: str,
    certified: tuple[Sequence[float], Sequence[float]] | None = None,
    n: int | None = None,
) -> Figure:
    """Accuracy against the L2 radius: what survives attacks, and what is certified.

    Args:
        radii: at which the attacks were run.
        lines: attacked classifier → accuracy at each radius.
        title: of the figure.
        certified: a finer grid of radii, and the share certified at each; between two of them the
            lower is drawn.
        n: images; bars are the standard errors of shares.
    """
    figure, (axes,) = canvas(width=7.2, height=3.6)
    for colour, (name, values) in zip((VERMILION, BLUE), lines.items(), strict=False):
        shares = array(values)
        bars = np.sqrt(shares * (1 - shares) / n) if n else None
        axes.errorbar(
            radii, shares, bars, fmt="o-", markersize=4, color=colour, label=name, capsize=3
        )
    if certified:
        axes.step(*certified, where="pre", color=GREEN, label="g, certified")
    axes.legend(
        frameon=False, fontsize=9, handlelength=1.2, loc="lower right", bbox_to_anchor=(1, 0.06)
    )
    _shares(axes)
    return _figure(label(axes, title, "radius ‖δ‖₂ (pixel values from 0 to 1)", "images right"))


def carried(
    panels: Mapping[str, tuple[Sequence[float], Mapping[str, Sequence[float]]]],
    trained: Mapping[str, float] | None = None,
    crosses: Mapping[str, Mapping[str, tuple[float, float]]] | None = None,
) -> Figure:
    """Accuracy against the size of several kinds of attack, one panel a kind.

    Args:
        panels: the kind (with its unit) → sizes, and name of the network → accuracy at each size.
        trained: kind → the size met in training, drawn as a line.
        crosses: kind → network → size and accuracy under another attack of that kind.
    """
    figure, axes = canvas(1, len(panels), width=3.7, height=3.4)
    for ax, (kind, (sizes, series)) in zip(axes, panels.items(), strict=True):
        for colour, (name, values) in zip(PALETTE, series.items(), strict=False):
            ax.plot(sizes, array(values), color=colour, label=name, marker=".")
            if crosses and name in crosses.get(kind, {}):
                ax.plot(*crosses[kind][name], "X", color=colour, markersize=10, alpha=0.6)
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
            named = f"{name}, to {attack}"
            axes.plot(way, array(values), style, color=colour, label=named)
    axes.axvline(1, color=BLACK, linewidth=1, linestyle=":")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))
    axes.set_yscale("log")
    title = "The way to two points of the same ball"
    return _figure(label(axes, title, "share of the way to the point found", "mean loss J (log)"))


def _shares(axes: Axes) -> None:
    axes.set_ylim(-0.03, 1.03)
    axes.yaxis.set_major_formatter(PERCENT)


def _figure(axes: Axes) -> Figure:
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    return figure
