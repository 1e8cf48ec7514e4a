"""Discriminative, generative and conditional models of one small world: arrays in, `Figure` out."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from coursekit.plots.base import BLACK, BLUE, GREEN, VERMILION, array, canvas, label

COLOURS = (BLUE, VERMILION)


def three_models(
    x: Any, conditional: Any, joint: Any, posterior: Any, at: float | None = None
) -> Figure:
    """p(x|y), p(x) and p(y|x) of two classes, under one another, with the rule that joins them.

    Args:
        x: places, shape (m,).
        conditional: p(x|y), shape (2, m).
        joint: p(x, y), shape (2, m).
        posterior: p(y|x), shape (2, m).
        at: a place to mark, with what each model says of it.
    """
    x, conditional, joint, posterior = map(array, (x, conditional, joint, posterior))
    figure, (top, middle, low) = canvas(3, 1, width=7.6, height=2.05)
    for y, colour in enumerate(COLOURS):
        top.plot(x, conditional[y], color=colour, label=f"y = {y}")
        middle.fill_between(x, joint[0] * y, joint[: y + 1].sum(0), color=colour, alpha=0.4, lw=0)
        low.plot(x, posterior[y], color=colour)
    middle.plot(x, joint.sum(0), color=BLACK)
    label(top, "conditional: p(x|y). Draw me an x of class y", "", "density")
    label(middle, "generative: p(x, y) = p(x|y) p(y); its sum over y is p(x)", "", "density")
    label(low, "discriminative: p(y|x) = p(x, y) / p(x). Which class is x?", "x", "probability")
    low.set_ylim(-0.04, 1.04)
    top.legend(loc="upper left")
    for ax in (top, middle, low):
        ax.set_xlim(x[0], x[-1])
        if at is not None:
            ax.axvline(at, color=BLACK, linestyle=":", linewidth=1.4)
    if at is not None:
        _say(middle, x, joint.sum(0), at, "p(x) = {:.2g}")
        _say(low, x, posterior[1], at, "p(y=1|x) = {:.3f}")
    return figure


def _say(ax: Any, x: Any, curve: Any, at: float, words: str) -> None:
    """What a curve says at a place, written half-way up beside the mark."""
    left = at > (x[0] + x[-1]) / 2
    ax.annotate(
        words.format(float(np.interp(at, x, curve))), (at, 0.5), (-8 if left else 8, 0),
        xycoords=ax.get_xaxis_transform(), textcoords="offset points", va="center",
        ha="right" if left else "left", fontweight="bold",
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
    )  # fmt: skip


def refusal(
    side: ArrayLike, posterior: Any, log10_p: Any, samples: tuple[Any, Any], marks: Any
) -> Figure:
    """A plane of inputs: what a classifier says of each, and how likely each is.

    Args:
        side: the m coordinates of both axes.
        posterior: p(y = 1|x), shape (m, m).
        log10_p: log₁₀ p(x), shape (m, m).
        samples: points of either class, each of shape (n, 2).
        marks: points A, B, …, shape (j, 2).
    """
    figure, axes = canvas(1, 2, width=5.0, height=4.0)
    side = np.asarray(side)
    levels = (np.linspace(0, 1, 11), np.arange(-60, 1, 6))
    looks: tuple[dict[str, Any], ...] = ({"cmap": "cividis"}, {"cmap": "viridis", "extend": "min"})
    for ax, values, steps, look in zip(axes, (posterior, log10_p), levels, looks, strict=True):
        shown = ax.contourf(side, side, array(values), steps, **look)
        figure.colorbar(shown, ax=ax, shrink=0.85)
        for points, colour in zip(samples, ("white", VERMILION), strict=True):
            points = array(points)
            ax.plot(points[:, 0], points[:, 1], ".", color=colour, markersize=3)
        for name, (u, v) in zip("ABC", array(marks), strict=False):
            ax.plot(u, v, "o", markersize=15, color="white", markeredgecolor=BLACK)
            ax.text(u, v, name, ha="center", va="center", fontsize=10, fontweight="bold")
        ax.set_aspect("equal")
    label(axes[0], "p(y = 1|x): sure almost everywhere", "x₁", "x₂")
    label(axes[1], "log₁₀ p(x): likely almost nowhere", "x₁", "x₂")
    return figure


def sure_and_strange(groups: dict[str, tuple[Any, Any]]) -> Figure:
    """Confidence of a classifier against the log-density of a generative model, image by image.

    Args:
        groups: name → (log p(x) per pixel in nats, largest p(y|x)), each of shape (n,).
    """
    figure, (ax,) = canvas(width=7.0, height=3.4)
    colours = (GREEN, VERMILION, BLUE)
    for (name, (log_p, sure)), colour in zip(groups.items(), colours, strict=False):
        ax.plot(array(log_p), array(sure), ".", color=colour, markersize=4, alpha=0.6, label=name)
    label(
        ax, "As sure as ever, of what was never seen", "log p(x), nats a pixel",
        "confidence, max p(y|x)",
    )  # fmt: skip
    ax.set_ylim(0, 1.03)
    ax.legend(loc="lower right")
    return figure
