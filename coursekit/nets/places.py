"""The network of 01: where in a photograph does this window lie?"""

import torch
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.nets.classifiers import Normalize, initialise
from coursekit.types import Features, Images, Logits


class PlaceNet(nn.Module):
    """Six convolutions and a linear head, for images of any size from 16 × 16.

    `stages[k]` is a convolution with BatchNorm and ReLU. The second, third and fifth begin by
    halving both sides, by averages and not by strides: the gradient of a strided convolution with
    respect to the image carries a chequerboard (Odena et al. 2016).

    Args:
        classes: how many logits, one for each place.
        widths: channels of the six stages.
        rng: draws the initial weights.

    Raises:
        CourseError: not six widths.
    """

    def __init__(
        self,
        classes: int,
        widths: tuple[int, ...] = (16, 32, 64, 64, 96, 128),
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        require(len(widths) == 6, f"widths was {widths}; there are six stages.")
        self.look = Normalize([0.5] * 3, [0.25] * 3)
        ins, sides, halves = (3, *widths[:-1]), (5, 3, 3, 3, 3, 3), (0, 1, 1, 0, 1, 0)
        self.stages = nn.Sequential(
            *(_stage(*each) for each in zip(ins, widths, sides, halves, strict=True))
        )
        self.head = nn.Linear(widths[-1], classes)
        initialise(self, rng)

    def features(self, x: Images) -> Features:
        """Activations of the last stage, averaged over all places, (n, widths[-1])."""
        found: Tensor = self.stages(self.look(x))
        return found.mean((2, 3))

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))


def _stage(inputs: int, outputs: int, side: int, halve: int) -> nn.Sequential:
    pool = [nn.AvgPool2d(2)] if halve else []
    convolution = nn.Conv2d(inputs, outputs, side, padding=side // 2, bias=False)
    return nn.Sequential(*pool, convolution, nn.BatchNorm2d(outputs), nn.ReLU())
