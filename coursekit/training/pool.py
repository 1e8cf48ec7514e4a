"""A history of fakes, so that the discriminator does not forget what the generator did before."""

from typing import Any

import torch
from torch import Tensor

from coursekit.errors import CourseError


class ImagePool:
    """Up to `size` fakes of earlier steps, shown to D beside new ones.

    Shrivastava et al. 2017, §2.3; Zhu et al. 2017, §4, with 50 images. The first `size` fakes pass
    unchanged and are kept. From then on each new fake, with probability 1/2, changes places with a
    random one of the pool: D is shown the old one and the new one is kept. A fake stands there with
    the y that it answered, so that a conditional D is never shown a fake beside another's y.

    It holds no graph: nothing that G learns from comes out of it. `train_gan(pool=50)` makes one
    for each run and keeps it in the checkpoint.

    Args:
        size: how many fakes are kept, at least 1.

    Raises:
        CourseError: a size below 1.
    """

    def __init__(self, size: int = 50) -> None:
        if size < 1:
            raise CourseError(f"size was {size}; a pool holds at least one image.")
        self.size = size
        self.fakes: Tensor | None = None
        self.labels: Tensor | None = None

    @torch.no_grad()
    def exchange(self, fake: Tensor, y: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """What D is shown in place of a batch of fakes, and the y of each; as many as came."""
        fake, y = fake.detach(), y.detach()
        if self.fakes is None or self.labels is None:
            self.fakes, self.labels = fake[:0], y[:0]
        n, room = len(fake), min(len(fake), self.size - len(self.fakes))
        self.fakes = torch.cat([self.fakes, fake[:room]])
        self.labels = torch.cat([self.labels, y[:room]])
        coin, place = torch.rand(n, generator=rng), torch.randint(self.size, (n,), generator=rng)
        shown, asked = fake.clone(), y.clone()
        for row in range(room, n):
            if coin[row] < 0.5:
                k = int(place[row])
                shown[row], asked[row] = self.fakes[k], self.labels[k]
                self.fakes[k], self.labels[k] = fake[row], y[row]
        return shown, asked

    def identity(self) -> dict[str, Any]:
        """What tells this pool from others, for a checkpoint."""
        return {"size": self.size}

    def state_dict(self) -> dict[str, Any]:
        return {"fakes": self.fakes, "labels": self.labels}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.fakes, self.labels = state["fakes"], state["labels"]
