"""Bayes' rule for densities and for labels."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.special import xlogy

from coursekit.errors import require

LogJoint = Float[Tensor, "k *places"]
PerPlace = Float[Tensor, "*places"]


def log_joint(log_likelihood: LogJoint, prior: Float[Tensor, " k"]) -> LogJoint:
    """log p(x, y) = log p(x|y) + log p(y).

    Args:
        log_likelihood: log p(x|y), one row a class.
        prior: p(y), sums to 1.

    Raises:
        CourseError: `prior` does not sum to 1.
    """
    total = float(prior.sum())
    require(abs(total - 1) < 1e-6, f"prior sums to {total:.4g}, not 1.")
    return log_likelihood + prior.log().view(-1, *[1] * (log_likelihood.dim() - 1))


def log_evidence(joint: LogJoint) -> PerPlace:
    """log p(x) = log Σ_y p(x, y): how likely an input is, whatever its class."""
    return torch.logsumexp(joint, 0)


def classify(joint: LogJoint) -> LogJoint:
    """p(y|x) = p(x, y)/p(x), Bayes' rule: columns sum to 1, at every x, likely or not."""
    return torch.softmax(joint, 0)


Joint = Float[Tensor, "k m"]
Posterior = Float[Tensor, "k m"]  # columns sum to 1
Cost = Callable[[Tensor], Tensor]


def posterior(joint: Joint) -> Posterior:
    """p(y | x) = p(x, y) / Σ_y p(x, y): what the best classifier says (Bayes)."""
    return joint / joint.sum(0)


def joint_game(p: Joint) -> Cost:
    """q ↦ 2·JS of the joints: a discriminator that sees pairs (x, y), at its best."""
    return lambda q: _double_js(p, q)


def auxiliary_game(p: Joint, weight: float) -> Cost:
    """q ↦ 2·JS of the *marginals* + λ·E_q[−log p(y|x)]: ACGAN, with D and classifier at their best.

    The second term is KL(q(x, y) ‖ p(x, y)) − KL(q(x) ‖ p(x)) *plus* the entropy H_q(y|x), and that
    entropy is what nobody asked for: G is paid to keep away from where classes overlap (Shu et al.
    2017; Gong et al. 2019).
    """
    log_p = posterior(p).log()
    return lambda q: _double_js(p.sum(0), q.sum(0)) - weight * (q * log_p).sum()


def conditional_entropy(joint: Joint) -> float:
    """H(y | x) in nats: how unclear the class is, on average, at the places that occur."""
    p = posterior(joint)
    return float(-(joint.sum(0) * xlogy(p, p).sum(0)).sum())


def best_generator(cost: Cost, classes: Float[Tensor, " k"], places: int) -> Joint:
    """The joint q with q(y) = `classes` that minimises `cost`, by L-BFGS on the logits of q(x | y).

    Both games of this room are convex in q, so what is found is the minimum.

    Args:
        cost: q (k, m) -> scalar.
        classes: p(y), shape (k,), sums to 1.
        places: m.

    Raises:
        CourseError: `classes` does not sum to 1.
    """
    require(
        abs(float(classes.sum()) - 1) < 1e-9, f"classes sum to {float(classes.sum()):.4g}, not 1."
    )
    logits = torch.zeros(len(classes), places, dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS(
        [logits], max_iter=500, line_search_fn="strong_wolfe", tolerance_change=1e-14
    )

    def chosen() -> Joint:
        return classes[:, None] * logits.softmax(1)

    def closure() -> Tensor:
        search.zero_grad()
        loss = cost(chosen())
        loss.backward()
        return loss

    search.step(closure)
    return chosen().detach()


def _double_js(p: Tensor, q: Tensor) -> Tensor:
    """2·JS(p‖q) = KL(p‖m) + KL(q‖m), m = (p + q)/2."""
    m = (p + q) / 2
    return (xlogy(p, p / m) + xlogy(q, q / m)).sum()
