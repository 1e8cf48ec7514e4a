"""The course's AutoAttack against torchattacks': the same network, the same ball, the same images.

torchattacks gives each of its gradient attacks 10 steps where the published standard version has
100, so that both are run with 10 and with 100. Speed is only worth comparing where the answers
agree: the accuracy left is printed beside it.

python benchmarks/bench_autoattack.py [--recipe NAME] [--images 50] [--norm Linf] [--eps 0.1]
"""

import argparse
import os
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec

import torch
from side_by_side import machine, settle
from torch import Tensor

from coursekit.attacks import auto_attack
from coursekit.data import load
from coursekit.threats import L2, Linf
from coursekit.zoo import RECIPES, recall

os.environ["COURSEKIT_PROGRESS"] = "0"
STEPS = [10, 100]


def theirs(model: torch.nn.Module, norm: str, eps: float, steps: int) -> Callable:
    import torchattacks

    attack = torchattacks.AutoAttack(model, norm=norm, eps=eps, seed=0)
    for part in attack._autoattack.attacks:
        if hasattr(part, "steps"):
            part.steps = steps
    return attack


def timed(attack: Callable[[Tensor, Tensor], Tensor], x: Tensor, y: Tensor) -> tuple[Tensor, float]:
    """The images, and the seconds of processor time that they took (of the clock on a GPU)."""
    clock = time.perf_counter if x.is_cuda else time.process_time
    settle()
    start = clock()
    x_adv = attack(x, y)
    settle()
    return x_adv, clock() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="classifier-digits", help="of the zoo")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--images", type=int, default=50)
    parser.add_argument("--norm", choices=("Linf", "L2"), default="Linf")
    parser.add_argument("--eps", type=float, default=0.1)
    parser.add_argument("--steps", type=int, nargs="+", default=STEPS, help="of gradient attacks")
    options = parser.parse_args()
    if find_spec("torchattacks") is None:
        print("torchattacks is not installed, so that there is nothing to compare with.")
        return
    recipe = RECIPES[options.recipe]
    few = load(recipe.data, device=options.device).test.take(options.images)
    model = recall(recipe).networks["network"].to(options.device)
    threat = {"Linf": Linf, "L2": L2}[options.norm](options.eps)
    print(f"{recipe.id}, {len(few)} images, {threat}, on {options.device}. {machine()}.\n")
    print("| steps | accuracy left, ours / theirs | seconds, ours / theirs | ratio |")
    print("| ---: | ---: | ---: | ---: |")
    for steps in options.steps:
        runs = {
            "ours": lambda x, y, s=steps: auto_attack(model, x, y, threat, steps=s).x_adv,
            "theirs": theirs(model, options.norm, options.eps, steps),
        }
        left, seconds = [], []
        for attack in runs.values():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                x_adv, took = timed(attack, few.x, few.y)
            left.append((model(x_adv).argmax(1) == few.y).double().mean().item())
            seconds.append(took)
        spent = " / ".join(f"{s:.1f}" for s in seconds)
        kept = " / ".join(f"{share:.3f}" for share in left)
        print(f"| {steps} | {kept} | {spent} | {seconds[0] / seconds[1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
