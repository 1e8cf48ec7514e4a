"""A reader follows one call through few files: counted for the two calls that carry the course."""

import sys
from pathlib import Path

import torch
from seeds import seeded
from torch import nn

import coursekit
from coursekit.attacks import pgd
from coursekit.gan_losses import NonSaturating
from coursekit.nets import Generator
from coursekit.threats import Linf
from coursekit.training import train_gan

PACKAGE = str(Path(coursekit.__file__).parent)


class Player(Generator):
    """A network of the reader's own, G or D: what it computes is no part of the package."""

    noise_dim = 2

    def __init__(self, outputs):
        super().__init__()
        self.map = nn.Linear(2, outputs)

    def forward(self, x, y=None):
        return self.map(x).squeeze(1)


def files_entered(call):
    """The package's files in which a function was called while `call` ran."""
    entered = set()

    def enter(frame, event, _):
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            entered.add(Path(frame.f_code.co_filename).relative_to(PACKAGE).as_posix())

    before = sys.getprofile()
    sys.setprofile(enter)
    try:
        call()
    finally:
        sys.setprofile(before)
    return entered


def test_a_call_of_train_gan_passes_through_at_most_six_files():
    G, D = Player(2), Player(1)
    batch = torch.rand(4, 2), torch.zeros(4, dtype=torch.long)
    rng = seeded(0)
    entered = files_entered(lambda: train_gan(G, D, [batch], NonSaturating(), steps=2, rng=rng))
    assert {"training/loops.py", "gan_losses.py"} <= entered
    assert len(entered) <= 6, sorted(entered)


def test_a_call_of_pgd_passes_through_at_most_four_files():
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    x, y, rng = torch.rand(2, 1, 2, 2), torch.tensor([0, 1]), seeded(0)
    threat = Linf(0.1)
    entered = files_entered(lambda: pgd(model, x, y, threat, 2, restarts=2, rng=rng))
    assert {"attacks/pgd.py", "gradients.py", "threats.py"} <= entered
    assert len(entered) <= 4, sorted(entered)
