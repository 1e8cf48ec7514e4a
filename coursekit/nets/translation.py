"""Image to image: a U-Net, discriminators of patches, and two translators as one player.

In `train_gan` x is the image that is wanted and y the image that is given: `G(z, y)` answers y, and
`D(x, y)` scores the answer, with y before its eyes or without.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from coursekit.errors import choose, require
from coursekit.nets.classifiers import Shape, check_multiple
from coursekit.nets.discriminators import normalise_spectrally
from coursekit.nets.generators import Generator, Noise, dcgan_init
from coursekit.types import Images, Rng

NOISES = ("none", "z", "dropout")
FIELDS = (1, 4, 10, 22, 46)  # side in pixels of what one score sees, after 0 to 4 halvings
Given = Float[Tensor, "n given h w"]  # the image that is translated, pixels in [0, 1]
Pairs = Float[Tensor, "n both h w"]  # an image of X and one of Y, as channels of one
Scores = Float[Tensor, " m"]
ScoreMap = Float[Tensor, "n rows columns"]


class UNet(Generator):
    """y → image of the same size: halved twice, doubled twice, with skips between equal sizes.

    Ronneberger et al. 2015; as the generator of pix2pix, Isola et al. 2017, §3.2.1. The skips carry
    what input and answer share, such as edges, past the bottleneck.

    Args:
        shape: (channels, height, width) of the answer; both sides a multiple of 4.
        inputs: channels of y.
        width: channels at full size; at a quarter of the size there are four times as many.
        skips: False is the plain encoder and decoder of §4.2.
        noise: "none": the answer is a function of y alone. "z": a vector z of `noise_dim` numbers
            is added to every place of the bottleneck. "dropout": §3.2.1's only noise; z then
            decides which channels of the decoder are dropped. It does so in eval mode too, as in
            the paper at test time, and the same z drops the same channels.
        noise_dim: length of z where noise is "z".
        dropout: share of channels that are dropped where noise is "dropout"; set the attribute to
            0 to see the answer without.
        norm: "batch", "instance" or "none". The paper normalises by the statistics of the test
            batch, which for one image is "instance": the same in train and eval mode.
        rng: draws the initial weights.

    Raises:
        CourseError: an unknown noise or norm, a share outside [0, 1), or a side that is not a
            multiple of 4.
    """

    def __init__(
        self,
        shape: Shape,
        inputs: int = 1,
        width: int = 16,
        skips: bool = True,
        noise: str = "none",
        noise_dim: int = 16,
        dropout: float = 0.5,
        norm: str = "batch",
        rng: Rng = None,
    ) -> None:
        super().__init__()
        choose("noise", noise, NOISES)
        choose("norm", norm, ("batch", "instance", "none"))
        require(0 <= dropout < 1, f"dropout was {dropout}; it must lie in [0, 1).")
        c, _, _ = check_multiple(shape, 4)
        wide = 1 + skips
        self.skips, self.noise_kind, self.dropout = skips, noise, dropout
        self.widths = (4 * width, 2 * width)  # of what dropout may drop
        self.noise_dim = {"none": 0, "z": noise_dim, "dropout": sum(self.widths)}[noise]
        self.enter = nn.Sequential(nn.Conv2d(inputs, width, 3, padding=1), nn.LeakyReLU(0.2))
        self.down1 = self._block(nn.Conv2d(width, 2 * width, 4, 2, 1), norm)
        self.down2 = self._block(nn.Conv2d(2 * width, 4 * width, 4, 2, 1), norm)
        self.hint = nn.Linear(noise_dim, 4 * width) if noise == "z" else None
        self.middle = self._block(nn.Conv2d(4 * width, 4 * width, 3, padding=1), norm)
        self.up1 = self._block(nn.ConvTranspose2d(4 * width, 2 * width, 4, 2, 1), norm)
        self.up2 = self._block(nn.ConvTranspose2d(wide * 2 * width, width, 4, 2, 1), norm)
        self.leave = nn.Sequential(nn.Conv2d(wide * width, c, 3, padding=1), nn.Sigmoid())
        dcgan_init(self, rng)

    @staticmethod
    def _block(layer: nn.Conv2d | nn.ConvTranspose2d, norm: str) -> nn.Module:
        normed: nn.Module = nn.Identity()
        if norm == "batch":
            normed = nn.BatchNorm2d(layer.out_channels)
        elif norm == "instance":
            normed = nn.InstanceNorm2d(layer.out_channels, affine=True)
        return nn.Sequential(layer, normed, nn.LeakyReLU(0.2))

    def forward(self, z: Noise, y: Given) -> Images:
        whole = self.enter(2 * y - 1)
        half = self.down1(whole)
        h = self.down2(half)
        if self.hint is not None:
            h = h + self.hint(z)[:, :, None, None]
        kept = self._kept(z)
        h = self._dropped(self.middle(h), kept[0])
        h = self._dropped(self.up1(h), kept[1])
        h = self.up2(torch.cat([h, half], 1) if self.skips else h)
        return self.leave(torch.cat([h, whole], 1) if self.skips else h)

    def _kept(self, z: Noise) -> tuple[Tensor | None, ...]:
        """Of each channel whether it is kept: z lies above the share's quantile of N(0, 1)."""
        if self.noise_kind != "dropout" or self.dropout == 0:
            return None, None
        level = torch.special.ndtri(torch.tensor(self.dropout, dtype=torch.float64))
        return (z > level.to(z)).to(z).split(self.widths, 1)

    def _dropped(self, h: Tensor, kept: Tensor | None) -> Tensor:
        return h if kept is None else h * kept[:, :, None, None] / (1 - self.dropout)


class PatchDiscriminator(nn.Module):
    """One score for each patch of the image (Isola et al. 2017, §3.2.2, "PatchGAN").

    Convolutions of 4 × 4 with stride 2, then one of 1 × 1: after 0, 1, 2, 3 or 4 of them a score
    depends on a square of 1, 4, 10, 22 or 46 pixels. A field of 1 sees colours only; one larger
    than the image sees all of it. A normalisation over places (instance norm) would show every
    score the whole image, and is not offered.

    Args:
        shape: (channels, height, width) of the images that are scored.
        field: side of the square, one of `FIELDS`.
        condition: channels of y, the image that was given; y then stands beside x as further
            channels, and D can score whether the two belong together. 0: D looks at x alone.
        average: one score for each image, the mean over its patches. Otherwise every patch is an
            example of the loss's, as in the authors' code: n·rows·columns scores.
        width, norm, rng: as for `DCGANDiscriminator`.

    Raises:
        CourseError: an unknown field or norm; called without the y that it was built for.
    """

    def __init__(
        self,
        shape: Shape,
        field: int = 22,
        condition: int = 0,
        average: bool = False,
        width: int = 16,
        norm: str = "batch",
        rng: Rng = None,
    ) -> None:
        super().__init__()
        require(field in FIELDS, f"field was {field}; choose one of {', '.join(map(str, FIELDS))}.")
        choose("norm", norm, ("batch", "none", "spectral"))
        self.field, self.condition, self.average = field, condition, average
        depth, inputs = FIELDS.index(field), shape[0] + condition
        layers: list[nn.Module] = []
        for k in range(max(depth, 2)):  # a field of 1 has two hidden layers too (their §6.1.2)
            outputs = width * min(2**k, 4)
            square = (4, 2, 1) if k < depth else (1,)  # kernel, stride, padding
            layers += [nn.Conv2d(inputs, outputs, *square)]
            layers += [nn.BatchNorm2d(outputs)] if norm == "batch" and k else []
            layers += [nn.LeakyReLU(0.2)]
            inputs = outputs
        self.body = nn.Sequential(*layers, nn.Conv2d(inputs, 1, 1))
        dcgan_init(self, rng)
        if norm == "spectral":
            normalise_spectrally(self, rng)

    def score_map(self, x: Images, y: Given | None = None) -> ScoreMap:
        """The scores in their places, shape (n, rows, columns)."""
        x = 2 * x - 1
        if self.condition:
            require(y is not None, "y was None; this discriminator scores x beside what was given.")
            assert y is not None
            x = torch.cat([x, 2 * y - 1], 1)
        return self.body(x).squeeze(1)

    def forward(self, x: Images, y: Given | None = None) -> Scores:
        scores = self.score_map(x, y)
        return scores.mean((1, 2)) if self.average else scores.flatten()


class Cycle(Generator):
    """Two translators as one player (Zhu et al. 2017): G: X → Y and F: Y → X.

    A batch of unpaired images is a batch of pairs (a, b) that have nothing to do with each other, a
    of X and b of Y, as channels of one image of 2c channels. `cycle(z, pairs)` is the pair
    (F(b), G(a)): what D_X and D_Y are shown beside (a, b). So the four networks play one game of
    two players, and `train_gan` needs to know nothing of it; see `TwoCritics` and
    `gan_losses.cycle_consistency`.

    Args:
        shape: (channels, height, width) of one image.
        rng: draws the initial weights.
        how: of both U-Nets, as for `UNet`; they have no noise.
    """

    def __init__(self, shape: Shape, rng: Rng = None, **how: Any) -> None:
        super().__init__()
        self.noise_dim = 0
        self.G = UNet(shape, shape[0], noise="none", rng=rng, **how)
        self.F = UNet(shape, shape[0], noise="none", rng=rng, **how)

    def forth(self, a: Images) -> Images:
        """G(a): images of X as images of Y."""
        return self.G(a.new_empty(len(a), 0), a)

    def back(self, b: Images) -> Images:
        """F(b): images of Y as images of X."""
        return self.F(b.new_empty(len(b), 0), b)

    def forward(self, z: Noise, y: Pairs) -> Pairs:
        a, b = y.chunk(2, 1)
        return torch.cat([self.back(b), self.forth(a)], 1)


class TwoCritics(nn.Module):
    """D_X and D_Y as one player: the scores of the first half of the channels, then of the second.

    A loss that averages over scores thereby averages over the two games.

    Args:
        shape: (channels, height, width) of one image.
        rng: draws the initial weights.
        how: of both, as for `PatchDiscriminator`.
    """

    def __init__(self, shape: Shape, rng: Rng = None, **how: Any) -> None:
        super().__init__()
        self.D_X = PatchDiscriminator(shape, rng=rng, **how)
        self.D_Y = PatchDiscriminator(shape, rng=rng, **how)

    def forward(self, x: Pairs, y: Tensor | None = None) -> Scores:
        a, b = x.chunk(2, 1)
        return torch.cat([self.D_X(a), self.D_Y(b)])


class FilmTranslator(Generator):
    """Coarse frames (n, t, h, w) → sharp frames of the same shape, by one U-Net for all of them.

    Args:
        shape: (channels, height, width) of one frame, of one channel.
        previous: whether the U-Net is also shown what it made of the frame before; before the first
            that is black. Otherwise no frame knows of another.
        rng: draws the initial weights.
        how: of the U-Net, as for `UNet`; it has no noise.
    """

    def __init__(
        self, shape: tuple[int, int, int], previous: bool = False, rng: Rng = None, **how: Any
    ) -> None:
        super().__init__()
        self.noise_dim, self.previous = 0, previous
        self.frame = UNet(shape, inputs=1 + previous, noise="none", rng=rng, **how)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        if not self.previous:
            each = z.repeat_interleave(y.shape[1], 0)  # of no numbers, but a row for each frame
            return self.frame(each, y.flatten(0, 1)[:, None]).view_as(y)
        made = [torch.zeros_like(y[:, :1])]
        for now in y.split(1, 1):
            made.append(self.frame(z, torch.cat([now, made[-1]], 1)))
        return torch.cat(made[1:], 1)
