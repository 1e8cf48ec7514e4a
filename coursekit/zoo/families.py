"""The closing table of lecture 14: four families of generative models, 10,000 samples of each.

`build("mnist")` measures the stored networks, which takes a quarter of an hour of one core, and
writes what came out; `read` reads it back. What is sampled is timed in one process.
"""

import json
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from coursekit.data import Dataset, binarise, catalogue, load
from coursekit.errors import CourseError
from coursekit.io import json_lines, write_bytes
from coursekit.metrics import FIDScorer, density_coverage, frechet_distance
from coursekit.metrics import features as features_of
from coursekit.zoo.elective_measures import DDIM_STEPS
from coursekit.zoo.recipes import Recipe, data_of, split_of
from coursekit.zoo.runs import describe_machine
from coursekit.zoo.store import read_networks, record, record_only, stored, zoo_root
from coursekit.zoo.table import RECIPES

FAMILIES = {
    "autoregressive (10)": "nade",
    "VAE (11)": "vae-conv",
    "GAN (03)": "dcgan",
    "diffusion (14)": "ddpm",
}
REAL = ("real (training)", "the same, binarised")
N, BATCH = 10_000, 500
Rows = dict[str, dict[str, float]]


def learnt_from(recipe: Recipe, data: Dataset) -> int:
    """How many training images a recipe learns from; of renderings, how many originals."""
    part = split_of(recipe, data)
    return len(part.y) if part.origin is None else len(part.origin.unique())


def draw(G: Any, n: int, **more: int) -> Tensor:
    """`n` samples of a model, the same ones at each call, in batches."""
    rng = torch.Generator().manual_seed(1)
    return torch.cat([G.sample(min(BATCH, n - at), rng, **more) for at in range(0, n, BATCH)])


def compare(samples: Tensor, judge: FIDScorer) -> dict[str, float]:
    """Fréchet distance, density and coverage (k = 5) of images in [0, 1], shape (n, c, h, w)."""
    x = features_of(judge.network, samples)
    found = density_coverage(judge.reference, x)
    distance = frechet_distance(x, judge.reference)
    return {"frechet_distance": distance, "density": found.density, "coverage": found.coverage}


def samples(data_id: str, n: int, device: torch.device | str = "cpu") -> dict[str, Tensor]:
    """`n` samples of each family whose weights are stored, and real ones where the data are here.

    Args:
        data_id: "mnist" or "digits".
        n: images of each row.
        device: where they are drawn.
    """
    rows = {}
    for name, run in FAMILIES.items():
        if found := stored(RECIPES[f"{run}-{data_id}"], device):
            more = {"steps": DDIM_STEPS} if run == "ddpm" else {}
            rows[name] = draw(next(iter(found.networks.values())), n, **more)
    here = {entry.name for entry in catalogue() if entry.state in ("embedded", "present")}
    if rows and data_id in here:
        real = load(data_id, device).train.take(n).x
        rows |= dict(
            zip(REAL, (real, binarise(real, torch.Generator().manual_seed(1))), strict=True)
        )
    return rows


def build(data_id: str, n: int = N, weights: Path | None = None) -> Rows:
    """Sample `n` images of each family, measure them against as many test images, and write it.

    Args:
        data_id: "mnist" or "digits".
        n: samples of each family.
        weights: a folder with the weights of runs of which the zoo keeps the record only.

    Raises:
        CourseError: a run is not stored, the data are absent, or the zoo cannot be written.
    """
    reader = RECIPES[f"features-{data_id}"]
    data, _ = data_of(reader)
    network = read_networks(reader, zoo_root() / reader.id)["network"]
    judge = FIDScorer(network, data.test.x[:n])
    rows: Rows = {}
    for name, run in FAMILIES.items():
        recipe = RECIPES[f"{run}-{data_id}"]
        if (kept := record(recipe)) is None:
            raise CourseError(f"nothing is stored of {recipe.id}.")
        where = weights / recipe.id if weights and record_only(recipe) else zoo_root() / recipe.id
        G: Any = next(iter(read_networks(recipe, where).values()))
        more = {"steps": DDIM_STEPS} if run == "ddpm" else {}
        G.sample(2, torch.Generator(), **more)  # the first call is slower
        began = perf_counter()
        x = draw(G, len(judge.real), **more)
        seconds = (perf_counter() - began) / len(x)
        rows[name] = compare(x, judge) | {
            "seconds_training": kept.seconds,
            "seconds_per_image": seconds,
            "learnt_from": learnt_from(recipe, data),
        }
    train = data.train.take(n).x
    binary = binarise(train, torch.Generator().manual_seed(1))
    rows |= {name: compare(x, judge) for name, x in zip(REAL, (train, binary), strict=True)}
    plain = {"made": describe_machine(), "n": len(judge.real), "rows": rows, "runs": _ids(data_id)}
    write_bytes(_path(data_id), json_lines(plain).encode())
    return rows


def read(data_id: str) -> tuple[int, Rows] | None:
    """Samples of each family, and what was measured of them; None where that is not stored.

    Seconds are those of one image and of the run that is on record; `learnt_from` counts training
    images, of renderings the originals.
    """
    try:
        plain = json.loads(_path(data_id).read_text(encoding="utf-8"))
    except OSError:
        return None
    if plain["runs"] != _ids(data_id):
        return None
    return plain["n"], {name: plain["rows"][name] for name in (*FAMILIES, *REAL)}


def _ids(data_id: str) -> dict[str, str]:
    return {name: RECIPES[f"{run}-{data_id}"].id for name, run in FAMILIES.items()}


def _path(data_id: str) -> Path:
    return zoo_root() / "families" / f"{data_id}.json"
