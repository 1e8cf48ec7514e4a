"""Floor 1. Measures of success. Attacks and networks are received as arguments, never imported."""

from coursekit.metrics.accuracy import (
    accuracy,
    features,
    judging,
    ladder,
    probabilities,
    robust_accuracy,
    worst_case,
)
from coursekit.metrics.by_class import ClassJudge, by_class, entropy, total_variance
from coursekit.metrics.fid import (
    Extrapolation,
    Judge,
    expected_bias,
    expected_on_line,
    frechet_at_infinity,
    frechet_distance,
    inception_score,
)
from coursekit.metrics.modes import (
    Coverage,
    gradient_energy,
    mode_coverage,
    nearest,
    stacked_coverage,
)
from coursekit.metrics.parzen import best_window, parzen, parzen_by_class
from coursekit.metrics.spectrum import checkerboard, power_spectrum

__all__ = [
    "ClassJudge",
    "Coverage",
    "Extrapolation",
    "Judge",
    "accuracy",
    "best_window",
    "by_class",
    "checkerboard",
    "entropy",
    "expected_bias",
    "expected_on_line",
    "features",
    "frechet_at_infinity",
    "frechet_distance",
    "gradient_energy",
    "inception_score",
    "judging",
    "ladder",
    "mode_coverage",
    "nearest",
    "parzen",
    "parzen_by_class",
    "power_spectrum",
    "probabilities",
    "robust_accuracy",
    "stacked_coverage",
    "total_variance",
    "worst_case",
]
