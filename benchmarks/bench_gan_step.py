"""One step of a DCGAN: `train_gan` beside the plain loop that most tutorials use, same networks.

The plain loop is Algorithm 1 as pytorch/examples writes it: D on a real and on a fake batch with
two backward passes, then G on the fakes that D has just seen. `reuse_fakes=True` does the same.

python benchmarks/bench_gan_step.py [--device cpu] [--rounds 5] [--seconds 2] [--steps 20]
"""

import argparse
import os

import torch
from side_by_side import Contender, machine, race, table
from torch.nn import functional as F

from coursekit.data import Dataset, load
from coursekit.gan_losses import NonSaturating
from coursekit.nets import DCGANDiscriminator, DCGANGenerator
from coursekit.training import adam, train_gan

os.environ["COURSEKIT_PROGRESS"] = "0"
REFERENCE = "plain loop"
BETAS = (0.5, 0.999)


def players(data: Dataset, device: str) -> tuple[DCGANGenerator, DCGANDiscriminator]:
    rng = torch.Generator().manual_seed(0)
    networks = DCGANGenerator(data.shape, rng=rng), DCGANDiscriminator(data.shape, rng=rng)
    return networks[0].to(device), networks[1].to(device)


def plain(data: Dataset, device: str, steps: int) -> Contender:
    """The loop written out, with PyTorch's default Adam and a DataLoader-free gather."""
    G, D = players(data, device)
    opt_G = torch.optim.Adam(G.parameters(), 1e-3, BETAS)
    opt_D = torch.optim.Adam(D.parameters(), 1e-3, BETAS)
    ones, zeros = torch.ones(64, device=device), torch.zeros(64, device=device)

    def work() -> int:
        for _ in range(steps):
            x = data.train.x[torch.randint(len(data.train), (64,), device=device)]
            D.zero_grad()
            F.binary_cross_entropy_with_logits(D(x), ones).backward()
            fake = G(torch.randn(64, G.noise_dim, device=device))
            F.binary_cross_entropy_with_logits(D(fake.detach()), zeros).backward()
            opt_D.step()
            G.zero_grad()
            F.binary_cross_entropy_with_logits(D(fake), ones).backward()
            opt_G.step()
        return steps

    return work


def ours(
    data: Dataset, device: str, steps: int, last: bool = False, **options: object
) -> Contender:
    G, D = players(data, device)
    if last:
        G, D = (net.to(memory_format=torch.channels_last) for net in (G, D))
    rng = torch.Generator().manual_seed(0)
    batches, optimizer = data.train.batches(64, rng), adam(1e-3, BETAS)

    def work() -> int:
        train_gan(
            G, D, batches, NonSaturating(), steps=steps, rng=rng, optimizer_G=optimizer,
            optimizer_D=optimizer, **options,
        )  # fmt: skip
        return steps

    return work


def contenders(data: Dataset, device: str, steps: int) -> dict[str, Contender]:
    """Each adds one thing to the one before."""
    bf16 = {"reuse_fakes": True, "last": True, "autocast": torch.bfloat16}
    return {
        REFERENCE: plain(data, device, steps),
        "train_gan, fresh fakes": ours(data, device, steps),
        "reuse_fakes": ours(data, device, steps, reuse_fakes=True),
        "and channels_last": ours(data, device, steps, reuse_fakes=True, last=True),
        "and bfloat16": ours(data, device, steps, **bf16),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(machine())
    data = load("digits", options.device)
    speeds = race(contenders(data, options.device, options.steps), options.rounds, options.seconds)
    print(table(speeds, REFERENCE, "steps"))


if __name__ == "__main__":
    main()
