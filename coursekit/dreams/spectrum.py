"""How much of a picture is fine grain: power against spatial frequency, in cycles per pixel."""

import torch
from torch import Tensor

from coursekit.types import Images, PerExample


def radial_power(x: Images, bins: int = 24) -> tuple[Tensor, Tensor]:
    """The power spectrum, averaged over directions, channels and images.

    Args:
        x: pictures or differences of pictures, (n, c, h, w).
        bins: rings between 0 and ½ cycle per pixel, the finest grain that pixels can hold.

    Returns:
        The frequency in the middle of each ring, (bins,), and the mean power in it, (bins,).
    """
    power, radius = _power(x)
    ring = (radius * 2 * bins).long()
    inside = ring < bins
    total = torch.zeros(bins, dtype=power.dtype).index_add(0, ring[inside], power.mean(0)[inside])
    count = torch.bincount(ring[inside], minlength=bins).clamp_min(1)
    return (torch.arange(bins, dtype=power.dtype) + 0.5) / (2 * bins), total / count


def high_share(x: Images, above: float = 0.25) -> PerExample:
    """The share of each picture's power at wavelengths shorter than 1/`above` pixels, (n,)."""
    power, radius = _power(x)
    return power[:, radius > above].sum(1) / power.flatten(1).sum(1).clamp_min(1e-30)


def _power(x: Tensor) -> tuple[Tensor, Tensor]:
    """Power (n, h, w), without the mean of each channel, and the frequency of each coefficient.

    A Hann window fades the edges out: opposite edges do not match, and the jump between them would
    count as power at all frequencies.
    """
    x = x.detach().double().cpu()
    h, w = x.shape[2:]
    window = torch.outer(*(torch.hann_window(side, dtype=x.dtype) for side in (h, w)))
    faded = (x - x.mean((2, 3), keepdim=True)) * window
    power = torch.fft.fft2(faded).abs().square().mean(1)
    y, x_ = torch.fft.fftfreq(h).double(), torch.fft.fftfreq(w).double()
    return power, torch.hypot(y[:, None], x_[None, :])
