"""The figures of 06: piles of earth, critics and their slopes, singular values, biased scores."""

from coursekit.plots.wasserstein.critics import (
    games,
    gradients,
    landscape,
    opinions,
    values,
    weights,
)
from coursekit.plots.wasserstein.earth import carried, piles, potentials
from coursekit.plots.wasserstein.scores import bias, ranking
from coursekit.plots.wasserstein.singular import bounds, iterations, margins, spectra, stretches

__all__ = [
    "bias",
    "bounds",
    "carried",
    "games",
    "gradients",
    "iterations",
    "landscape",
    "margins",
    "opinions",
    "piles",
    "potentials",
    "ranking",
    "spectra",
    "stretches",
    "values",
    "weights",
]
