"""The figures of 01."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from torch import Tensor

from coursekit.plots import array, canvas, label, picture
from coursekit.plots.colours import BLUE, PALETTE

DPI = 100  # at which figures become pictures
LINES = ("-", "--", ":", "-", "--", "-.", ":")  # so that variants differ not by colour alone
BAND: Any = {"ha": "center", "va": "top", "fontsize": 9}  # a word at the top of a shaded band


def sheet(
    rows: Mapping[str, Sequence[Tensor]],
    captions: Mapping[str, Sequence[str]] | Sequence[str] = (),
    title: str = "",
    inch: float = 1.3,
) -> Figure:
    """Rows of images, each row with its name at the left.

    Args:
        rows: name → images (1, c, h, w) or (c, h, w), pixels in [0, 1]; all of about one shape.
        captions: above each image of every row, or by row; a sequence is put above the first row.
        title: of the figure.
        inch: width of one image.
    """
    first = next(iter(rows))
    by_row = captions if isinstance(captions, Mapping) else {first: captions}
    columns = max(len(images) for images in rows.values())
    h, w = rows[first][0].shape[-2:]
    height = inch * h / w + (0.24 if captions else 0.04)
    figure, axes = canvas(len(rows), columns, inch, height, title)
    if title:  # the canvas leaves no room for it
        figure.set_size_inches(columns * inch + 0.3, len(rows) * height + 0.35)
    for ax in axes:
        ax.set_axis_off()
    for row, (name, images) in enumerate(rows.items()):
        words = list(by_row.get(name, ())) + [""] * len(images)
        for column, image in enumerate(images):
            ax = picture(axes[row * columns + column], image.reshape(image.shape[-3:]))
            ax.set_title(words[column], loc="center", fontsize=9)
        ax = axes[row * columns]
        place: Any = {"ha": "right", "va": "center", "rotation": 90, "fontsize": 10}
        ax.text(-0.04, 0.5, name, transform=ax.transAxes, **place)
    return figure


def grid(
    images: Sequence[Tensor],
    captions: Sequence[str],
    title: str = "",
    columns: int = 2,
    inch: float = 4.4,
) -> Figure:
    """Large pictures in reading order, each under its caption; images as in `sheet`."""
    starts = range(0, len(images), columns)
    rows = {" " * k: images[k : k + columns] for k in starts}  # names that do not show
    return sheet(rows, {" " * k: captions[k : k + columns] for k in starts}, title, inch)


def crops(
    images: Sequence[Tensor],
    captions: Sequence[str],
    corner: tuple[int, int],
    side: int,
    times: int = 3,
    columns: int = 4,
) -> Figure:
    """One place of each image, each of its pixels as a square of `times` × `times` pixels.

    Args:
        images: (1, c, h, w), pixels in [0, 1].
        captions: above each.
        corner: row and column of the first pixel of the place.
        side: of the place, in pixels of the images.
        times: by how much it is enlarged, without any smoothing.
        columns: in a row of the figure.
    """
    gap, head, wide = 8, 24, side * times  # pixels
    w, h = columns * (wide + gap) + gap, -(-len(images) // columns) * (wide + head) + gap
    figure = Figure(figsize=(w / DPI, h / DPI))
    top, left = corner
    for k, (image, caption) in enumerate(zip(images, captions, strict=True)):
        row, column = divmod(k, columns)
        x, y = gap + column * (wide + gap), h - (row + 1) * (wide + head)
        axes = figure.add_axes((x / w, y / h, wide / w, wide / h))
        picture(axes, image[0, :, top : top + side, left : left + side], caption)
    return figure


def frame(image: Tensor) -> Figure:
    """One picture of a film, to the pixel and without margins; image (1, c, h, w)."""
    h, w = image.shape[-2:]
    figure = Figure(figsize=(w / DPI, h / DPI))
    axes = figure.add_axes((0, 0, 1, 1))
    picture(axes, image[0])
    return figure


def dream_widget(photo: Tensor, dreamt: Tensor, trace: Tensor, what: str) -> Figure:
    """The photo, the dream, and the objective where each step began."""
    figure, (left, middle, right) = canvas(1, 3, width=3.0, height=2.4)
    picture(left, photo[0], "the photo")
    picture(middle, dreamt[0], what)
    right.plot(array(trace), color=BLUE)
    label(right, "Objective", "step, all octaves", "value (its own unit)")
    return figure


def ablation(
    traces: Mapping[str, Tensor],
    spectra: Mapping[str, tuple[Tensor, Tensor]],
    layer: str,
    larger: Sequence[int] = (),
) -> Figure:
    """The objective against the step, and the radial power spectrum of what was added.

    Args:
        traces: variant → objective at each step; a variant may lack one, as a control does.
        spectra: variant → frequencies (cycles per pixel) and power, as `radial_power` returns.
        layer: whose mean square the objective is, for the axis.
        larger: steps at which the octaves go on to a larger copy, to be marked.
    """
    figure, (left, right) = canvas(1, 2, width=5.0, height=3.6)
    for step in larger:
        left.axvline(step - 0.5, ymin=0.32, color="#999999", linewidth=0.8, zorder=1)
    looks = zip(PALETTE, LINES, spectra.items(), strict=False)
    for k, (colour, style, (name, (frequency, power))) in enumerate(looks):
        how: Any = {"color": colour, "label": name}
        if name in traces:  # the first on top, should two agree
            left.plot(array(traces[name]), style, zorder=3 - 0.1 * k, **how)
        share = array(power * frequency) / float((power * frequency).sum())  # a ring's area grows
        right.plot(array(frequency), share, style, **how)
    left.set_yscale("log")
    bottom, top = left.get_ylim()
    left.set_ylim(bottom**1.35 / top**0.35, top)  # room for the legend
    left.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    left.yaxis.set_minor_formatter(lambda value, _: f"{value:g}" * (f"{value:g}"[0] in "25"))
    title = "Objective (lines: a larger octave)" if larger else "Objective"
    label(left, title, "step, counted through all octaves", f"mean square of {layer} (log)")
    right.set_xscale("log")
    right.set_yscale("log")
    ticks = (1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2)
    right.xaxis.set_major_locator(FixedLocator(ticks))
    right.xaxis.set_minor_locator(NullLocator())
    right.set_xticklabels([f"1/{round(1 / tick)}" for tick in ticks])
    rings = "share of power per ring (log)"
    label(right, "Spectrum of what was added", "frequency, cycles per pixel (log)", rings)
    right.axvspan(0.25, 0.5, color="#eeeeee", zorder=0)
    right.text(0.354, 0.98, "fine grain", transform=right.get_xaxis_transform(), **BAND)
    place: Any = {"frameon": False, "fontsize": 9}
    left.legend(loc="lower right", ncols=2, **place)
    controls = [line for line in right.get_lines() if line.get_label() not in traces]
    if controls:  # of which the left panel shows nothing
        right.legend(handles=controls, loc="lower left", **place)
    return figure
