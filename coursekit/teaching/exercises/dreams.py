"""Exercises of 01: one step, jitter, octaves, the receptive field; graded by what must hold."""

import torch
from torch import Tensor
from torch.nn import functional as F

from coursekit.teaching.exercise import (
    Attempt,
    Exercise,
    RandomInputs,
    describe_mismatch,
    leaves_the_box,
    number,
    tensor_like,
)


def my_step(x, gradient, step_size):
    size = gradient.abs().mean((1, 2, 3), keepdim=True).clamp_min(1e-12)
    return (x + step_size * gradient / size).clamp(0, 1)


def jittered(gradient_of, x, dy, dx):
    gradient = gradient_of(x.roll((dy, dx), (2, 3)))
    return gradient.roll((-dy, -dx), (2, 3))


def next_octave(photo, small, dreamt, enlarge):
    return photo + enlarge(dreamt - small, photo.shape[2:])


def receptive_field(layers):
    sees, jump = 1, 1
    for side, stride in layers:
        sees += (side - 1) * jump
        jump *= stride
    return sees


# One step --------------------------------------------------------------------------------------


def _grey_and_gradient(fresh: RandomInputs) -> tuple[Tensor, Tensor, float]:
    """Two grey images; gradients, of which the second is some hundred times as large; a step."""
    x = fresh.uniform(0.4, 0.6, 2, 3, 6, 8).float()
    scale = torch.tensor([1 / fresh.number(200, 1000), 1.0]).view(2, 1, 1, 1)
    return x, scale * fresh.normal(2, 3, 6, 8).float(), fresh.number(0.005, 0.02)


def _goes_uphill(step: Attempt, fresh: RandomInputs) -> str | None:
    x, gradient, size = _grey_and_gradient(fresh)
    moved = tensor_like(step(x, gradient, size), x) - x
    rise = F.cosine_similarity(moved.flatten(1), gradient.flatten(1))
    if (rise > 0).all():
        return None
    i = int(rise.argmin())
    if rise[i] < 0:
        return f"image {i} goes downhill (cosine {rise[i]:.2f}); a dream makes the objective rise."
    return f"image {i} does not move along its gradient."


def _moves_by_the_step_size(step: Attempt, fresh: RandomInputs) -> str | None:
    x, gradient, size = _grey_and_gradient(fresh)
    moved = (tensor_like(step(x, gradient, size), x) - x).abs().mean((1, 2, 3))
    off = (moved / size - 1).abs()
    if (off < 1e-2).all():
        return None
    i = int(off.argmax())
    verdict = f"image {i} moves by {moved[i]:.3g} on average, not by step_size = {size:.3g}"
    if abs(float(moved.mean()) / size - 1) < 1e-2:
        return f"{verdict}: the images share one scale, and each wants its own gradient's."
    return f"{verdict}."


def _keeps_proportions(step: Attempt, fresh: RandomInputs) -> str | None:
    x, gradient, size = _grey_and_gradient(fresh)
    moved = tensor_like(step(x, gradient, size), x) - x
    cosine = float(F.cosine_similarity(moved.flatten(1), gradient.flatten(1)).min())
    if cosine > 0.999:
        return None
    return (
        f"step and gradient have cosine {cosine:.2f}; it should be g itself, scaled, not its sign."
    )


def _stays_valid(step: Attempt, fresh: RandomInputs) -> str | None:
    x, gradient, _ = _grey_and_gradient(fresh)
    wrong = leaves_the_box(tensor_like(step(x.round(), gradient, 0.5), x))
    return wrong and f"{wrong}."


def _survives_zero(step: Attempt, fresh: RandomInputs) -> str | None:
    x, gradient, size = _grey_and_gradient(fresh)
    gradient[1] = 0
    wrong = describe_mismatch(tensor_like(step(x, gradient, size), x)[1:], x[1:])
    return wrong and f"where the gradient is 0, the image should stay; {wrong}."


STEP = Exercise(
    "One normalised step uphill",
    (_goes_uphill, _moves_by_the_step_size, _keeps_proportions, _stays_valid, _survives_zero),
    (
        "Divide each image's gradient by the mean of its absolute values (keepdim=True helps).",
        "Two guards: no division by a gradient of 0, and no pixel outside [0, 1].",
    ),
    my_step,
)

# Jitter ----------------------------------------------------------------------------------------


def _shift(fresh: RandomInputs) -> tuple[Tensor, int, int]:
    """An image, and a shift by different distances down and across, at least 1 each."""
    down, across, _ = fresh.shuffled(torch.tensor([1, 2, 3])).tolist()
    image = fresh.normal(1, 3, fresh.integer(7, 9), fresh.integer(10, 12))
    return image, down * (-1) ** fresh.integer(0, 1), across * (-1) ** fresh.integer(0, 1)


def _shifts_back(jittered: Attempt, fresh: RandomInputs) -> str | None:
    x, dy, dx = _shift(fresh)
    w = fresh.normal(*x.shape)
    # f(x) = ⟨w, x⟩: a network so simple that its gradient does not depend on the image.
    answer = tensor_like(jittered(lambda _: w.clone(), x, dy, dx), x)
    if not describe_mismatch(answer, w.roll((-dy, -dx), (2, 3))):
        return None
    if not describe_mismatch(answer, w):
        return "the gradient still lies where the shifted image was; shift it back."
    if not describe_mismatch(answer, w.roll((dy, dx), (2, 3))):
        return f"the gradient was shifted on, by ({dy}, {dx}) once more, instead of back."
    return f"it is not shifted back by ({dy}, {dx}): down is dimension 2, across is dimension 3."


def _shows_the_shifted_image(jittered: Attempt, fresh: RandomInputs) -> str | None:
    x, dy, dx = _shift(fresh)
    shown = []

    def gradient_of(image: Tensor) -> Tensor:
        shown.append(image)
        return image  # of f(x) = ½‖x‖², which does not care for shifts

    wrong = describe_mismatch(jittered(gradient_of, x, dy, dx), x)
    if not shown or not torch.equal(shown[0], x.roll((dy, dx), (2, 3))):
        return f"the network should see the image shifted by {dy} rows and {dx} columns."
    return wrong and f"for f = ½‖x‖² the gradient is x, jitter or not; {wrong}."


JITTER = Exercise(
    "The gradient under jitter",
    (_shifts_back, _shows_the_shifted_image),
    (
        "Three lines: shift the image, take the gradient, shift the gradient back.",
        "`x.roll((dy, dx), (2, 3))` shifts down and across; what leaves comes in at the other end.",
    ),
    jittered,
)

# Octaves ---------------------------------------------------------------------------------------


def _enlarge(x: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def _photos(fresh: RandomInputs) -> tuple[Tensor, Tensor]:
    height, width = fresh.integer(8, 11), fresh.integer(12, 15)
    photo = fresh.uniform(0.2, 0.8, 1, 3, 2 * height, 2 * width)
    return photo, _enlarge(photo, (height, width))


def _loses_no_detail(octave: Attempt, fresh: RandomInputs) -> str | None:
    photo, small = _photos(fresh)
    wrong = describe_mismatch(octave(photo, small, small, _enlarge), photo, 1e-5)
    return wrong and f"where nothing was dreamt, every detail should come back; {wrong}."


def _carries_the_dream_over(octave: Attempt, fresh: RandomInputs) -> str | None:
    photo, small = _photos(fresh)
    added = 0.1 * fresh.normal(*small.shape)
    wanted = photo + _enlarge(added, (photo.shape[2], photo.shape[3]))
    wrong = describe_mismatch(octave(photo, small, small + added, _enlarge), wanted, 1e-5)
    return wrong and f"what the small octave added is missing, or not added once; {wrong}."


OCTAVE = Exercise(
    "From one octave to the next",
    (_loses_no_detail, _carries_the_dream_over),
    (
        "What did the small octave add? It is the difference of two small pictures.",
        "The larger photo keeps its detail if only that difference is enlarged.",
    ),
    next_octave,
)

# Receptive field -------------------------------------------------------------------------------


def _reach(layers: list[tuple[int, int]]) -> int:
    """Over how many entries one output of these convolutions has a gradient."""
    x = torch.zeros(1, 1, 80, requires_grad=True)
    a = x
    for side, stride in layers:
        a = F.conv1d(a, torch.ones(1, 1, side), stride=stride)
    (seen,) = torch.autograd.grad(a[0, 0, 0], x)
    return int((seen > 0).sum())


def _agrees_with_a_gradient(field: Attempt, fresh: RandomInputs) -> str | None:
    # The first is known by heart; in the second a stride matters to what comes after it.
    stacks = [[(3, 1), (3, 1)], [(5, 1), (2, 2), (3, 1)]]
    for depth in (1, 2, 3, 4):  # reaches 61 pixels at most
        stacks.append([(fresh.integer(2, 5), fresh.integer(1, 2)) for _ in range(depth)])
    for layers in stacks:
        answer, side = number(field(list(layers))), _reach(layers)
        if answer != side:
            said = ", ".join(f"side {k} stride {s}" for k, s in layers)
            return f"for {said} it should be {side}, not {answer:g}."
    return None


FIELD = Exercise(
    "How far a unit sees",
    (_agrees_with_a_gradient,),
    (
        "One convolution of side k sees k pixels: the first pixel, and k − 1 more.",
        "After layers of stride s₁, s₂ … a step in the map is s₁·s₂·… pixels in the image.",
    ),
    receptive_field,
)
