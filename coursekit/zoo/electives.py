"""The runs of the electives, 10 to 14."""

from dataclasses import replace
from typing import Any

from coursekit.zoo.recipes import Part, Recipe, adam_rates

# Lecture 10: densities of binary images, drawn once; dynamically where the name says so.
_LIKELIHOOD = Recipe(
    name="fvsbn-mnist", data="mnist", steps=12_000, batch=100, looks=4, network=("fvsbn", {}),
    objective=("negative_log_likelihood", {}), optimizer=("adam", {"lr": 5e-3}),
    schedule=("linear_decay", {}), task="static_binary",
)  # fmt: skip
PIXELCNN_SEEDS = 5  # on the digits
LONGER = {"pixelcnn": 10, "gated": 5}  # times as many updates, on the digits


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
    attention = {"width": 32, "depth": 2, "heads": 2}
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
        run("attention", "causal_attention", attention, 2e-3, (1200, 2400), **slow),
        run(
            "realnvp", "real_nvp", {"width": 32, "depth": 8}, 1e-3, (1000, 3500), task="classes",
            objective=("dequantised", {}), **slow | {"batch": 16 if small else 32},
        ),
    ]  # fmt: skip
    seeds = range(1, PIXELCNN_SEEDS if small else 1)
    first = next(r for r in runs if r.name.startswith("pixelcnn"))
    runs += [replace(first, name=f"pixelcnn-{k}-{data}", seed=k) for k in seeds]
    for name, longer in LONGER.items() if small else ():
        short = next(r for r in runs if r.name.startswith(name))
        steps = longer * short.steps
        runs.append(replace(short, name=f"{name}-longer-{data}", steps=steps, looks=10))
    return runs


# In colour, and small: RealNVP's coupling layers at one scale.
_COLOUR = replace(
    _LIKELIHOOD, name="realnvp-cifar10-10k", data="cifar10-10k", steps=4000, batch=32, looks=4,
    network=("real_nvp", {"width": 24, "depth": 9}), objective=("dequantised", {}), task="classes",
    optimizer=("adam", {"lr": 1e-3}),
)  # fmt: skip

# Lecture 11: autoencoders, VAEs by latents, β and k, a strong decoder, a discrete code.
AE_SIZES = (2, 8, 32)
BETAS = (0.25, 1.0, 4.0, 16.0)
IWAE_K = (1, 5, 50)


def _autoencoders(
    data: str, longer: int, hidden: list[int], units: list[int], width: int
) -> list[Recipe]:
    """Binary images drawn anew for every batch; plain autoencoders learn from grey ones.

    Args:
        longer: factor on all steps.
        hidden, units: of dense autoencoders, and of dense VAEs.
        width: of the convolutional VAE, as of the game's G.
    """
    rate: Any = ("adam", {"lr": 2e-3})
    falling: Any = ("linear_decay", {})
    base = Recipe(
        name="", data=data, steps=1500 * longer, batch=100, looks=6, compare=1000,
        task="dynamic_binary", network=("vae", {"latent": 16, "hidden": units}),
        objective=("elbo", {}), optimizer=rate, schedule=falling,
    )  # fmt: skip
    grey = replace(base, task="classes", steps=2000 * longer, optimizer=("adam", {"lr": 6e-3}))
    masked = replace(base, steps=800 * longer, batch=64, network=("masked_vae", {"latent": 8}))
    weighted = replace(
        base, steps=1000 * longer, batch=50, network=("vae", {"latent": 50, "hidden": units})
    )
    plane: Any = ("vae", {"latent": 2, "hidden": units})
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
    *_autoencoders("digits", 1, [64], [64], 16),
    *_autoencoders("mnist", 4, [256], [256], 32),
)
# In colour: a logistic distribution for each of the 8-bit values. 04's generator learnt from the
# same 10,000 images.
_COLOUR_VAE = Recipe(
    name="vae-logistic-cifar10-10k", data="cifar10-10k", steps=6000, batch=64, looks=6,
    compare=2000, network=("logistic_vae", {"latent": 32, "width": 32}), objective=("elbo", {}),
    optimizer=("adam", {"lr": 2e-3}), schedule=("linear_decay", {}),
)  # fmt: skip
# Elective 12: pix2pix from 4 × 4 pixels, the five losses of its table 1 and the receptive fields of
# its §4.4; L1 alone also from 7 × 7, which leave little to invent (digits, 8 channels, 400 updates:
# read as often as with a discriminator, at 0.97 of the gradient energy). CycleGAN with and without
# the identity loss, on several seeds; without skips, as in the paper: with them the translators of
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
CYCLE_SEEDS = 10
CYCLES: dict[str, Part] = {
    "cycle": ("cycle", {"weight": 5.0}),
    "cycle-identity": ("cycle_identity", {"cycle": 5.0, "identity": 2.5}),
}
# Two removals: adversarial losses alone, and discriminators without an image pool (three seeds).
REMOVALS: dict[str, dict[str, Any]] = {
    "cycle-none": {"penalty_G": None},
    "cycle-no-pool": {"penalty_G": CYCLES["cycle"], "pool": 0},
}


# Films: each frame alone, with the frame before it, with a loss along the flow, with that loss also
# where no flow can be right, and with too much of it.
FILMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "alone": ({}, {}),
    "previous": ({"previous": True}, {}),
    "flow": ({}, {"flow": 0.3}),
    "flow-unmasked": ({}, {"flow": 0.3, "masked": False}),
    "flow-strong": ({}, {"flow": 2.0}),  # black costs less: as steady as nothing, and nothing
}


def _translation(data: str, width: int, steps: int, cycle_steps: int) -> list[Recipe]:
    G = ("unet", {"width": width, "noise": "z"})
    D: dict[str, Any] = {"field": 22, "width": width}
    base = Recipe(
        name="", data=data, split="gan_train", steps=steps, batch=32, looks=4, compare=2000,
        task="very_low_resolution", generator=G,
        discriminator=("patch_discriminator", D),
        loss=("nonsaturating", {}), reuse_fakes=True, schedule=("linear_decay", {}),
        **adam_rates(2e-3, 1e-3),
    )  # fmt: skip
    l1 = Recipe(
        name=f"pix2pix-l1-{data}", data=data, split="gan_train", steps=steps, batch=32, looks=4,
        compare=2000, task="very_low_resolution", network=G, objective=("absolute_error", {}),
        optimizer=("adam", {"lr": 2e-3}), schedule=("linear_decay", {}),
    )  # fmt: skip
    runs = [l1, replace(l1, name=f"pix2pix-l1-7x7-{data}", task="low_resolution")]
    for name, how in {"edges": {}, "edges-no-skips": {"skips": False}}.items():
        seen = ("unet", {"width": width, "noise": "none", **how})
        runs.append(replace(l1, name=f"pix2pix-{name}-{data}", task="edges", network=seen))
    dropped = ("unet", {"width": width, "noise": "dropout"})
    runs.append(
        replace(base, name=f"pix2pix-dropout-{data}", generator=dropped, penalty_G=_L1,
                discriminator=("patch_discriminator", D | _SEEING))
    )  # fmt: skip
    for name, (network, objective) in FILMS.items():
        made: Part = ("film_translator", {"width": width, **network})
        new: dict[str, Any] = {"network": made, "objective": ("film_error", objective)}
        new |= {"task": "films", "batch": 12, "compare": 200}
        runs.append(replace(l1, name=f"film-{name}-{data}", **new))
    for name, part in TRANSLATION.items():
        seen = ("patch_discriminator", D | part["D"])
        new = {"discriminator": seen, "penalty_G": part["penalty_G"]}
        runs.append(replace(base, name=f"pix2pix-{name}-{data}", **new))
    base = replace(
        base, steps=cycle_steps, batch=16, generator=("cycle", {"width": width, "skips": False}),
        discriminator=("two_critics", D), loss=("least_squares", {}),
        pool=50, **adam_rates(2e-3, 5e-4),
    )  # fmt: skip
    kinds = {name: {"penalty_G": part} for name, part in CYCLES.items()} | REMOVALS
    return runs + [
        replace(base, name=f"{name}-{task}-{seed}-{data}", seed=seed, task=task, **parts)
        for seed in range(CYCLE_SEEDS)
        for task in ("inverted", "tilted")
        for name, parts in kinds.items()
        if seed < 3 or name != "cycle-no-pool"
    ]


# Colours for the grey versions of 10,000 photographs: one loss of pix2pix's table 1 in each run.
def _colourised(data: str, steps: int, width: int = 24) -> list[Recipe]:
    shared: dict[str, Any] = {
        "data": data, "steps": steps, "batch": 32, "looks": 4, "compare": 2000, "task": "grey",
        "schedule": ("linear_decay", {}), "channels_last": True,
    }  # fmt: skip
    l1 = Recipe(
        name=f"grey-l1-{data}", network=("unet", {"width": width}),
        objective=("absolute_error", {}), optimizer=("adam", {"lr": 2e-3}), **shared,
    )  # fmt: skip
    game = Recipe(
        name=f"grey-cgan-{data}", generator=("unet", {"width": width, "noise": "z"}),
        discriminator=("patch_discriminator", {"field": 22, "width": width, "condition": 1}),
        loss=("nonsaturating", {}), reuse_fakes=True, **adam_rates(2e-3, 1e-3), **shared,
    )  # fmt: skip
    return [l1, game, replace(game, name=f"grey-l1-cgan-{data}", penalty_G=_L1)]


# Elective 13: the game of `dcgan-digits` with one ingredient more or less in each run. There are
# recipes for three seeds; `zoo list` says which are stored.
LARGER: dict[str, dict[str, Any]] = {
    "biggan": {},
    "text": {"penalty_D": ("r1_wrong_pairs", {"gamma": 0.2, "weight": 1.0})},
    "text-no-wrong": {},
    "stack": {"penalty_D": ("r1_wrong_pairs", {"gamma": 0.2, "weight": 1.0})},
    "twins-attention": {"discriminator": {"attention": True}},
    "twins-local": {},
    "style": {},
    "progressive": {},
    "progressive-at-once": {"generator": {"grow": False}, "discriminator": {"grow": False}},
    "biggan-orthogonal": {"penalty_G": ("orthogonal", {"weight": 1e-3})},
    "style-no-noise": {"generator": {"noise": False}},
    "style-no-mixing": {"generator": {"mixing": False}},
    "biggan-batch-16": {"batch": 16},
    "biggan-own-codes": {"generator": {"shared": False}},
    "biggan-clamp": {"constrain_G": ("clamp_singular_value", {"limit": 1.0})},
}
_LARGER_KINDS: dict[str, dict[str, Any]] = {
    "biggan": {
        "generator": ("biggan_generator", {"width": 16}), "steps": 2000,
        "discriminator": ("projection_discriminator", {"width": 16, "norm": "none"}),
    },
    "text": {
        "generator": ("text_generator", {"width": 16}), "steps": 2000,
        "discriminator": ("text_discriminator", {"width": 16}), "task": "captions",
    },
    "stack": {
        "generator": ("stack_generator", {"width": 16}), "steps": 2000,
        "discriminator": ("stack_discriminator", {"width": 16}), "task": "stages",
    },
    "twins": {
        "generator": ("dcgan_generator", {"width": 16, "noise_dim": 32}), "steps": 2500,
        "discriminator": ("local_discriminator", {"width": 16}), "task": "twins",
    },
    "progressive": {
        "generator": ("progressive_generator", {"width": 16}), "steps": 2000,
        "discriminator": ("progressive_discriminator", {"width": 16}),
    },
    "style": {
        "generator": ("style_generator", {"width": 16}), "steps": 2500,
        "discriminator": ("dcgan_discriminator", {"width": 16, "norm": "none"}),
    },
}  # fmt: skip


def _larger(data: str, longer: int, seeds: int = 1) -> list[Recipe]:
    adam: Part = ("adam", {"lr": 2e-3, "betas": [0.0, 0.99]})
    runs = []
    for name, change in LARGER.items():
        kind = _LARGER_KINDS[name.split("-")[0]]
        parts: dict[str, Any] = {"penalty_D": ("r1", {"gamma": 0.2}), "batch": 64} | kind
        for field, value in change.items():
            network = field in ("generator", "discriminator")
            parts[field] = (kind[field][0], kind[field][1] | value) if network else value
        first = Recipe(
            name=f"{name}-{data}", data=data, split="gan_train", looks=4, compare=2000,
            loss=("nonsaturating", {}), optimizer_G=adam, optimizer_D=adam, ema=0.995,
            reuse_fakes=True, **parts | {"steps": longer * kind["steps"]},
        )  # fmt: skip
        further = [replace(first, name=f"{name}-{k}-{data}", seed=k) for k in range(1, seeds)]
        runs += [first, *further]
    return runs


# 04's colour game with a shared code, z in every layer, and attention in both players.
_LARGER_COLOUR = Recipe(
    name="biggan-colour-cifar10-10k", data="cifar10-10k", steps=15_000, looks=6, compare=2000,
    generator=("sngan_generator", {"width": 32, "attention": True, "code": 64}),
    discriminator=("sngan_discriminator", {"width": 24, "attention": True}),
    loss=("hinge", {}), augment=("diff_augment", {}), reuse_fakes=True, ema=0.999,
    channels_last=True, optimizer_G=("adam", {"lr": 4e-4, "betas": [0.0, 0.9]}),
    optimizer_D=("adam", {"lr": 4e-4, "betas": [0.0, 0.9]}),
)  # fmt: skip


# Elective 14: ε by mean squared error, by the weighted bound, with β as for T = 1000 but only 200
# steps, and with classes, of which a tenth is withheld.
def _diffusion(data: str, width: int, steps: int, batch: int) -> list[Recipe]:
    """Figures are of few images: a sample is 50 passes through the network."""
    base = Recipe(
        name="", data=data, split="gan_train", steps=steps, batch=batch, looks=4, compare=500,
        network=("diffusion_unet", {"width": width}), objective=("denoising", {}),
        optimizer=("adam", {"lr": 3e-3}), schedule=("linear_decay", {}), ema=0.995,
    )  # fmt: skip
    runs = {
        "ddpm": base,
        "ddpm-vlb": replace(base, objective=("denoising", {"weighting": "vlb"})),
        "ddpm-unscaled": replace(base, network=("diffusion_unet", {"width": width, "scale": 1.0})),
        "ddpm-classes": replace(base, network=("diffusion_unet", {"width": width, "classes": 10})),
    }
    return [replace(recipe, name=f"{name}-{data}") for name, recipe in runs.items()]


# In colour once, with classes: 04's generator learnt from the same 10,000 images.
_DIFFUSION_COLOUR = Recipe(
    name="ddpm-classes-cifar10-10k", data="cifar10-10k", steps=11_000, looks=1, compare=2000,
    network=("diffusion_unet", {"width": 48, "classes": 10}), objective=("denoising", {}),
    optimizer=("adam", {"lr": 2e-3}), schedule=("linear_decay", {}), ema=0.999, channels_last=True,
)  # fmt: skip

ELECTIVES = (
    *_likelihood("digits"),
    *_likelihood("mnist"),
    _COLOUR,
    *AUTOENCODERS,
    _COLOUR_VAE,
    *_translation("digits", 8, 1200, 800),
    *_translation("mnist", 16, 2500, 1200),
    *_colourised("cifar10-10k", 6000),
    *_larger("digits", 1, seeds=3),
    *_larger("mnist", 3, seeds=3),
    _LARGER_COLOUR,
    *_diffusion("digits", 24, 3000, 32),
    *_diffusion("mnist", 32, 12_000, 64),
    _DIFFUSION_COLOUR,
)
# The last seed whose weights are kept; of further ones the record alone, and of 10's on MNIST.
_LAST = {"cycle": 2, "pixelcnn": 4}
_RECORDS = ("biggan-own-codes", "biggan-batch-16", "iwae-5-")
FURTHER = {run.name for run in ELECTIVES if run.seed > _LAST.get(run.name.split("-")[0], 0)}
FURTHER |= {run.name for run in _likelihood("mnist")}
FURTHER |= {run.name for run in ELECTIVES if run.name.startswith((*REMOVALS, *_RECORDS))}
