"""The course's FGSM and PGD against foolbox: the same model, the same ε, the same steps.

Speed is only worth comparing where the answers agree, so the accuracy left is printed beside it.

python benchmarks/bench_attacks.py [--device cpu] [--images 500] [--rounds 5] [--seconds 1]
"""

import argparse
import os
import warnings
from collections.abc import Callable

import torch
from side_by_side import Contender, machine, race, table
from torch import Tensor, nn

from coursekit.attacks import fgsm, pgd
from coursekit.data import Dataset, load
from coursekit.nets import StridedCNN
from coursekit.objectives import cross_entropy
from coursekit.threats import Linf
from coursekit.training import adam, fit

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import foolbox

os.environ["COURSEKIT_PROGRESS"] = "0"
EPS, STEPS = 0.1, 40
Attack = Callable[[Tensor, Tensor], Tensor]


def trained(dataset: Dataset) -> nn.Module:
    """The strided CNN after 400 steps."""
    rng = torch.Generator().manual_seed(0)
    model = StridedCNN(dataset.shape, len(dataset.classes), rng=rng).to(dataset.train.x.device)
    batches = dataset.train.batches(128, rng)
    fit(model, batches, cross_entropy, steps=400, optimizer=adam(2e-3))
    return model.eval()


def attacks(model: nn.Module) -> dict[str, Attack]:
    """By name; PGD starts at the image itself, so that nothing depends on chance."""
    theirs = foolbox.PyTorchModel(model, bounds=(0, 1), device=next(model.parameters()).device)
    one = foolbox.attacks.LinfFastGradientAttack(random_start=False)
    many = foolbox.attacks.LinfProjectedGradientDescentAttack(
        steps=STEPS, abs_stepsize=2.5 * EPS / STEPS, random_start=False
    )
    return {
        "FGSM, coursekit": lambda x, y: fgsm(model, x, y, EPS),
        "FGSM, foolbox": lambda x, y: one(theirs, x, y, epsilons=EPS)[1],
        f"PGD-{STEPS}, coursekit": lambda x, y: pgd(model, x, y, Linf(EPS), STEPS),
        f"PGD-{STEPS}, foolbox": lambda x, y: many(theirs, x, y, epsilons=EPS)[1],
    }


def contender(attack: Attack, x: Tensor, y: Tensor) -> Contender:
    def work() -> int:
        attack(x, y)
        return len(x)

    return work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    dataset = load(options.dataset, device=options.device)
    few = dataset.test.take(options.images)
    model = trained(dataset)
    print(f"{dataset}\n{len(few)} images at a time on {options.device}. {machine()}.\n")
    everyone = attacks(model)
    for name, attack in everyone.items():
        left = (model(attack(few.x, few.y)).argmax(1) == few.y).double().mean()
        print(f"{name}, ε = {EPS}: {left:.4f} of the images are still classified correctly")
    turns = {name: contender(attack, few.x, few.y) for name, attack in everyone.items()}
    speeds = race(turns, options.rounds, options.seconds)
    for kind in ("FGSM", f"PGD-{STEPS}"):
        pair = {name: values for name, values in speeds.items() if name.startswith(kind)}
        print(f"\n{table(pair, f'{kind}, foolbox', 'images')}")


if __name__ == "__main__":
    main()
