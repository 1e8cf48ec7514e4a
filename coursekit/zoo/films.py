"""Films made sharp, frame by frame or with a memory: network, objective, batches and measure."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.data import Dataset, Film, Sampler, Split, moving_digits, warp, warping_error
from coursekit.errors import require
from coursekit.metrics import gradient_energy
from coursekit.nets import Generator, UNet
from coursekit.zoo.figures import Figures, as_figures

FRAMES = 3  # of a film in a batch


class FilmTranslator(Generator):
    """Coarse frames (n, t, h, w) → sharp frames of the same shape, by one U-Net for all of them.

    Args:
        shape: (channels, height, width) of one frame, of one channel.
        previous: whether the U-Net is also shown what it made of the frame before; before the first
            that is black. Otherwise no frame knows of another.
        rng: draws the initial weights.
        how: of the U-Net, as for `UNet`; it has no noise.
    """

    def __init__(
        self, shape: tuple[int, int, int], previous: bool = False, rng: Any = None, **how: Any
    ) -> None:
        super().__init__()
        self.noise_dim, self.previous = 0, previous
        self.frame = UNet(shape, inputs=1 + previous, noise="none", rng=rng, **how)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        if not self.previous:
            each = z.repeat_interleave(y.shape[1], 0)  # of no numbers, but a row for each frame
            return self.frame(each, y.flatten(0, 1)[:, None]).view_as(y)
        made = [torch.zeros_like(y[:, :1])]
        for now in y.split(1, 1):
            made.append(self.frame(z, torch.cat([now, made[-1]], 1)))
        return torch.cat(made[1:], 1)


@dataclass(frozen=True)
class film_error:
    """‖G(y) − x‖₁ + λ·M‖G(y)_t − warp(G(y)_(t−1))‖₁, means over pixels.

    The second term is the short-term temporal loss of Lai et al. 2018 (eq. 3), for a flow that is
    known exactly; M is 1 where the content of the later frame could be seen in the earlier one.

    Args:
        flow: λ, at least 0.
        masked: False leaves the mask out: hidden and uncovered pixels count too.

    Raises:
        CourseError: a negative weight.
    """

    flow: float = 0.0
    masked: bool = True

    def __post_init__(self) -> None:
        require(self.flow >= 0, f"flow was {self.flow}; a weight is at least 0.")

    def __call__(
        self, model: Any, x: Tensor, y: Tensor, rng: torch.Generator, progress: float
    ) -> Tensor:
        """`x` holds the frames (n, t, h, w), and `y` what `pack` put together."""
        coarse, flow, visible = unpack(y)
        made = model(model.noise(len(x), rng), coarse)
        lost = F.l1_loss(made, x)
        if self.flow == 0:
            return lost
        moved = warp(made[:, :-1].flatten(0, 1)[:, None], flow.flatten(0, 1))
        mask = visible.flatten(0, 1) if self.masked else torch.ones_like(moved)
        flicker = (moved - made[:, 1:].flatten(0, 1)[:, None]).abs() * mask
        return lost + self.flow * flicker.sum() / mask.sum()


def coarse_frames(frames: Tensor, factor: int = 4) -> Tensor:
    """Frames (n, t, h, w) as means over squares of `factor` pixels a side, at the same size."""
    return F.interpolate(F.avg_pool2d(frames, factor), scale_factor=factor)


def pack(film: Film) -> Tensor:
    """What the objective is given of a film, as 4t − 3 channels: t coarse frames, the flows to the
    right and down, and where they lead to what could be seen."""
    parts = (coarse_frames(film.frames[:, :, 0]), film.flow.flatten(1, 2), film.visible[:, :, 0])
    return torch.cat([part.float() for part in parts], 1)


def unpack(y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Coarse frames (n, t, h, w), flow (n, t − 1, 2, h, w), visible (n, t − 1, 1, h, w)."""
    t = (y.shape[1] + 3) // 4
    coarse, flow, visible = y.split((t, 2 * (t - 1), t - 1), 1)
    return coarse, flow.unflatten(1, (t - 1, 2)), visible[:, :, None]


def film_batches(split: Split, size: int, rng: torch.Generator) -> Sampler:
    """Endless batches of films of `FRAMES` frames: x their frames, y of `pack`."""

    def draw(n: int, own: torch.Generator) -> tuple[Tensor, Tensor]:
        film = moving_digits(split, n, own, FRAMES, side=split.x.shape[-1])
        return film.frames[:, :, 0], pack(film)

    return Sampler(draw, size, rng, split.x.device)


@torch.no_grad()
def measure_films(
    G: Generator, data: Dataset, features: nn.Module | None, n: int, rng: torch.Generator
) -> Figures:
    """Of `n` films of 8 frames with digits of the test images: the warping error (of the true film
    it is 0) and that of the coarse film, the mean absolute error, and the gradient energy as a
    share of the true film's."""
    film = moving_digits(data.test, n, rng, side=data.test.x.shape[-1])
    true, coarse = film.frames, coarse_frames(film.frames[:, :, 0])
    device = next(G.parameters()).device
    made = G.sample(n, rng, coarse.to(device)).cpu()[:, :, None]
    known = film.flow, film.visible
    error = float(warping_error(made, *known))
    energy = gradient_energy(made.flatten(0, 1)).mean() / gradient_energy(true.flatten(0, 1)).mean()
    before = float(warping_error(coarse[:, :, None], *known))
    values = {
        "warping_error": (error, 0.05 * error),
        "warping_error_of_input": (before, 0.05 * before),
        "absolute_error": (float((made - true).abs().mean()), 0.001),
        "gradient_energy": (float(energy), 0.02),
    }
    return as_figures(values, n)
