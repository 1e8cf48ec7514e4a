"""The runs of the course. `coursekit zoo list` prints this table with what is stored."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from coursekit.data import Dataset
from coursekit.zoo.recipes import DATA, Part, Recipe

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
# Lecture 04: four ways of conditioning, each one change away from concatenation in both networks.
_CONCAT: dict[str, Any] = {
    "generator": ("concat_generator", {"width": 16, "noise_dim": 32}),
    "discriminator": ("concat_discriminator", {"width": 16, "norm": "none"}),
}
CONDITIONING: dict[str, dict[str, Any]] = {
    "concat": {},
    "acgan": {
        "discriminator": ("auxiliary_discriminator", {"width": 16, "norm": "none"}),
        "penalty_D": ("r1_auxiliary", {"gamma": 0.2, "real": 1.0, "fake": 1.0}),
        "penalty_G": ("auxiliary", {"fake": 1.0}),
    },
    "projection": {"discriminator": ("projection_discriminator", {"width": 16, "norm": "none"})},
    "cbn": {"generator": ("conditional_batchnorm_generator", {"width": 16, "noise_dim": 32})},
}
CONDITIONING_SEEDS = (0, 1, 2)
WRONG_LABELS = (0.1, 0.5)


def _conditional(data: str) -> list[Recipe]:
    """The four ways on three seeds, and projection with wrong labels, all of one length."""
    base = replace(_DCGAN, data=data, steps=2000, looks=8, compare=2000, **_CONCAT)
    runs = [
        replace(base, name=f"{name}-{seed}-{data}", seed=seed, **parts)
        for seed in CONDITIONING_SEEDS
        for name, parts in CONDITIONING.items()
    ]
    wrong = [
        replace(
            base, name=f"projection-wrong-{100 * rate:.0f}-{data}", wrong_labels=rate,
            **CONDITIONING["projection"],
        )
        for rate in WRONG_LABELS
    ]  # fmt: skip
    return [*runs[: len(CONDITIONING)], *wrong, *runs[len(CONDITIONING) :]]


# Lecture 03: one change at a time to a plain DCGAN, and the best recipe at the same length.
_PLAIN_D = {"width": 16}
_NO_NORM = ("dcgan_discriminator", {"width": 16, "norm": "none"})
_ABLATED = replace(
    _DCGAN, generator=("dcgan_generator", {"width": 16}),
    discriminator=("dcgan_discriminator", _PLAIN_D), penalty_D=None, ema=0.995, looks=20,
    optimizer_G=("adam", {"lr": 2e-3, "betas": [0.5, 0.999]}),
    optimizer_D=("adam", {"lr": 5e-4, "betas": [0.5, 0.999]}), compare=2000,
)  # fmt: skip


def _rates(lr_G: float, lr_D: float, beta1: float = 0.5) -> dict[str, Any]:
    betas = [beta1, 0.999]
    return {
        "optimizer_G": ("adam", {"lr": lr_G, "betas": betas}),
        "optimizer_D": ("adam", {"lr": lr_D, "betas": betas}),
    }


ABLATIONS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "pooling": {"discriminator": ("dcgan_discriminator", _PLAIN_D | {"pool": True})},
    "relu-in-D": {"discriminator": ("dcgan_discriminator", _PLAIN_D | {"slope": 0.0})},
    "no-batchnorm-in-D": {"discriminator": _NO_NORM},
    "no-batchnorm-in-G": {"generator": ("dcgan_generator", {"width": 16, "norm": "none"})},
    "no-sigmoid": {"generator": ("dcgan_generator", {"width": 16, "bounded": False})},
    "beta1-0.9": _rates(2e-3, 5e-4, beta1=0.9),
    "rates-2e-4": _rates(2e-4, 2e-4),
    "equal-rates": _rates(1e-3, 1e-3),
    "k-2": {"n_critic": 2},
    "k-5": {"n_critic": 5},
    "saturating": {"loss": ("saturating", {})},
    "least-squares": {"loss": ("least_squares", {})},
    "hinge": {"loss": ("hinge", {})},
    "r1": {
        "discriminator": _NO_NORM, "penalty_D": ("r1", {"gamma": 0.2}), "optimizer_G": _ADAM,
        "optimizer_D": _ADAM, "ema": 0.999,
    },
}  # fmt: skip
RANKED = ("baseline", "pooling", "r1")  # on five seeds


def _ablations(data: str, steps: int) -> list[Recipe]:
    base = replace(_ABLATED, data=data, steps=steps)
    runs = [replace(base, name=f"{name}-0-{data}", **part) for name, part in ABLATIONS.items()]
    return runs + [
        replace(base, name=f"{name}-{seed}-{data}", seed=seed, **ABLATIONS[name])
        for seed in range(1, 5)
        for name in RANKED
    ]


def _dense(data: str, steps: int) -> list[Recipe]:
    """The dense GAN on three seeds, and with the L1 term of some lecture notes."""
    base = replace(
        _ABLATED, data=data, steps=steps, looks=12, ema=0.999,
        generator=("mlp_generator", {"hidden": [256, 512], "norm": "batch"}),
        discriminator=("mlp_discriminator", {"hidden": [512, 256]}), **_rates(1e-3, 1e-3),
    )  # fmt: skip
    runs = [replace(base, name=f"mlp-{seed}-{data}", seed=seed) for seed in range(3)]
    term = ("reconstruction", {"weight": 0.05})
    return [*runs, replace(base, name=f"mlp-l1-0-{data}", penalty_G=term)]


def _inpainting(data: str, steps: int) -> list[Recipe]:
    """The lower half from the upper: against a discriminator, and by the squared error."""
    painter = ("inpainter", {"width": 16})
    return [
        replace(
            _DCGAN, name=f"inpaint-adversarial-{data}", data=data, steps=steps, compare=2000,
            task="upper_half", generator=painter, discriminator=_NO_NORM,
        ),
        Recipe(
            name=f"inpaint-squared-{data}", data=data, split="gan_train", steps=steps,
            compare=2000, task="upper_half", network=painter, objective=("squared_error", {}),
            optimizer=("adam", {"lr": 2e-3}), schedule=("linear_decay", {}),
        ),
    ]  # fmt: skip


# Lecture 05: a thousand modes, with 26,000 samples as in Metz et al. 2017.
def _stacked(data: str, steps: int) -> list[Recipe]:
    base = replace(_ABLATED, task="stacked", data=data, steps=steps, looks=6, compare=26_000)
    wide = {"width": 16}
    parts: dict[str, dict[str, Any]] = {
        "baseline": {},
        "pac2": {"discriminator": ("packed_discriminator", wide | {"m": 2})},
        "minibatch-std": {"discriminator": ("dcgan_discriminator", wide | {"minibatch_std": 4})},
        "spectral-norm": {
            "discriminator": ("dcgan_discriminator", wide | {"norm": "spectral"}),
            "loss": ("hinge", {}), "optimizer_G": ("adam", {"lr": 1e-3, "betas": [0.0, 0.9]}),
            "optimizer_D": ("adam", {"lr": 1e-3, "betas": [0.0, 0.9]}), "ema": 0.999,
        },
        "r1": ABLATIONS["r1"],
    }  # fmt: skip
    return [replace(base, name=f"stacked-{name}-{data}", **part) for name, part in parts.items()]


# Lecture 06: five critic's steps for one of G, no average of the weights, as in the papers.
def _critics(data: str, steps: int, seeds: int) -> list[Recipe]:
    base = replace(
        _ABLATED, data=data, steps=steps, looks=10, n_critic=5, ema=None, loss=("hinge", {}),
        optimizer_G=("adam", {"lr": 2e-4, "betas": [0.0, 0.9]}),
        optimizer_D=("adam", {"lr": 2e-4, "betas": [0.0, 0.9]}),
    )  # fmt: skip
    slow = ("adam", {"lr": 1e-4, "betas": [0.0, 0.9]})
    rmsprop_ = ("rmsprop", {"lr": 5e-5})
    normed, gained = {"width": 16, "norm": "spectral"}, {"width": 16, "norm": "none", "gain": 20.0}
    parts: dict[str, dict[str, Any]] = {
        "sn-gan": {"discriminator": ("dcgan_discriminator", normed)},
        "hinge-unbounded": {"discriminator": _NO_NORM},
        "hinge-gain": {"discriminator": ("scaled_discriminator", gained)},
        "wgan": {
            "loss": ("wasserstein", {}), "constrain": ("clip_weights", {"bound": 0.01}),
            "optimizer_G": rmsprop_, "optimizer_D": rmsprop_,
        },
        "wgan-gp": {
            "discriminator": _NO_NORM, "loss": ("wasserstein", {}), "optimizer_G": slow,
            "penalty_D": ("gradient_penalty", {"weight": 10.0}), "optimizer_D": slow,
        },
    }  # fmt: skip
    return [
        replace(base, name=f"{name}-{seed}-{data}", seed=seed, **part)
        for seed in range(seeds)
        for name, part in parts.items()
    ]


# Lecture 07: the networks of the linear view. Lecture 08: three kinds, two of each.
def _classifiers(data: str, steps: int) -> list[Recipe]:
    base = replace(_CLASSIFIER, data=data, steps=steps, optimizer=("adam", {"lr": 3e-3}))
    kinds: dict[str, dict[str, Any]] = {
        "mlp": {"network": ("mlp", {"hidden": [100, 100]})},
        "cnn": {"network": ("strided_cnn", {}), "optimizer": ("adam", {"lr": 6e-3})},
        "resnet": {"network": ("small_resnet", {})},
    }
    if data.startswith("cifar10"):
        moves = ("augmented", {"shift": 4, "smoothing": 0.1})
        kinds = {
            "mlp": {"network": ("mlp", {"hidden": [200, 200]}), "objective": moves},
            "cnn": {"network": ("strided_cnn", {"width": 48}), "objective": moves},
            "resnet": {"network": ("small_resnet", {"width": 24}), "objective": moves},
        }
    return [
        replace(base, name=f"classifier-{kind}-{seed}-{data}", seed=seed, **part)
        for seed in (0, 1)
        for kind, part in kinds.items()
    ]


def _linear_view(data: str) -> list[Recipe]:
    base = replace(_CLASSIFIER, data=data, optimizer=("adam", {"lr": 3e-3}))
    return [
        replace(base, name=f"softmax-{data}", network=("linear", {})),
        replace(base, name=f"maxout-{data}", network=("maxout", {"hidden": 120, "pieces": 3})),
    ]


# Lecture 09: one network, one budget, what it is trained on.
def _resisting(data: str, steps: int) -> list[Recipe]:
    eps = 0.3
    base = replace(_PGD, data=data, steps=steps, attacked_at=eps)
    one = {"eps": eps, "steps": 1, "ramp": 0.3}
    trades = {"eps": eps, "steps": 4, "ramp": 0.3}
    objectives: dict[str, Any] = {
        "clean": ("cross_entropy", {}),
        "noise": ("noisy", {"eps": eps}),
        "shifts": ("augmented", {"shift": 2, "flip": False, "behind": 0.0}),
        "mix": ("adversarial", one | {"rel_step": 1.0, "random_start": False, "alpha": 0.5}),
        "fast": ("adversarial", one | {"rel_step": 1.25}),
        "madry": ("adversarial", {"eps": eps, "steps": 4, "ramp": 0.3}),
        **{f"trades-{beta}": ("trades", trades | {"beta": float(beta)}) for beta in (1, 3, 6)},
    }
    return [replace(base, name=f"{k}-{data}", objective=v) for k, v in objectives.items()]


# Lecture 10: densities of binary images, drawn once; dynamically where the name says so.
_LIKELIHOOD = Recipe(
    name="fvsbn-mnist", data="mnist", steps=12_000, batch=100, looks=4, network=("fvsbn", {}),
    objective=("negative_log_likelihood", {}), optimizer=("adam", {"lr": 5e-3}),
    schedule=("linear_decay", {}), task="static_binary",
)  # fmt: skip
PIXELCNN_SEEDS = 5  # on the digits


def _likelihood(data: str) -> list[Recipe]:
    small = data == "digits"

    def run(
        name: str,
        network: str,
        how: dict[str, Any],
        lr: float,
        steps: tuple[int, int],
        batch: int = 100,
        **more: Any,
    ) -> Recipe:
        return replace(
            _LIKELIHOOD, name=f"{name}-{data}", data=data, network=(network, how), batch=batch,
            optimizer=("adam", {"lr": lr}), steps=steps[not small], **more,
        )  # fmt: skip

    nade: dict[str, Any] = {"hidden": 100 if small else 200}
    made: dict[str, Any] = {"hidden": [100]}
    agnostic: Part = ("order_agnostic", {})
    # convolutions are looked at twice only: their densities take long on 10,000 images
    slow: dict[str, Any] = {"batch": 32, "looks": 5 if small else 1}
    pixelcnn = {"width": 16, "depth": 5} if small else {"width": 24, "depth": 6}
    gated = {"width": 16, "depth": 4 if small else 5}
    runs = [
        run("fvsbn", "fvsbn", {}, 1e-2, (3000, 12_000)),
        run("fvsbn-dynamic", "fvsbn", {}, 1e-2, (3000, 12_000), task="dynamic_binary"),
        run("nade", "nade", nade, 1e-2 if small else 5e-3, (1500, 4500), **slow),
        run("made", "made", made, 3e-3, (4000, 16_000)),
        run("made-orders", "made", made | {"orders": 4}, 3e-3, (1500, 6000), objective=agnostic),
        run("made-classes", "made", made | {"classes": 10}, 3e-3, (4000, 16_000)),
        run("pixelcnn-0", "pixelcnn", pixelcnn, 3e-3, (1200, 4000), **slow),
        run("gated", "gated_pixelcnn", gated, 3e-3, (600, 2400), **slow),
        run("row-lstm", "row_lstm", {"width": 24 if small else 32}, 3e-3, (800, 3000), **slow),
        run(
            "realnvp", "real_nvp", {"width": 32, "depth": 8}, 1e-3, (1000, 3500), task="classes",
            objective=("dequantised", {}), **slow | {"batch": 16 if small else 32},
        ),
    ]  # fmt: skip
    seeds = range(1, PIXELCNN_SEEDS if small else 1)
    first = next(r for r in runs if r.name.startswith("pixelcnn"))
    return runs + [replace(first, name=f"pixelcnn-{k}-{data}", seed=k) for k in seeds]


# Lecture 11: autoencoders, VAEs by latents, β and k, a strong decoder, a discrete code.
AE_SIZES = (2, 8, 32)
BETAS = (0.25, 1.0, 4.0, 16.0)
IWAE_K = (1, 5, 50)


def _autoencoders(data: str, longer: int, hidden: list[int], width: int) -> list[Recipe]:
    """Binary images drawn anew for every batch; plain autoencoders learn from grey ones.

    Args:
        longer: factor on all steps.
        hidden, width: of the dense networks, and of the convolutional VAE as of the game's G.
    """
    rate: Any = ("adam", {"lr": 2e-3})
    falling: Any = ("linear_decay", {})
    base = Recipe(
        name="", data=data, steps=1500 * longer, batch=100, looks=6, compare=1000,
        task="dynamic_binary", network=("vae", {"latent": 16, "hidden": hidden}),
        objective=("elbo", {}), optimizer=rate, schedule=falling,
    )  # fmt: skip
    grey = replace(base, task="classes", steps=2000 * longer, optimizer=("adam", {"lr": 6e-3}))
    masked = replace(base, steps=800 * longer, batch=64, network=("masked_vae", {"latent": 8}))
    weighted = replace(
        base, steps=1000 * longer, batch=50, network=("vae", {"latent": 50, "hidden": hidden})
    )
    plane: Any = ("vae", {"latent": 2, "hidden": hidden})
    conv: Any = ("conv_vae", {"latent": 64, "width": width})
    coded: dict[int, Any] = {k: ("autoencoder", {"latent": k, "hidden": hidden}) for k in AE_SIZES}
    squared: Any = ("reconstruction", {})
    denoising: Any = ("reconstruction", {"noise": 0.3})
    runs = {
        "vae-2": replace(base, steps=3000 * longer, network=plane),
        "vae-conv": replace(base, split="gan_train", compare=2000, network=conv),
        **{f"ae-{k}": replace(grey, network=coded[k], objective=squared) for k in AE_SIZES},
        "denoise-ae": replace(grey, network=coded[32], objective=denoising),
        **{f"beta-{b:g}": replace(base, objective=("elbo", {"beta": b})) for b in BETAS},
        "masked-collapse": masked,
        "masked-free-bits": replace(masked, objective=("elbo", {"free_bits": 1.0})),
        **{f"iwae-{k}": replace(weighted, objective=("iwae", {"k": k})) for k in IWAE_K},
        "vqvae": replace(
            base, steps=1000 * longer, network=("vqvae", {"width": 16}), objective=("vq", {})
        ),
    }
    return [replace(recipe, name=f"{name}-{data}") for name, recipe in runs.items()]


AUTOENCODERS = (
    *_autoencoders("digits", 1, [128], 16),
    *_autoencoders("mnist", 4, [256], 32),
)
# Elective 12: pix2pix from 4 × 4 pixels, the five losses of its table 1 and the fields of its table
# 5; L1 alone also from 7 × 7, which leave little to invent (digits, 8 channels, 400 updates: read
# as often as with a discriminator, at 0.97 of the gradient energy). CycleGAN with and without the
# identity loss, on several seeds; without skips, as in the paper: with them the translators of
# inverted digits copy what they are given (300 updates: 0.83 from the true translation, and a cycle
# error of 0.02; without skips 0.16 and 0.03 after 160).
_L1 = ("reconstruction", {"weight": 10.0})
_BLIND, _SEEING = {"condition": 0}, {"condition": 1}
TRANSLATION: dict[str, dict[str, Any]] = {
    "gan": {"D": _BLIND, "penalty_G": None},
    "cgan": {"D": _SEEING, "penalty_G": None},
    "l1-gan": {"D": _BLIND, "penalty_G": _L1},
    "l1-cgan": {"D": _SEEING, "penalty_G": _L1},
    **{f"patch-{f}": {"D": _SEEING | {"field": f}, "penalty_G": _L1} for f in (1, 10, 46)},
}  # `l1-cgan` has a field of 22
CYCLES: dict[str, Part] = {
    "cycle": ("cycle", {"weight": 5.0}),
    "cycle-identity": ("cycle_identity", {"cycle": 5.0, "identity": 2.5}),
}


def _translation(data: str, width: int, steps: int, cycle_steps: int) -> list[Recipe]:
    G = ("unet", {"width": width, "noise": "z"})
    base = replace(
        _ABLATED, data=data, steps=steps, batch=32, looks=4, compare=2000, reuse_fakes=True,
        task="very_low_resolution", generator=G, schedule=("linear_decay", {}), ema=None,
        **_rates(2e-3, 1e-3),
    )  # fmt: skip
    l1 = Recipe(
        name=f"pix2pix-l1-{data}", data=data, split="gan_train", steps=steps, batch=32, looks=4,
        compare=2000, task="very_low_resolution", network=G, objective=("absolute_error", {}),
        optimizer=("adam", {"lr": 2e-3}), schedule=("linear_decay", {}),
    )  # fmt: skip
    runs = [l1, replace(l1, name=f"pix2pix-l1-7x7-{data}", task="low_resolution")]
    for name, part in TRANSLATION.items():
        D = ("patch_discriminator", {"field": 22, "width": width, **part["D"]})
        new = {"discriminator": D, "penalty_G": part["penalty_G"]}
        runs.append(replace(base, name=f"pix2pix-{name}-{data}", **new))
    base = replace(
        base, steps=cycle_steps, batch=16, generator=("cycle", {"width": width, "skips": False}),
        discriminator=("two_critics", {"field": 22, "width": width}), loss=("least_squares", {}),
        pool=50, **_rates(2e-3, 5e-4),
    )  # fmt: skip
    return runs + [
        replace(base, name=f"{name}-{task}-{seed}-{data}", seed=seed, task=task, penalty_G=part)
        for seed in range(3)
        for task in ("inverted", "tilted")
        for name, part in CYCLES.items()
    ]


_COLOUR = ("adam", {"lr": 4e-4, "betas": [0.0, 0.9]})

RUNS = (
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
    *_conditional("digits"),
    *_conditional("mnist"),
    *_ablations("digits", 2000),
    *_dense("digits", 4000),
    *_inpainting("digits", 3000),
    *_stacked("digits", 3000),
    *_critics("digits", 3000, seeds=5),
    *_likelihood("digits"),
    *_linear_view("digits"),
    *_classifiers("digits", 1400),
    *_resisting("digits", 1400),
    *_linear_view("mnist"),
    *_classifiers("mnist", 1400),
    *_resisting("mnist", 2000),
    *_classifiers("cifar10-10k", 3000),
    *_ablations("mnist", 4000),
    *_dense("mnist", 8000),
    *_inpainting("mnist", 6000),
    *_stacked("mnist", 12_000),
    *_critics("mnist", 6000, seeds=1),
    *_likelihood("mnist"),
    *AUTOENCODERS,
    *_translation("digits", 8, 1200, 800),
    *_translation("mnist", 16, 2500, 1200),
)  # fmt: skip
RECIPES = {recipe.name: recipe for recipe in RUNS}


def recipe_for(name: str, data: Dataset) -> Recipe:
    """The recipe called `name` for a data set; on a reader's own data, the one made for MNIST."""
    own = {Path(where).stem: id for id, (where, _) in DATA.items()}.get(data.name)
    return RECIPES.get(f"{name}-{own}") or RECIPES[f"{name}-mnist"]
