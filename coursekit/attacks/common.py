"""What an attack wants, and what every attack does for the model it attacks."""

import functools
import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar, cast

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.errors import CourseError
from coursekit.gradients import undisturbed
from coursekit.threats import Streams
from coursekit.types import Images, Labels, Logits, PerExample, Probabilities

Counts = Int[Tensor, " n"]
Target = Labels | int | None  # the class the attack wants; None: any but the true one
Truth = Labels | Probabilities
Mask = Bool[Tensor, " n"]
Loss = str | Callable[[Tensor, Tensor], Tensor]  # a name, or (logits, classes) -> one value each

LOSSES = ("cross_entropy", "margin", "dlr")
CPU_PIXELS, GPU_PIXELS = 2**19, 2**23  # at once; on a GPU half as many whenever memory runs out
LOOKED_AT = 16  # images that the model is tried on before an attack begins

Function = TypeVar("Function", bound=Callable[..., Any])
Part = TypeVar("Part", bound="Rows")


class RobustnessWarning(UserWarning):
    """Something about the model makes the attack's answer doubtful."""


class AttackResult(NamedTuple):
    """What an attack found, and what it cost.

    Attributes:
        x_adv: the adversarial images; where the attack failed, its best attempt or the image.
        success: where the goal is reached. Images that the model gets wrong by itself count.
        queries: model evaluations spent on each image, gradients included.
        distances: ‖x_adv − x‖ in the attack's norm; infinite where it failed.
    """

    x_adv: Images
    success: Mask
    queries: Counts
    distances: PerExample


@dataclass(frozen=True)
class Goal:
    """Away from `y` (labels, or probabilities of shape (n, k)), or towards `target` if given.

    Attributes:
        kind: the loss that is raised: "cross_entropy", "margin", "dlr" (Croce & Hein 2020, eq. 6
            and 7), or a function (logits, classes) -> one value for each example, which is raised
            for the true classes and lowered for the target.
    """

    y: Truth
    target: Target = None
    kind: Loss = "cross_entropy"

    @property
    def wanted(self) -> Tensor | None:
        """The target as one class for each example; None where any wrong class will do."""
        if isinstance(self.target, int):
            return torch.full_like(labels(self.y), self.target)
        return self.target

    def loss(self, logits: Logits) -> PerExample:
        """What the attack raises: −log p(y | x), or log p(target | x); or another loss."""
        if self.kind == "margin":
            return self.margin(logits)
        if self.kind == "dlr":
            return self._dlr(logits)
        loss = _cross_entropy if self.kind == "cross_entropy" else cast(Callable, self.kind)
        return loss(logits, self.y) if self.wanted is None else -loss(logits, self.wanted)

    def margin(self, logits: Logits) -> PerExample:
        """By how much the goal's logit leads; above 0 where the goal is reached, but for ties."""
        mine = (labels(self.y) if self.wanted is None else self.wanted)[:, None]
        others = logits.scatter(1, mine, -torch.inf).amax(1)
        lead = logits.gather(1, mine)[:, 0] - others
        return -lead if self.wanted is None else lead

    def reached(self, logits: Logits) -> Mask:
        """Where the goal's class wins, as `argmax` decides between equal logits.

        A model that answers NaN or infinity has lost already.
        """
        winner, sound = logits.argmax(1), logits.isfinite().all(1)
        if self.wanted is not None:
            return (winner == self.wanted) & sound
        return (winner != labels(self.y)) | ~sound

    def rows(self, index: Tensor) -> "Goal":
        """The same goal for some of the examples."""
        wanted = self.wanted
        return Goal(self.y[index], None if wanted is None else wanted[index], self.kind)

    def _dlr(self, logits: Tensor) -> Tensor:
        """The difference of logits ratio: the margin in units of a gap between the top logits."""
        y, top = labels(self.y), logits.sort(1, descending=True).values
        z_y = logits.gather(1, y[:, None])[:, 0]
        if self.wanted is None:
            best_wrong = torch.where(logits.argmax(1) == y, top[:, 1], top[:, 0])
            return (best_wrong - z_y) / (top[:, 0] - top[:, 2] + 1e-12)
        z_t = logits.gather(1, self.wanted[:, None])[:, 0]
        return (z_t - z_y) / (top[:, 0] - (top[:, 2] + top[:, 3]) / 2 + 1e-12)


def _cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(logits, y, reduction="none")


def check_loss(loss: Loss, model: nn.Module, x: Tensor, target: Target) -> None:
    """Refuse a loss that is unknown, or undefined for so few classes."""
    if isinstance(loss, str) and loss not in LOSSES:
        raise CourseError(f"loss was {loss!r}; choose one of {', '.join(LOSSES)}, or a function.")
    if loss == "dlr":
        with torch.no_grad():
            classes = model(x[:1]).shape[1]
        least = 3 if target is None else 4
        if classes < least:
            raise CourseError(f"the model has {classes} classes; loss='dlr' needs {least}.")


def labels(y: Truth) -> Labels:
    """Class numbers, also where probabilities were given."""
    return y if y.dim() == 1 else y.argmax(1)


def attack(function: Function) -> Function:
    """Decorates an attack (model, x, y, …, target, rng, batch) with what all of them share.

    - The door: images, labels, target and the model's answers are looked at, see `check_inputs`.
    - The model is left `undisturbed`: modes, buffers and gradients are as they were found.
    - Many images are worked through in batches. An argument of one value for each image (a target,
      the radii of a threat) is divided with them, and a generator becomes one stream for each
      image (`Streams`), so that no image's result depends on its batch.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def careful(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given, model = bound.arguments, bound.arguments["model"]
        with torch.inference_mode(False), undisturbed(model):
            given |= {k: _plain(v) for k, v in given.items() if isinstance(v, Tensor)}
            x, target = given["x"], given.get("target")
            y, target = check_inputs(model, x, given["y"], target)
            given |= {"x": x.clamp(0, 1), "y": y}  # pixels may stick out by a rounding
            given |= {"target": target} if "target" in given else {}
            if isinstance(given.get("rng"), torch.Generator):
                given["rng"] = Streams.spawn(len(x), given["rng"])
            return _in_batches(function, given, given.get("batch"))

    return cast(Function, careful)


def check_inputs(model: nn.Module, x: Tensor, y: Tensor, target: Target) -> tuple[Truth, Target]:
    """Labels and target as the attacks use them, after a look at all that an attack is given.

    Raises:
        CourseError: pixels outside [0, 1] or not finite, labels that are no classes of the model,
            or a model that does not return logits (n, k) of at least two classes.

    Warns:
        RobustnessWarning: the model seems to return probabilities, or answers differently twice.
    """
    _check_pixels(x)
    if len(x) == 0:
        return y, target
    with torch.no_grad():
        logits = model(x[:LOOKED_AT])
        again = model(x[:LOOKED_AT])
    seen = f"for {len(x[:LOOKED_AT])} images the model returned shape {tuple(logits.shape)}"
    if not (logits.dim() == 2 and len(logits) == len(x[:LOOKED_AT]) and logits.shape[1] >= 2):
        raise CourseError(
            f"{seen}; an attack needs logits (n, k), one column for each of two classes or more."
        )
    if bool((logits >= 0).all()) and torch.allclose(logits.sum(1), torch.ones(()).to(logits)):
        _warn("the model's answers lie in [0, 1] and sum to 1; attacks need logits, not softmax.")
    if not torch.allclose(logits, again, rtol=1e-3, atol=1e-3, equal_nan=True):
        _warn("the model answered differently when asked twice; average gradients (samples=).")
    return _classes("y", y, len(x), logits.shape[1]), _target(target, len(x), logits.shape[1])


def _check_pixels(x: Tensor) -> None:
    if not (x.is_floating_point()):
        raise CourseError(f"x held {x.dtype}; give pixels in [0, 1] as float32.")
    if x.numel() == 0:
        return
    low, high = (float(v) for v in x.aminmax())
    if not (low >= -1e-6 and high <= 1 + 1e-6):  # NaN is neither
        raise CourseError(
            f"x held values from {low:.3g} to {high:.3g}; pixels lie in [0, 1] "
            "(divide 0…255 by 255; a normalisation is the first layer of the model)."
        )


def _classes(name: str, y: Tensor, n: int, k: int) -> Truth:
    """Labels as int64, or probabilities; anything else is refused."""
    if y.is_floating_point() and y.dim() == 2:
        if not (y.shape == (n, k)):
            raise CourseError(f"{name} had shape {tuple(y.shape)}; it must be ({n}, {k}).")
        sums = bool((y >= 0).all()) and torch.allclose(y.sum(1), torch.ones(()).to(y), atol=1e-3)
        if not (sums):
            raise CourseError(f"the rows of {name} were no probabilities; they must sum to 1.")
        return y
    whole = not y.is_floating_point() and y.dtype != torch.bool and y.dim() == 1
    if not (whole):
        raise CourseError(
            f"{name} had shape {tuple(y.shape)} and {y.dtype}; give whole class numbers ({n},) or "
            f"probabilities ({n}, {k})."
        )
    if not (len(y) == n):
        raise CourseError(f"{name} had {len(y)} rows for {n} images; give one for each.")
    low, high = (int(v) for v in y.aminmax())
    if not (low >= 0 and high < k):
        raise CourseError(
            f"{name} held classes from {low} to {high}; the model's classes are 0 to {k - 1}."
        )
    return y.long()


def _target(target: Target, n: int, k: int) -> Target:
    if target is None:
        return None
    if isinstance(target, int):
        if not (0 <= target < k):
            raise CourseError(f"target was {target}; the model's classes are 0 to {k - 1}.")
        return target
    if not (target.dim() == 1):
        raise CourseError(f"target was not one class, or one for each of the {n} images.")
    return _classes("target", target, n, k)


def warn_if_masked(gradient: Tensor) -> None:
    """Warn where the gradient is exactly zero on most images: no attack can follow that.

    Warns:
        RobustnessWarning: more than half of the gradients are zero (Athalye et al. 2018, §3).
    """
    flat = int((gradient.flatten(1) == 0).all(1).sum())
    if 2 * flat > len(gradient):
        _warn(
            f"the gradient was exactly zero on {flat} of {len(gradient)} images; robustness that "
            "rests on this is masked. Try loss='margin' or 'dlr', or an attack without gradients."
        )


def _warn(sentence: str) -> None:
    warnings.warn(sentence, RobustnessWarning, stacklevel=2)


def choose_rows(condition: Mask, a: Tensor, b: Tensor) -> Tensor:
    """Rows of `a` where the condition holds, else rows of `b`."""
    return torch.where(condition.view(-1, *[1] * (a.dim() - 1)), a, b)


def attack_result(
    x: Images, x_adv: Images, success: Mask, queries: Counts, norm: Callable[[Tensor], Tensor]
) -> AttackResult:
    """An `AttackResult` with distances in `norm`, infinite where the attack failed."""
    return AttackResult(x_adv, success, queries, torch.where(success, norm(x_adv - x), torch.inf))


def _plain(x: Tensor) -> Tensor:
    """A copy that autograd may use, where `x` was made in inference mode."""
    return x.clone() if x.is_inference() else x.detach()


def _in_batches(function: Callable[..., Any], given: dict[str, Any], batch: int | None) -> Any:
    """The attack on some images after others, joined; on a GPU halved where memory runs out."""
    x = given["x"]
    if not (batch is None or batch >= 1):
        raise CourseError(f"batch was {batch}; it must be at least 1.")
    pixels = GPU_PIXELS if x.is_cuda else CPU_PIXELS
    size = batch or max(16, pixels // max(1, x[:1].numel()))
    parts, begin = [], 0
    while begin < max(1, len(x)):
        rows = torch.arange(begin, min(begin + size, len(x)), device=x.device)
        try:
            parts.append(function(**{k: rows_of(v, rows, len(x)) for k, v in given.items()}))
        except torch.cuda.OutOfMemoryError:
            if size == 1:
                raise
            size = size // 2
            continue
        begin += size
    if isinstance(parts[0], AttackResult):
        return AttackResult(*(torch.cat(column) for column in zip(*parts, strict=True)))
    return torch.cat(parts)


def rows_of(value: Any, rows: Tensor, n: int) -> Any:
    """The part of an argument that belongs to some of the `n` images, if it has one for each."""
    if isinstance(value, Tensor):
        return value[rows] if value.dim() and len(value) == n else value
    if isinstance(value, Streams):
        return value.rows(rows)
    return value.rows(rows) if hasattr(value, "rows") else value


class Rows:
    """A dataclass of what belongs to each of some images; `x` holds the images themselves."""

    x: Tensor

    def rows(self: Part, index: Tensor) -> Part:
        """The same for some of the images."""
        return type(self)(**{k: rows_of(v, index, len(self.x)) for k, v in vars(self).items()})
