"""What a dream makes rise, and the activations it is computed from."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from coursekit.errors import require
from coursekit.gradients import undisturbed
from coursekit.types import Images, PerExample


@dataclass(frozen=True)
class Activations:
    """One look at images: what each layer listened to answered, and what the network said.

    Attributes:
        image: what was shown, pixels in [0, 1].
        at: layer → its activations, shape (n, c, h, w) or (n, c).
        output: the network's own answer; None where nobody asked for it.
    """

    image: Images
    at: dict[nn.Module, Tensor] = field(default_factory=dict)
    output: Tensor | None = None


class _AllRecorded(Exception):
    """Every layer listened to has spoken; the rest of the network need not run."""


def get_activations(
    model: nn.Module, x: Images, layers: Sequence[nn.Module] = (), output: bool = False
) -> Activations:
    """Show `x` to the network as it is, and hear `layers`.

    Unless its `output` is wanted too, the network runs no further than the last of them: a look at
    a shallow layer is cheap, and layers above may lack weights or expect images of another size.
    For the same reason a layer that the network calls several times, as torchvision's ResNets call
    their ReLUs, is recorded at its first call, with and without `output`.

    Raises:
        CourseError: a layer that is no part of the network, or that did not take part.
    """
    parts = set(model.modules())
    require(
        all(layer in parts for layer in layers),
        "layer was no part of this network; take one from its modules, as in net.stages[3].",
    )
    if not layers and not output:
        return Activations(x)
    with _recording(layers, through=output) as at:
        try:
            said = model(x)
        except _AllRecorded:
            said = None
    require(len(at) == len(set(layers)), "layer took no part when the network saw this image.")
    return Activations(x, at, said if output else None)


@contextmanager
def _recording(layers: Sequence[nn.Module], through: bool) -> Iterator[dict[nn.Module, Tensor]]:
    """Hooks on `layers` for the length of the block, and no longer: also if the network raises."""
    at: dict[nn.Module, Tensor] = {}

    def hear(layer: nn.Module, _: object, answer: Tensor) -> None:
        if layer not in at:
            at[layer] = answer.clone()  # the next layer may overwrite it: torchvision's ReLUs do
        if not through and len(at) == len(set(layers)):
            raise _AllRecorded

    handles = []
    try:
        for layer in dict.fromkeys(layers):
            handles.append(layer.register_forward_hook(hear))
        yield at
    finally:
        for handle in handles:
            handle.remove()


def count_hooks(model: nn.Module) -> int:
    """How many hooks hang on the network. A dream must leave this number as it found it."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(part, kind)) for part in model.modules() for kind in kinds)


@dataclass(frozen=True)
class Objective:
    """A number for each image, from what a network answers to it.

    Attributes:
        value: makes the numbers, shape (n,), of what was seen.
        layers: those it listens to.
        output: whether it needs the network's own answer too.
    """

    value: Callable[[Activations], PerExample]
    layers: tuple[nn.Module, ...] = ()
    output: bool = False

    def __call__(self, model: nn.Module, x: Images) -> PerExample:
        return self.value(get_activations(model, x, self.layers, self.output))

    def __add__(self, other: "Objective") -> "Objective":
        both = self.layers + other.layers, self.output or other.output
        return Objective(lambda seen: self.value(seen) + other.value(seen), *both)

    def __mul__(self, weight: float) -> "Objective":
        return Objective(lambda seen: weight * self.value(seen), self.layers, self.output)

    __rmul__ = __mul__

    def __neg__(self) -> "Objective":
        return -1.0 * self

    def __sub__(self, other: "Objective") -> "Objective":
        return self + -other


def channel(part: nn.Module, k: int) -> Objective:
    """Channel `k` of a layer, averaged over all places."""
    return Objective(lambda seen: _maps(seen.at[part], k)[:, k].mean((1, 2)), (part,))


def layer(part: nn.Module) -> Objective:
    """The mean square of all activations: whatever the layer sees, more (Mordvintsev et al. 2015).

    Its gradient with respect to the activations is, up to a factor, the activations themselves.
    """
    return Objective(lambda seen: seen.at[part].square().flatten(1).mean(1), (part,))


def logit(c: int) -> Objective:
    """The score S_c of class `c`, before the softmax (Simonyan et al. 2014, eq. 1).

    The probability would also rise by lowering the other classes' scores.
    """

    def value(seen: Activations) -> Tensor:
        scores = seen.output
        assert scores is not None
        require(0 <= c < scores.shape[1], f"c was {c}; this network has {scores.shape[1]} classes.")
        return scores[:, c]

    return Objective(value, output=True)


def guided(part: nn.Module, guide: Images, model: nn.Module) -> Objective:
    """Guided: at each place, the inner product with the guide's best match there is.

    With a(p) the activations of the dream at place p and g(q) those of the guide at q, the mean
    over p of max_q ⟨a(p), g(q)⟩ (`objective_guide` in the notebook of Mordvintsev et al. 2015).

    Args:
        part: the layer in which the two are compared.
        guide: one image, shape (1, c, h, w); of any size.
        model: the network, of which `part` is one; run in eval mode and left as it was found.
    """
    require(len(guide) == 1, f"guide was {len(guide)} images; give one, of shape (1, c, h, w).")
    with undisturbed(model), torch.no_grad():
        wanted = (
            get_activations(model, guide, (part,)).at[part][0].flatten(1)
        )  # (c, places of the guide)

    def value(seen: Activations) -> Tensor:
        mine = seen.at[part].flatten(2)  # (n, c, places)
        return torch.einsum("ncp,cq->npq", mine, wanted).amax(2).mean(1)

    return Objective(value, (part,))


def total_variation() -> Objective:
    """Mean squared difference of neighbours, to be subtracted (Mahendran & Vedaldi 2015, β = 2)."""

    def value(seen: Activations) -> Tensor:
        across, down = seen.image.diff(dim=3), seen.image.diff(dim=2)
        return across.square().mean((1, 2, 3)) + down.square().mean((1, 2, 3))

    return Objective(value)


def _maps(a: Tensor, k: int) -> Tensor:
    """Activations as (n, c, h, w), also of a layer without places; `k` must be one of the c."""
    require(0 <= k < a.shape[1], f"k was {k}; this layer has {a.shape[1]} channels.")
    return a if a.dim() == 4 else a.flatten(2).unsqueeze(-1) if a.dim() > 2 else a[:, :, None, None]
