"""Floor 1. Dreams: fix the weights, and move the *image* uphill on what some unit answers.

`objectives` says what is to rise, `ascent` climbs it, `octaves` does so from coarse to fine (that
is DeepDream), `steps` holds the parts of one step: directions, blur, decay. `listening` hears a
layer by a hook and takes it away again, `spectrum` measures how much of a pattern is fine noise.
"""

from coursekit.dreams.deepdream import (
    Blur,
    Climb,
    Decay,
    as_it_is,
    ascend,
    dream,
    gaussian,
    high_share,
    multiscale,
    per_mean,
    radial_power,
    resized,
    sizes,
    slope,
    zoom,
)
from coursekit.dreams.objectives import (
    Objective,
    Seen,
    channel,
    contrast,
    hooks,
    layer,
    logit,
    look,
    neuron,
    total_variation,
    towards,
)

__all__ = [
    "Blur",
    "Climb",
    "Decay",
    "Objective",
    "Seen",
    "ascend",
    "as_it_is",
    "channel",
    "contrast",
    "dream",
    "gaussian",
    "high_share",
    "hooks",
    "layer",
    "logit",
    "look",
    "multiscale",
    "neuron",
    "per_mean",
    "radial_power",
    "resized",
    "sizes",
    "slope",
    "total_variation",
    "towards",
    "zoom",
]
