"""Self-attention between the places of a map, and a discriminator that has nothing else to relate
distant parts."""

import torch
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.nets.classifiers import Shape, check_multiple
from coursekit.nets.generators import dcgan_init
from coursekit.types import Images, PerExample, Rng


class SelfAttention(nn.Module):
    """h + γ·o, where o_i = Σ_j β_ij v(h_j) and β_i = softmax over the keys j of ⟨q(h_i), k(h_j)⟩.

    Zhang et al. 2019 ("SAGAN", eqs. 1–3): queries and keys of an eighth of the channels, values of
    half of them and a 1 × 1 convolution back. γ starts at 0, so that the layer begins as the
    identity and the network learns from near before it learns from afar.

    Args:
        channels: of the map h, shape (n, channels, height, width); at least 8.
        rng: draws the initial weights.

    Raises:
        CourseError: fewer than 8 channels.
    """

    def __init__(self, channels: int, rng: Rng = None) -> None:
        super().__init__()
        require(channels >= 8, f"channels was {channels}; queries are an eighth, so 8 at least.")
        self.query = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.key = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.value = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.back = nn.Conv2d(channels // 2, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))
        for layer in (self.query, self.key, self.value, self.back):
            nn.init.xavier_uniform_(layer.weight, generator=rng)

    def weights(self, h: Tensor) -> Tensor:
        """β, shape (n, places, places): row i says where place i looks; rows sum to 1."""
        q, k = self.query(h).flatten(2), self.key(h).flatten(2)
        return (q.transpose(1, 2) @ k).softmax(-1)

    def forward(self, h: Tensor) -> Tensor:
        v = self.value(h).flatten(2)
        # o_i = Σ_j β_ij v_j: places stand last in v, so β is transposed
        o = (v @ self.weights(h).transpose(1, 2)).unflatten(2, h.shape[2:])
        return h + self.gamma * self.back(o)


class LocalDiscriminator(nn.Module):
    """Two strided convolutions, a score for each of their places, and the sum of the scores.

    A place sees 8 × 8 pixels. Without `attention` the score is a sum over such patches, so it
    cannot tell whether two parts that no patch holds together agree; with it each place also sees
    what all others found.

    Args:
        shape: (channels, height, width); both sides a multiple of 4.
        width: channels of the first convolution; the second has twice as many.
        attention: `SelfAttention` between the last convolution and the scores.
        rng: draws the initial weights.
    """

    def __init__(
        self, shape: Shape, width: int = 16, attention: bool = False, rng: Rng = None
    ) -> None:
        super().__init__()
        c, _, _ = check_multiple(shape, 4)
        self.body = nn.Sequential(
            nn.Conv2d(c, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            nn.LeakyReLU(0.2),
        )
        self.attend: nn.Module = nn.Identity()
        self.score = nn.Sequential(
            nn.Conv2d(2 * width, 2 * width, 1), nn.LeakyReLU(0.2), nn.Conv2d(2 * width, 1, 1)
        )
        dcgan_init(self, rng)
        if attention:
            self.attend = SelfAttention(2 * width, rng)

    def forward(self, x: Images, y: Tensor | None = None) -> PerExample:
        return self.score(self.attend(self.body(2 * x - 1))).sum((1, 2, 3))
