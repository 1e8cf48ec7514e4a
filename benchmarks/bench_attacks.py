"""The course's FGSM and PGD against other libraries: the same model, the same ε, the same steps.

foolbox comes with the test extras; torchattacks takes part where it is installed. Speed is only
worth comparing where the answers agree, so the accuracy left is printed beside it. PGD with three
restarts is compared with three runs of the others.

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
from coursekit.data import load
from coursekit.threats import Linf
from coursekit.zoo import RECIPES, recall

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import foolbox
try:
    import torchattacks
except ImportError:
    torchattacks = None

os.environ["COURSEKIT_PROGRESS"] = "0"
STEPS = 40
Attack = Callable[[Tensor, Tensor], Tensor]


def attacks(model: nn.Module, eps: float) -> dict[str, Attack]:
    """By name; PGD starts at a random point of the ball."""
    theirs = foolbox.PyTorchModel(model, bounds=(0, 1), device=next(model.parameters()).device)
    step = 2.5 * eps / STEPS
    one = foolbox.attacks.LinfFastGradientAttack(random_start=False)
    many = foolbox.attacks.LinfProjectedGradientDescentAttack(steps=STEPS, abs_stepsize=step)

    def ours(restarts: int) -> Attack:
        rng = torch.Generator().manual_seed(0)
        return lambda x, y: pgd(model, x, y, Linf(eps), STEPS, restarts=restarts, rng=rng)

    def again(attack: Attack) -> Attack:
        def three(x: Tensor, y: Tensor) -> Tensor:
            for _ in range(3):
                found = attack(x, y)
            return found

        return three

    foolbox_pgd: Attack = lambda x, y: many(theirs, x, y, epsilons=eps)[1]  # noqa: E731
    found = {
        "FGSM, coursekit": lambda x, y: fgsm(model, x, y, eps),
        "FGSM, foolbox": lambda x, y: one(theirs, x, y, epsilons=eps)[1],
        f"PGD-{STEPS}, coursekit": ours(1),
        f"PGD-{STEPS}, foolbox": foolbox_pgd,
        f"PGD-{STEPS} × 3, coursekit": ours(3),
        f"PGD-{STEPS} × 3, foolbox": again(foolbox_pgd),
    }
    if torchattacks is not None:
        other = torchattacks.PGD(model, eps=eps, alpha=step, steps=STEPS, random_start=True)
        found[f"PGD-{STEPS}, torchattacks"] = other
        found[f"PGD-{STEPS} × 3, torchattacks"] = again(other)
    return found


def contender(attack: Attack, x: Tensor, y: Tensor) -> Contender:
    def work() -> int:
        attack(x, y)
        return len(x)

    return work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="classifier-digits", help="of the zoo")
    parser.add_argument("--eps", type=float, default=0.1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    recipe = RECIPES[options.recipe]
    dataset = load(recipe.data, device=options.device)
    few = dataset.test.take(options.images)
    model = recall(recipe).networks["network"].to(options.device)
    print(f"{recipe.id}, {len(few)} images at a time on {options.device}. {machine()}.\n")
    everyone = attacks(model, options.eps)
    for name, attack in everyone.items():
        left = (model(attack(few.x, few.y)).argmax(1) == few.y).double().mean()
        print(f"{name}, ε = {options.eps}: {left:.4f} of the images are still classified correctly")
    turns = {name: contender(attack, few.x, few.y) for name, attack in everyone.items()}
    speeds = race(turns, options.rounds, options.seconds)
    for kind in ("FGSM,", f"PGD-{STEPS},", f"PGD-{STEPS} ×"):
        pair = {name: values for name, values in speeds.items() if name.startswith(kind)}
        reference = next(name for name in pair if name.endswith("foolbox"))
        print(f"\n{table(pair, reference, 'images')}")


if __name__ == "__main__":
    main()
