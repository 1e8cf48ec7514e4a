"""Autoencoders: plain and linear, variational with five decoders, and with a discrete code.

A latent variable model has `encode(x)`, the mean and the log standard deviation of the Gaussian
q(z | x), and `log_likelihood(x, z)`, log p(x | z) summed over pixels; its prior is N(0, I). That is
all that `objectives.elbo` and `objectives.iwae` ask of a model.
"""

from collections.abc import Sequence
from math import log, pi, prod
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.errors import require
from coursekit.nets.classifiers import MLP, Shape, check_multiple, initialise
from coursekit.nets.generators import DCGANGenerator, Generator, Noise, resize_convolution
from coursekit.types import Examples, Images, Labels, PerExample, Rng

Moments = tuple[Float[Tensor, "n d"], Float[Tensor, "n d"]]  # mean and log σ of q(z | x)


class Autoencoder(nn.Module):
    """x → z → x̂ (Hinton & Salakhutdinov 2006), dense, with the decoder a mirror of the encoder.

    Without hidden layers both halves are linear, and the least squared error is that of PCA
    (Baldi & Hornik 1989). With them the activation is GELU.

    Args:
        shape: of one example, without the batch: (c, h, w), or (d,) for points.
        latent: length of z.
        hidden: sizes of the encoder's hidden layers; none for the linear autoencoder.
        rng: draws the initial weights.
    """

    def __init__(
        self,
        shape: Sequence[int],
        latent: int = 32,
        hidden: Sequence[int] = (256,),
        rng: Rng = None,
    ) -> None:
        super().__init__()
        self.shape, self.latent = tuple(shape), latent
        sizes = (prod(shape), *hidden, latent)
        self.encoder = MLP(sizes, nn.GELU, rng)
        self.decoder = MLP(sizes[::-1], nn.GELU, rng)

    def encode(self, x: Examples) -> Noise:
        """The code of each example, shape (n, latent)."""
        return self.encoder(x)

    def decode(self, z: Noise) -> Examples:
        """What a code stands for; not held to [0, 1], as the squared error needs no bound."""
        return self.decoder(z).view(-1, *self.shape)

    def forward(self, x: Examples) -> Examples:
        return self.decode(self.encode(x))


@torch.no_grad()
def pca_autoencoder(x: Examples, latent: int) -> Autoencoder:
    """The linear autoencoder of least squared error on `x`, in closed form.

    Its encoder and decoder are the leading eigenvectors of the covariance (Baldi & Hornik 1989).

    Args:
        x: examples, shape (n, ...).
        latent: how many components, from 1 to the number of pixels.

    Raises:
        CourseError: more components than pixels, or fewer than 1.
    """
    model = Autoencoder(tuple(x.shape[1:]), latent, ())
    mean, _, vectors = _eigen(x, latent)
    encoder, decoder = (cast(nn.Linear, half[1]) for half in (model.encoder, model.decoder))
    encoder.weight.copy_(vectors.T)
    encoder.bias.copy_(-mean @ vectors)
    decoder.weight.copy_(vectors)
    decoder.bias.copy_(mean)
    return model.eval()


def _eigen(x: Examples, latent: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, eigenvalues in falling order (all), and the leading eigenvectors, in float64."""
    rows = x.flatten(1).double()
    d = rows.shape[1]
    require(1 <= latent <= d, f"latent was {latent}; with {d} inputs choose 1 to {d}.")
    mean = rows.mean(0)
    values, vectors = torch.linalg.eigh((rows - mean).T @ (rows - mean) / len(rows))
    return mean, values.flip(0), vectors.flip(1)[:, :latent]


class LatentVariableModel(Generator):
    """p(x) = ∫ N(z; 0, I) p(x | z) dz with an encoder q(z | x) (Kingma & Welling 2014).

    As a generator it draws its own noise; `forward(z)` is the mean of p(x | z).
    """

    def encode(self, x: Examples) -> Moments:
        """Mean and log standard deviation of q(z | x), each of shape (n, latent)."""
        raise NotImplementedError

    def log_likelihood(self, x: Examples, z: Noise) -> PerExample:
        """log p(x | z) in nats, summed over pixels, shape (n,)."""
        raise NotImplementedError


def bernoulli_log_prob(logits: Tensor, x: Tensor) -> PerExample:
    """Σ x log p + (1 − x) log(1 − p) over all but the first axis, with p = sigmoid(logits)."""
    return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)


class VAE(LatentVariableModel):
    """Dense encoder of a Gaussian q(z | x), dense decoder of Bernoulli logits.

    With `hidden=(256,)` and `latent=2` the encoder is 784-256-4: two means and two log σ.

    Args:
        shape: (channels, height, width) of the images.
        latent: length of z.
        hidden: sizes of the encoder's hidden layers; the decoder is its mirror.
        rng: draws the initial weights.
    """

    encoder: nn.Module
    decoder: nn.Module

    def __init__(
        self, shape: Shape, latent: int = 16, hidden: Sequence[int] = (256,), rng: Rng = None
    ) -> None:
        super().__init__()
        self.shape, self.noise_dim = tuple(shape), latent
        self.encoder = MLP((prod(shape), *hidden, 2 * latent), rng=rng)
        self.decoder = nn.Sequential(
            *MLP((latent, *hidden[::-1], prod(shape)), rng=rng), nn.Unflatten(1, self.shape)
        )

    def encode(self, x: Images) -> Moments:
        mean, log_std = self.encoder(x).chunk(2, 1)
        return mean, log_std

    def decode(self, z: Noise) -> Images:
        """Logits of the pixels, shape (n, c, h, w)."""
        return self.decoder(z)

    def forward(self, z: Noise, y: Labels | None = None) -> Images:
        return self.decode(z).sigmoid()

    def log_likelihood(self, x: Images, z: Noise) -> PerExample:
        return bernoulli_log_prob(self.decode(z), x)


class ConvVAE(VAE):
    """A VAE whose decoder is the body of `DCGANGenerator`, as a game would train it.

    The encoder is two strided convolutions of half that width, and a linear layer.

    Args:
        shape: (channels, height, width); both sides a multiple of 4.
        latent: length of z.
        width: of the generator.
        rng: draws the initial weights.

    Raises:
        CourseError: a side that is not a multiple of 4.
    """

    def __init__(self, shape: Shape, latent: int = 64, width: int = 32, rng: Rng = None) -> None:
        Generator.__init__(self)
        c, h, w = check_multiple(shape, 4)
        self.shape, self.noise_dim = tuple(shape), latent
        self.encoder = nn.Sequential(
            nn.Conv2d(c, width // 2, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width // 2, width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(width * (h // 4) * (w // 4), 2 * latent),
        )
        initialise(self.encoder, rng)
        self.decoder = DCGANGenerator(shape, width, latent, bounded=False, rng=rng).body


def discretised_logistic_log_prob(mean: Tensor, log_scale: Tensor, x: Tensor) -> PerExample:
    """Σ log P(xᵢ) over all but the first axis, of 8-bit values, in nats.

    P(k/255) is what a logistic distribution has between (k − ½)/255 and (k + ½)/255; the values 0
    and 255 have all that lies beyond them. So the 256 probabilities of a value sum to 1. One
    component of the mixture of PixelCNN++ (Salimans et al. 2017, §2.1).

    Args:
        mean, log_scale: of each value, shaped as `x`; the mean in units of x.
        x: values k/255 in [0, 1], shape (n, ...).
    """
    narrow, half = (-log_scale).exp(), 0.5 / 255
    above, below = ((x - mean + step) * narrow for step in (half, -half))
    # σ(a) − σ(b) = σ(a)·σ(−b)·(1 − e^(b − a)): no difference of two numbers near 1
    left, right = F.logsigmoid(above), F.logsigmoid(-below)
    value = left + right + (-torch.expm1(-2 * half * narrow)).log()
    value = torch.where(x < half, left, torch.where(x > 1 - half, right, value))
    return value.flatten(1).sum(1)


class LogisticVAE(ConvVAE):
    """`ConvVAE` of 8-bit images, grey or in colour: each value has a logistic distribution, cut
    into 256 pieces, whose mean and scale the decoder gives (after Kingma et al. 2016, §5.2).

    Args:
        shape, latent, width, rng: as for `ConvVAE`.

    Raises:
        CourseError: a side that is not a multiple of 4.
    """

    def __init__(self, shape: Shape, latent: int = 64, width: int = 32, rng: Rng = None) -> None:
        super().__init__(shape, latent, width, rng)
        c, h, w = shape
        both = (2 * c, h, w)
        self.decoder = DCGANGenerator(both, width, latent, bounded=False, rng=rng).body

    def forward(self, z: Noise, y: Labels | None = None) -> Images:
        return self.decode(z).chunk(2, 1)[0].sigmoid()

    def log_likelihood(self, x: Images, z: Noise) -> PerExample:
        mean, log_scale = self.decode(z).chunk(2, 1)  # at first a scale of e⁻³, 13 of 255 values
        return discretised_logistic_log_prob(mean.sigmoid(), (log_scale - 3).clamp_min(-7), x)


class MaskedConv2d(nn.Conv2d):
    """A convolution that sees, in raster order, only pixels before its own, or also its own.

    van den Oord et al. 2016 ("Pixel Recurrent Neural Networks", §3.4), masks A and B of one
    channel: with `own=False` it is A.
    """

    mask: Tensor

    def __init__(self, inputs: int, outputs: int, kernel: int, own: bool) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)
        mask = torch.ones(kernel, kernel)
        mask[kernel // 2, kernel // 2 + int(own) :] = 0
        mask[kernel // 2 + 1 :] = 0
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Images) -> Float[Tensor, "n outputs h w"]:
        return F.conv2d(x, self.weight * self.mask, self.bias, padding=self.padding)


class MaskedVAE(LatentVariableModel):
    """A VAE with a strong decoder: p(x | z) = ∏ p(xᵢ | x₁ … xᵢ₋₁, z) (Chen et al. 2017).

    Three masked convolutions read the pixels before; z is painted on a canvas of the image's size
    that every pixel may read. The decoder can model x without z, and then q(z | x) = p(z).

    Args:
        shape: (1, height, width).
        latent, hidden: as for `VAE`; the canvas has the mirror of the encoder's layers.
        width: channels of the masked convolutions.
        rng: draws the initial weights.

    Raises:
        CourseError: more than one channel.
    """

    def __init__(
        self,
        shape: Shape,
        latent: int = 8,
        hidden: Sequence[int] = (64,),
        width: int = 16,
        rng: Rng = None,
    ) -> None:
        super().__init__()
        require(shape[0] == 1, f"shape was {tuple(shape)}; this decoder is for one channel.")
        self.shape, self.noise_dim = tuple(shape), latent
        self.encoder = MLP((prod(shape), *hidden, 2 * latent), rng=rng)
        self.canvas = nn.Sequential(
            *MLP((latent, *hidden[::-1], prod(shape)), rng=rng), nn.Unflatten(1, self.shape)
        )
        self.read = MaskedConv2d(1, width, 7, own=False)
        self.hint = nn.Conv2d(1, width, 3, padding=1)
        self.body = nn.Sequential(
            nn.ReLU(),
            MaskedConv2d(width, width, 3, own=True),
            nn.ReLU(),
            MaskedConv2d(width, width, 3, own=True),
            nn.ReLU(),
            nn.Conv2d(width, 1, 1),
        )
        for part in (self.read, self.hint, self.body):
            initialise(part, rng)

    def encode(self, x: Images) -> Moments:
        mean, log_std = self.encoder(x).chunk(2, 1)
        return mean, log_std

    def logits(self, x: Images, z: Noise) -> Images:
        """Of each pixel given z and the pixels before it, shape (n, 1, h, w)."""
        return self.body(self.read(2 * x - 1) + self.hint(self.canvas(z)))

    def log_likelihood(self, x: Images, z: Noise) -> PerExample:
        return bernoulli_log_prob(self.logits(x, z), x)

    @torch.no_grad()
    def sample(
        self, n: int, rng: torch.Generator, y: Tensor | None = None, batch: int = 500
    ) -> Images:
        """`n` binary images, drawn pixel by pixel: one pass of the decoder for each pixel."""
        z = self.noise(n, rng)
        return torch.cat([self.draw(part, rng) for part in z.split(batch)])

    @torch.no_grad()
    def draw(self, z: Noise, rng: torch.Generator) -> Images:
        """One binary image from p(x | z) for each z, in raster order."""
        x = torch.zeros(len(z), *self.shape, device=z.device)
        for row in range(self.shape[1]):
            for column in range(self.shape[2]):
                p = self.logits(x, z)[:, 0, row, column].sigmoid()
                x[:, 0, row, column] = (torch.rand(len(z), generator=rng).to(p) < p).float()
        return x


class LinearVAE(LatentVariableModel):
    """p(x | z) = N(Wz + μ, σ²I) and q(z | x) = N(V(x − μ), diag(s²)): probabilistic PCA.

    Tipping & Bishop 1999 give the maximum of the likelihood in closed form; Lucas et al. 2019 show
    that the ELBO has no other stable maximum.

    Args:
        dim: length of x.
        latent: length of z.
        rng: draws W; V starts as Wᵀ, σ and s at 1, μ at 0.
    """

    def __init__(self, dim: int, latent: int, rng: Rng = None) -> None:
        super().__init__()
        self.noise_dim = latent
        self.W = nn.Parameter(torch.randn(dim, latent, generator=rng) / dim**0.5)
        self.V = nn.Parameter(self.W.detach().T.clone())
        self.mu = nn.Parameter(torch.zeros(dim))
        self.log_sigma = nn.Parameter(torch.zeros(()))
        self.log_s = nn.Parameter(torch.zeros(latent))

    def encode(self, x: Examples) -> Moments:
        mean = (x.flatten(1) - self.mu) @ self.V.T
        return mean, self.log_s.expand_as(mean)

    def forward(self, z: Noise, y: Labels | None = None) -> Examples:
        return z @ self.W.T + self.mu

    def log_likelihood(self, x: Examples, z: Noise) -> PerExample:
        scaled = (x.flatten(1) - self(z)) * (-self.log_sigma).exp()
        return -(0.5 * (scaled.square() + log(2 * pi)) + self.log_sigma).sum(1)

    def log_prob(self, x: Examples) -> PerExample:
        """log p(x) exactly: x is N(μ, WWᵀ + σ²I), shape (n,)."""
        noise = (2 * self.log_sigma).exp() * torch.eye(len(self.mu)).to(self.W)
        covariance = self.W @ self.W.T + noise
        normal = torch.distributions.MultivariateNormal(self.mu, covariance)
        return normal.log_prob(x.flatten(1))

    @classmethod
    @torch.no_grad()
    def fitted(cls, x: Examples, latent: int) -> "LinearVAE":
        """The maximum of the likelihood on `x`, in float64 (Tipping & Bishop 1999, §3.2 and 3.3).

        σ² is the mean of the eigenvalues that are left out, W = U(Λ − σ²I)^½, and the posterior is
        N(M⁻¹Wᵀ(x − μ), σ²M⁻¹) with M = WᵀW + σ²I, which is diagonal here.

        Raises:
            CourseError: no component is left out, or fewer than 1 is kept.
        """
        mean, values, vectors = _eigen(x, latent)
        require(latent < len(mean), f"latent was {latent}; leave out one of {len(mean)} at least.")
        model = cls(len(mean), latent).double()
        variance = values[latent:].mean()
        scale = (values[:latent] - variance).sqrt()
        model.W.copy_(vectors * scale)
        model.V.copy_((vectors * scale / values[:latent]).T)  # M = Λ
        model.mu.copy_(mean)
        model.log_sigma.copy_(variance.log() / 2)
        model.log_s.copy_((variance / values[:latent]).log() / 2)
        return model.eval()


class VQVAE(nn.Module):
    """Each place of a quarter-size map is one of `codes` vectors (van den Oord et al. 2017).

    Args:
        shape: (channels, height, width); both sides a multiple of 4.
        codes: K, the size of the codebook.
        dim: length of a code vector.
        width: channels of the convolutions.
        rng: draws the initial weights.

    Raises:
        CourseError: a side that is not a multiple of 4.
    """

    def __init__(
        self, shape: Shape, codes: int = 64, dim: int = 8, width: int = 32, rng: Rng = None
    ) -> None:
        super().__init__()
        c, h, w = check_multiple(shape, 4)
        self.codes, self.map = codes, (h // 4, w // 4)
        self.encoder = nn.Sequential(
            nn.Conv2d(c, width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, dim, 1),
            # z_e as wide as the codebook starts: without it a few code vectors win every place
            nn.BatchNorm2d(dim, affine=False),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(dim, width, 3, padding=1),
            nn.ReLU(),
            resize_convolution(width, width),
            nn.ReLU(),
            resize_convolution(width, c),
        )
        initialise(self.encoder, rng)
        initialise(self.decoder, rng)
        self.codebook = nn.Parameter(torch.randn(codes, dim, generator=rng))

    def encode(self, x: Images) -> Float[Tensor, "n d h2 w2"]:
        """z_e(x): what the codebook then rounds, shape (n, dim, h/4, w/4)."""
        return self.encoder(x)

    def indices(self, z: Float[Tensor, "n d h2 w2"]) -> Int[Tensor, "n h2 w2"]:
        """Which code vector is nearest at each place (eq. 1)."""
        rows = z.detach().movedim(1, -1).flatten(0, -2)
        nearest = torch.cdist(rows, self.codebook.detach()).argmin(1)
        return nearest.view(len(z), *z.shape[2:])

    def embed(self, indices: Int[Tensor, "n h2 w2"]) -> Float[Tensor, "n d h2 w2"]:
        """The code vectors of given indices: z_q."""
        return self.codebook[indices].movedim(-1, 1)

    def decode(self, z: Float[Tensor, "n d h2 w2"]) -> Images:
        """Logits of the pixels, shape (n, c, h, w)."""
        return self.decoder(z)

    def forward(self, x: Images) -> Images:
        """The reconstruction: pixel probabilities in [0, 1]."""
        return self.decode(self.embed(self.indices(self.encode(x)))).sigmoid()

    def log_likelihood(self, x: Images, z: Float[Tensor, "n d h2 w2"]) -> PerExample:
        """log p(x | z) in nats, summed over pixels, shape (n,)."""
        return bernoulli_log_prob(self.decode(z), x)

    @torch.no_grad()
    def sample(self, n: int, rng: torch.Generator) -> Images:
        """Pixel probabilities for codes of the uniform prior that it is trained under (§3.2).

        Every place is drawn on its own; the paper then learns a prior of the map.
        """
        drawn = torch.randint(self.codes, (n, *self.map), generator=rng)
        return self.decode(self.embed(drawn.to(self.codebook.device))).sigmoid()


@torch.no_grad()
def log_prob_grid(
    model: VAE, x: Images, points: int = 200, reach: float = 5.0, batch: int = 2000
) -> PerExample:
    """log p(x) = log ∫ N(z; 0, I) p(x | z) dz of a VAE with two latents, by a grid on the plane.

    The trapezoidal rule; its error falls faster than any power of the spacing once that is below
    the width of p(z | x).

    Args:
        model: with `noise_dim` 2, in eval mode if it has BatchNorm.
        x: binary images, shape (n, c, h, w).
        points: on each axis.
        reach: the grid spans [−reach, reach]²; beyond 5 lies less than 10⁻⁶ of the prior.
        batch: points of the grid decoded at a time.

    Returns:
        Nats, shape (n,).

    Raises:
        CourseError: another number of latents, or fewer than 2 points.
    """
    require(model.noise_dim == 2, f"the model has {model.noise_dim} latents; the grid is for two.")
    require(points >= 2, f"points was {points}; an axis needs at least 2.")
    axis = torch.linspace(-reach, reach, points, dtype=torch.float64)
    z = torch.cartesian_prod(axis, axis)
    prior = -z.square().sum(1) / 2 - log(2 * pi) + 2 * log(2 * reach / (points - 1))
    rows, total = x.flatten(1), torch.full((len(x),), -torch.inf, dtype=torch.float64)
    for part, weight in zip(z.float().to(x.device).split(batch), prior.split(batch), strict=True):
        logits = model.decode(part).flatten(1)
        joint = (rows @ logits.T - F.softplus(logits).sum(1)).double().cpu() + weight
        total = torch.logaddexp(total, joint.logsumexp(1))
    return total.to(x)
