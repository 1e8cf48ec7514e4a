"""The value of the game, its best discriminator, small critics, and the bilinear game."""

from collections.abc import Callable
from copy import deepcopy

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, pad, softplus

from coursekit.errors import require
from coursekit.theory.densities import ORDER, Density, Function, Points, float64, integrate


def optimal_logit(log_p: Points, log_q: Points) -> Points:
    """The best discriminator's score s* = log p − log q; 0 where both densities vanish."""
    nowhere = log_p.isneginf() & log_q.isneginf()
    return (log_p - log_q).masked_fill(nowhere, 0.0)


def optimal_discriminator(log_p: Points, log_q: Points) -> Points:
    """D* = p/(p + q) = sigmoid(log p − log q) (Goodfellow et al. 2014, Proposition 1).

    From log densities it stays right where both densities underflow. Where both are exactly zero
    any value is optimal; ½ is returned.
    """
    return optimal_logit(log_p, log_q).sigmoid()


def best_score(p: Density, q: Density) -> Function:
    """The best discriminator as a function x → s*(x)."""
    return lambda x: optimal_logit(p.log_density(x), q.log_density(x))


def value(p: Density, q: Density, score: Function | None = None, order: int = ORDER) -> float:
    """V(G, D) by quadrature over the densities themselves: no sample, no noise.

    Args:
        p: density of the data.
        q: density of the generator's samples.
        score: the discriminator, x → s; by default the best one.
        order: nodes in a panel of the quadrature.
    """
    score = score or best_score(p, q)

    def integrand(x: Points) -> Points:
        s = score(x)
        on_real = mul_zero_inf(p.density(x), logsigmoid(s))
        on_fake = mul_zero_inf(q.density(x), logsigmoid(-s))
        return on_real + on_fake

    return integrate(integrand, p, q, order=order)


def discriminator_error(p: Density, q: Density, score: Function) -> float:
    """∫ m |D − D*| dx with m = (p + q)/2: the mean error where there is data to err on."""
    best = best_score(p, q)

    def error(x: Points) -> Points:
        return (p.density(x) + q.density(x)) / 2 * (score(x).sigmoid() - best(x).sigmoid()).abs()

    return integrate(error, p, q)


def score_of(critic: nn.Module) -> Function:
    """A trained network on the line as a function of float64 points, for the integrals here.

    The network is copied to the CPU in float64 and left as it was. It takes (n, 1); its scores may
    be of shape (n,) or (n, 1).
    """
    copy = deepcopy(critic).cpu().double().eval().requires_grad_(False)
    return lambda x: copy(x.reshape(-1, 1)).reshape(x.shape)


def mul_zero_inf(mass: Points, x: Points) -> Points:
    """mass · x, and 0 where there is no mass: the convention 0 · ∞ = 0 of entropies."""
    return (mass * x).masked_fill(mass == 0, 0.0)


def saturating_slope(score: Points) -> Points:
    """d/ds log(1 − D) = −D: gone where the discriminator is sure of a fake, D(G(z)) ≈ 0."""
    return -score.sigmoid()


def non_saturating_slope(score: Points) -> Points:
    """d/ds [−log D] = −(1 − D): full strength where D(G(z)) ≈ 0, gone where D(G(z)) ≈ 1."""
    return -(-score).sigmoid()


def generator_gradient(slope: Function, score: Function, q: Density) -> float:
    """dL/dθ for a generator G(z) = z + θ, which slides its samples along the line.

    With the discriminator held fixed, dL/dθ = E_{x∼q} [slope(s(x)) · s′(x)].

    Args:
        slope: `saturating_slope` or `non_saturating_slope`.
        score: the discriminator, x → s, differentiable and finite on the support of q.
        q: density of the generator's samples.
    """

    def integrand(x: Points) -> Points:
        x = x.requires_grad_(True)
        s = score(x)
        (steepness,) = torch.autograd.grad(s.sum(), x)
        return mul_zero_inf(q.density(x), slope(s) * steepness).detach()

    return integrate(integrand, q)


Point = Float[Tensor, "2"]  # (x, y), float64
Step = Callable[[Tensor, float], Tensor]  # (point, learning rate) -> next point


def simultaneous(point: Point, rate: float) -> Point:
    """Both players step from the same point: |λ|² = 1 + rate²."""
    x, y = point
    return torch.stack([x - rate * y, y + rate * x])


def alternating(point: Point, rate: float) -> Point:
    """y answers an x that has already moved, as in GAN training: |λ| = 1 for rate < 2."""
    x, y = point
    x = x - rate * y
    return torch.stack([x, y + rate * x])


def extragradient(point: Point, rate: float) -> Point:
    """Look ahead, then step with the gradient found there (Korpelevich 1976).

    |λ|² = 1 − rate² + rate⁴, below 1 for rate < 1.
    """
    ahead_x, ahead_y = simultaneous(point, rate)
    x, y = point
    return torch.stack([x - rate * ahead_y, y + rate * ahead_x])


def update_matrix(step: Step, rate: float) -> Float[Tensor, "2 2"]:
    """The matrix of one step: its columns are where the two unit vectors go."""
    return torch.stack([step(axis, rate) for axis in torch.eye(2, dtype=torch.float64)], dim=1)


def iterate_game(
    step: Step, start: Point, rate: float, rounds: int
) -> Float[Tensor, "{rounds}+1 2"]:
    """The path of the game, `start` first."""
    path = [start.double()]
    for _ in range(rounds):
        path.append(step(path[-1], rate))
    return torch.stack(path)


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
    return float(on_real.mean() + on_fake.mean() - 2 * phi(float64([0.5])))


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
