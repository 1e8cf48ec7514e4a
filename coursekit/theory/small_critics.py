"""The distance that a small class of discriminators can see (Arora et al. 2017, definition 2).

    d_{F,φ}(p, q) = sup over D in F of  E_p φ(D) + E_q φ(1 − D) − 2 φ(½),   φ concave

With φ = log and every function in F this is 2 JS. A class with few parameters sees less, and for
that very reason a sample tells what the whole population would say.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad, softplus

from coursekit.errors import require
from coursekit.theory.densities import Function, Points, numbers

Rows = Float[Tensor, "n d"]
Scores = Float[Tensor, " k"]
Others = Float[Tensor, "k d"]


def neural_distance(real: Points, fake: Scores, phi: Function = torch.log) -> float:
    """What one discriminator sees: E φ(D(real)) + E φ(1 − D(fake)) − 2 φ(½).

    The distance is the supremum of this over a class; a trained network gives a lower bound of it.

    Args:
        real: scores s on the data, shape (n,); D = sigmoid(s).
        fake: scores on the samples, shape (k,).
        phi: concave and increasing on (0, 1].
    """
    on_real, on_fake = phi(real.double().sigmoid()), phi((-fake.double()).sigmoid())
    return float(on_real.mean() + on_fake.mean() - 2 * phi(numbers([0.5])))


def random_features(dimension: int, width: int, rng: torch.Generator | None = None) -> Function:
    """A hidden layer of `width` tanh units with fixed random weights: x (n, d) → h (n, width)."""
    weights = torch.randn(dimension, width, generator=rng, dtype=torch.float64)
    biases = torch.randn(width, generator=rng, dtype=torch.float64)
    return lambda x: torch.tanh(x.double() @ weights / dimension**0.5 + biases)


def linear_critic(real: Rows, fake: Others, rounds: int = 60) -> Float[Tensor, " e"]:
    """The best critic that is linear in its input, D = sigmoid(w·x + b): (w, b) as one vector.

    With φ = log the problem is concave, so Newton's method finds the supremum over the class: this
    is not the outcome of a training run. Where a plane separates the two sets, 2 log 2 is only
    approached, by a factor e a round.

    Raises:
        CourseError: the two sets differ in dimension.
    """
    same = real.shape[1] == fake.shape[1]
    require(same, f"real has {real.shape[1]} columns and fake {fake.shape[1]}; not the same.")
    x, y = (pad(points.double(), (0, 1), value=1.0) for points in (real, fake))
    w = x.new_zeros(x.shape[1])
    for _ in range(rounds):
        slope, step = _newton(x, y, w)
        promised = float(slope @ step)
        if promised < 1e-13:
            break
        rate, cost = 1.0, _loss(x, y, w)
        while _loss(x, y, w - rate * step) > cost - 0.25 * rate * promised and rate > 1e-6:
            rate /= 2
        w = w - rate * step
    return w


def _loss(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
    """−E log D(x) − E log(1 − D(y))."""
    return softplus(-x @ w).mean() + softplus(y @ w).mean()


def _newton(x: Tensor, y: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """The gradient of the loss at w, and the step that would be right for a parabola."""
    d_x, d_y = (x @ w).sigmoid(), (y @ w).sigmoid()
    slope = d_y @ y / len(y) - (1 - d_x) @ x / len(x)
    bend = (x.T * (d_x * (1 - d_x))) @ x / len(x) + (y.T * (d_y * (1 - d_y))) @ y / len(y)
    bend.diagonal().add_(1e-12 + 1e-9 * float(bend.diagonal().mean()))  # separable sets: singular
    return slope, torch.linalg.solve(bend, slope)


def linear_distance(real: Rows, fake: Others) -> float:
    """d_{F, log} for the critics that are linear in their input, at its supremum; 0 to 2 log 2."""
    *_, bias = w = linear_critic(real, fake)
    return neural_distance(real.double() @ w[:-1] + bias, fake.double() @ w[:-1] + bias)
