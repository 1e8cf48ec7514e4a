"""What the tests of the attacks attack: one small network, trained once, on half the digits."""

from functools import cache

import torch
from torch import Tensor, nn

from coursekit.data import load
from coursekit.nets import StridedCNN
from coursekit.objectives import cross_entropy
from coursekit.training import adam, fit


@cache
def victim() -> tuple[nn.Module, Tensor, Tensor]:
    """A network of about 90 % accuracy, and 600 test images with their labels."""
    digits, rng = load("digits"), torch.Generator().manual_seed(0)
    model = StridedCNN(digits.shape, 10, width=8, hidden=32, rng=rng)
    fit(model, digits.train.batches(128, rng), cross_entropy, steps=150, optimizer=adam(3e-3))
    test = digits.test.take(600)
    return model, test.x, test.y


def some(n: int) -> tuple[nn.Module, Tensor, Tensor]:
    """The victim, and the first `n` images that it gets right."""
    model, x, y = victim()
    right = (model(x).argmax(1) == y).nonzero()[:n, 0]
    return model, x[right], y[right]


def stubborn(pixels: int, *logits: float) -> nn.Module:
    """A model that gives these logits to every image."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(pixels, len(logits)))
    nn.init.zeros_(model[1].weight)
    model[1].bias.data = torch.tensor(logits)
    return model


def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


class Noisy(nn.Module):
    """Everything an attack could leave disturbed: BatchNorm, dropout, a frozen weight, a .grad."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(4 * 8 * 8, 3)
        self.conv.weight.requires_grad_(False)
        self.head.weight.grad = torch.ones_like(self.head.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(self.norm(self.conv(x)).relu()).flatten(1))


class Counting(nn.Module):
    """Counts the images a model is shown: what an attack says it asked must be what it asked."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.shown = model, 0

    def forward(self, x: Tensor) -> Tensor:
        self.shown += len(x)
        return self.model(x)
