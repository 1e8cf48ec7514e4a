"""Every network, loss, objective and penalty takes a step on the `meta` device, as on a GPU.

Whatever mixes a tensor made on the CPU with those on the device fails here.
"""

import inspect

import pytest
import torch
from torch import nn

from coursekit import gan_losses, lipschitz, nets, objectives
from coursekit.attacks import training_pgd
from coursekit.objectives import adversarial, cross_entropy, trades
from coursekit.training import Ema, frozen, optimizer_step, unrolled

GREY, COLOUR, N = (1, 16, 16), (3, 16, 16), 4
X = {"grey": torch.rand(N, *GREY, device="meta"), "colour": torch.rand(N, *COLOUR, device="meta")}
Y = torch.zeros(N, dtype=torch.int64, device="meta")
RNG = torch.Generator().manual_seed(0)

CLASSIFIERS = {
    "StridedCNN": lambda: nets.StridedCNN(COLOUR, 3),
    "PooledCNN": lambda: nets.PooledCNN(COLOUR, 3),
    "VGGSmall": lambda: nets.VGGSmall(COLOUR, 3, 4),
    "SmallResNet": lambda: nets.SmallResNet(COLOUR, 3),
    "LinearClassifier": lambda: nets.LinearClassifier(COLOUR, 3),
    "MLP": lambda: nets.MLP((768, 8, 3)),
    "Maxout": lambda: nn.Sequential(nn.Flatten(), nets.Maxout(768, 3)),
    "ScaledLogits": lambda: nets.ScaledLogits(nets.StridedCNN(COLOUR, 3), 10.0),
    "QuantizedInputs": lambda: nets.QuantizedInputs(nets.StridedCNN(COLOUR, 3), 4),
    "PatchPositionNet": lambda: nets.PatchPositionNet(3, (4,) * 6),
}
GENERATORS = {
    "MLPGenerator": lambda: nets.MLPGenerator(COLOUR, (8,), 4, norm="batch"),
    "DCGANGenerator": lambda: nets.DCGANGenerator(COLOUR, 4, 4),
    "resize": lambda: nets.DCGANGenerator(COLOUR, 4, 4, double=nets.resize_convolution),
    "ConcatGenerator": lambda: nets.ConcatGenerator(COLOUR, 3, 4, 4),
    "ConditionalBatchNormGenerator": lambda: nets.ConditionalBatchNormGenerator(COLOUR, 3, 4, 4),
    "SNGANGenerator": lambda: nets.SNGANGenerator(COLOUR, 3, 4, 4),
    "coded": lambda: nets.SNGANGenerator(COLOUR, 3, 8, 4, attention=True, code=4),
    "BigGANGenerator": lambda: nets.BigGANGenerator(COLOUR, 3, 4, 6),
    "StyleGenerator": lambda: nets.StyleGenerator(COLOUR, 4, 4),
    "ProgressiveGenerator": lambda: nets.ProgressiveGenerator(COLOUR, 4, 4),
}
DISCRIMINATORS = {
    "MLPDiscriminator": lambda: nets.MLPDiscriminator(COLOUR, (8,)),
    "DCGANDiscriminator": lambda: nets.DCGANDiscriminator(COLOUR, 4),
    "pooled": lambda: nets.DCGANDiscriminator(COLOUR, 4, pool=True),
    "spectral": lambda: nets.DCGANDiscriminator(COLOUR, 4, "spectral"),
    "ConcatDiscriminator": lambda: nets.ConcatDiscriminator(COLOUR, 3, 4),
    "AuxiliaryDiscriminator": lambda: nets.AuxiliaryDiscriminator(COLOUR, 3, 4),
    "ProjectionDiscriminator": lambda: nets.ProjectionDiscriminator(COLOUR, 3, 4),
    "SNGANDiscriminator": lambda: nets.SNGANDiscriminator(COLOUR, 3, 4),
    "attentive": lambda: nets.SNGANDiscriminator(COLOUR, 3, 8, attention=True),
    "ProgressiveDiscriminator": lambda: nets.ProgressiveDiscriminator(COLOUR, 4),
    "LocalDiscriminator": lambda: nets.LocalDiscriminator(COLOUR, 8, attention=True),
    "MinibatchStd": lambda: nets.Preprocessed(
        nets.MinibatchStd(2), nets.DCGANDiscriminator((4, 16, 16), 4)
    ),
}
AUTOENCODERS = {
    "Autoencoder": (lambda: nets.Autoencoder(GREY, 2, (8,)), objectives.reconstruction(0.1)),
    "VAE": (lambda: nets.VAE(GREY, 2, (8,)), objectives.elbo(free_bits=0.1)),
    "ConvVAE": (lambda: nets.ConvVAE(GREY, 2, 4), objectives.iwae(3)),
    "LogisticVAE": (lambda: nets.LogisticVAE(GREY, 2, 4), objectives.elbo()),
    "MaskedVAE": (lambda: nets.MaskedVAE(GREY, 2, (8,), 4), objectives.elbo()),
    "LinearVAE": (lambda: nets.LinearVAE(256, 2), objectives.elbo()),
    "VQVAE": (lambda: nets.VQVAE(GREY, 4, 2, 4), objectives.vq()),
}
LIKELIHOOD = {  # with the objective of each
    "FVSBN": (lambda: nets.FVSBN(GREY), objectives.negative_log_likelihood),
    "NADE": (lambda: nets.NADE(GREY, 4), objectives.negative_log_likelihood),
    "MADE": (lambda: nets.MADE(GREY, (4,), orders=2), objectives.order_agnostic),
    "PixelCNN": (lambda: nets.PixelCNN(GREY, 4, 2), objectives.negative_log_likelihood),
    "GatedPixelCNN": (lambda: nets.GatedPixelCNN(GREY, 4, 2), objectives.negative_log_likelihood),
    "RowLSTM": (lambda: nets.RowLSTM(GREY, 4), objectives.negative_log_likelihood),
    "CausalAttention": (lambda: nets.CausalAttention(GREY, 4), objectives.negative_log_likelihood),
    "RealNVP": (lambda: nets.RealNVP(GREY, 4, 4), objectives.dequantised),
}
DIFFUSION = {
    "DiffusionUNet": lambda: nets.DiffusionUNet(GREY, 8, classes=3),
    "DiffusionMLP": lambda: nets.DiffusionMLP(GREY, 8),
}
TRANSLATION = {"UNet", "PatchDiscriminator", "Cycle", "TwoCritics"}  # see test_translation
TRANSLATION |= {"FilmTranslator"}  # see test_films
ABSTRACT = {"Growing",
    "Autoregressive", "CodedGenerator", "ConditionalGenerator", "DiffusionModel", "Generator",
    "LatentVariableModel",
}  # fmt: skip
LAYERS = {
    "EqualisedLinear",
    "AffineCoupling",
    "CodedBatchNorm2d",
    "ConditionalBatchNorm2d",
    "MaskedConv2d",
    "ModulatedConv2d",
    "SelfAttention",
    "Normalize",
    "Preprocessed",
}  # of the networks in the tables
POINTS = {  # in a test of their own below
    "PacGANPack", "FourierFeatures", "ParallelGenerator", "ParallelDiscriminator", "DiracGenerator",
    "DiracDiscriminator", "Inpainter", "StackDiscriminator", "StackGenerator", "TextDiscriminator",
    "TextEncoder", "TextGenerator",
}  # fmt: skip


def step(network, loss):
    optimizer_step(loss, torch.optim.Adam(network.parameters(), fused=False))
    assert {p.grad.device.type for p in network.parameters() if p.grad is not None} == {"meta"}


@pytest.mark.parametrize("make", CLASSIFIERS.values(), ids=CLASSIFIERS)
@pytest.mark.parametrize(
    "objective",
    [cross_entropy, adversarial(training_pgd(0.1, 2), 0.5), trades(training_pgd(0.1, 2))],
    ids=["cross-entropy", "adversarial", "TRADES"],
)
def test_a_classifier_takes_a_step(make, objective):
    model = make().to("meta")
    more = () if objective is cross_entropy else (RNG, 0.5)
    loss = objective(model, X["colour"], Y, *more)
    assert loss.device.type == "meta" and loss.shape == ()
    step(model, loss)


@pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS)
@pytest.mark.parametrize("augment", [nets.DiffAugment(), nets.InstanceNoise(0.1)], ids=str)
def test_a_generator_takes_a_step_and_is_averaged(make, augment):
    G, D = make().to("meta"), nets.DCGANDiscriminator(COLOUR, 4).to("meta")
    ema = Ema(G)
    fake = G(G.noise(N, RNG), Y)  # drawn on the CPU, and moved
    assert fake.shape == X["colour"].shape
    with frozen(D):
        step(G, gan_losses.Hinge().generator(D(augment(fake, RNG, 0.5), Y)))
    ema.update(G)


@pytest.mark.parametrize("make", DISCRIMINATORS.values(), ids=DISCRIMINATORS)
@pytest.mark.parametrize(
    "penalty",
    [lipschitz.gradient_penalty(10), lipschitz.r1_penalty(1.0), None],
    ids=["GP", "R1", "none"],
)
def test_a_discriminator_takes_a_step(make, penalty):
    D = make().to("meta").train()
    real, fake = X["colour"], torch.rand_like(X["colour"])
    loss = gan_losses.NonSaturating().critic(D(real, Y), D(fake, Y))
    if penalty:
        loss = loss + penalty(D, real, fake, Y, RNG)
    if isinstance(D, nets.AuxiliaryDiscriminator):
        loss = loss + gan_losses.auxiliary(real=1.0, fake=1.0)(D, real, fake, Y, RNG)
    step(D, loss)
    lipschitz.clip_weights(0.1)(D)
    ahead = unrolled(gan_losses.NonSaturating(), 1)(D, real, fake, Y, RNG)
    assert ahead(fake, Y).shape == (N,)


def losses():
    found = vars(gan_losses).values()
    return [
        c
        for c in found
        if inspect.isclass(c)
        and hasattr(c, "critic")
        and c.__module__ == gan_losses.__name__
        and c is not gan_losses.GanLoss
        and not c.__name__.startswith("_")
    ]


@pytest.mark.parametrize("loss", losses(), ids=lambda c: c.__name__)
def test_both_players_take_a_step_on_every_loss(loss):
    G = nets.DCGANGenerator(GREY, 4, 4).to("meta")
    D = nets.DCGANDiscriminator(GREY, 4).to("meta")
    fake, rule = G(G.noise(N, RNG), Y), loss()
    step(D, rule.critic(D(X["grey"], Y), D(fake.detach(), Y)))
    with frozen(D):
        l1 = gan_losses.reconstruction(0.1)(D, X["grey"], fake)
        step(G, rule.generator(D(fake, Y)) + l1)


def test_points_of_the_plane_take_a_step_too():
    x = torch.rand(8, 2, device="meta")
    waves = nets.FourierFeatures(2, 3, 1.0)
    G = nets.ParallelGenerator(2, (2,), (8,)).to("meta")
    D = nets.Preprocessed(waves, nets.ParallelDiscriminator(2, (waves.width,), (8,))).to("meta")
    fake = G(G.noise(8, RNG), None)
    step(D, gan_losses.Hinge().critic(D(x), D(fake.detach())))
    pack = nets.Preprocessed(nets.PacGANPack(2), nets.MLPDiscriminator((4,), (8,))).to("meta")
    step(pack, gan_losses.Hinge().critic(pack(x), pack(fake.detach())))
    critic = nets.MLPDiscriminator((2,), (8,)).to("meta")
    step(critic, gan_losses.Wasserstein().critic(critic(x), critic(fake.detach())))
    theta, psi = nets.DiracGenerator().to("meta"), nets.DiracDiscriminator().to("meta")
    step(theta, gan_losses.Hinge().generator(psi(theta(torch.zeros(4, 1, device="meta")))))


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_an_autoencoder_takes_a_step(name):
    make, objective = AUTOENCODERS[name]
    model = make().to("meta")
    more = () if name == "VQVAE" else (RNG, 0.5)
    step(model, objective(model, X["grey"], Y, *more))


@pytest.mark.parametrize("name", LIKELIHOOD)
def test_a_likelihood_model_takes_a_step(name):
    make, objective = LIKELIHOOD[name]
    model, x = make().to("meta"), torch.rand(N, *GREY, device="meta")
    step(model, objective(model, x, Y, *((RNG, 0.5) if name == "RealNVP" else ())))


@pytest.mark.parametrize("make", DIFFUSION.values(), ids=DIFFUSION)
@pytest.mark.parametrize("weighting", ["simple", "vlb"])
def test_a_diffusion_model_takes_a_step_and_samples(make, weighting):
    model = make().to("meta")
    step(model, objectives.denoising(weighting)(model, X["grey"], Y, RNG, 0.5))
    assert model.sample(2, RNG, steps=3).device.type == "meta"
    assert model.inpaint(X["grey"], X["grey"] > 0.5, RNG, steps=3).shape == X["grey"].shape


def test_what_completes_an_image_takes_a_step():
    C, D = nets.Inpainter(COLOUR, 4, 4).to("meta"), nets.DCGANDiscriminator(COLOUR, 4).to("meta")
    fake = C(C.noise(N, RNG), X["colour"][:, :, :8])
    assert fake.shape == X["colour"].shape
    with frozen(D):
        step(C, gan_losses.Hinge().generator(D(fake)))


def test_words_take_a_step_too():
    y = torch.ones(N, 5, dtype=torch.int64, device="meta")
    pairs = {
        "colour": (
            nets.TextGenerator(COLOUR, 24, 4, 6, 5),
            nets.TextDiscriminator(COLOUR, 24, 4, 5),
        ),
        "stages": (nets.StackGenerator(GREY, 24, 4, 6, 5), nets.StackDiscriminator(GREY, width=4)),
    }
    real = {"colour": X["colour"], "stages": X["grey"].expand(-1, 2, -1, -1)}

    def same(a, b):
        return (a == b).all(1)

    for name, (G, D) in pairs.items():
        G, D, x = G.to("meta"), D.to("meta"), real[name]
        fake = G(G.noise(N, RNG), y)
        assert fake.shape == x.shape
        loss = gan_losses.Hinge().critic(D(x, y), D(fake.detach(), y))
        step(D, loss + gan_losses.wrong_pairs(same)(D, x, fake, y, RNG))
        with frozen(D):
            step(G, gan_losses.Hinge().generator(D(fake, y)))


def test_normalised_and_orthogonal_critics_take_a_step():
    D = (
        lipschitz.ScaledCritic(nets.DCGANDiscriminator(COLOUR, 4, "spectral", rng=RNG), 2.0)
        .to("meta")
        .train()
    )
    ema, x = Ema(D), X["colour"]
    step(D, gan_losses.Wasserstein().critic(D(x, Y), D(0.5 * x, Y)) + lipschitz.orthogonal(0.1)(D))
    ema.update(D)


def test_every_network_of_the_course_is_in_one_of_the_tables():
    """A new network is added to a table above, or says here why not."""
    classes = {name for name in nets.__all__ if inspect.isclass(getattr(nets, name))}
    modules = {name for name in classes if issubclass(getattr(nets, name), nn.Module)}
    tables = {*CLASSIFIERS, *GENERATORS, *DISCRIMINATORS, *AUTOENCODERS}
    tables |= {*LIKELIHOOD, *TRANSLATION, *DIFFUSION}
    assert modules <= tables | ABSTRACT | LAYERS | POINTS
    trained = [make() for make in (*CLASSIFIERS.values(), *GENERATORS.values(),
                                   *DISCRIMINATORS.values())]  # fmt: skip
    trained += [make() for make, _ in LIKELIHOOD.values()]
    inside = {type(part).__name__ for network in trained for part in network.modules()}
    assert inside >= LAYERS
    assert all(getattr(nets, name).__subclasses__() for name in ABSTRACT)


@pytest.mark.parametrize("penalty", [None, lipschitz.gradient_penalty(1.0)], ids=["none", "GP"])
def test_a_critic_of_the_dual_takes_a_step(penalty):
    critic = nets.MLPDiscriminator((2,), (8,)).to("meta")
    x, is_real = torch.rand(8, 2, device="meta"), torch.ones(8, device="meta")
    step(critic, lipschitz.dual_loss(penalty)(critic, x, is_real, RNG))
