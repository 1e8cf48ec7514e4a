"""Measures of success. Attacks and networks are received as arguments, never imported."""

from coursekit.metrics.accuracy import (
    accuracy,
    accuracy_against_eps,
    attack_suite,
    features,
    probabilities,
    robust_accuracy,
    worst_case,
)
from coursekit.metrics.fid import (
    Extrapolation,
    FIDScorer,
    frechet_at_infinity,
    frechet_distance,
    inception_score,
)
from coursekit.metrics.modes import (
    Coverage,
    DensityCoverage,
    best_bandwidth,
    chroma,
    class_coverage,
    density_coverage,
    gradient_energy,
    mode_coverage,
    nearest,
    parzen,
    stacked_coverage,
)
from coursekit.metrics.spectrum import (
    checkerboard,
    high_freq_fraction,
    power_spectrum,
    radial_power,
)

__all__ = [
    "Coverage",
    "DensityCoverage",
    "Extrapolation",
    "FIDScorer",
    "accuracy",
    "accuracy_against_eps",
    "best_bandwidth",
    "checkerboard",
    "chroma",
    "class_coverage",
    "density_coverage",
    "features",
    "frechet_at_infinity",
    "frechet_distance",
    "gradient_energy",
    "inception_score",
    "attack_suite",
    "mode_coverage",
    "nearest",
    "parzen",
    "high_freq_fraction",
    "power_spectrum",
    "radial_power",
    "probabilities",
    "robust_accuracy",
    "stacked_coverage",
    "worst_case",
]
