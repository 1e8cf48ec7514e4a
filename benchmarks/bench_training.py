"""What fused Adam, bfloat16 and torch.compile do to a training step, side by side.

The network, the batches and the loop are the course's own; each contender changes one thing.

python benchmarks/bench_training.py [--device cpu] [--compile] [--rounds 5] [--seconds 1]
"""

import argparse
import os
from collections.abc import Callable
from typing import Any

import torch
from side_by_side import Contender, machine, race, table

from coursekit.data import Dataset, load
from coursekit.gan_losses import NonSaturating
from coursekit.nets import DCGANDiscriminator, DCGANGenerator, StridedCNN
from coursekit.objectives import cross_entropy
from coursekit.training import adam, fit, train_gan

os.environ["COURSEKIT_PROGRESS"] = "0"
REFERENCE = "float32, unfused Adam"
Work = Callable[..., Contender]


def unfused(lr: float, betas: tuple[float, float] = (0.9, 0.999)) -> Callable[..., Any]:
    """Adam as PyTorch runs it by default: one small operation after another."""
    return lambda parameters: torch.optim.Adam(parameters, lr, betas)


def classifier(dataset: Dataset, device: str, steps: int, lean: bool, **options: Any) -> Contender:
    """`fit` on the strided CNN, batches of 128; one unit is one step."""
    rng = torch.Generator().manual_seed(0)
    model = StridedCNN(dataset.shape, len(dataset.classes), rng=rng).to(device)
    batches = dataset.train.batches(128, rng)
    optimizer = adam(1e-3) if lean else unfused(1e-3)

    def work() -> int:
        fit(model, batches, cross_entropy, steps=steps, optimizer=optimizer, **options)
        return steps

    return work


def gan(dataset: Dataset, device: str, steps: int, lean: bool, **options: Any) -> Contender:
    """`train_gan` on the DCGAN of 32 channels, batches of 64; one unit is one step of both."""
    rng = torch.Generator().manual_seed(0)
    G = DCGANGenerator(dataset.shape, rng=rng).to(device)
    D = DCGANDiscriminator(dataset.shape, rng=rng).to(device)
    batches = dataset.train.batches(64, rng)
    make = adam(1e-3, (0.5, 0.999)) if lean else unfused(1e-3, (0.5, 0.999))

    def work() -> int:
        options_of_both = {"optimizer_G": make, "optimizer_D": make, **options}
        train_gan(G, D, batches, NonSaturating(), steps=steps, rng=rng, **options_of_both)
        return steps

    return work


def contenders(
    work: Work, dataset: Dataset, device: str, steps: int, compiled: bool
) -> dict[str, Contender]:
    everyone = {
        REFERENCE: work(dataset, device, steps, lean=False),
        "float32, fused Adam (the course)": work(dataset, device, steps, lean=True),
        "bfloat16, fused Adam": work(dataset, device, steps, lean=True, autocast=torch.bfloat16),
    }
    if compiled:
        everyone["float32, fused Adam, compiled"] = work(
            dataset, device, steps, lean=True, compile=True
        )
    return everyone


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--compile", action="store_true", help="also run through torch.compile")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--steps", type=int, default=20, help="steps in one call of the loop")
    options = parser.parse_args()
    dataset = load(options.dataset, device=options.device)
    print(f"{dataset}\nOn {options.device}. {machine()}.")
    for title, work in (("Classifier, batch 128", classifier), ("GAN, batch 64", gan)):
        everyone = contenders(work, dataset, options.device, options.steps, options.compile)
        speeds = race(everyone, options.rounds, options.seconds)
        print(f"\n{title}:\n\n{table(speeds, REFERENCE, 'steps')}")


if __name__ == "__main__":
    main()
