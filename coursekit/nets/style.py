"""A small StyleGAN: mapping, modulated convolutions, noise inputs, mixing, truncation in w."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.errors import require
from coursekit.nets.classifiers import Shape, check_multiple
from coursekit.nets.generators import Generator, Noise
from coursekit.types import Images, Labels, Rng

Styles = Float[Tensor, "n latent"]  # w, one for each example

MAPPING_RATE = 0.1  # the paper's is 0.01, in a run a hundred times as long
LAYERS = 4  # styled convolutions: one of 7 × 7 pixels, one of 14, two of 28


class EqualisedLinear(nn.Module):
    """x·(c·W)ᵀ + λ·b, W from N(0, 1/λ²) and c = λ/√fan_in (Karras et al. 2018, §4.1; 2019, app. C).

    Adam's steps have the size of the rate, whatever the size of a weight. With all weights of one
    size all layers learn at one speed; λ < 1 slows this one down.

    Args:
        inputs, outputs: lengths.
        rate: λ, a factor on the learning rate.
        bias: b at the beginning.
        rng: draws W.
    """

    def __init__(
        self, inputs: int, outputs: int, rate: float = 1.0, bias: float = 0.0, rng: Rng = None
    ) -> None:
        super().__init__()
        self.scale, self.rate = rate / inputs**0.5, rate
        self.weight = nn.Parameter(torch.randn(outputs, inputs, generator=rng) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias / rate))

    def forward(self, x: Float[Tensor, "... inputs"]) -> Float[Tensor, "... outputs"]:
        return F.linear(x, self.scale * self.weight, self.rate * self.bias)


class ModulatedConv2d(nn.Module):
    """Each example convolves with weights of its own, w'_oik = s_i·w_oik / ‖s_i·w_o‖.

    Modulation by the style and demodulation (Karras et al. 2020, eqs. 1–3). Computed on the map
    rather than on the weights: scale the inputs by s, convolve, divide the outputs. The same
    numbers as one grouped convolution, or as a loop over the examples. `weight` starts from
    N(0, 1); `filters` are the weights at the size of their layer, see `EqualisedLinear`.

    Args:
        inputs, outputs: channels.
        style: length of w; s = A·w + 1.
        kernel: side of the filters, odd.
        demodulate: divide by the norm; the last layer, to pixels, does not.
        rng: draws the initial weights.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        style: int,
        kernel: int = 3,
        demodulate: bool = True,
        rng: Rng = None,
    ) -> None:
        super().__init__()
        self.affine = EqualisedLinear(style, inputs, bias=1.0, rng=rng)
        self.scale = (inputs * kernel**2) ** -0.5
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel, generator=rng))
        self.demodulate = demodulate

    @property
    def filters(self) -> Tensor:
        """The weights w_oik of the convolution, shape (outputs, inputs, kernel, kernel)."""
        return self.scale * self.weight

    def forward(self, h: Tensor, w: Styles) -> Tensor:
        s, filters = self.affine(w), self.filters
        out = F.conv2d(s[:, :, None, None] * h, filters, padding=filters.shape[-1] // 2)
        if self.demodulate:
            squares = s.square() @ filters.square().sum((2, 3)).T  # (n, outputs)
            out = out * (squares + 1e-8).rsqrt()[:, :, None, None]
        return out


class StyleGenerator(Generator):
    """z → w by a mapping network; a learnt constant of a quarter size; four styled convolutions.

    After each convolution noise is added, one value a pixel, with a learnt strength that starts at
    0 (Karras et al. 2019, §2; 2020, Fig. 2). One z holds all that is random, so that an image is a
    function of it: two latents, one number that says where the second takes over, and the noise of
    each layer. In train mode half of the images are mixed (§3.1: "mixing regularization").

    Args:
        shape: (channels, height, width); both sides a multiple of 4.
        width: channels of the last layers; the first ones have twice as many.
        latent: length of one latent, and of w.
        noise: whether the layers have noise inputs.
        mixing: whether styles are mixed in train mode.
        rng: draws the initial weights.

    Attributes:
        sizes: (height, width) of the map of each layer.
    """

    def __init__(
        self,
        shape: Shape,
        width: int = 16,
        latent: int = 32,
        noise: bool = True,
        mixing: bool = True,
        rng: Rng = None,
    ) -> None:
        super().__init__()
        c, h, w = check_multiple(shape, 4)
        self.latent, self.with_noise, self.mixing = latent, noise, mixing
        self.sizes = [(h // k, w // k) for k in (4, 2, 1, 1)]
        self.noise_dim = 2 * latent + 1 + sum(a * b for a, b in self.sizes)
        sizes = (latent, 64, 64, latent)
        parts: list[nn.Module] = []
        for inputs, outputs in zip(sizes, sizes[1:], strict=False):
            parts += [EqualisedLinear(inputs, outputs, MAPPING_RATE, rng=rng), nn.LeakyReLU(0.2)]
        self.mapping = nn.Sequential(*parts[:-1])
        self.constant = nn.Parameter(torch.randn(2 * width, *self.sizes[0], generator=rng))
        channels = (2 * width, 2 * width, width, width, width)
        self.styled = nn.ModuleList(
            ModulatedConv2d(i, o, latent, rng=rng)
            for i, o in zip(channels, channels[1:], strict=False)
        )
        self.strength = nn.Parameter(torch.zeros(LAYERS))
        self.bias = nn.ParameterList(torch.zeros(o) for o in channels[1:])
        self.to_pixels = ModulatedConv2d(width, c, latent, 1, demodulate=False, rng=rng)

    def styles(self, z: Noise) -> tuple[Styles, Styles]:
        """The w of both latents of z, each normalised to length √latent first."""
        pair = torch.stack(z[:, : 2 * self.latent].chunk(2, 1))
        pair = pair * (pair.square().mean(2, keepdim=True) + 1e-8).rsqrt()
        first, second = self.mapping(pair)
        return first, second

    def noises(self, z: Noise) -> list[Tensor]:
        """The noise map of each layer, shape (n, 1, height, width)."""
        parts = z[:, 2 * self.latent + 1 :].split([a * b for a, b in self.sizes], 1)
        return [p.view(-1, 1, *size) for p, size in zip(parts, self.sizes, strict=True)]

    def forward(self, z: Noise, y: Labels | None = None) -> Images:
        first, second = self.styles(z)
        styles = [first] * LAYERS
        if self.training and self.mixing:
            # uniform in [0, 1): below ½ no mixing, above a layer from 1 to LAYERS − 1
            u = torch.special.ndtr(z[:, 2 * self.latent, None])
            start = 1 + ((2 * u - 1) * (LAYERS - 1)).floor()
            takes = [(u >= 0.5) & (start <= layer) for layer in range(LAYERS)]
            styles = [torch.where(take, second, first) for take in takes]
        return self.synthesise(styles, self.noises(z))

    def synthesise(self, styles: Sequence[Styles], noises: Sequence[Tensor]) -> Images:
        """The image of one w for each layer, coarse to fine, and one noise map for each.

        Raises:
            CourseError: not one style each.
        """
        sentence = f"styles held {len(styles)}; give one for each of {LAYERS} layers."
        require(len(styles) == LAYERS, sentence)
        h = self.constant.expand(len(styles[0]), -1, -1, -1)
        for i, (layer, w, noise) in enumerate(zip(self.styled, styles, noises, strict=True)):
            if h.shape[2:] != noise.shape[2:]:
                h = F.interpolate(h, scale_factor=2, mode="bilinear", align_corners=False)
            h = layer(h, w) + self.bias[i][None, :, None, None]
            if self.with_noise:
                h = h + self.strength[i] * noise
            h = F.leaky_relu(h, 0.2)
        return self.to_pixels(h, styles[-1]).sigmoid()

    @torch.no_grad()
    def mean_style(self, rng: torch.Generator, n: int = 5000) -> Tensor:
        """w̄ = E f(z), from `n` draws, shape (1, latent)."""
        return self.styles(self.noise(n, rng))[0].mean(0, keepdim=True)


def truncated_style(w: Styles, mean: Tensor, psi: float) -> Styles:
    """w̄ + ψ·(w − w̄) (Karras et al. 2019, appendix B): at ψ = 0 one style for all, at 1 w itself."""
    return mean + psi * (w - mean)
