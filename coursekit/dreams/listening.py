"""Hear what a layer answers: forward hooks that are gone afterwards, whatever happens."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from torch import Tensor, nn

from coursekit.errors import require
from coursekit.types import Images


@dataclass(frozen=True)
class Seen:
    """One look at images: what each layer listened to answered, and what the network said.

    Attributes:
        image: what was shown, pixels in [0, 1].
        at: layer → its activations, shape (n, c, h, w) or (n, c).
        output: the network's own answer; None where nobody asked for it.
    """

    image: Images
    at: dict[nn.Module, Tensor] = field(default_factory=dict)
    output: Tensor | None = None


class _Heard(Exception):
    """Every layer listened to has spoken; the rest of the network need not run."""


def look(
    model: nn.Module, x: Images, layers: Sequence[nn.Module] = (), output: bool = False
) -> Seen:
    """Show `x` to the network as it is, and hear `layers`.

    Unless its `output` is wanted too, the network runs no further than the last of them: a look at
    a shallow layer is cheap, and layers above may lack weights or expect images of another size.
    For the same reason a layer that the network calls several times, as torchvision's ResNets call
    their ReLUs, is heard at its first call, with and without `output`.

    Raises:
        CourseError: a layer that is no part of the network, or that did not take part.
    """
    parts = set(model.modules())
    require(
        all(layer in parts for layer in layers),
        "layer was no part of this network; take one from its modules, as in net.stages[3].",
    )
    if not layers and not output:
        return Seen(x)
    with _listening(layers, through=output) as at:
        try:
            said = model(x)
        except _Heard:
            said = None
    require(len(at) == len(set(layers)), "layer took no part when the network saw this image.")
    return Seen(x, at, said if output else None)


@contextmanager
def _listening(layers: Sequence[nn.Module], through: bool) -> Iterator[dict[nn.Module, Tensor]]:
    """Hooks on `layers` for the length of the block, and no longer: also if the network raises."""
    at: dict[nn.Module, Tensor] = {}

    def hear(layer: nn.Module, _: object, answer: Tensor) -> None:
        if layer not in at:
            at[layer] = answer.clone()  # the next layer may overwrite it: torchvision's ReLUs do
        if not through and len(at) == len(set(layers)):
            raise _Heard

    handles = []
    try:
        for layer in dict.fromkeys(layers):
            handles.append(layer.register_forward_hook(hear))
        yield at
    finally:
        for handle in handles:
            handle.remove()


def hooks(model: nn.Module) -> int:
    """How many hooks hang on the network. A dream must leave this number as it found it."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(part, kind)) for part in model.modules() for kind in kinds)
