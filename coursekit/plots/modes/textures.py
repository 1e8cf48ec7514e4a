"""Checkerboards: where they come from, and how they show."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from coursekit.plots.base import BLUE, VERMILION, array, canvas, label, picture, tile


def overlaps(counts: Mapping[str, Any]) -> Figure:
    """How many kernel entries land on each pixel of a line, for several kernels."""
    figure, axes = canvas(1, len(counts), width=3.5, height=2.1)
    for ax, (name, values) in zip(axes, counts.items(), strict=True):
        bars = array(values)
        even = bars[2:-2].min() == bars[2:-2].max()
        ax.bar(range(len(bars)), bars, color=BLUE if even else VERMILION)
        label(ax, name, "output pixel", "contributions")
    return figure


def spectra(rows: Mapping[str, tuple[Tensor, Tensor]]) -> Figure:
    """A sheet of samples for each network, and below it their power spectrum in decibels.

    Args:
        rows: name -> (images (n, c, h, w), spectrum (h, w) with zero in the middle).
    """
    figure, axes = canvas(2, len(rows), width=2.2, height=2.0)
    for k, (name, (images, power)) in enumerate(rows.items()):
        picture(axes[k], tile(images[:16], 4), name)
        values = array(power)
        decibels = 10 * np.log10(values / values.max() + 1e-12)
        ax = axes[k + len(rows)]
        shade = ax.imshow(decibels, cmap="magma", extent=(-0.5, 0.5, 0.5, -0.5), vmin=-70, vmax=0)
        ax.set_xticks([-0.5, 0, 0.5])
        ax.set_yticks([-0.5, 0, 0.5])
        ax.grid(visible=False)
        label(ax, "", "cycles per pixel", "cycles per pixel" if k == 0 else "")
    figure.colorbar(shade, ax=axes[len(rows) :], label="power in dB", shrink=0.8)
    return figure
