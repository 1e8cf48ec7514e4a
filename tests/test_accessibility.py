"""For every reader: colours that any eye tells apart, axes with names, pictures with words."""

import ast
import itertools
from pathlib import Path

import nbformat
import numpy as np
import pytest

from coursekit.plots.colours import PALETTE

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))

# Machado, Oliveira & Fernandes 2009, "A physiologically-based model for simulation of color vision
# deficiency", IEEE TVCG 15(6), the matrices for severity 1.0; they act on linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
# IEC 61966-2-1: linear sRGB to CIE XYZ, white D65
XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
WHITE = np.array([0.95047, 1.0, 1.08883])
# CIE76 distance in CIELAB. 2.3 is just noticeable (Mahy et al. 1994); thin lines want several times
# that. The palette's nearest pair has 16; matplotlib's default, the control below, has 5 and 7.
APART = 12.0
TAB10 = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f"]


def cielab(colour, sight):
    """A colour "#rrggbb" in CIELAB, as somebody with this sight sees it."""
    coded = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    t = XYZ @ np.clip(SIGHT[sight] @ linear, 0, 1) / WHITE
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def nearest(colours, sight):
    """The distance of the two colours that look most alike."""
    seen = [cielab(colour, sight) for colour in colours]
    return min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2))


@pytest.mark.parametrize("sight", SIGHT)
def test_every_two_colours_of_the_palette_are_told_apart(sight):
    assert len(set(PALETTE)) == 8
    assert nearest(PALETTE, sight) > APART


def test_the_test_above_would_refuse_an_ordinary_palette():
    assert nearest(TAB10, "normal") > APART
    assert nearest(TAB10, "protanopia") < APART and nearest(TAB10, "deuteranopia") < APART


def test_the_simulation_keeps_greys_and_confuses_red_with_green():
    for sight in SIGHT:
        grey = cielab("#808080", sight)
        assert abs(grey[1:]).max() < 2.5  # the published matrices keep greys but for rounding
    gap = np.linalg.norm(cielab("#d62728", "deuteranopia") - cielab("#2ca02c", "deuteranopia"))
    assert gap < 8 < 100 < np.linalg.norm(cielab("#d62728", "normal") - cielab("#2ca02c", "normal"))


# Axes

NAMED = {"set_xlabel", "set_ylabel", "supxlabel", "supylabel", "set_axis_off", "picture", "gallery"}
NAMED |= {"_square"}  # of 05: a map of the plane without ticks; its coordinates have no names


def called(function):
    """The names of what a function calls; `label` only where it names an axis."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            words = [*node.args[2:], *(k.value for k in node.keywords if k.arg in ("x", "y"))]
            empty = all(isinstance(w, ast.Constant) and not w.value for w in words)
            if name != "label" or not empty:
                yield name
            if name == "set" and {"xlabel", "ylabel"} & {k.arg for k in node.keywords}:
                yield "set_xlabel"


def figures():
    """Every function of `coursekit.plots` that makes a figure, with all that it calls in turn."""
    for path in sorted((ROOT / "coursekit" / "plots").rglob("*.py")):
        if path.name == "base.py":
            continue
        nodes = ast.walk(ast.parse(path.read_text()))
        own = {n.name: set(called(n)) for n in nodes if isinstance(n, ast.FunctionDef)}
        for name in own:
            calls, fresh = set(own[name]), own[name]
            while fresh:
                fresh = set().union(*(own.get(call, set()) for call in fresh)) - calls
                calls |= fresh
            if "canvas" in own[name]:
                yield f"{path.parent.name}/{path.stem}.{name}", calls


FIGURES = dict(figures())


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_names_its_axes_or_has_none(name):
    assert FIGURES[name] & (NAMED | {"label"}), f"{name}: which axes are these?"


def test_the_figures_were_found():
    assert len(FIGURES) > 40


# Words


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_stored_picture_says_what_it_shows(path):
    """A sentence of its own: no two pictures of a lecture are described alike."""
    cells = [c for c in nbformat.read(path, 4).cells if c.cell_type == "code"]
    outputs = [output for cell in cells for output in cell.outputs]
    words = [
        output.metadata.get(mime, {}).get("alt", "")
        for output in outputs
        for mime in output.get("data", {})
        if mime.startswith("image/")
    ]
    assert words and all(len(text.split()) >= 5 for text in words)
    assert len(set(words)) == len(words)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_pictures_in_the_text_have_words_too(path):
    for cell in nbformat.read(path, 4).cells:
        if cell.cell_type == "markdown":
            assert "![](" not in cell.source
            assert cell.source.count("<img") == cell.source.count("alt=")
