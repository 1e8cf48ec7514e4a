"""Floor 0. Classifiers: pixels in [0, 1] in, logits out. Normalisation is a layer inside them."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.types import Features, Images, Logits

Shape = tuple[int, int, int]  # channels, height, width


class Normalize(nn.Module):
    """(x − mean) / std for each channel.

    Inside the model, never before it: outside, an ε would be measured in units of std.

    Raises:
        CourseError: `mean` and `std` differ in length, or a std that is not positive.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float] | float, std: Sequence[float] | float) -> None:
        super().__init__()
        shift, scale = torch.as_tensor(mean).view(-1), torch.as_tensor(std).view(-1)
        require(
            len(shift) == len(scale) and bool((scale > 0).all()),
            f"mean was {mean} and std {std}; give one of each per channel, std above 0.",
        )
        self.register_buffer("mean", shift.float().view(-1, 1, 1))
        self.register_buffer("std", scale.float().view(-1, 1, 1))

    def forward(self, x: Images) -> Images:
        return (x - self.mean) / self.std


def initialise(model: nn.Module, rng: torch.Generator | None) -> None:
    """PyTorch's own initial weights, U(−1/√fan_in, 1/√fan_in), drawn from `rng` instead."""
    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            bound = layer.weight[0].numel() ** -0.5
            nn.init.uniform_(layer.weight, -bound, bound, generator=rng)
            if layer.bias is not None:
                nn.init.uniform_(layer.bias, -bound, bound, generator=rng)


class StridedCNN(nn.Module):
    """Two strided convolutions and a hidden layer: 99 % on MNIST within seconds on a CPU.

    Args:
        shape: (channels, height, width) of the images; both sides a multiple of 4.
        classes: how many logits.
        width: channels of the first convolution; the second has twice as many.
        hidden: size of the penultimate layer, whose activations are `features(x)`.
        rng: draws the initial weights.

    Raises:
        CourseError: a side that is not a multiple of 4.
    """

    def __init__(
        self,
        shape: Shape,
        classes: int,
        width: int = 16,
        hidden: int = 100,
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        c, h, w = shape
        require(h % 4 == 0 and w % 4 == 0, f"shape was {shape}; both sides must be multiples of 4.")
        self.body = nn.Sequential(
            Normalize([0.5] * c, [0.5] * c),
            nn.Conv2d(c, width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * width * (h // 4) * (w // 4), hidden),
            nn.ReLU(),
        )
        self.head = nn.Linear(hidden, classes)
        initialise(self, rng)

    def features(self, x: Images) -> Features:
        """Activations of the penultimate layer, (n, hidden): what FID compares."""
        return self.body(x)

    def forward(self, x: Images) -> Logits:
        return self.head(self.body(x))


class MLP(nn.Sequential):
    """Linear layers with an activation between them; the input is flattened.

    Args:
        sizes: from the number of inputs to the number of outputs, e.g. (784, 100, 10).
        activation: makes the non-linearity.
        rng: draws the initial weights.

    Raises:
        CourseError: fewer than two sizes.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: Callable[[], nn.Module] = nn.ReLU,
        rng: torch.Generator | None = None,
    ) -> None:
        require(len(sizes) >= 2, f"sizes was {tuple(sizes)}; give at least inputs and outputs.")
        layers: list[nn.Module] = [nn.Flatten()]
        for inputs, outputs in zip(sizes, sizes[1:], strict=False):
            layers += [nn.Linear(inputs, outputs), activation()]
        super().__init__(*layers[:-1])
        initialise(self, rng)


class Maxout(nn.Module):
    """Each unit is the largest of several linear functions (Goodfellow et al. 2013, §2)."""

    def __init__(self, inputs: int, outputs: int, pieces: int = 5) -> None:
        super().__init__()
        self.pieces = pieces
        self.linear = nn.Linear(inputs, outputs * pieces)

    def forward(self, x: Features) -> Tensor:
        return self.linear(x).unflatten(1, (-1, self.pieces)).amax(2)


class LinearClassifier(nn.Sequential):
    """Softmax regression: logits w·x + b. With `classes=1` the one logit of logistic regression."""

    def __init__(self, shape: Shape, classes: int, rng: torch.Generator | None = None) -> None:
        c, h, w = shape
        super().__init__(nn.Flatten(), nn.Linear(c * h * w, classes))
        initialise(self, rng)
