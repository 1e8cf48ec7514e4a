"""Aids to transfer: adversarial examples made on one model that shall fool another.

Both are handed to `pgd`, usually with `early_stop=False`.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from coursekit.errors import require
from coursekit.threats import Streams


def input_diversity(low: float = 0.9, p: float = 0.5) -> Callable[[Tensor, Streams], Tensor]:
    """Show the model images that are randomly shrunk and padded (Xie et al. 2019, §3.2).

    With probability p an image of height H is resized (nearest neighbour, as in the authors' code)
    to a height drawn evenly from the whole numbers from low·H to H, its width in proportion, and
    padded with 0 to its old size, at a place drawn evenly. The paper has 299 to 330 pixels, which
    is a `low` of 0.9, and p = 0.5.

    Args:
        low: the least height as a share of H, in (0, 1].
        p: the share of the images that are changed, in [0, 1].

    Returns:
        For `pgd(transform=...)`: (images, their streams) -> images of the same shape,
        differentiable.

    Raises:
        CourseError: `low` or `p` outside its range.
    """
    require(0 < low <= 1, f"low was {low}; it must lie in (0, 1].")
    require(0 <= p <= 1, f"p was {p}; it must lie in [0, 1].")

    def transform(x: Tensor, rng: Streams) -> Tensor:
        height, width = x.shape[2:]
        least = max(1, round(low * height))
        changed, size, top, left = rng.rand(4).to(x.device).unbind(1)
        h = torch.where(changed < p, least + (size * (height - least + 1)).long(), height)
        w = (h * width / height).round().long().clamp_min(1)
        rows, covered = _source(h, (top * (height - h + 1)).long(), height)
        columns, across = _source(w, (left * (width - w + 1)).long(), width)
        one = torch.arange(len(x), device=x.device)[:, None, None]
        shrunk = x.movedim(1, 3)[one, rows[:, :, None], columns[:, None, :]].movedim(3, 1)
        return shrunk * (covered[:, None, :, None] & across[:, None, None, :])

    return transform


def _source(length: Tensor, begin: Tensor, full: int) -> tuple[Tensor, Tensor]:
    """Which of `full` lines each line shows, if they are shrunk to `length` from line `begin` on.

    Returns:
        The lines shown, (n, full), and where one is shown.
    """
    line = torch.arange(full, device=length.device) - begin[:, None]
    inside = (line >= 0) & (line < length[:, None])
    return (line * full // length[:, None]).clamp(0, full - 1), inside


def translation_invariance(
    kernel: int = 15, sigma: float | None = None
) -> Callable[[Tensor], Tensor]:
    """Blur each gradient with a Gaussian (Dong et al. 2019, §3.3).

    That is nearly the mean of the gradients of all shifted copies of the image (their eq. 7), and
    makes examples less tied to the model they were made on.

    Args:
        kernel: pixels in a row of the kernel, odd.
        sigma: standard deviation in pixels, above 0; by default (kernel − 1) / 6, so that the
            kernel ends at 3σ, as in the authors' code.

    Returns:
        For `pgd(gradient_filter=...)`: gradients (n, c, h, w) -> gradients, each channel for
        itself, with zeros beyond the border.

    Raises:
        CourseError: `kernel` is not odd or below 1, or `sigma` not above 0.
    """
    require(
        kernel >= 1 and kernel % 2 == 1, f"kernel was {kernel}; it must be odd, and at least 1."
    )
    sigma = max(kernel - 1, 1) / 6 if sigma is None else sigma
    require(sigma > 0, f"sigma was {sigma}; it must be above 0.")
    at = torch.arange(kernel) - kernel // 2
    line = torch.exp(-(at**2) / (2 * sigma**2))
    square = torch.outer(line, line) / line.sum() ** 2

    def blur(gradient: Tensor) -> Tensor:
        channels = gradient.shape[1]
        weight = square.to(gradient).expand(channels, 1, kernel, kernel)
        return F.conv2d(gradient, weight, padding=kernel // 2, groups=channels)

    return blur
