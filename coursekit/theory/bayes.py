"""How the three kinds of model hang together: everything is in the joint law of x and y.

`log_joint` is log p(x, y), shape (k, *places): one row a class. A model that has it is generative;
from it follow p(x), p(y|x) and p(x|y), while p(y|x) alone gives none of the others.
"""

import torch
from jaxtyping import Float
from torch import Tensor

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


def answer_or_refuse(joint: LogJoint, least: float) -> Tensor:
    """The most likely class, or −1 where log p(x) < `least`: a generative model may refuse."""
    return torch.where(log_evidence(joint) < least, -1, joint.argmax(0))
