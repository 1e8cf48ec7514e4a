"""Dreams: fix the weights, and move the *image* uphill on what some unit answers.

`objectives` says what is to rise, `ascent` climbs it, `octaves` does so from coarse to fine (that
is DeepDream), `steps` holds the parts of one step: directions, blur, decay. `listening` hears a
layer by a hook and takes it away again, `spectrum` measures how much of a pattern is fine noise.
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
