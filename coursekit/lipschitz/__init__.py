"""Ways to bound the gradient norm of a critic, and ways to measure it.

`gradient_penalty` holds the norm itself, the penalties on it, and weight clipping; `spectral_norm`
holds power iteration, orthogonal weights, the clamp on the largest singular value, and the norm of
a convolution as a linear operator, which is not that of its reshaped weight. Spectral normalisation
itself is a part of networks: `coursekit.nets.normalise_spectrally`.

Notation: W is a layer's weight as a matrix (out, rest), σ(W) its largest singular value, ‖A‖ the
largest stretch of a linear map A.
"""

from coursekit.lipschitz.gradient_penalty import (
    ScaledCritic,
    clip_weights,
    dual_loss,
    gradient_norm,
    gradient_penalty,
    r1_penalty,
)
from coursekit.lipschitz.spectral_norm import (
    adjoint,
    apply_linear,
    clamp_singular_value,
    lipschitz_bound,
    matrices,
    operator_norm,
    orthogonal,
    overlap,
    power_iteration,
    spectral_norms,
    weight_norm,
)

__all__ = [
    "ScaledCritic",
    "adjoint",
    "apply_linear",
    "clamp_singular_value",
    "clip_weights",
    "dual_loss",
    "gradient_penalty",
    "lipschitz_bound",
    "matrices",
    "operator_norm",
    "orthogonal",
    "overlap",
    "power_iteration",
    "r1_penalty",
    "gradient_norm",
    "spectral_norms",
    "weight_norm",
]
