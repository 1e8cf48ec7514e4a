"""Dreams: fix the weights, and move the *image* uphill on the activation of some unit.

`objectives` says what is to rise and records the activations it is computed from; `deepdream` takes
the steps (direction, blur, decay), repeats them (`ascend`), and goes from coarse to fine in octaves
(`dream`).
"""

from coursekit.dreams.deepdream import (
    AscentResult,
    Blur,
    Decay,
    ascend,
    dream,
    gaussian,
    identity,
    multiscale,
    objective_grad,
    octave_sizes,
    per_mean,
    resized,
    zoom,
)
from coursekit.dreams.objectives import (
    Activations,
    Objective,
    channel,
    count_hooks,
    get_activations,
    guided,
    l2_to_grey,
    layer,
    logit,
    neuron,
    total_variation,
)

__all__ = [
    "Blur",
    "AscentResult",
    "Decay",
    "Objective",
    "Activations",
    "ascend",
    "identity",
    "channel",
    "l2_to_grey",
    "dream",
    "gaussian",
    "count_hooks",
    "layer",
    "logit",
    "get_activations",
    "multiscale",
    "neuron",
    "per_mean",
    "resized",
    "octave_sizes",
    "objective_grad",
    "total_variation",
    "guided",
    "zoom",
]
