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
from coursekit.metrics.ladder import ladder, worst_case
from coursekit.metrics.modes import Coverage, gradient_energy, mode_coverage, nearest

__all__ = [
    "Coverage",
    "Judge",
    "accuracy",
    "features",
    "frechet_distance",
    "gradient_energy",
    "inception_score",
    "judging",
    "ladder",
    "mode_coverage",
    "nearest",
    "probabilities",
    "robust_accuracy",
    "worst_case",
]
