"""How fast is this machine, beside the one that the minutes of the course were set on?

The minutes that the README promises are those of two cores of a server processor with AVX-512. Four
pieces of the course's own work were timed there, on one thread of a quiet machine; here the same
four are timed on yours. A lecture takes about as many times its minutes as the machine is slower.

python benchmarks/bench_machine.py [--rounds 5] [--seconds 1]
"""

import argparse
import os
import statistics

import torch
from bench_training import classifier, gan
from side_by_side import Contender, figures, machine, race
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.attacks import pgd
from coursekit.data import Dataset, load, real_or_fake
from coursekit.data.toys import gaussian
from coursekit.nets import MLP, StridedCNN
from coursekit.threats import Linf
from coursekit.training import adam, fit

os.environ["COURSEKIT_PROGRESS"] = "0"
THERE = {  # units a second
    "GAN of 32 channels, steps with 64 images": 31.2,
    "classifier, steps with 128 images": 165.0,
    "discriminator in one dimension, steps with 512 numbers": 1300.0,
    "PGD-40, images": 316.0,
}


def on_a_line() -> Contender:
    """Lecture 02's discriminator, between two Gaussians; one unit is one step."""
    rng = torch.Generator().manual_seed(0)
    D = MLP((1, 64, 64, 1), nn.SiLU, rng)
    batches = real_or_fake(gaussian(0, 1).sample, gaussian(2, 1).sample, 512, rng)

    def loss(model: nn.Module, x: Tensor, is_real: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(model(x).flatten(), is_real)

    def work() -> int:
        fit(D, batches, loss, steps=100, optimizer=adam(1e-2))
        return 100

    return work


def attack(dataset: Dataset) -> Contender:
    """PGD with 40 steps against the strided CNN; one unit is an image."""
    model = StridedCNN(dataset.shape, len(dataset.classes), rng=torch.Generator().manual_seed(0))
    few = dataset.test.take(100)

    def work() -> int:
        pgd(model.eval(), few.x, few.y, Linf(0.1), 40)
        return len(few)

    return work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    digits = load("digits")
    works = gan(digits, "cpu", 5, lean=True), classifier(digits, "cpu", 20, lean=True)
    contenders = dict(zip(THERE, (*works, on_a_line(), attack(digits)), strict=True))
    speeds = race(contenders, options.rounds, options.seconds)
    print(f"{machine()}, {torch.backends.cpu.get_cpu_capability()}\n")
    print("| a second | there | here | there / here |\n| --- | ---: | ---: | ---: |")
    slower = {name: there / statistics.median(speeds[name]) for name, there in THERE.items()}
    for name, there in THERE.items():
        here = figures(statistics.median(speeds[name]))
        print(f"| {name} | {figures(there)} | {here} | {slower[name]:.2g} |")
    times = statistics.geometric_mean(slower.values())
    print(f"\nThis machine takes {times:.2g} times as long (geometric mean).")


if __name__ == "__main__":
    main()
