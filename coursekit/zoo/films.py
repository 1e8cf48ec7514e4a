"""Films made sharp: what the translator learns by, and how steady its films are."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.data import Dataset, moving_digits, warp, warping_error
from coursekit.errors import require
from coursekit.metrics import gradient_energy
from coursekit.nets import Generator
from coursekit.zoo.figures import Figures, as_figures
from coursekit.zoo.tasks import low_resolution, unpack


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


@torch.no_grad()
def measure_films(
    G: Generator, data: Dataset, features: nn.Module | None, n: int, rng: torch.Generator
) -> Figures:
    """Of `n` films of 8 frames with digits of the test images: the warping error (of the true film
    it is 0) and that of the coarse film, the mean absolute error, and the gradient energy as a
    share of the true film's."""
    film = moving_digits(data.test, n, rng, side=data.test.x.shape[-1])
    true, coarse = film.frames, low_resolution(film.frames[:, :, 0])
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
