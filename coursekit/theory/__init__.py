"""What the game converges to: everything about GANs that has an exact answer.

`densities` on the line, their tails, and integrals to 1e-10 and better; `divergences`,
f-divergences among them; `games`: the value, the best discriminator, the generator's gradient, what
small critics can tell apart, and the bilinear game; `bayes` for classes and labels. `symbolic`,
where SymPy derives it, and `transport`, where SciPy solves it, are imported by name, since each
takes a second.

Notation, the same everywhere: p is the density of the data, q that of the generator's samples,
m = (p + q)/2, s a discriminator's raw score (its logit), D = sigmoid(s). Logarithms are natural,
numbers are float64 on the CPU.
"""

from coursekit.theory.densities import Density, integrate
from coursekit.theory.divergences import (
    F_DIVERGENCES,
    FDivergence,
    entropy,
    f_value,
    hellinger_squared,
    jensen_shannon,
    jensen_shannon_of_masses,
    jensen_shannon_of_samples,
    kl,
    total_variation_distance,
    wasserstein_1,
)
from coursekit.theory.games import (
    alternating,
    best_score,
    discriminator_error,
    extragradient,
    generator_gradient,
    iterate_game,
    linear_critic,
    linear_distance,
    neural_distance,
    non_saturating_slope,
    optimal_discriminator,
    optimal_logit,
    random_features,
    saturating_slope,
    score_of,
    simultaneous,
    update_matrix,
    value,
)

__all__ = [
    "F_DIVERGENCES",
    "Density",
    "FDivergence",
    "alternating",
    "best_score",
    "discriminator_error",
    "entropy",
    "extragradient",
    "f_value",
    "generator_gradient",
    "hellinger_squared",
    "integrate",
    "jensen_shannon",
    "jensen_shannon_of_masses",
    "jensen_shannon_of_samples",
    "kl",
    "linear_critic",
    "linear_distance",
    "neural_distance",
    "non_saturating_slope",
    "optimal_discriminator",
    "optimal_logit",
    "iterate_game",
    "random_features",
    "saturating_slope",
    "score_of",
    "simultaneous",
    "total_variation_distance",
    "update_matrix",
    "value",
    "wasserstein_1",
]
