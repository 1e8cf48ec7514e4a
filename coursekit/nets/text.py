"""Images from sentences: a recurrent encoder of words, a generator and a discriminator told one."""

from typing import cast

from jaxtyping import Int
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.nets.biggan import Code, CodedGenerator
from coursekit.nets.classifiers import Shape
from coursekit.nets.discriminators import DCGANDiscriminator
from coursekit.nets.generators import dcgan_init
from coursekit.types import Features, Images, PerExample, Rng

Words = Int[Tensor, "n t"]  # numbers of words; 0 stands for no word, after the last one


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
