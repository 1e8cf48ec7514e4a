"""Artefacts that the eye sees as texture, found where they cannot hide: in the spectrum."""

import torch
from jaxtyping import Float
from torch import Tensor

from coursekit.errors import require
from coursekit.types import Images, PerExample


def power_spectrum(x: Images) -> Float[Tensor, "h w"]:
    """Mean power |F|² of each spatial frequency, without the constant; zero in the middle.

    Rows and columns are frequencies from −½ to ½ cycles per pixel.
    """
    return torch.fft.fftshift(_power(x).mean(0))


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


def radial_power(x: Images, bins: int = 24) -> tuple[Tensor, Tensor]:
    """The power spectrum, averaged over directions, channels and images.

    Args:
        x: pictures or differences of pictures, (n, c, h, w).
        bins: rings between 0 and ½ cycle per pixel, the finest grain that pixels can hold.

    Returns:
        The frequency in the middle of each ring, (bins,), and the mean power in it, (bins,).
    """
    power, radius = _windowed(x), _radius(x)
    ring = (radius * 2 * bins).long()
    inside = ring < bins
    total = torch.zeros(bins, dtype=power.dtype).index_add(0, ring[inside], power.mean(0)[inside])
    count = torch.bincount(ring[inside], minlength=bins).clamp_min(1)
    return (torch.arange(bins, dtype=power.dtype) + 0.5) / (2 * bins), total / count


def high_freq_fraction(x: Images, above: float = 0.25) -> PerExample:
    """The share of each picture's power at wavelengths shorter than 1/`above` pixels, (n,)."""
    power, radius = _windowed(x), _radius(x)
    return power[:, radius > above].sum(1) / power.flatten(1).sum(1).clamp_min(1e-30)


def _windowed(x: Images) -> Tensor:
    """Power (n, h, w) under a Hann window, which fades the edges out.

    Opposite edges do not match, and the jump between them would count as power at all frequencies.
    """
    h, w = x.shape[2:]
    rows, columns = (torch.hann_window(side, dtype=torch.float64) for side in (h, w))
    return _power(x.detach().double().cpu(), torch.outer(rows, columns))


def _power(x: Images, window: Tensor | float = 1.0) -> Tensor:
    """Power (n, h, w) of each spatial frequency, without the mean of each channel."""
    centred = (x - x.mean((2, 3), keepdim=True)) * window
    return torch.fft.fft2(centred).abs().square().mean(1)


def _radius(x: Images) -> Tensor:
    """The frequency of each coefficient in cycles per pixel, (h, w)."""
    rows, columns = (torch.fft.fftfreq(side, dtype=torch.float64) for side in x.shape[2:])
    return torch.hypot(rows[:, None], columns)
