"""The figures of 05: the plane with its modes, tables of remedies, orbits and spectra."""

from coursekit.plots.modes.numbers import coupons, heat, league, orbits, visits
from coursekit.plots.modes.plane import Plane, clouds, desk, frames, landscape
from coursekit.plots.modes.textures import overlaps, spectra

__all__ = [
    "Plane",
    "clouds",
    "coupons",
    "desk",
    "frames",
    "heat",
    "landscape",
    "league",
    "orbits",
    "overlaps",
    "spectra",
    "visits",
]
