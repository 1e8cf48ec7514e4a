"""Floor 1. Measures of success. Attacks and networks are received as arguments, never imported."""

from coursekit.metrics.classification import (
    accuracy,
    features,
    judging,
    probabilities,
    robust_accuracy,
)
from coursekit.metrics.classwise import ClassJudge, by_class, entropy, total_variance
from coursekit.metrics.extrapolation import (
    Extrapolation,
    expected_bias,
    expected_on_line,
    frechet_at_infinity,
)
from coursekit.metrics.fidelity import frechet_distance, inception_score
from coursekit.metrics.judge import Judge
from coursekit.metrics.ladder import ladder, worst_case
from coursekit.metrics.likelihood import best_window, parzen, parzen_by_class
from coursekit.metrics.modes import (
    Coverage,
    gradient_energy,
    mode_coverage,
    nearest,
    stacked_coverage,
)
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
