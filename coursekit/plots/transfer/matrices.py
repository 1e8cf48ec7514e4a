"""Tables of source against target as heat maps; shares in [0, 1], printed in per cent."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from coursekit.plots.base import array, canvas, label

Names = Sequence[str]


def matrices(
    panels: Mapping[str, Tensor],
    sources: Names,
    targets: Names,
    controls: Mapping[str, Tensor] | None = None,
    title: str = "",
) -> Figure:
    """Heat maps side by side: sources are rows, targets columns.

    Args:
        panels: title → shares (sources, targets).
        sources, targets: names of the rows and columns.
        controls: name → shares (targets,), shown as further rows below a gap, in every panel.
        title: of the whole figure.
    """
    controls = controls or {}
    wide = 1.5 + 0.62 * len(targets)
    high = 1.2 + 0.5 * (len(sources) + len(controls) + bool(controls) * 0.4)
    figure, axes = canvas(1, len(panels), wide, high, title)
    for ax, (name, rates) in zip(axes, panels.items(), strict=True):
        _heat(ax, array(rates), 0.0)
        for row, values in enumerate(controls.values()):
            _heat(ax, array(values)[None], len(sources) + 0.4 + row)
        places = [*range(len(sources)), *(len(sources) + 0.4 + r for r in range(len(controls)))]
        ax.set_yticks(places, [*sources, *controls])
        ax.set_xticks(range(len(targets)), list(targets), rotation=_steep(targets))
        ax.set_ylim(places[-1] + 0.5, -0.5)
        ax.set_xlim(-0.5, len(targets) - 0.5)
        label(ax, name, "target", "source")
    return figure


def within(panels: Mapping[str, Tensor], parts: Names, title: str = "") -> Figure:
    """One technique a panel: source part against target part; the diagonal is the source itself."""
    figure, axes = canvas(1, len(panels), 2.05, 2.6, title)
    for number, (ax, (name, rates)) in enumerate(zip(axes, panels.items(), strict=True)):
        _heat(ax, array(rates), 0.0, size=8)
        ax.set_xticks(range(len(parts)), list(parts))
        ax.set_yticks(range(len(parts)), list(parts))
        ax.set_ylim(len(parts) - 0.5, -0.5)
        label(ax, name, "target's part", "source's part" if number == 0 else "")
    return figure


def _heat(axes: Axes, values: np.ndarray, top: float, size: int = 10) -> None:
    """Coloured cells with their per cent, the first row centred at `top`."""
    rows, columns = values.shape
    extent = (-0.5, columns - 0.5, top + rows - 0.5, top - 0.5)
    axes.imshow(values, vmin=0, vmax=1, cmap="Blues", extent=extent, aspect="auto")
    for i, j in np.ndindex(rows, columns):
        if np.isfinite(values[i, j]):
            colour = "white" if values[i, j] > 0.6 else "black"
            text = f"{100 * values[i, j]:.0f}"
            axes.text(j, top + i, text, ha="center", va="center", color=colour, fontsize=size)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _steep(names: Names) -> int:
    return 30 if max(map(len, names)) > 7 else 0
