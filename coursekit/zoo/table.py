"""The runs of the course. `coursekit zoo list` prints this table with what is stored."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from coursekit.data import Dataset
from coursekit.zoo.electives import ELECTIVES, FURTHER
from coursekit.zoo.recipes import DATA, Recipe, adam_rates

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


# The class loss with a tenth of its weight; and for longer, beside concatenation as long.
def _auxiliary(data: str) -> list[Recipe]:
    base = replace(_DCGAN, data=data, looks=8, compare=2000, **_CONCAT)
    weak = replace(
        base, name=f"acgan-weak-{data}", steps=2000,
        **CONDITIONING["acgan"] | {
            "penalty_D": ("r1_auxiliary", {"gamma": 0.2, "real": 0.1, "fake": 0.1}),
            "penalty_G": ("auxiliary", {"fake": 0.1}),
        },
    )  # fmt: skip
    longer = [
        replace(
            base, name=f"{way}-longer{again}-{data}", seed=seed, steps=6000, **CONDITIONING[way]
        )
        for seed, again in enumerate(("", "-1"))
        for way in ("acgan", "concat")
    ]
    return [weak, *longer]


# Lecture 03: one change at a time to a plain DCGAN, and the best recipe at the same length.
_PLAIN_D = {"width": 16}
_NO_NORM = ("dcgan_discriminator", {"width": 16, "norm": "none"})
_ABLATED = replace(
    _DCGAN, generator=("dcgan_generator", {"width": 16}),
    discriminator=("dcgan_discriminator", _PLAIN_D), penalty_D=None, ema=0.995, looks=20,
    optimizer_G=("adam", {"lr": 2e-3, "betas": [0.5, 0.999]}),
    optimizer_D=("adam", {"lr": 5e-4, "betas": [0.5, 0.999]}), compare=2000,
)  # fmt: skip

ABLATIONS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "pooling": {"discriminator": ("dcgan_discriminator", _PLAIN_D | {"pool": True})},
    "relu-in-D": {"discriminator": ("dcgan_discriminator", _PLAIN_D | {"slope": 0.0})},
    "no-batchnorm-in-D": {"discriminator": _NO_NORM},
    "no-batchnorm-in-G": {"generator": ("dcgan_generator", {"width": 16, "norm": "none"})},
    "no-sigmoid": {"generator": ("dcgan_generator", {"width": 16, "bounded": False})},
    "beta1-0.9": adam_rates(2e-3, 5e-4, beta1=0.9),
    "rates-2e-4": adam_rates(2e-4, 2e-4),
    "equal-rates": adam_rates(1e-3, 1e-3),
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
    units = [128, 256]
    base = replace(
        _ABLATED, data=data, steps=steps, looks=12, ema=0.999,
        generator=("mlp_generator", {"hidden": units, "norm": "batch"}),
        discriminator=("mlp_discriminator", {"hidden": units[::-1]}), **adam_rates(1e-3, 1e-3),
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
            "mlp": {"network": ("mlp", {"hidden": [32, 32]}), "objective": moves},
            "cnn": {"network": ("strided_cnn", {"width": 16, "hidden": 40}), "objective": moves},
            "resnet": {"network": ("small_resnet", {"width": 16}), "objective": moves},
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
    runs = [replace(base, name=f"{k}-{data}", objective=v) for k, v in objectives.items()]
    longer = replace(base, name=f"madry-longer-{data}", steps=3 * steps, looks=6)
    return [*runs, replace(longer, objective=objectives["madry"])]


# The same in colour: not attacked (with shifts and flips); one step and four, as the images are and
# with shifts and flips. ε grows over the first third, at a constant rate.
def _resisting_in_colour(data: str, steps: int) -> list[Recipe]:
    eps = 8 / 255
    base = Recipe(
        name="", data=data, steps=steps, batch=100, looks=20, attacked_at=eps,
        network=("strided_cnn", {"width": 32, "hidden": 256}), optimizer=("adam", {"lr": 2e-3}),
    )  # fmt: skip
    attacks: dict[str, dict[str, Any]] = {
        "fgsm": {"steps": 1, "rel_step": 1.0, "random_start": False},
        "madry": {"steps": 4},
    }
    twin = ("augmented", {"shift": 4})
    runs = [replace(base, name=f"colour-clean-shifts-{data}", objective=twin)]
    for name, attack in attacks.items():
        how = {"eps": eps, "ramp": 0.333} | attack
        moved = ("adversarial_augmented", how | {"shift": 4})
        runs += [
            replace(base, name=f"colour-{name}-{data}", objective=("adversarial", how)),
            replace(base, name=f"colour-{name}-shifts-{data}", objective=moved),
        ]
    return runs


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
    *_auxiliary("mnist"),
    *_ablations("digits", 2000),
    *_dense("digits", 4000),
    *_inpainting("digits", 3000),
    *_stacked("digits", 3000),
    *_critics("digits", 3000, seeds=5),
    *_linear_view("digits"),
    *_classifiers("digits", 1400),
    *_resisting("digits", 1400),
    *_linear_view("mnist"),
    *_classifiers("mnist", 1400),
    *_resisting("mnist", 2000),
    *_classifiers("cifar10-10k", 3000),
    *_resisting_in_colour("cifar10-10k", 3000),
    *_ablations("mnist", 4000),
    *_dense("mnist", 8000),
    *_inpainting("mnist", 6000),
    *_stacked("mnist", 12_000),
    *_critics("mnist", 6000, seeds=1),
    *ELECTIVES,
)  # fmt: skip
RECIPES = {recipe.name: recipe for recipe in RUNS}
# Seeds that stand behind a ranking, and runs of which a lecture shows figures alone: their curves
# and figures are kept, their weights are not.
RECORD_ONLY = FURTHER | {
    "stacked-spectral-norm-mnist", "grey-cgan-cifar10-10k", "hinge-0-mnist",
    *(f"{k}-0-mnist" for k in ("k-2", "k-5", "relu-in-D", "equal-rates", "least-squares")),
    *(f"stacked-{k}-{data}" for k in ("pac2", "minibatch-std") for data in ("digits", "mnist")),
    *(recipe.name for recipe in _conditional("digits") if recipe.seed > 0),
    *(recipe.name for recipe in _resisting_in_colour("cifar10-10k", 1)),
    *(recipe.name for recipe in _auxiliary("mnist")),
    *(f"madry-longer-{data}" for data in ("digits", "mnist")),
    *(
        recipe.name
        for data in ("digits", "mnist")
        for recipe in (*_ablations(data, 1), *_dense(data, 1), *_critics(data, 1, seeds=5))
        if recipe.seed > 0
    ),
}  # fmt: skip


def recipe_for(name: str, data: Dataset) -> Recipe:
    """The recipe called `name` for a data set; on a reader's own data, the one made for MNIST."""
    own = {Path(where).stem: id for id, (where, _) in DATA.items()}.get(data.name)
    return RECIPES.get(f"{name}-{own}") or RECIPES[f"{name}-mnist"]
