"""Real ImageNet classifiers, where their weights are at hand or may be fetched."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.errors import CourseError, choose, require
from coursekit.nets.classifiers import Normalize

Colours = Sequence[float] | None  # one number for each of red, green, blue, in [0, 1]

# What torchvision's own weights of these two networks ask of the constructor.
_SPECIAL: dict[str, dict[str, Any]] = {
    name: {"aux_logits": True, "transform_input": True, "init_weights": False}
    for name in ("googlenet", "inception_v3")
}


def pretrained(
    name: str,
    file: str | Path | None = None,
    *,
    download: bool = False,
    mean: Colours = None,
    std: Colours = None,
) -> tuple[nn.Module, tuple[str, ...]]:
    """Any classifier of `torchvision.models` with its real weights, and the names of its classes.

    Pixels in [0, 1] in, logits out: the normalisation is the first layer, the network `[1]`. In
    eval mode.

    Args:
        name: as torchvision writes it: "googlenet", "squeezenet1_1", "inception_v3", "resnet18" …
        file: a state dict of your own in place of torchvision's. It may hold the lower layers only
            ("the trunk"); a layer above them says so when it is run.
        download: fetch torchvision's weights if they are not in the hub folder (`TORCH_HOME`).
        mean, std: the normalisation; by default that of torchvision's weights.

    Raises:
        CourseError: no such name, the weights are not there, cannot be fetched, or do not fit.
    """
    from torchvision import models

    choose("name", name, models.list_models(module=models))
    weights = models.get_model_weights(name).DEFAULT
    if file is None:
        state = _at_hand(weights, name, download)
        model = models.get_model(name, **_SPECIAL.get(name, {}))
        model.load_state_dict(state)
    else:
        own = {"init_weights": False} if name in _SPECIAL else {}
        model = models.get_model(name, weights=None, **own)
        _load_part(model, _read(Path(file).expanduser()), Path(file).name)
    preset = weights.transforms()
    normalise = Normalize(mean or preset.mean, std or preset.std)
    return nn.Sequential(normalise, model).eval(), tuple(weights.meta["categories"])


def _at_hand(weights: Any, name: str, download: bool) -> dict[str, Tensor]:
    """torchvision's state dict, from the hub folder or fetched into it."""
    file = Path(torch.hub.get_dir()) / "checkpoints" / weights.url.rsplit("/", 1)[-1]
    if not file.exists():
        require(
            download,
            f"The ImageNet weights {file.name} are not in torch's hub folder (TORCH_HOME); "
            f"pretrained({name!r}, download=True) brings them.",
        )
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CourseError(
                f"The folder {file.parent} (below TORCH_HOME) could not be made: {error.strerror}."
            ) from None
        try:
            torch.hub.download_url_to_file(weights.url, str(file), progress=False)
        except OSError as error:  # what urllib raises is one
            reason = getattr(error, "reason", None) or error.strerror or error
            raise CourseError(
                f"The ImageNet weights {file.name} could not be fetched from {weights.url}: "
                f"{reason}."
            ) from None
    return _read(file)


def _read(file: Path) -> dict[str, Tensor]:
    """A state dict in float32. Nothing is unpickled but tensors."""
    require(file.is_file(), f"file was {file}; there is no such file of weights.")
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a truncated or foreign file fails in many ways
        first, *_ = str(error).splitlines() or [""]
        raise CourseError(
            f"The weights {file} cannot be read as tensors ({type(error).__name__}: {first})."
        ) from None
    named = isinstance(state, dict)
    if not named or not all(isinstance(value, Tensor) for value in state.values()):
        held = ", ".join(map(repr, list(state)[:5])) if named else type(state).__name__
        raise CourseError(
            f"file was {file}; it holds {held}, and not tensors by their names: save the network's "
            "state_dict() by itself."
        )
    return {key: value.float() for key, value in state.items()}


class MissingWeights(nn.Module):
    """Stands where a file held no weights. An untrained layer in its place would dream noise."""

    def __init__(self, layer: str, file: str) -> None:
        super().__init__()
        self.layer, self.file = layer, file

    def forward(self, *_: object) -> Tensor:
        raise CourseError(f"{self.file} has no weights for {self.layer}; look at a layer below it.")


def _load_part(model: nn.Module, state: dict[str, Tensor], file: str) -> None:
    """Load what there is; children for which there is nothing at all become `MissingWeights`."""
    wanted = model.state_dict()
    fits = all(key in wanted and wanted[key].shape == value.shape for key, value in state.items())
    require(fits, f"file was {file}; its tensors are not those of this network.")
    missing = set(wanted) - set(state)
    for child in dict(model.named_children()):
        keys = {key for key in wanted if key.startswith(f"{child}.")}
        if keys and keys <= missing:
            setattr(model, child, MissingWeights(child, file))
            missing -= keys
    require(not missing, f"file was {file}; it lacks {len(missing)} tensors inside layers it has.")
    model.load_state_dict(state)
