"""Artefacts that the eye sees as texture, found where they cannot hide: in the spectrum."""

import torch
from jaxtyping import Float
from torch import Tensor

from coursekit.errors import require
from coursekit.types import Images


def power_spectrum(x: Images) -> Float[Tensor, "h w"]:
    """Mean power |F|² of each spatial frequency, without the constant; zero in the middle.

    Rows and columns are frequencies from −½ to ½ cycles per pixel.
    """
    power = torch.fft.fft2(x - x.mean((2, 3), keepdim=True)).abs().square().mean((0, 1))
    return torch.fft.fftshift(power)


def checkerboard(x: Images) -> float:
    """Share of the power at ½ cycle per pixel, across or down: what repeats every two pixels.

    An upsampling by 2 whose kernel its stride does not divide treats even and odd pixels
    differently, and leaves its mark there (Odena et al. 2016).

    Raises:
        CourseError: a side that is odd, and so has no such frequency.
    """
    h, w = x.shape[2:]
    require(h % 2 == 0 and w % 2 == 0, f"x is {h} × {w}; both sides must be even.")
    power = power_spectrum(x)
    finest = power[0].sum() + power[:, 0].sum() - power[0, 0]
    return float(finest / power.sum())
