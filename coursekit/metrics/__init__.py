"""Floor 1. Measures of success. Attacks and networks are received as arguments, never imported."""

from coursekit.metrics.classification import (
    accuracy,
    features,
    judging,
    probabilities,
    robust_accuracy,
)
from coursekit.metrics.fidelity import frechet_distance, inception_score
from coursekit.metrics.judge import Judge
from coursekit.metrics.modes import (
    Coverage,
    gradient_energy,
    mode_coverage,
    nearest,
    stacked_coverage,
)
from coursekit.metrics.spectrum import checkerboard, power_spectrum

__all__ = [
    "Coverage",
    "Judge",
    "accuracy",
    "checkerboard",
    "features",
    "frechet_distance",
    "gradient_energy",
    "inception_score",
    "judging",
    "mode_coverage",
    "nearest",
    "power_spectrum",
    "probabilities",
    "robust_accuracy",
    "stacked_coverage",
]
