"""Floor 0. Ways to double the sides of a map, for a generator: `double=resize_convolution`."""

from functools import partial

from torch import nn


def deconvolution(inputs: int, outputs: int, kernel: int = 4) -> nn.Module:
    """A transposed convolution with stride 2.

    Each output pixel is the sum of those kernel entries that land on it. With kernel 4 every pixel
    gets 2 × 2 of them; with kernel 3, which 2 does not divide, odd and even pixels get different
    numbers: a checkerboard (Odena et al. 2016, "Deconvolution and Checkerboard Artifacts").
    """
    padding = (kernel - 1) // 2
    spare = kernel % 2  # an odd kernel falls one pixel short of twice the size
    return nn.ConvTranspose2d(inputs, outputs, kernel, 2, padding, output_padding=spare)


def resize_convolution(inputs: int, outputs: int) -> nn.Module:
    """Nearest-neighbour resizing, then an ordinary convolution: Odena et al.'s cure."""
    return nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(inputs, outputs, 3, padding=1))


uneven_deconvolution = partial(deconvolution, kernel=3)
