"""Where runs are kept, and how they are recalled, checked and replayed."""

import json
import os
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import nn

from coursekit.data import Dataset, catalogue
from coursekit.errors import CourseError, require
from coursekit.io import json_lines, probe, source_digest, write_bytes
from coursekit.lab import cache_root, data_root, project_root
from coursekit.nets import Generator
from coursekit.zoo.measures import attacked, critic_gap, measure, special_measure
from coursekit.zoo.recipes import DATA, Recipe, build_network, data_of
from coursekit.zoo.runs import REPLAY_TOLERANCE, Run, curves_of, describe_machine, replayed, train

SHORT_STEPS = 400  # what is trained where nothing is stored, so that nobody waits long
ROOMS = (
    "nets", "gan_losses.py", "objectives.py", "lipschitz", "training", "attacks", "data",
    "gradients.py", "threats.py", "zoo/films.py", "zoo/ingredients.py", "zoo/tasks.py",
)  # fmt: skip


@dataclass
class Recalled:
    """Networks in eval mode, what is known of their run, and whence they came.

    Attributes:
        learnt: whether they have had all steps of their recipe, on its data.
    """

    networks: dict[str, nn.Module]
    run: Run
    source: str
    learnt: bool = True


def zoo_root() -> Path:
    """The runs that come with the course."""
    return project_root() / "data" / "zoo"


@cache
def stamp() -> str:
    """A digest of the code that a run depends on."""
    return source_digest(Path(__file__).resolve().parents[1], ROOMS)


def stored(recipe: Recipe, device: torch.device | str = "cpu") -> Recalled | None:
    """What comes with the course, or None if there is nothing, or the code has changed since."""
    run = read_run(zoo_root() / recipe.id)
    if _off() or run is None or run.stamp != stamp() or record_only(recipe):
        return None
    networks = read_networks(recipe, zoo_root() / recipe.id, device)
    return Recalled(networks, run, f"{recipe.name}: recalled from the zoo.")


def record_only(recipe: Recipe) -> bool:
    """Whether of this run no weights are kept, but its curves and figures alone."""
    from coursekit.zoo.table import RECORD_ONLY

    return recipe.name in RECORD_ONLY


def record(recipe: Recipe) -> Run | None:
    """What is written of the stored run, curves and figures; None where nothing is stored."""
    return read_run(zoo_root() / recipe.id)


def recall(
    recipe: Recipe,
    device: torch.device | str = "cpu",
    retrain: bool = False,
    data: Dataset | None = None,
    short: int = SHORT_STEPS,
) -> Recalled:
    """The networks of a recipe: from the reader's cache, else from the zoo, else trained now.

    A stored run is only given where the package's code is the one it was verified with; in an
    edited package, on a reader's own data, and where nothing is stored, a short run is trained, and
    `source` says so. COURSEKIT_ZOO=off looks nowhere and trains.

    Args:
        device: where the networks are wanted.
        retrain: train the recipe's own number of steps, which may take long.
        data: what the lecture looks at, on `device`; other data than the recipe's are trained on.
        short: steps of a short run.

    Raises:
        CourseError: the data to train on are absent.
    """
    steps = recipe.steps if retrain else min(recipe.steps, short)
    if data and data.name != Path(DATA[recipe.data][0]).stem:
        return _train_now(recipe, steps, device, f"on {data.name}", data=data)
    cached = {n: cache_root() / "zoo" / f"{recipe.id}-{n}-{stamp()}" for n in (recipe.steps, steps)}
    reason = "for nothing is stored of it"
    if not _off() and not retrain:
        if found := _cached(recipe, cached[recipe.steps], device) or stored(recipe, device):
            return found
        if found := _cached(recipe, cached[steps], device, steps):
            return found
        if record_only(recipe):
            reason = "for its weights are not kept"
        elif record(recipe):
            reason = "for the package's code has changed since the stored run was verified"
    if retrain and (run := record(recipe)) is not None:
        took = f"took {run.seconds / 60:.1f} min on a {run.made.get('machine')} with one thread"
        print(f"{recipe.name}: {steps:,} steps {took}.")
    keep = None if _off() else cached[steps]
    return _train_now(recipe, steps, device, "" if retrain else reason, keep=keep)


def _off() -> bool:
    return os.environ.get("COURSEKIT_ZOO") == "off"


def _cached(
    recipe: Recipe, path: Path, device: torch.device | str, steps: int | None = None
) -> Recalled | None:
    run = read_run(path)
    if run is None:
        return None
    what = f", {steps:,} of {recipe.steps:,} steps" if steps else ""
    said = f"{recipe.name}: recalled from your cache{what}."
    return Recalled(read_networks(recipe, path, device), run, said, steps in (None, recipe.steps))


def _train_now(
    recipe: Recipe,
    steps: int,
    device: torch.device | str,
    reason: str,
    keep: Path | None = None,
    data: Dataset | None = None,
) -> Recalled:
    """A run that is trained here, and kept in the reader's cache if that can be written."""
    writable = keep is not None and _can_write(keep)
    networks, history = train(recipe, steps=steps, device=device, data=data)
    run = Run(recipe.plain, stamp(), describe_machine(), history.seconds, curves_of(history))
    if keep is not None and writable:
        try:
            write_run(keep, networks, run)
        except CourseError as error:  # the disk filled up meanwhile
            warnings.warn(f"The run is not kept: {error}", stacklevel=3)
    said = f"{recipe.name}: trained now, {steps:,} of {recipe.steps:,} steps"
    said += f", {reason}." if reason else "."
    return Recalled(networks, run, said, steps >= recipe.steps and data is None)


def make(recipe: Recipe, folder: Path | None = None, work: Path | None = None) -> Run:
    """Train a recipe to its end and store it; a killed run continues from `work`.

    The figures are those of the weights as they are stored, in float16.

    Raises:
        CourseError: as `train`, or the store cannot be written.
    """
    folder = folder or zoo_root()
    work = work or cache_root() / "zoo" / "unfinished"
    data, _ = data_of(recipe)
    features = _features(recipe)

    def look(networks: dict[str, nn.Module]) -> dict[str, float]:
        if recipe.attacked_at:
            return attacked(recipe, networks["network"], data)
        found = measure(recipe, networks, data, features)
        row = {name: row["value"] for name, row in found.items() if not name.endswith("_real")}
        if recipe.n_critic > 1 and not recipe.conditional:
            G, D = cast(Generator, networks["generator"]), networks["discriminator"]
            row["critic_gap"] = critic_gap(G, D, data.test.x[: recipe.compare])
        return row

    checkpoint = work / f"{recipe.id}.pt"
    watches = recipe.game or special_measure(recipe) or recipe.attacked_at
    watched = look if watches else None
    networks, history = train(recipe, checkpoint=checkpoint, look=watched)
    run = Run(recipe.plain, stamp(), describe_machine(), history.seconds, curves_of(history))
    run.replay = replayed(recipe, norms=not record_only(recipe))
    write_run(work / recipe.id, networks, run)
    stored = read_networks(recipe, work / recipe.id)
    run.figures = measure(recipe, stored, data, features, expensive=True)
    if record_only(recipe):
        for row in run.figures.values():
            row.pop("tolerance", None)
        _write_record(folder / recipe.id, run)
    else:
        write_run(folder / recipe.id, networks, run)  # whole, figures and all, or not at all
    for file in work.glob(f"{recipe.id}.*"):
        file.unlink()
    return run


def write_run(path: Path, networks: dict[str, nn.Module], run: Run) -> None:
    """`path`.safetensors with the shown networks in float16, then `path`.json."""
    shown = {name: net for name, net in networks.items() if name != "discriminator"}
    tensors = {
        f"{name}.{key}": value.half() if value.is_floating_point() else value
        for name, network in shown.items()
        for key, value in network.state_dict().items()
    }
    tensors = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    write_bytes(path.with_name(f"{path.name}.safetensors"), save_tensors(tensors))
    _write_record(path, run)


def _write_record(path: Path, run: Run) -> None:
    write_bytes(path.with_name(f"{path.name}.json"), json_lines(run.plain()).encode())


def read_run(path: Path) -> Run | None:
    """What is stored at `path`, or None.

    Raises:
        CourseError: the file is no run.
    """
    file = path.with_name(f"{path.name}.json")
    try:
        return Run.from_plain(json.loads(file.read_text(encoding="utf-8")))
    except OSError:
        return None
    except (ValueError, CourseError) as error:
        raise CourseError(f"{file} cannot be read as a run: {error}") from None


def read_networks(
    recipe: Recipe, path: Path, device: torch.device | str = "cpu"
) -> dict[str, nn.Module]:
    """The stored networks in float32 and in eval mode, every tensor in its place.

    Raises:
        CourseError: the file is absent or damaged, or its tensors are not those of the recipe.
    """
    file = path.with_name(f"{path.name}.safetensors")
    name = "generator" if recipe.game else "network"
    network = build_network(recipe, name, None, torch.Generator().manual_seed(0))
    try:
        tensors = load_tensors(file.read_bytes())
        state = {key.removeprefix(f"{name}."): value for key, value in tensors.items()}
        network.load_state_dict(state)
    except Exception as error:  # the libraries raise many kinds
        said = str(error).splitlines()[0]
        raise CourseError(f"{file} cannot be read as networks of {recipe.name}: {said}") from None
    return {name: network.to(device).eval().requires_grad_(False)}


def check(recipe: Recipe, remeasure: bool = False) -> list[str]:
    """What is wrong with the stored run of a recipe; an empty list if nothing is.

    Args:
        remeasure: take the figures anew from the stored weights; needs the data.

    Raises:
        CourseError: nothing is stored, or the data are absent.
    """
    path, run = _stored(recipe)
    if run.recipe != recipe.plain:
        return [f"{recipe.id} holds another recipe"]
    if record_only(recipe):
        return []
    networks = read_networks(recipe, path)
    if not remeasure:
        return []
    data, _ = data_of(recipe)
    found = measure(recipe, networks, data, _features(recipe))
    return [
        f"{recipe.name}: {name} was {row['value']:.4g}, now {found[name]['value']:.4g}"
        for name, row in run.figures.items()
        if "tolerance" in row and abs(found[name]["value"] - row["value"]) > row["tolerance"]
    ]


def remeasure(recipe: Recipe) -> Run:
    """Take all figures of a stored run anew, those that take minutes too, and write them.

    Raises:
        CourseError: nothing is stored, or no weights, the data are absent, or the store cannot be
            written.
    """
    path, run = _stored(recipe)
    require(not record_only(recipe), f"of {recipe.name} the record is kept, and no weights.")
    networks, (data, _) = read_networks(recipe, path), data_of(recipe)
    run.figures = measure(recipe, networks, data, _features(recipe), expensive=True)
    _write_record(path, run)
    return run


def replay(recipe: Recipe) -> list[str]:
    """Run 8 steps anew and compare with what was written; stamp the run if they agree.

    Raises:
        CourseError: nothing is stored, or the data are absent.
    """
    path, run = _stored(recipe)
    found = replayed(recipe, norms=not record_only(recipe))
    if found.keys() != run.replay.keys():
        return [f"{recipe.name}: the replay has other losses or tensors"]
    wrong = [
        f"{recipe.name}: {name} was {then:.6g}, now {found[name]:.6g}"
        for name, then in run.replay.items()
        if abs(found[name] - then) > REPLAY_TOLERANCE * max(abs(then), 1e-3)
    ]
    if not wrong and run.stamp != stamp():
        run.stamp = stamp()
        _write_record(path, run)
    return wrong


def _stored(recipe: Recipe) -> tuple[Path, Run]:
    path = zoo_root() / recipe.id
    if (run := read_run(path)) is None:
        raise CourseError(f"nothing is stored of {recipe.id}.")
    return path, run


def absent(recipe: Recipe) -> bool:
    """Whether the recipe's data set is not on this machine. Nothing is downloaded for an answer."""
    where = DATA[recipe.data][0]
    if where == "digits":
        return False
    state = {entry.name: entry.state for entry in catalogue()}
    return state.get(where) != "present" and not (data_root() / where).is_file()


def _features(recipe: Recipe) -> nn.Module | None:
    """The classifier that all Fréchet distances of this data set use."""
    from coursekit.zoo.table import RECIPES

    if not recipe.game and not special_measure(recipe):
        return None
    features = RECIPES[f"features-{recipe.data}"]
    return read_networks(features, zoo_root() / features.id)["network"]


def _can_write(path: Path) -> bool:
    """Whether a cache can be kept; where not, that is said once, before the work."""
    try:
        probe(path)
    except CourseError as error:
        warnings.warn(f"The run will not be kept: {error}", stacklevel=4)
        return False
    return True
