"""A game that lasts, for the tests that interrupt it from outside."""

import torch

from coursekit.data import toys
from coursekit.gan_losses import NonSaturating
from coursekit.nets import MLPDiscriminator, MLPGenerator
from coursekit.training import Ema, train_gan


def game(steps=400, step=lambda: None, **options):
    """Play from the same beginning every time; `step` is called once in every update of G."""
    torch.set_num_threads(1)
    rng = torch.Generator().manual_seed(0)
    G = MLPGenerator((2,), (16,), noise_dim=2, bounded=False, rng=rng)
    D, ema = MLPDiscriminator((2,), (16,), rng=rng), Ema(G)

    def slowly(*_):
        step()
        return 0.0

    history = train_gan(
        G, D, toys.ring().batches(8, rng), NonSaturating(), steps=steps, rng=rng, ema=ema,
        regularise=slowly, name="the game", **options,
    )  # fmt: skip
    return [G.state_dict(), D.state_dict(), ema.model.state_dict()], history
