"""Floor 1. Dreams: fix the weights, and move the *image* uphill on what some unit answers.

`objectives` says what is to rise, `ascent` climbs it, `octaves` does so from coarse to fine (that
is DeepDream), `steps` holds the parts of one step: directions, blur, decay. `listening` hears a
layer by a hook and takes it away again, `spectrum` measures how much of a pattern is fine noise.
"""

from coursekit.dreams.ascent import Climb, ascend, slope
from coursekit.dreams.listening import Seen, hooks, look
from coursekit.dreams.objectives import (
    Objective,
    channel,
    contrast,
    layer,
    logit,
    neuron,
    total_variation,
    towards,
)
from coursekit.dreams.octaves import dream, resized, sizes, zoom
from coursekit.dreams.spectrum import high_share, radial_power
from coursekit.dreams.steps import Blur, Decay, as_it_is, gaussian, multiscale, per_mean

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
