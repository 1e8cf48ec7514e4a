"""The figures of 14: noise coming and going, schedules, scores, guidance, four families."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from torch import Tensor

from coursekit.plots import array, canvas, label, picture, tile
from coursekit.plots.colours import BLACK, BLUE, GREEN, PALETTE, SKY, VERMILION

INCH = 0.62  # of one small image


def by_time(columns: Sequence[Tensor], times: Sequence[int], title: str = "") -> Figure:
    """A column for each time, with the time above it.

    Args:
        columns: images (n, c, h, w) in [0, 1], a tensor for each time.
        times: t of each column.
        title: of the figure.
    """
    rows = len(columns[0])
    figure, axes = canvas(1, len(columns), width=INCH + 0.1, height=rows * INCH + 0.5, title=title)
    for ax, images, t in zip(axes, columns, times, strict=True):
        picture(ax, tile(images, 1))
        ax.set_title(f"t = {t}", loc="center", fontsize=9)
    return figure


def posteriors(x: Any, panels: Mapping[str, tuple[Any, Any]], title: str) -> Figure:
    """Densities of x_{t−1} on a grid, by Bayes' rule (filled) and in closed form (line).

    Args:
        x: the grid.
        panels: name → (Bayes' rule, closed form).
        title: of the whole.
    """
    figure, axes = canvas(1, len(panels), width=3.3, height=3.0, title=title)
    for ax, (name, (bayes, closed)) in zip(axes, panels.items(), strict=True):
        ax.fill_between(array(x), array(bayes), color=SKY, alpha=0.6, linewidth=0, label="Bayes")
        ax.plot(array(x), array(closed), color=VERMILION, label="closed form")
        label(ax, name, "value of the pixel", "density" if ax is axes[0] else "")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2, frameon=False)
    return figure


def schedules(signal: Mapping[str, Any], weights: Mapping[str, Any]) -> Figure:
    """ᾱ_t and the weights of the bound against t/T, of several schedules.

    Args:
        signal: name → ᾱ_0 … ᾱ_T.
        weights: name → w_1 … w_T.
    """
    figure, (left, right) = canvas(1, 2, width=4.6, height=3.1)
    for ax, lines, first in ((left, signal, 0), (right, weights, 1)):
        for colour, (name, values) in zip(PALETTE, lines.items(), strict=False):
            T = len(values) - 1 + first
            ax.plot((np.arange(len(values)) + first) / T, array(values), color=colour, label=name)
    right.set_yscale("log")
    label(left, "What is left of the image", "t/T", "ᾱ, share of variance")
    label(right, "What an error costs in the bound", "t/T", "w, nats per squared error (log)")
    left.legend(frameon=False)
    right.legend(frameon=False)
    return figure


def scores(
    places: Tensor,
    fields: Mapping[str, Tensor],
    error: Tensor,
    clouds: Mapping[str, Tensor],
    span: float,
    title: str,
) -> Figure:
    """Vector fields in the plane over data, a map of how they differ, and samples over data.

    Args:
        places: where the arrows begin, shape (n, 2).
        fields: name → arrows (n, 2), shown with the roots of their lengths, on one scale.
        error: of the second field, (k, k) for x₁ and x₂ from −span to span; positive.
        clouds: name → points (m, 2), data and samples.
        span: half the side of the square that is shown.
        title: of the whole.
    """
    figure, axes = canvas(1, len(fields) + 2, width=2.95, height=3.1, title=title)
    (of_data, data), (of_samples, samples) = clouds.items()
    x, y = array(places).T
    longest = max(float(field.norm(dim=1).max()) for field in fields.values()) ** 0.5
    how: dict[str, Any] = {"angles": "xy", "scale_units": "xy", "scale": longest / (0.2 * span)}
    for ax, (name, field) in zip(axes, fields.items(), strict=False):
        ax.plot(*array(data).T, ".", color="#bbbbbb", markersize=2)
        u, v = array(field / field.norm(dim=1, keepdim=True).clamp_min(1e-9).sqrt()).T
        ax.quiver(x, y, u, v, color=BLUE, width=0.006, **how)
        _square(ax, span, name)
    map_ax, ax = axes[-2:]
    shown = map_ax.imshow(
        array(error).T, extent=(-span, span, -span, span), origin="lower", norm=LogNorm()
    )
    shown.set_cmap("viridis")
    map_ax.grid(False)
    map_ax.plot(*array(data).T, ".", color="white", markersize=1)
    _square(map_ax, span, "error of learnt ε")
    figure.colorbar(shown, ax=map_ax, shrink=0.75, label="‖learnt − exact‖ (log)")
    ax.plot(*array(samples).T, ".", color=VERMILION, markersize=2, label=of_samples)
    ax.plot(*array(data).T, ".", color=BLACK, markersize=1, label=of_data)
    _square(ax, span, f"{of_data} over {of_samples}")
    ax.legend(loc="upper left", markerscale=4, handletextpad=0.2, borderpad=0.3, fontsize=9)
    return figure


def _square(ax: Axes, span: float, title: str) -> None:
    ax.set_xlim(-span, span)
    ax.set_ylim(-span, span)
    ax.set_aspect("equal")
    label(ax, title, "x₁", "x₂")


def error_by_density(
    shares: Sequence[str], errors: Mapping[str, Sequence[float]], title: str
) -> Figure:
    """Error of the predicted noise in bins of density, from the thinnest to the densest.

    Args:
        shares: names of the bins.
        errors: time → one error a bin.
        title: of the whole.
    """
    figure, (ax,) = canvas(width=6.6, height=2.9)
    for colour, (name, values) in zip(PALETTE, errors.items(), strict=False):
        ax.plot(shares, list(values), "o-", color=colour, label=name)
    ax.set_yscale("log")
    label(ax, title, "places, by density", "‖learnt ε − exact ε‖ (log)")
    ax.legend(frameon=False)
    return figure


def against_steps(
    steps: Sequence[int], lines: Mapping[str, Sequence[Sequence[float]]], floor: float, title: str
) -> Figure:
    """Fréchet distances against the number of steps, which are on a logarithmic axis.

    Args:
        steps: how many passes through the network.
        lines: name → for each number of steps the distances of several draws: mean, and range.
        floor: the distance of real images.
        title: of the figure.
    """
    figure, (ax,) = canvas(width=6.4, height=3.4)
    for colour, (name, draws) in zip((BLUE, VERMILION, GREEN), lines.items(), strict=False):
        mean = np.array([np.mean(values) for values in draws])
        least, most = ([end(values) for values in draws] for end in (min, max))
        beyond = np.stack([mean - least, most - mean])
        ax.errorbar(list(steps), mean, beyond, fmt="o-", color=colour, capsize=4, label=name)
    ax.axhline(floor, color=BLACK, linestyle=":", linewidth=1.2, label="real images")
    ax.set_xscale("log")
    ax.set_ylim(bottom=0)
    ax.set_xticks(list(steps), [str(k) for k in steps])
    ax.minorticks_off()
    label(ax, title, "steps through the network (log)", "Fréchet distance")
    ax.legend(frameon=False)
    return figure


def guidance(
    strengths: Sequence[float],
    panels: Mapping[str, tuple[Sequence[float], str, float]],
    title: str,
    errors: Mapping[str, Sequence[float]] | None = None,
) -> Figure:
    """What guidance changes: one panel a measure, by its name; dotted is what real images have.

    Args:
        strengths: w.
        panels: name → (values, unit, that of real images).
        title: of the whole.
        errors: name → half the length of each bar, of the panels that have bars.
    """
    figure, axes = canvas(1, len(panels), width=2.9, height=3.0, title=title)
    for ax, (name, (values, unit, real)) in zip(axes, panels.items(), strict=True):
        bars = (errors or {}).get(name, [0.0] * len(values))
        ax.errorbar(list(strengths), list(values), list(bars), fmt="o-", color=BLUE, capsize=3)
        ax.axhline(real, color=BLACK, linestyle=":", linewidth=1.2)
        ax.set_ylim(0, 1.08 * max(real, *(v + e for v, e in zip(values, bars, strict=True))))
        label(ax, name, "guidance w (dotted: real images)", unit)
    return figure


def families(
    rows: Mapping[str, Mapping[str, float]],
    logarithmic: Sequence[str],
    title: str,
    hatched: Sequence[str] = (),
    note: str = "",
) -> Figure:
    """The closing figure: a row for each family, a panel for each measure.

    Bars begin at 0; on a logarithmic axis, which has none, points stand in their place.

    Args:
        rows: family → measure → value; NaN where there is none.
        logarithmic: measures on a logarithmic axis.
        title: of the whole.
        hatched: families that do not compare with the others; `note` says why, below the panels.
    """
    measures, names = list(next(iter(rows.values()))), list(rows)
    height = 0.42 * len(names) + 1.3
    figure, axes = canvas(1, len(measures), width=2.7, height=height, sharey=True, title=title)
    for ax, measure in zip(axes, measures, strict=True):
        values = np.array([rows[name][measure] for name in names])
        known = np.isfinite(values)
        low, high = (values[known].min(), values[known].max()) if known.any() else (1.0, 1.0)
        log, space = measure in logarithmic, " "
        if log:
            ax.set_xscale("log")
            ax.set_xlim(low / 3, high * 12)
            space = "   "
        else:
            ax.set_xlim(0, 1.35 * high)
        for i, (name, value) in enumerate(zip(names, values, strict=True)):
            if not known[i]:
                ax.text(ax.get_xlim()[0], i, " none", va="center", fontsize=9)
                continue
            apart = name in hatched
            if log:
                ax.plot(value, i, "o", color=BLUE, markerfacecolor="white" if apart else BLUE)
            else:
                (bar,) = ax.barh(i, value, color=BLUE)
                if apart:
                    bar.set(facecolor="white", edgecolor=BLUE, hatch="////")
            ax.text(value, i, f"{space}{value:.3g}", va="center", fontsize=9)
        ax.set_xlabel(measure, fontsize=9)
        ax.set_yticks(range(len(names)), names)
    axes[0].invert_yaxis()
    if note:
        figure.supxlabel(note, x=0.02, ha="left", fontsize=10)
    return figure


def closing(rows: Mapping[str, Mapping[str, float]], n: int, on: str) -> Figure:
    """`families` of what is on record: rows as `coursekit.zoo.families.read` gives them.

    Args:
        rows: family → measure → value; `learnt_from` counts training images.
        n: samples of each.
        on: the data set.
    """
    measures = {
        "Fréchet ↓": ("frechet_distance", 1.0),
        "density ↑": ("density", 1.0),
        "coverage ↑": ("coverage", 1.0),
        "training, min ↓": ("seconds_training", 1 / 60),
        "sampling, ms ↓": ("seconds_per_image", 1000.0),
    }
    bars = {
        name: {title: row.get(key, np.nan) * unit for title, (key, unit) in measures.items()}
        for name, row in rows.items()
    }
    learnt = {name: row["learnt_from"] for name, row in rows.items() if "learnt_from" in row}
    least, most = min(learnt.values()), max(learnt.values())
    note = f"Hatched or hollow: learnt from {most:,.0f} images, the others from {least:,.0f}. "
    return families(
        bars,
        [*measures][3:],
        f"Four families on {on}, {n:,} samples each",
        [name for name, seen in learnt.items() if seen > least],
        note + "One training seed each, from the record.",
    )


def by_class(rows: Mapping[str, Tensor], classes: Sequence[str], title: str) -> Figure:
    """A column for each class, its name above; a row of images (classes, c, h, w) for each name.

    Args:
        rows: name → one image of each class.
        classes: their names, in the order of the images.
        title: of the whole.
    """
    longest = max(map(len, classes))
    turned = {"rotation": 35, "ha": "left"} if longest > 2 else {"ha": "center"}
    above = 0.2 if longest <= 2 else 0.2 + 0.05 * longest  # inches, for the names of the classes
    names = 0.2 + 0.085 * max(map(len, rows))  # inches, to the left
    width = max(len(classes) * INCH + names + above * (longest > 2), 0.1 * len(title))
    height = INCH + 0.08 + (0.4 + above) / len(rows)
    figure, axes = canvas(len(rows), 1, width=width, height=height, title=title)
    for ax, (name, images) in zip(axes, rows.items(), strict=True):
        picture(ax, tile(images, len(classes)))
        ax.set_anchor("W")
        ax.text(-0.01, 0.5, name, transform=ax.transAxes, ha="right", va="center", fontsize=9)
    for c, name in enumerate(classes):
        axes[0].annotate(
            name, ((c + 0.5) / len(classes), 1.0), (0, 3), xycoords="axes fraction",
            textcoords="offset points", va="bottom", fontsize=9, **turned,
        )  # fmt: skip
    return figure


def reverse_widget(x: Tensor, x_0: Tensor, t: int) -> Figure:
    """Above x at time t, below the x_0 predicted in the step to it. Images (n, 1, h, w)."""
    figure, (above, below) = canvas(2, 1, len(x) * 0.8, 1.15)
    picture(above, tile(x, len(x)), f"x at t = {t}, shown in [0, 1]")
    picture(below, tile(x_0, len(x_0)), "the clean image predicted in the step that led there")
    return figure
