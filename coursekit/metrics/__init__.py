"""Floor 1. Measures of success. Attacks and networks are received as arguments, never imported."""

from coursekit.metrics.classification import (
    accuracy,
    features,
    judging,
    probabilities,
    robust_accuracy,
)
from coursekit.metrics.extrapolation import (
    Extrapolation,
    expected_bias,
    expected_on_line,
    frechet_at_infinity,
)
from coursekit.metrics.fidelity import frechet_distance, inception_score
from coursekit.metrics.judge import Judge
from coursekit.metrics.modes import Coverage, gradient_energy, mode_coverage, nearest

__all__ = [
    "Coverage",
    "Extrapolation",
    "Judge",
    "accuracy",
    "expected_bias",
    "expected_on_line",
    "features",
    "frechet_at_infinity",
    "frechet_distance",
    "gradient_energy",
    "inception_score",
    "judging",
    "mode_coverage",
    "nearest",
    "probabilities",
    "robust_accuracy",
]
