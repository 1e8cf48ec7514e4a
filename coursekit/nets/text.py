"""Images from sentences: a recurrent encoder of words, generators in one stage and in two, and
discriminators that are told a sentence."""

from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.nets.biggan import Code, CodedBatchNorm2d, CodedGenerator
from coursekit.nets.classifiers import Shape, check_multiple
from coursekit.nets.discriminators import DCGANDiscriminator
from coursekit.nets.generators import Generator, Noise, Words, dcgan_init
from coursekit.types import Features, Images, PerExample, Rng

Stages = Float[Tensor, "n both h w"]  # the image at half its size, enlarged again, and the image


class TextEncoder(nn.Module):
    """Words → code: embeddings, a GRU (Cho et al. 2014), its state after the last word.

    Args:
        words: size of the vocabulary, with the 0 for "no word".
        code: length of the state.
        rng: draws the initial weights.

    Raises:
        CourseError: no words at all.
    """

    def __init__(self, words: int, code: int = 32, rng: Rng = None) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, code)
        self.read = nn.GRU(code, code, batch_first=True)
        nn.init.normal_(self.embed.weight, generator=rng)
        for parameter in self.read.parameters():
            nn.init.uniform_(parameter, -(code**-0.5), code**-0.5, generator=rng)

    def forward(self, y: Words | None) -> Features:
        require(y is not None, "y was None; give the words of a caption for each image.")
        assert y is not None
        states, _ = self.read(self.embed(y))
        last = ((y > 0).sum(1) - 1).clamp_min(0)  # what follows the last word is not read
        return states.gather(1, last[:, None, None].expand(-1, 1, states.shape[2]))[:, 0]


class TextGenerator(CodedGenerator):
    """`CodedGenerator` of captions (after Reed et al. 2016, §4, with BigGAN's normalisation).

    The state of the GRU lies in (−1, 1); it is stretched by 3, else its differences are drowned.

    Args:
        shape, width, noise_dim, rng: as for `CodedGenerator`.
        words, code: as for `TextEncoder`.
    """

    def __init__(
        self,
        shape: Shape,
        words: int = 24,
        width: int = 16,
        noise_dim: int = 48,
        code: int = 32,
        rng: Rng = None,
    ) -> None:
        super().__init__(shape, code, width, noise_dim, True, rng)
        self.encode = TextEncoder(words, code, rng)

    def code(self, y: Words | None) -> Code:
        return 3 * self.encode(y)


class TextDiscriminator(nn.Module):
    """s(x, y) = ψ(φ(x)) + ⟨V·e(y), φ(x)⟩, e(y) being the code of a caption.

    The projection of Miyato & Koyama 2018 with words in place of a class. Whether it looks at the
    words at all depends on what it is shown: see `gan_losses.wrong_pairs`.

    Args:
        shape: (channels, height, width); both sides a multiple of 4.
        words, code: as for `TextEncoder`.
        width, norm, rng: as for `DCGANDiscriminator`.
    """

    def __init__(
        self,
        shape: Shape,
        words: int = 24,
        width: int = 16,
        code: int = 32,
        norm: str = "none",
        rng: Rng = None,
    ) -> None:
        super().__init__()
        body = DCGANDiscriminator(shape, width, norm, rng=rng).body
        self.trunk, self.score = body[:-1], cast(nn.Linear, body[-1])
        self.encode = TextEncoder(words, code, rng)
        self.project = nn.Linear(code, self.score.in_features, bias=False)
        dcgan_init(self.project, rng)

    def forward(self, x: Images, y: Words | None = None) -> PerExample:
        h, v = self.trunk(2 * x - 1), self.project(self.encode(y))
        return self.score(h).squeeze(1) + (v * h).sum(1)


class StackGenerator(Generator):
    """Words → a sketch at half the size → the image, as two channels (Zhang et al. 2017, StackGAN).

    The first stage sees noise and caption. The second sees the sketch and the caption again, no
    noise, and doubles the size; the code enters every normalisation, see `CodedBatchNorm2d`. Both
    stages learn at once, each from a discriminator of its own, as in StackGAN++ (Zhang et al.
    2018); in the first paper the second one learns when the first has ended.

    Args:
        shape: of the image, (1, height, width); both sides a multiple of 4.
        words, code: as for `TextEncoder`.
        width: channels of the last hidden maps; the first has twice as many.
        noise_dim: length of z.
        rng: draws the initial weights.
    """

    def __init__(
        self,
        shape: Shape,
        words: int = 24,
        width: int = 16,
        noise_dim: int = 32,
        code: int = 32,
        rng: Rng = None,
    ) -> None:
        super().__init__()
        c, h, w = check_multiple(shape, 4)
        self.noise_dim, self.map = noise_dim, (2 * width, h // 4, w // 4)
        self.first = nn.Linear(noise_dim, 2 * width * h * w // 16)
        self.sketch = nn.ModuleList(
            nn.Conv2d(i, o, 3, padding=1) for i, o in ((2 * width, width), (width, c))
        )
        self.look = nn.Conv2d(c, 2 * width, 3, padding=1)
        self.refine = nn.ModuleList(
            nn.Conv2d(i, o, 3, padding=1) for i, o in ((2 * width, width), (width, c))
        )
        dcgan_init(self, rng)
        self.norms, self.norms_2 = (
            nn.ModuleList(CodedBatchNorm2d(k, code, rng) for k in (2 * width, width))
            for _ in range(2)
        )
        self.encode = TextEncoder(words, code, rng)
        self.enlarge = nn.Upsample(scale_factor=2)

    def forward(self, z: Noise, y: Words | None = None) -> Stages:
        c = 3 * self.encode(y)
        h = self.norms[0](self.first(z).view(-1, *self.map), c).relu()
        h = self.norms[1](self.sketch[0](self.enlarge(h)), c).relu()
        sketch = self.sketch[1](h).sigmoid()
        h = self.norms_2[0](self.look(2 * sketch - 1), c).relu()
        h = self.norms_2[1](self.refine[0](self.enlarge(h)), c).relu()
        return torch.cat([self.enlarge(sketch), self.refine[1](h).sigmoid()], 1)


class StackDiscriminator(nn.Module):
    """A `TextDiscriminator` for each stage: the scores of the sketches, then those of the images.

    A loss that averages over scores thereby averages over the two games.

    Args:
        shape: of one image.
        rng: draws the initial weights.
        how: of both, as for `TextDiscriminator`.
    """

    def __init__(self, shape: Shape, rng: Rng = None, **how: Any) -> None:
        super().__init__()
        self.of_sketch = TextDiscriminator(shape, rng=rng, **how)
        self.of_image = TextDiscriminator(shape, rng=rng, **how)

    def forward(self, x: Stages, y: Words | None = None) -> Float[Tensor, " m"]:
        sketch, image = x.chunk(2, 1)
        return torch.cat([self.of_sketch(sketch, y), self.of_image(image, y)])
