"""Files that a killed run can be continued from, and that no other run mistakes for its own."""

import hashlib
import inspect
import io
import os
import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from operator import itemgetter
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.errors import CourseError, require
from coursekit.lab import cache_root
from coursekit.training.history import History

_NOT_HASHED = {
    "__main__.py",
    "cli",
    "course",
    "plots",
    "teaching",
}  # these do not change what is computed


def configuration_hash(**settings: Any) -> str:
    """A fingerprint of the settings and of the package's own source text.

    Numbers, text, tensors, networks, functions, and dicts and lists of them are told apart by what
    they hold, not by where they lie in memory: the same run gives the same hash tomorrow.
    """
    digest = hashlib.sha256(_source_hash().encode())
    _feed(digest, settings)
    return digest.hexdigest()


@lru_cache
def _source_hash() -> str:
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        place = file.relative_to(package)
        if place.parts[0] not in _NOT_HASHED:
            digest.update(place.as_posix().encode() + file.read_bytes())
    return digest.hexdigest()


def _feed(digest: Any, value: Any) -> None:
    """Put whatever `value` holds into the hash, each part with its type and its end marked."""
    digest.update(f"<{type(value).__name__}>".encode())
    if isinstance(value, Tensor):
        digest.update(f"{value.dtype}{tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    elif isinstance(value, nn.Module):
        _feed(digest, [repr(value), value.state_dict()])
    elif isinstance(value, torch.Generator):
        _feed(digest, value.get_state())
    elif isinstance(value, Mapping):
        _feed(digest, sorted(([str(key), item] for key, item in value.items()), key=itemgetter(0)))
    elif isinstance(value, list | tuple | set | frozenset):
        for item in sorted(value, key=repr) if isinstance(value, set | frozenset) else value:
            _feed(digest, item)
    elif isinstance(value, partial):
        _feed(digest, [value.func, value.args, value.keywords])
    elif inspect.isfunction(value):
        _feed_function(digest, value)
    else:  # numbers, text, dataclasses; an address in memory says nothing about a value
        digest.update(re.sub(r" at 0x[0-9a-f]+", "", repr(value)).encode())
    digest.update(b"</>")


def _feed_function(digest: Any, function: Any) -> None:
    """A function is its name or its code, its defaults, what it closes over and what it reads."""
    function = inspect.unwrap(function)
    code, module = function.__code__, function.__module__ or ""
    _feed(digest, function.__qualname__)
    if module.startswith("coursekit."):
        _feed(digest, module)  # its text is in the hash already
    else:
        _feed(digest, [_instructions(code), _read(function, {})])
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    _feed(digest, [function.__defaults__, cells])


def _instructions(code: CodeType) -> list[Any]:
    """What the code does, that of the functions inside it included."""
    inner = [_instructions(c) if inspect.iscode(c) else c for c in code.co_consts]
    return [code.co_code, code.co_names, inner]


def _read(function: FunctionType, found: dict[str, Any]) -> dict[str, Any]:
    """The numbers, texts and functions of a notebook that a function of it refers to by name.

    Without them a weight changed in another cell would pass for the same run.
    """
    inside = [c for c in function.__code__.co_consts if inspect.iscode(c)]
    names = {name for code in (function.__code__, *inside) for name in code.co_names}
    for name in sorted(names - found.keys()) if function.__module__ == "__main__" else ():
        value = function.__globals__.get(name)
        if isinstance(value, bool | int | float | str):
            found[name] = value
        elif inspect.isfunction(value) and value.__module__ == "__main__":
            found[name] = _instructions(value.__code__)
            _read(value, found)
    return found


def save(path: Path, state: dict[str, Any]) -> None:
    """Write `state` whole or not at all: to a file beside it, flushed, then renamed.

    Raises:
        CourseError: the file cannot be written (full disk, no permission).
    """
    part = path.with_name(f"{path.name}.part-{os.getpid()}")
    content = io.BytesIO()  # torch.save into a file hides from us why that could not be written
    torch.save(state, content)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        reason = error.strerror or error
        raise CourseError(f"The checkpoint {path} could not be written: {reason}.") from None
    finally:
        part.unlink(missing_ok=True)


def load(path: Path, configuration: str) -> dict[str, Any] | None:
    """The state in `path`, or None if there is no such file.

    Raises:
        CourseError: the file cannot be read, or another configuration wrote it.
    """
    if not path.exists():
        return None
    mend = "delete it to start afresh, or name another file"
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        written = state["configuration"]
    except Exception:  # a truncated or foreign file fails in many ways
        raise CourseError(f"The checkpoint {path} cannot be read; {mend}.") from None
    require(
        written == configuration,
        f"The checkpoint {path} was written by another configuration ({written[:8]}, this run is "
        f"{configuration[:8]}); {mend}.",
    )
    return state


def cache_file(name: str, **settings: Any) -> Path:
    """Where the run called `name` with these settings keeps its checkpoint."""
    return cache_root() / f"{name}-{configuration_hash(**settings)[:12]}.pt"


def remember(
    name: str, models: nn.Module | Mapping[str, Any], make: Callable[[], History], **settings: Any
) -> History:
    """Train once, then recall: `make` trains `models` in place, unless that was done before.

    Args:
        name: what the file is called, beside the hash of its configuration.
        models: a network, or several by name; anything with `state_dict` and `load_state_dict`.
        make: trains them in place and returns the history.
        **settings: whatever distinguishes this run from others. The initial state of `models` and
            the source of the package always count.

    Returns:
        The history, from `make` or from the file.
    """
    parts = {"model": models} if isinstance(models, nn.Module) else dict(models)
    start = {key: part.state_dict() for key, part in parts.items()}
    configuration = configuration_hash(start=start, **settings)
    path = cache_root() / f"{name}-{configuration[:12]}.pt"
    if (state := load(path, configuration)) is None:
        history = make()
        states = {key: part.state_dict() for key, part in parts.items()}
        save(path, {"configuration": configuration, "parts": states, "history": vars(history)})
        return history
    for key, part in parts.items():
        part.load_state_dict(state["parts"][key])
        if isinstance(part, nn.Module):
            part.eval()  # as training leaves it
    return History(**state["history"])
