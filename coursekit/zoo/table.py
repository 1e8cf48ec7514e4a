"""The runs of the course. `coursekit zoo list` prints this table with what is stored."""

from dataclasses import replace

from coursekit.zoo.recipes import Recipe

_CLASSIFIER = Recipe(
    name="classifier-mnist", data="mnist", steps=1400, batch=128, network=("strided_cnn", {}),
    optimizer=("adam", {"lr": 6e-3}), schedule=("triangle", {"peak": 0.3}),
)  # fmt: skip
_FEATURES = replace(_CLASSIFIER, name="features-mnist", split="eval_classifier", steps=1200)
_PGD = replace(
    _CLASSIFIER, name="pgd-mnist", steps=2000, batch=100, optimizer=("adam", {"lr": 5e-3}),
    objective=("adversarial", {"eps": 0.3, "steps": 4, "ramp": 0.3}),
)  # fmt: skip
# With R1 on real images the game keeps getting better; a plain DCGAN passes its best and gets
# worse, spectral norm with the hinge stands still (digits, 16 channels, 5,000 updates, seed 5:
# 88 against 114, and quicker at twice the rates).
_ADAM = ("adam", {"lr": 2e-3, "betas": [0.0, 0.99]})
_DCGAN = Recipe(
    name="dcgan-mnist", data="mnist", split="gan_train", steps=8_000,
    generator=("dcgan_generator", {"width": 32}),
    discriminator=("dcgan_discriminator", {"width": 32, "norm": "none"}),
    loss=("nonsaturating", {}), penalty_D=("r1", {"gamma": 0.2}), optimizer_G=_ADAM,
    optimizer_D=_ADAM, ema=0.999,
)  # fmt: skip
_PROJECTION = replace(
    _DCGAN, name="cgan-projection-mnist",
    generator=("conditional_batchnorm_generator", {"width": 32}),
    discriminator=("projection_discriminator", {"width": 32, "norm": "none"}),
)  # fmt: skip
_TWIN = {"width": 16, "noise_dim": 64}
_COLOUR = ("adam", {"lr": 4e-4, "betas": [0.0, 0.9]})

RECIPES = {
    recipe.name: recipe
    for recipe in (
        replace(_FEATURES, name="features-digits", data="digits"),
        replace(_CLASSIFIER, name="classifier-digits", data="digits"),
        replace(_PGD, name="pgd-digits", data="digits", steps=1400),
        replace(
            _DCGAN, name="dcgan-digits", data="digits", steps=6000, compare=2000,
            generator=("dcgan_generator", _TWIN),
            discriminator=("dcgan_discriminator", {"width": 16, "norm": "none"}),
        ),
        replace(
            _PROJECTION, name="cgan-projection-digits", data="digits", steps=6000, compare=2000,
            generator=("conditional_batchnorm_generator", _TWIN),
            discriminator=("projection_discriminator", {"width": 16, "norm": "none"}),
        ),
        _FEATURES,
        _CLASSIFIER,
        _PGD,
        Recipe(
            name="features-cifar10-10k", data="cifar10-10k", steps=1600, batch=128,
            network=("vgg_small", {"width": 32}), optimizer=("adam", {"lr": 3e-3}),
            objective=("augmented", {"shift": 4, "smoothing": 0.1}),
            schedule=("triangle", {"peak": 0.3}),
        ),
        _DCGAN,
        _PROJECTION,
        Recipe(
            name="cgan-colour-cifar10-10k", data="cifar10-10k", steps=25_000, compare=2000,
            generator=("sngan_generator", {"width": 32}),
            discriminator=("sngan_discriminator", {"width": 24}),
            loss=("hinge", {}), augment=("diff_augment", {}), optimizer_G=_COLOUR,
            optimizer_D=_COLOUR, reuse_fakes=True, ema=0.999, channels_last=True,
        ),
    )
}  # fmt: skip
