"""Exercises of 09: losses are graded by value and gradient on a small linear model."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.teaching.exercise import Exercise

Attempt = Callable[..., Any]


def _scene(seed: int = 0) -> tuple[nn.Module, Tensor, Tensor, Tensor]:
    """A linear model of three classes, grey images, attacked images, labels."""
    rng = torch.Generator().manual_seed(seed)
    linear = nn.Linear(16, 3)
    weight, bias = 3 * torch.randn(3, 16, generator=rng), torch.randn(3, generator=rng)
    linear.load_state_dict({"weight": weight, "bias": bias})
    x = torch.rand(6, 1, 4, 4, generator=rng)
    x_adv = (x + 0.3 * torch.randn(x.shape, generator=rng).sign()).clamp(0, 1)
    return nn.Sequential(nn.Flatten(), linear), x, x_adv, torch.tensor([0, 1, 2, 2, 1, 0])


def _number(answer: Any, like: str = "one number") -> Tensor:
    """The answer as a scalar tensor; an answer of another kind stops here, in words."""
    if not isinstance(answer, Tensor) or answer.numel() != 1:
        raise TypeError(f"the answer should be {like}: a tensor with a single element.")
    return answer.reshape(())


def _near(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a.detach(), b.detach(), rtol=1e-4, atol=1e-5)


# The mixed loss -------------------------------------------------------------------------------


def _is_the_weighted_sum(mixed: Attempt) -> str | None:
    model, x, x_adv, y = _scene()
    clean, attacked = F.cross_entropy(model(x), y), F.cross_entropy(model(x_adv), y)
    for alpha in (0.0, 0.3, 1.0):
        answer = _number(mixed(model, x, x_adv, y, alpha))
        if _near(answer, alpha * clean + (1 - alpha) * attacked):
            continue
        if _near(answer, alpha * attacked + (1 - alpha) * clean):
            return "α weights the *clean* loss, 1 − α the attacked one."
        return f"for α = {alpha:g} it should be {alpha * clean + (1 - alpha) * attacked:.4f}."
    return None


def _uses_the_true_labels(mixed: Attempt) -> str | None:
    model, x, x_adv, y = _scene(1)
    right = F.cross_entropy(model(x_adv), y)
    if _near(_number(mixed(model, x, x_adv, y, 0.0)), right):
        return None
    return "the attacked images keep the labels of the images that they were."


def _teaches_from_both(mixed: Attempt) -> str | None:
    model, x, x_adv, y = _scene(2)
    weight = model[1].weight  # type: ignore[index]
    loss = _number(mixed(model, x, x_adv, y, 0.5))
    if not loss.requires_grad:
        return "no gradient reaches the weights; nothing could be learned from this loss."
    right = (F.cross_entropy(model(x), y) + F.cross_entropy(model(x_adv), y)) / 2
    mine, theirs = (torch.autograd.grad(each, weight)[0] for each in (loss, right))
    same = torch.allclose(mine, theirs, rtol=1e-3, atol=1e-5)
    return None if same else "the weights should feel both terms; one of them is held fixed."


MIX = Exercise(
    "The mixed loss",
    (_is_the_weighted_sum, _uses_the_true_labels, _teaches_from_both),
    (
        "Two cross-entropies: one of model(x), one of model(x_adv), both against y.",
        "F.cross_entropy takes logits and averages over the batch.",
        "alpha * clean + (1 - alpha) * attacked",
    ),
)

# The TRADES regulariser ------------------------------------------------------------------------


def _gap(model: nn.Module, x: Tensor, x_adv: Tensor) -> Tensor:
    p, q = model(x).softmax(1), model(x_adv).softmax(1)
    return (p * (p.log() - q.log())).sum(1).mean()


def _is_zero_without_a_change(trades: Attempt) -> str | None:
    model, x, _, _ = _scene(3)
    answer = _number(trades(model, x, x))
    return None if answer.abs() < 1e-5 else "where x_adv is x, nothing differs: it should be 0."


def _is_the_divergence(trades: Attempt) -> str | None:
    model, x, x_adv, _ = _scene(4)
    answer, right = _number(trades(model, x, x_adv)), _gap(model, x, x_adv)
    if _near(answer, right):
        return None
    if _near(answer, _gap(model, x_adv, x)):
        return "the arguments are swapped: KL(clean ‖ attacked), and KL is not symmetric."
    if _near(answer, len(x) * right):
        return "average over the batch; yours is the sum."
    if _near(answer, right / 3):
        return 'F.kl_div\'s "mean" divides by the classes too: "batchmean", or sum(1).mean().'
    return f"here it should be {right:.4f}, not {answer:.4f}."


def _lets_both_answers_learn(trades: Attempt) -> str | None:
    model, x, x_adv, _ = _scene(5)
    weight = model[1].weight  # type: ignore[index]
    (mine,) = torch.autograd.grad(_number(trades(model, x, x_adv)), weight)
    (right,) = torch.autograd.grad(_gap(model, x, x_adv), weight)
    same = torch.allclose(mine, right, rtol=1e-3, atol=1e-5)
    return None if same else "its gradient is not the divergence's: neither answer is held fixed."


TRADES = Exercise(
    "The regulariser of TRADES",
    (_is_zero_without_a_change, _is_the_divergence, _lets_both_answers_learn),
    (
        "p = softmax of the clean logits, q = softmax of the attacked ones.",
        "KL(p ‖ q) = Σ_k p_k (log p_k − log q_k); sum over classes, average over images.",
        "In PyTorch: F.kl_div(log q, p, reduction='batchmean'), in this order.",
    ),
)

# The margin -----------------------------------------------------------------------------------


def _leads_by_so_much(margin: Attempt) -> str | None:
    logits = torch.tensor([[5.0, 2.0, -1.0], [0.0, 3.0, 1.0], [-4.0, -2.0, -7.0]])
    y, right = torch.tensor([0, 2, 1]), torch.tensor([-3.0, 2.0, -2.0])
    answer = margin(logits, y)
    if not isinstance(answer, Tensor) or answer.shape != right.shape:
        raise TypeError("the answer should be one number for each row of logits.")
    if _near(answer, right):
        return None
    if _near(answer, -right):
        return "the sign is turned round: it should be above 0 where the image fools."
    if _near(answer, right.clamp_min(0)) or _near(answer, torch.tensor([0.0, 2.0, 0.0])):
        return "the true class must not count among the others: leave it out of the maximum."
    return f"for the first row, 2 − 5 = −3; yours is {float(answer[0]):g}."


def _keeps_a_gradient(margin: Attempt) -> str | None:
    logits = torch.tensor([[5000.0, 0.0, -900.0]], requires_grad=True)
    (gradient,) = torch.autograd.grad(margin(logits, torch.tensor([0])).sum(), logits)
    right = torch.allclose(gradient, torch.tensor([[-1.0, 1.0, 0.0]]))
    return None if right else "a sure model flattens it: work on the logits, not on probabilities."


MARGIN = Exercise(
    "The margin of the logits",
    (_leads_by_so_much, _keeps_a_gradient),
    (
        "Pick the true class's logit of each row with logits.gather(1, y[:, None]).",
        "Put −∞ in its place (scatter) before you take the maximum of the others.",
        "others.amax(1) − true",
    ),
)

# The straight-through staircase ----------------------------------------------------------------


def _rounds(quantise: Attempt) -> str | None:
    x = torch.tensor([[0.0, 0.1, 0.24, 0.26, 0.6, 1.0]])
    right = torch.tensor([[0.0, 0.0, 0.25, 0.25, 0.5, 1.0]])
    answer = quantise(x, 5)
    if not isinstance(answer, Tensor) or answer.shape != x.shape:
        raise TypeError("the answer should be a tensor of the shape of x.")
    if _near(answer, right):
        return None
    return "with 5 levels, pixels become 0, ¼, ½, ¾ or 1, whichever is nearest."


def _has_slope_one(quantise: Attempt) -> str | None:
    x = torch.rand(2, 8, generator=torch.Generator().manual_seed(6)).requires_grad_(True)
    answer = quantise(x, 4)
    if not answer.requires_grad:
        return "no gradient comes back at all."
    (slope,) = torch.autograd.grad(answer.sum(), x)
    if _near(slope, torch.ones_like(slope)):
        return None
    return "the slope should be 1 everywhere" + "; torch.round's own is 0." * (not slope.any())


STRAIGHT = Exercise(
    "A staircase with a gradient",
    (_rounds, _has_slope_one),
    (
        "With n levels the steps are 1 / (n − 1) apart.",
        "`.detach()` hides a part of a formula from differentiation, not from the value.",
        "x + (stairs − x).detach() has the value of stairs and the slope of x.",
    ),
)
