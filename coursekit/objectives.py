"""Floor 0. What a classifier is trained on: functions (model, x, y) -> scalar loss, for `fit`."""

from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.errors import require
from coursekit.types import Attack, Objective


def cross_entropy(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """−log p(y | x), averaged over the batch. The model returns logits, not probabilities."""
    return F.cross_entropy(model(x), y)


def adversarial(attack: Attack, alpha: float = 0.0) -> Objective:
    """α·J(x) + (1 − α)·J(x_adv).

    α = 0 is the inner maximum of Madry et al. 2018 (eq. 2.1), α = ½ the mix of Goodfellow,
    Shlens & Szegedy 2015 (§6).

    Args:
        attack: (model, x, y) -> x_adv in [0, 1]; run in eval mode, without a graph to the weights.
        alpha: weight of the clean loss, in [0, 1].

    Raises:
        CourseError: `alpha` outside [0, 1].
    """
    require(0 <= alpha <= 1, f"alpha was {alpha}; it must lie in [0, 1].")

    def loss(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        attacked = cross_entropy(model, attack(model, x, y), y)
        return (
            attacked if alpha == 0 else alpha * cross_entropy(model, x, y) + (1 - alpha) * attacked
        )

    return loss


def trades(attack: Attack, beta: float = 6.0) -> Objective:
    """J(x) + β·KL(f(x) ‖ f(x_adv)) (Zhang et al. 2019, eq. 5).

    The attack is given the clean probabilities as soft labels: cross-entropy against them differs
    from the KL divergence only by a constant, so ascending one is ascending the other.

    Args:
        attack: (model, x, p) -> x_adv, where p are probabilities of shape (n, k).
        beta: weight of the regulariser, at least 0.

    Raises:
        CourseError: `beta` is negative.
    """
    require(beta >= 0, f"beta was {beta}; it must be at least 0.")

    def loss(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        logits = model(x)
        x_adv = attack(model, x, logits.detach().softmax(1))
        gap = F.kl_div(model(x_adv).log_softmax(1), logits.softmax(1), reduction="batchmean")
        return F.cross_entropy(logits, y) + beta * gap

    return loss
