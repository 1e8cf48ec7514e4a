"""Exercises of 01: one step, jitter, octaves, the receptive field; graded by what must hold."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from coursekit.teaching.exercise import Exercise

Attempt = Callable[..., Any]


def _rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _images(answer: Any, like: Tensor) -> Tensor:
    """The answer as a tensor; an answer of another kind stops here, in words."""
    if not isinstance(answer, Tensor) or answer.shape != like.shape:
        raise TypeError(f"the answer should be a tensor of shape {tuple(like.shape)}.")
    return answer.detach()


# One step --------------------------------------------------------------------------------------


def _grey_and_gradient(seed: int) -> tuple[Tensor, Tensor]:
    """Two grey images, and gradients of which the second is a thousand times the first's size."""
    rng = _rng(seed)
    x = 0.4 + 0.2 * torch.rand(2, 3, 6, 8, generator=rng)
    scale = torch.tensor([1e-3, 1.0]).view(2, 1, 1, 1)
    return x, scale * torch.randn(2, 3, 6, 8, generator=rng)


def _goes_uphill(step: Attempt) -> str | None:
    x, gradient = _grey_and_gradient(1)
    rise = ((_images(step(x, gradient, 0.01), x) - x) * gradient).flatten(1).sum(1)
    if (rise < 0).all():
        return "this goes downhill; a dream makes the objective rise."
    return None if (rise > 0).all() else "the step is not along the gradient."


def _moves_by_the_step_size(step: Attempt) -> str | None:
    x, gradient = _grey_and_gradient(2)
    moved = (_images(step(x, gradient, 0.01), x) - x).abs().mean((1, 2, 3))
    if torch.allclose(moved, torch.full((2,), 0.01), rtol=1e-3):
        return None
    if abs(float(moved.mean()) - 0.01) < 1e-4:
        return "the images share one scale; each is to be normalised by its own gradient."
    first, second = moved.tolist()
    return f"the images move by {first:.2g} and {second:.2g} on average, and not by 0.01 each."


def _keeps_proportions(step: Attempt) -> str | None:
    x, gradient = _grey_and_gradient(3)
    added = _images(step(x, gradient, 0.01), x) - x
    same = (F.cosine_similarity(added.flatten(1), gradient.flatten(1)) > 0.999).all()
    return None if same else "the direction should be g itself, scaled, not its sign."


def _stays_valid(step: Attempt) -> str | None:
    x, gradient = _grey_and_gradient(4)
    answer = _images(step(x.round(), gradient, 0.5), x)
    return None if answer.min() >= 0 and answer.max() <= 1 else "pixels left [0, 1]."


def _survives_a_dead_unit(step: Attempt) -> str | None:
    x, gradient = _grey_and_gradient(5)
    answer = _images(step(x, 0 * gradient, 0.01), x)
    return None if torch.equal(answer, x) else "where the gradient is 0, the image should stay."


STEP = Exercise(
    "One normalised step uphill",
    (
        _goes_uphill,
        _moves_by_the_step_size,
        _keeps_proportions,
        _stays_valid,
        _survives_a_dead_unit,
    ),
    (
        "Divide each image's gradient by the mean of its absolute values.",
        "`gradient.abs().mean((1, 2, 3), keepdim=True)` is one number for each image.",
        "`.clamp_min(1e-12)` guards against a gradient of 0; clamp the pixels last.",
    ),
)

# Jitter ----------------------------------------------------------------------------------------


def _shifts_back(jittered: Attempt) -> str | None:
    x, w = (torch.randn(1, 3, 7, 9, generator=_rng(seed)) for seed in (6, 7))
    # f(x) = ⟨w, x⟩: a network so simple that its gradient does not depend on the image.
    answer = _images(jittered(lambda _: w.clone(), x, 2, -3), x)
    if torch.allclose(answer, w.roll((-2, 3), (2, 3))):
        return None
    if torch.allclose(answer, w):
        return "the gradient still lies where the shifted image was; shift it back."
    if torch.allclose(answer, w.roll((2, -3), (2, 3))):
        return "the gradient was shifted on instead of back."
    return "down is dimension 2 and across is dimension 3."


def _shows_the_shifted_image(jittered: Attempt) -> str | None:
    x = torch.rand(1, 3, 7, 9, generator=_rng(8))
    shown = []

    def gradient_of(image: Tensor) -> Tensor:
        shown.append(image)
        return image  # of f(x) = ½‖x‖², which does not care for shifts

    answer = _images(jittered(gradient_of, x, 2, -3), x)
    if not shown or not torch.equal(shown[0], x.roll((2, -3), (2, 3))):
        return "the network should see the image shifted by dy rows and dx columns."
    return None if torch.equal(answer, x) else "for f = ½‖x‖² the gradient is x, jitter or not."


JITTER = Exercise(
    "The gradient under jitter",
    (_shifts_back, _shows_the_shifted_image),
    (
        "Three lines: shift the image, take the gradient, shift the gradient back.",
        "`x.roll((dy, dx), (2, 3))` shifts down and across; what leaves comes in at the other end.",
    ),
)

# Octaves ---------------------------------------------------------------------------------------


def _enlarge(x: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def _photos(seed: int) -> tuple[Tensor, Tensor]:
    photo = 0.2 + 0.6 * torch.rand(1, 3, 20, 28, generator=_rng(seed))
    return photo, _enlarge(photo, (10, 14))


def _loses_no_detail(octave: Attempt) -> str | None:
    photo, small = _photos(9)
    answer = _images(octave(photo, small, small, _enlarge), photo)
    if torch.allclose(answer, photo, atol=1e-5):
        return None
    return "where nothing was dreamt, the larger photo should come back as it was, every detail."


def _carries_the_dream_over(octave: Attempt) -> str | None:
    (photo, small), added = _photos(10), 0.1 * torch.randn(1, 3, 10, 14, generator=_rng(11))
    answer = _images(octave(photo, small, small + added, _enlarge), photo)
    right = torch.allclose(answer, photo + _enlarge(added, (20, 28)), atol=1e-5)
    return None if right else "what was added to the small photo is missing, or not added once."


OCTAVE = Exercise(
    "From one octave to the next",
    (_loses_no_detail, _carries_the_dream_over),
    (
        "What did the small octave add? It is the difference of two small pictures.",
        "Enlarge that difference, and add it to the larger photo.",
        "photo + enlarge(dreamt − small, size of photo)",
    ),
)

# Receptive field -------------------------------------------------------------------------------


def _knows_stacks(field: Attempt) -> str | None:
    known = {((3, 1),): 3, ((3, 1), (3, 1)): 5, ((5, 2),): 5, ((5, 1), (2, 2), (3, 1)): 10}
    for layers, side in known.items():
        answer = field(list(layers))
        if answer != side:
            said = ", ".join(f"side {k} stride {s}" for k, s in layers)
            return f"for {said} it should be {side}, not {answer}."
    return None


def _agrees_with_a_gradient(field: Attempt) -> str | None:
    layers = [(5, 1), (2, 2), (3, 1), (2, 2), (3, 1), (3, 2), (3, 1)]
    x = torch.zeros(1, 1, 96, 96, requires_grad=True)
    a = x
    for side, stride in layers:
        a = F.conv2d(a, torch.ones(1, 1, side, side), stride=stride)
    (seen,) = torch.autograd.grad(a[0, 0, 3, 3], x)
    side = int((seen[0, 0].sum(1) > 0).sum())
    answer = field(layers)
    return None if answer == side else f"for {layers} a gradient reaches {side} pixels wide."


FIELD = Exercise(
    "How far a unit sees",
    (_knows_stacks, _agrees_with_a_gradient),
    (
        "One convolution of side k sees k pixels: the first pixel, and k − 1 more.",
        "After layers of stride s₁, s₂ … a step in the map is s₁·s₂·… pixels in the image.",
        "Start with r = j = 1; for each layer r += (k − 1)·j, and then j *= s.",
    ),
)
