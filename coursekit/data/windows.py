"""A training set of two photographs: windows of them, each labelled by its place."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from coursekit.errors import require
from coursekit.types import Images


@dataclass(frozen=True, eq=False)
class Windows:
    """Draws for a `Stream`: (n, rng) -> windows (n, c, side, side) in [0, 1], and their places.

    Every photo is divided into rows × columns; the class of a window is the field that holds its
    middle. Windows differ in size (`zoom`, relative to `side`), in tint, contrast and brightness,
    so that the colour alone does not tell the place. Akin to Doersch, Gupta & Efros (2015), who
    ask where one window lies as seen from another.

    Args:
        photos: (k, c, h, w), pixels in [0, 1].
        names: one for each photo.
        rows, columns: fields of each photo.
        side: of the windows, in pixels.
        zoom: smallest and largest size of a window, as multiples of `side`.

    Raises:
        CourseError: not one name for each photo, or windows larger than the photos.
    """

    photos: Images
    names: tuple[str, ...]
    rows: int = 4
    columns: int = 6
    side: int = 48
    zoom: tuple[float, float] = (0.78, 1.57)

    def __post_init__(self) -> None:
        k, least = len(self.photos), min(self.photos.shape[2:])
        require(len(self.names) == k, f"names was {self.names}; give one for each of {k} photos.")
        largest = self.side * self.zoom[1]
        require(largest <= least, f"side was {self.side}; windows of {largest:.0f} do not fit.")

    @property
    def classes(self) -> tuple[str, ...]:
        """The name of each place: photo, row and column, counted from 1."""
        fields = [(r, c) for r in range(1, self.rows + 1) for c in range(1, self.columns + 1)]
        return tuple(f"{name} {r}·{c}" for name in self.names for r, c in fields)

    def field(self, place: int) -> Images:
        """The part of the photo that has this class, (1, c, h / rows, w / columns)."""
        which, rest = divmod(place, self.rows * self.columns)
        row, column = divmod(rest, self.columns)
        h, w = self.photos.shape[2] // self.rows, self.photos.shape[3] // self.columns
        part = self.photos[which : which + 1]
        return part[:, :, row * h : (row + 1) * h, column * w : (column + 1) * w]

    def __call__(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        which, middle, half = self._where(n, rng)
        h, w = self.photos.shape[2:]
        x = self._cut(which, middle, half)
        row = (middle[:, 0] / h * self.rows).long()
        column = (middle[:, 1] / w * self.columns).long()
        return tinted(x, rng), (which * self.rows + row) * self.columns + column

    def _where(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Photo, middle (y, x) and half the side of each window, in pixels of the photo."""
        which = torch.randint(len(self.photos), (n,), generator=rng)
        low, high = torch.tensor(self.zoom).log()
        half = self.side / 2 * (low + (high - low) * torch.rand(n, generator=rng)).exp()
        size = torch.tensor(self.photos.shape[2:])
        middle = half[:, None] + torch.rand(n, 2, generator=rng) * (size - 2 * half[:, None])
        return which, middle, half

    def _cut(self, which: Tensor, middle: Tensor, half: Tensor) -> Tensor:
        """The windows, resampled to the same side."""
        h, w = self.photos.shape[2:]
        steps = (torch.arange(self.side) + 0.5) / self.side * 2 - 1
        y = (middle[:, :1] + half[:, None] * steps) / h * 2 - 1
        x = (middle[:, 1:] + half[:, None] * steps) / w * 2 - 1
        grid = torch.stack([x[:, None, :].expand(-1, self.side, -1),
                            y[:, :, None].expand(-1, -1, self.side)], -1)  # fmt: skip
        found = torch.empty(len(which), self.photos.shape[1], self.side, self.side)
        for k, photo in enumerate(self.photos):
            mine = which == k
            same = photo.expand(int(mine.sum()), -1, -1, -1)
            found[mine] = F.grid_sample(same, grid[mine], align_corners=False)
        return found


def tinted(x: Images, rng: torch.Generator) -> Images:
    """Colours pale or strong, each channel ± 30 % stronger, all ± 0.15 brighter; in [0, 1]."""
    n, c = x.shape[:2]

    def draw(channels: int) -> Tensor:
        return torch.rand(n, channels, 1, 1, generator=rng)

    grey = x.mean(1, keepdim=True)
    coloured = grey + 1.3 * draw(1) * (x - grey)
    gain, shift = 0.7 + 0.6 * draw(c), 0.3 * draw(1) - 0.15
    return (coloured * gain + shift).clamp(0, 1)
