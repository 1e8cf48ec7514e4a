"""The embedded default: real handwritten digits, drawn with a thicker or thinner pen.

scikit-learn carries 1,797 digits of 8×8 pixels (Alpaydin & Kaynak 1998, UCI Optical Recognition
of Handwritten Digits). They are divided into train and test *first*; only then is each rendered
several times to 28×28 with a slightly different slant, shape and stroke, so that no test image
is a rendering of a training original. The result looks like bold MNIST and needs no download.
"""

import math
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from coursekit.data.dataset import Dataset, Split, fixed_generator, stratified_split

TRAIN, TEST = 10_000, 2_000  # rendered images
TRAIN_SHARE = 2 / 3  # of the originals of each class
CHUNK = 1_000  # images rendered at a time: about 50 MB of working memory


def digits() -> Dataset:
    """The embedded data set: 10,000 train and 2,000 test images of shape (1, 28, 28).

    Pixels are multiples of 1/255, as in any image file. Division, renderings and order of the rows
    are always the same.

    Returns:
        A data set whose splits tell in `origin` which of scikit-learn's digits each row is.
    """
    rng = fixed_generator()
    images, y = originals()
    train, test = stratified_split(y, TRAIN_SHARE, rng)
    return Dataset(
        "digits",
        _rendered(images, y, train, TRAIN, rng),
        _rendered(images, y, test, TEST, rng),
        classes=tuple("0123456789"),
        note=f"Rendered from {len(train):,} train and {len(test):,} test originals.",
    )


def render(digits_8x8: Tensor, rng: torch.Generator) -> Tensor:
    """One random 28×28 rendering of each 8×8 original.

    Each is enlarged smoothly, moved by a random affine map (±10°, ±5 % shift, ±10 % scale, ±0.15
    shear) and an elastic field, and cut at a random grey level, which sets the stroke width.

    Args:
        digits_8x8: shape (n, 1, 8, 8), in [0, 1].
        rng: a CPU generator.

    Returns:
        Images of shape (n, 1, 28, 28) in [0, 1], in steps of 1/255.
    """
    n = len(digits_8x8)
    large = F.interpolate(digits_8x8, size=(44, 44), mode="bicubic", align_corners=False)
    pen = torch.cat([_affine(n, rng), _uniform((n, 2, 16), 0.05, rng)], 2) @ _basis()
    grid = pen.view(n, 2, 56, 56).permute(0, 2, 3, 1)
    moved = F.grid_sample(F.pad(large, (6, 6, 6, 6)), grid, align_corners=False)
    level = 0.52 + _uniform((n, 1, 1, 1), 0.10, rng)
    drawn = F.avg_pool2d(torch.sigmoid(20 * (moved - level)), 2)
    return (255 * drawn).round() / 255  # the sigmoid's tail of 3e-5 is no ink


def originals() -> tuple[Tensor, Tensor]:
    """scikit-learn's digits: images (1797, 1, 8, 8) in [0, 1] and labels (1797,).

    Its file is read without importing scikit-learn, which takes two seconds.
    """
    spec = find_spec("sklearn")
    assert spec and spec.submodule_search_locations  # scikit-learn is one of our requirements
    file = Path(spec.submodule_search_locations[0], "datasets", "data", "digits.csv.gz")
    table = np.loadtxt(file, delimiter=",")
    grey = torch.as_tensor(table[:, :-1].reshape(-1, 1, 8, 8), dtype=torch.float32) / 16
    return grey, torch.as_tensor(table[:, -1], dtype=torch.int64)


def _rendered(images: Tensor, y: Tensor, rows: Tensor, n: int, rng: torch.Generator) -> Split:
    """`n` renderings, each original used equally often (give or take one), in random order."""
    rows = rows[torch.randperm(len(rows), generator=rng)]
    origin = rows.repeat(math.ceil(n / len(rows)))[:n][torch.randperm(n, generator=rng)]
    x = torch.cat([render(images[part], rng) for part in origin.split(CHUNK)])
    return Split(x, y[origin], origin)


def _affine(n: int, rng: torch.Generator) -> Tensor:
    """`n` affine maps, shape (n, 2, 3): scale · rotation · shear, and a shift."""
    angle = _uniform((n,), math.radians(10), rng)
    scale = 1 + _uniform((n,), 0.10, rng)
    shear = _uniform((n,), 0.15, rng)
    shift = _uniform((n, 2, 1), 0.10, rng)  # 5 % of a width that affine_grid calls 2
    cos, sin = scale * angle.cos(), scale * angle.sin()
    matrix = torch.stack([cos, shear * cos - sin, sin, shear * sin + cos], 1).view(n, 2, 2)
    return torch.cat([matrix, shift], 2)


@cache
def _basis() -> Tensor:
    """The fields that a sampling grid is a weighted sum of, shape (19, 56·56).

    x, y and 1 carry the affine map; sixteen smooth bumps, one per knot of a 4×4 grid, the
    elastic one. One matrix product with them is several times quicker than `affine_grid`.
    """
    line = (torch.arange(56) + 0.5) / 28 - 1  # pixel centres on [−1, 1]
    y, x = torch.meshgrid(line, line, indexing="ij")
    knots = torch.eye(16).view(16, 1, 4, 4)
    bumps = F.interpolate(knots, size=(56, 56), mode="bicubic", align_corners=False)
    return torch.cat([torch.stack([x, y, torch.ones_like(x)]), bumps[:, 0]]).flatten(1)


def _uniform(shape: tuple[int, ...], width: float, rng: torch.Generator) -> Tensor:
    """Uniform in [−width, width]."""
    return width * (2 * torch.rand(shape, generator=rng) - 1)
