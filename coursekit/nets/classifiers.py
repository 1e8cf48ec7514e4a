"""Classifiers: linear, MLP, maxout, convolutional, residual, and some that mask gradients."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.types import Features, Images, Logits, Rng

Shape = tuple[int, int, int]  # channels, height, width


def check_multiple(shape: Shape, factor: int) -> Shape:
    """The shape, if both sides can be halved as often as the network halves them.

    Raises:
        CourseError: a side that is no multiple of `factor`.
    """
    _, h, w = shape
    fits = h % factor == 0 and w % factor == 0
    require(fits, f"shape was {shape}; both sides must be multiples of {factor}.")
    return shape


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


def initialise(model: nn.Module, rng: Rng) -> None:
    """PyTorch's own initial weights, U(−1/√fan_in, 1/√fan_in), drawn from `rng` instead."""
    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            bound = layer.weight[0].numel() ** -0.5
            nn.init.uniform_(layer.weight, -bound, bound, generator=rng)
            if layer.bias is not None:
                nn.init.uniform_(layer.bias, -bound, bound, generator=rng)


def he_(model: nn.Module, rng: Rng) -> None:
    """N(0, 2/fan_in) for weights, 0 for biases: maps keep their size from layer to layer (He et al.
    2015, eq. 10), and no bias drowns what is small."""
    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.normal_(layer.weight, 0.0, (2 / layer.weight[0].numel()) ** 0.5, generator=rng)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


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
        self, shape: Shape, classes: int, width: int = 16, hidden: int = 100, rng: Rng = None
    ) -> None:
        super().__init__()
        c, h, w = check_multiple(shape, 4)
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
        self, sizes: Sequence[int], activation: Callable[[], nn.Module] = nn.ReLU, rng: Rng = None
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

    def __init__(self, shape: Shape, classes: int, rng: Rng = None) -> None:
        c, h, w = shape
        super().__init__(nn.Flatten(), nn.Linear(c * h * w, classes))
        initialise(self, rng)


class PooledCNN(nn.Module):
    """Five 3×3 convolutions with max pooling, as in the networks of 2012 to 2014.

    Args:
        shape: (channels, height, width) of the images; both sides a multiple of 4.
        classes: how many logits.
        width: channels of the first convolution; doubled after each pooling.
        rng: draws the initial weights.

    Raises:
        CourseError: a side that is not a multiple of 4.
    """

    def __init__(self, shape: Shape, classes: int, width: int = 8, rng: Rng = None) -> None:
        super().__init__()
        c, h, w = check_multiple(shape, 4)
        self.body = nn.Sequential(
            Normalize([0.5] * c, [0.5] * c),
            *_convolution(c, width),
            nn.MaxPool2d(2),
            *_convolution(width, 2 * width),
            *_convolution(2 * width, 2 * width),
            nn.MaxPool2d(2),
            *_convolution(2 * width, 4 * width),
            *_convolution(4 * width, 4 * width),
            nn.Flatten(),
            nn.Linear(4 * width * (h // 4) * (w // 4), classes),
        )
        initialise(self, rng)

    def forward(self, x: Images) -> Logits:
        return self.body(x)


class VGGSmall(nn.Module):
    """Three pairs of 3×3 convolutions with batch normalisation, pooling, and an average at the end.

    A small network in the manner of Simonyan & Zisserman 2015, with the global average pooling of
    Lin, Chen & Yan 2014 (§3.2) in place of large linear layers.

    Args:
        shape, classes, rng: as for `PooledCNN`.
        width: channels of the first pair; doubled after each pooling.

    Raises:
        CourseError: a side that is not a multiple of 4.
    """

    def __init__(self, shape: Shape, classes: int, width: int = 32, rng: Rng = None) -> None:
        super().__init__()
        c, _, _ = check_multiple(shape, 4)
        self.body = nn.Sequential(
            Normalize([0.5] * c, [0.5] * c),
            *_normalised_pair(c, width),
            nn.MaxPool2d(2),
            *_normalised_pair(width, 2 * width),
            nn.MaxPool2d(2),
            *_normalised_pair(2 * width, 4 * width),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.head = nn.Linear(4 * width, classes)
        initialise(self, rng)

    def features(self, x: Images) -> Features:
        """Activations of the penultimate layer, (n, 4·width): what FID compares."""
        return self.body(x)

    def forward(self, x: Images) -> Logits:
        return self.head(self.body(x))


class SmallResNet(nn.Module):
    """Two residual blocks (He et al. 2016, §3), without batch normalisation.

    On an empty background a feature hardly varies; batch normalisation divides by that, and any
    noise there floods the network. Two blocks train well without it.

    Args:
        shape, classes, rng: as for `PooledCNN`.
        width: channels of the first block; the second has twice as many.

    Raises:
        CourseError: a side that is not a multiple of 4.
    """

    def __init__(self, shape: Shape, classes: int, width: int = 8, rng: Rng = None) -> None:
        super().__init__()
        c, h, w = check_multiple(shape, 4)
        self.body = nn.Sequential(
            Normalize([0.5] * c, [0.5] * c),
            nn.Conv2d(c, width, 4, stride=2, padding=1),
            Residual(width, width),
            Residual(width, 2 * width),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * width * (h // 4) * (w // 4), classes),
        )
        initialise(self, rng)

    def forward(self, x: Images) -> Logits:
        return self.body(x)


class Residual(nn.Module):
    """x + F(x); where the channels grow, the shortcut halves the sides by a strided 1×1."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        stride = 1 if inputs == outputs else 2
        self.long = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1),
        )
        self.short = nn.Identity() if stride == 1 else nn.Conv2d(inputs, outputs, 1, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.short(x) + self.long(x)


def _normalised_pair(inputs: int, outputs: int) -> list[nn.Module]:
    channels = ((inputs, outputs), (outputs, outputs))
    return [
        layer
        for a, b in channels
        for layer in (nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU())
    ]


def _convolution(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]


class ScaledLogits(nn.Module):
    """The same network with its logits multiplied: the same decisions, and no gradient.

    The likeliest class leads by thousands, its probability is exactly 1 in floating point, and the
    gradient of the cross-entropy, p − onehot(y), exactly 0.

    Args:
        net: the network to hide.
        factor: on the logits, above 0.

    Raises:
        CourseError: `factor` is not above 0.
    """

    def __init__(self, net: nn.Module, factor: float = 1000.0) -> None:
        super().__init__()
        require(factor > 0, f"factor was {factor}; it must be above 0.")
        self.net, self.factor = net, factor

    def forward(self, x: Images) -> Logits:
        return self.factor * self.net(x)


class QuantizedInputs(nn.Module):
    """Pixels rounded to a few levels before the network sees them: a staircase, flat almost always.

    Args:
        net: the network behind the staircase.
        levels: grey levels that remain, at least 2.
        straight_through: on the way back pretend that the staircase is its own average, the
            diagonal (Bengio, Léonard & Courville 2013; as an attack Athalye et al. 2018, §4.1.1).

    Raises:
        CourseError: fewer than two levels.
    """

    def __init__(self, net: nn.Module, levels: int = 16, straight_through: bool = False) -> None:
        super().__init__()
        require(levels >= 2, f"levels was {levels}; at least black and white remain.")
        self.net, self.levels, self.straight_through = net, levels, straight_through

    def forward(self, x: Images) -> Logits:
        return self.net(quantize(x, self.levels, self.straight_through))


def quantize(x: Tensor, levels: int, straight_through: bool = False) -> Tensor:
    """The nearest of `levels` equally spaced values in [0, 1]; its slope is 0, or taken to be 1."""
    stairs = torch.round(x * (levels - 1)) / (levels - 1)
    return x + (stairs - x).detach() if straight_through else stairs


class PatchPositionNet(nn.Module):
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
        self, classes: int, widths: tuple[int, ...] = (16, 32, 64, 64, 96, 128), rng: Rng = None
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
