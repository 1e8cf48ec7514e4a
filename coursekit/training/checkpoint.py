"""Files that a killed run continues from, and that no other run mistakes for its own."""

import inspect
import io
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from coursekit.errors import CourseError, require
from coursekit.io import digest, probe, write_bytes

PLAIN = (bool, int, float, str, type(None))


def describe(value: Any, name: str = "value") -> Any:
    """`value` in plain values (numbers, text, lists, dicts), such that equal means the same.

    Frozen dataclasses, named functions, networks, tensors, dtypes and collections of them can be
    described. Networks are described by their layers' types, settings and shapes, not by weights.

    Raises:
        CourseError: a closure, a lambda or an object whose state cannot be seen.
    """
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, torch.dtype | torch.device | Path | complex):
        return str(value)
    if isinstance(value, Tensor):
        return [str(value.dtype), list(value.shape), digest(value)]
    if isinstance(value, nn.Module):
        return _describe_network(value, name)
    if isinstance(value, Mapping):
        return {str(key): describe(item, f"{name}[{key!r}]") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [describe(item, name) for item in value]
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if is_dataclass(value) and not isinstance(value, type) and _frozen(value):
        own = {f.name: describe(getattr(value, f.name), f"{name}.{f.name}") for f in fields(value)}
        if getattr(value, "__dict__", {}).keys() <= own.keys():  # a subclass may hold more
            return {"type": kind, **own}
    named = inspect.isfunction(value) or inspect.isclass(value) or inspect.isbuiltin(value)
    if named and value.__module__ != "__main__" and _found_by_name(value):
        return f"{value.__module__}.{value.__qualname__}"
    raise CourseError(
        f"{name} was {getattr(value, '__qualname__', kind)}; a run that is kept needs plain "
        "values, frozen dataclasses or named functions of a module, to be told from others."
    )


def _frozen(value: Any) -> bool:
    return bool(value.__dataclass_params__.frozen)


def _found_by_name(value: Any) -> bool:
    """Whether its name leads to `value`; a closure may bear the name of what it wraps."""
    found: Any = sys.modules.get(value.__module__)
    for part in value.__qualname__.split("."):
        found = getattr(found, part, None)
    return bool(found == value)


def _describe_network(network: nn.Module, name: str) -> dict[str, Any]:
    layers, pytorchs = {}, vars(nn.Module()).keys()
    for path, layer in network.named_modules():
        own = {
            key: describe(item, f"{name}.{key}")
            for key, item in vars(layer).items()
            if key not in pytorchs and not inspect.ismethod(item)
            if not key.startswith("_") or isinstance(item, PLAIN)
        }
        layers[path] = {"type": f"{type(layer).__module__}.{type(layer).__qualname__}", **own}
    shapes = {key: list(value.shape) for key, value in network.state_dict().items()}
    return {"layers": layers, "shapes": shapes}


class Checkpointer:
    """Keeps the state of a run in a file; gives it back to the same run only.

    The same run has the same settings, networks of the same kind, generators of the same seed and
    the same data; its networks hold the weights it began with, or those it left off with.

    Raises:
        CourseError: a part has no state, or the settings cannot be told from others.
    """

    def __init__(self, path: Path, parts: dict[str, Any], settings: dict[str, Any]) -> None:
        for name, part in parts.items():
            able = isinstance(part, torch.Generator) or hasattr(part, "state_dict")
            require(able, f"checkpoint: {name} has no state_dict to continue from.")
        probe(path)
        self.path, self.parts, self.kept = path, parts, 0
        self.about = describe(settings, "settings") | {
            name: _describe_part(name, part) for name, part in parts.items()
        }
        self.starts = [self._weights()]

    def save(self, done: int, told: dict[str, Any]) -> None:
        """Write down the run after `done` steps, and what is `told` of it.

        Raises:
            CourseError: the file cannot be written, or could not be read again.
        """
        state = {
            "about": json.dumps(self.about, sort_keys=True),
            "starts": [*self.starts, self._weights()],
            "done": done,
            "parts": {name: _state_of(part) for name, part in self.parts.items()},
            "torch": torch.get_rng_state(),  # for dropout
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
            **_plain(told),
        }
        write(self.path, state)
        self.kept = done

    def resume(self) -> dict[str, Any] | None:
        """Put the parts where the file says they were; what else it tells. None: there is none.

        Raises:
            CourseError: the file cannot be read, or is another run's.
        """
        if (state := read(self.path)) is None:
            return None
        mend = "delete it to start afresh, or name another file"
        theirs = json.loads(state["about"])
        ours = json.loads(json.dumps(self.about))
        other = [key for key in theirs | ours if theirs.get(key) != ours.get(key)]
        require(
            not other,
            f"The checkpoint {self.path} was written by another run, whose {', '.join(other)} "
            f"differed; {mend}.",
        )
        require(
            self.starts[0] in state["starts"],
            f"The checkpoint {self.path} was written by a run that began with other weights; "
            f"{mend}.",
        )
        for name, part in self.parts.items():
            restore = part.set_state if hasattr(part, "set_state") else part.load_state_dict
            restore(deepcopy(state["parts"][name]))  # optimisers take tensors as they are
        torch.set_rng_state(state["torch"])
        if state["cuda"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(state["cuda"])
        self.starts, self.kept = state["starts"], state["done"]
        return state

    def left_off(self) -> None:
        """Note the weights that the networks hold now, so that the same objects may continue."""
        try:
            if (state := read(self.path)) is not None:
                write(self.path, state | {"starts": [*state["starts"], self._weights()]})
        except CourseError:
            return  # fresh objects can still continue from the file

    def _weights(self) -> str:
        networks = [part for part in self.parts.values() if isinstance(part, nn.Module)]
        return digest(*[value for network in networks for value in network.state_dict().values()])


def _describe_part(name: str, part: Any) -> Any:
    if isinstance(part, nn.Module):
        return _describe_network(part, name)
    if isinstance(part, torch.Generator):
        return {"seed": part.initial_seed()}
    if hasattr(part, "identity"):
        return part.identity()
    if isinstance(part, torch.optim.Optimizer):
        settings = [{k: v for k, v in g.items() if k != "params"} for g in part.param_groups]
        return {"type": type(part).__qualname__, "groups": describe(settings, name)}
    return type(part).__qualname__


def _state_of(part: Any) -> Any:
    return part.get_state() if isinstance(part, torch.Generator) else part.state_dict()


def _plain(value: Any) -> Any:
    """What is told of a run, in the types that a file can be read back with."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if type(value) in PLAIN:  # not what is derived of them, as NumPy's float64 is
        return value
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.kind == "U":
            return _plain(value.tolist())
        with suppress(TypeError, ValueError):  # dates, objects, and numbers PyTorch has not
            found = torch.from_numpy(np.array(value, order="C"))
            return found.item() if found.dim() == 0 else found
    raise CourseError(
        f"watch returned {type(value).__qualname__}; a checkpoint keeps numbers, text and tensors."
    )


def write(path: Path, state: dict[str, Any]) -> None:
    """Write `state` whole or not at all: to a file beside it, flushed, then renamed.

    Raises:
        CourseError: the file cannot be written (full disk, no permission).
    """
    content = io.BytesIO()  # torch.save into a file hides from us why that could not be written
    torch.save(state, content)
    write_bytes(path, content.getbuffer())


def read(path: Path) -> dict[str, Any] | None:
    """The state in `path`, or None if there is no such file.

    Raises:
        CourseError: the file cannot be read as a checkpoint.
    """
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        json.loads(state["about"])
        state["starts"], state["done"], state["parts"], state["losses"]["checked"], state["watched"]
    except Exception:  # a truncated or foreign file fails in many ways
        raise CourseError(
            f"The checkpoint {path} cannot be read; delete it to start afresh, or name another "
            "file."
        ) from None
    return state
