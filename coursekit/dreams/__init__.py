"""Dreams: fix the weights, and move the *image* uphill on the activation of some unit.

`objectives` says what is to rise and records the activations it is computed from; `deepdream` takes
the steps (direction, blur), repeats them (`ascend`), and goes from coarse to fine in octaves
(`dream`).
"""

from coursekit.dreams.deepdream import (
    AscentResult,
    Blur,
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
    layer,
    logit,
    total_variation,
)

__all__ = [
    "Blur",
    "AscentResult",
    "Objective",
    "Activations",
    "ascend",
    "identity",
    "channel",
    "dream",
    "gaussian",
    "count_hooks",
    "layer",
    "logit",
    "get_activations",
    "multiscale",
    "per_mean",
    "resized",
    "octave_sizes",
    "objective_grad",
    "total_variation",
    "guided",
    "zoom",
]
