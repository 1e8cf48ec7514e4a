"""The figures of 02. Data p in blue, generator q in vermilion, discriminator D in green."""

from coursekit.plots.theory.film import Scene, Stage, desk, frames, strip
from coursekit.plots.theory.measured import orbits, slopes, small_critics, sweeps, vanishing
from coursekit.plots.theory.pairs import (
    best_responses,
    compromises,
    far_apart,
    fitted,
    payoff,
    trained,
)

__all__ = [
    "Scene",
    "Stage",
    "best_responses",
    "compromises",
    "desk",
    "far_apart",
    "fitted",
    "frames",
    "orbits",
    "payoff",
    "slopes",
    "small_critics",
    "strip",
    "sweeps",
    "trained",
    "vanishing",
]
