"""Ways to keep a critic from being too steep, and ways to see how steep it is.

Rooms: `slopes` of a critic; the `penalties` and the clipping that hold them; `power` iteration and
the spectral norm of a matrix; `operators`, where a convolution is a linear map and not a matrix of
its weights; `orthogonality` and the clamp on the largest singular value.

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
    SpectralNorm,
    adjoint,
    apply_linear,
    clamp_singular_value,
    lipschitz_bound,
    matrices,
    operator_norm,
    orthogonal,
    overlap,
    power_iteration,
    spectral_normalisation,
    spectral_norms,
    weight_norm,
)

__all__ = [
    "ScaledCritic",
    "SpectralNorm",
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
    "spectral_normalisation",
    "spectral_norms",
    "weight_norm",
]
