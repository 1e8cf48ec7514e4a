"""Exercises of 09: losses are graded by value and gradient on a small linear model."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.teaching.exercise import (
    Attempt,
    Exercise,
    RandomInputs,
    Wrong,
    close,
    describe_mismatch,
    gradients_of,
    tensor_like,
)


def mixed_loss(model, x, x_adv, y, alpha):
    clean, attacked = F.cross_entropy(model(x), y), F.cross_entropy(model(x_adv), y)
    return alpha * clean + (1 - alpha) * attacked


def trades_gap(model, x, x_adv):
    p, log_q = model(x).softmax(1), model(x_adv).log_softmax(1)
    return F.kl_div(log_q, p, reduction="batchmean")


def margin(logits, y):
    true = logits.gather(1, y[:, None])
    others = logits.scatter(1, y[:, None], -torch.inf)
    return others.amax(1) - true[:, 0]


def straight_through(x, levels):
    stairs = torch.round(x * (levels - 1)) / (levels - 1)
    return x + (stairs - x).detach()


def _scene(fresh: RandomInputs) -> tuple[nn.Module, Tensor, Tensor, Tensor]:
    """A linear model of three classes, grey images, attacked images, labels."""
    linear = nn.Linear(16, 3).double()
    linear.load_state_dict({"weight": fresh.normal(3, 16), "bias": fresh.normal(3)})
    x, y = fresh.uniform(0, 1, 6, 1, 4, 4), fresh.labels(6, 3)
    x_adv = (x + 0.3 * fresh.normal(*x.shape).sign()).clamp(0, 1)
    return nn.Sequential(nn.Flatten(), linear), x, x_adv, y


def _scalar(answer: Any) -> Tensor:
    """The answer as a scalar tensor with its graph; an answer of another kind is wrong."""
    if not isinstance(answer, Tensor) or answer.numel() != 1:
        raise Wrong("the answer should be one number: a tensor with a single element.")
    return answer.reshape(())


def _weight_gradients(model: nn.Module, *losses: Tensor) -> list[Tensor]:
    """The gradients of losses with respect to the model's weight."""
    if not all(loss.requires_grad for loss in losses):
        raise Wrong("no gradient reaches the weights; nothing could be learned from this loss.")
    weight = model[1].weight  # type: ignore[index]
    return [torch.autograd.grad(loss, weight)[0] for loss in losses]


# The mixed loss -------------------------------------------------------------------------------


def _is_the_weighted_sum(mixed: Attempt, fresh: RandomInputs) -> str | None:
    model, x, x_adv, y = _scene(fresh)
    clean, attacked = F.cross_entropy(model(x), y), F.cross_entropy(model(x_adv), y)
    for alpha in (0.0, fresh.number(0.1, 0.4), 1.0):
        answer = _scalar(mixed(model, x, x_adv, y, alpha))
        wanted = alpha * clean + (1 - alpha) * attacked
        if close(answer, wanted):
            continue
        if close(answer, alpha * attacked + (1 - alpha) * clean):
            return "α weights the *clean* loss, 1 − α the attacked one."
        return f"for α = {alpha:.3g} it should be {wanted:.4f}, not {answer:.4f}."
    return None


def _teaches_from_both(mixed: Attempt, fresh: RandomInputs) -> str | None:
    model, x, x_adv, y = _scene(fresh)
    right = (F.cross_entropy(model(x), y) + F.cross_entropy(model(x_adv), y)) / 2
    mine, wanted = _weight_gradients(model, _scalar(mixed(model, x, x_adv, y, 0.5)), right)
    wrong = describe_mismatch(mine, wanted)
    return (
        wrong and f"the weights should feel both terms, one is held fixed: of the slopes, {wrong}."
    )


MIX = Exercise(
    "The mixed loss",
    (_is_the_weighted_sum, _teaches_from_both),
    (
        "Two cross-entropies: one of model(x), one of model(x_adv), both against y.",
        "F.cross_entropy takes logits and averages over the batch.",
    ),
    mixed_loss,
)

# The TRADES regulariser ------------------------------------------------------------------------


def _gap(model: nn.Module, x: Tensor, x_adv: Tensor) -> Tensor:
    p, q = model(x).log_softmax(1), model(x_adv).log_softmax(1)
    return (p.exp() * (p - q)).sum(1).mean()


def _is_zero_without_a_change(trades: Attempt, fresh: RandomInputs) -> str | None:
    model, x, _, _ = _scene(fresh)
    value = float(_scalar(trades(model, x, x)).detach())
    calm = abs(value) < 1e-9
    return None if calm else f"where x_adv is x, nothing differs: it should be 0, not {value:.4f}."


def _is_the_divergence(trades: Attempt, fresh: RandomInputs) -> str | None:
    model, x, x_adv, _ = _scene(fresh)
    answer, right = _scalar(trades(model, x, x_adv)), _gap(model, x, x_adv)
    if close(answer, right):
        return None
    if close(answer, _gap(model, x_adv, x)):
        return "the arguments are swapped: KL(clean ‖ attacked), and KL is not symmetric."
    if close(answer, len(x) * right):
        return "average over the batch; yours is the sum."
    if close(answer, right / 3):
        return 'F.kl_div\'s "mean" divides by the classes too: "batchmean", or sum(1).mean().'
    return f"here it should be {right:.4f}, not {answer:.4f}."


def _lets_both_answers_learn(trades: Attempt, fresh: RandomInputs) -> str | None:
    model, x, x_adv, _ = _scene(fresh)
    mine, wanted = _weight_gradients(model, _scalar(trades(model, x, x_adv)), _gap(model, x, x_adv))
    wrong = describe_mismatch(mine, wanted)
    return wrong and f"neither answer is to be held fixed: of the weights' slopes, {wrong}."


TRADES = Exercise(
    "The regulariser of TRADES",
    (_is_zero_without_a_change, _is_the_divergence, _lets_both_answers_learn),
    (
        "p = softmax of the clean logits, q = softmax of the attacked ones.",
        "KL(p ‖ q) = Σ_k p_k (log p_k − log q_k); sum over classes, average over images.",
    ),
    trades_gap,
)

# The margin -----------------------------------------------------------------------------------


def _leads_by_so_much(margin: Attempt, fresh: RandomInputs) -> str | None:
    y = fresh.labels(6, 3)
    true = 3 * fresh.normal(6)
    lead = fresh.shuffled(torch.tensor([1.0, -1.0]).repeat(3)) * fresh.uniform(0.5, 3, 6)
    others = (true + lead)[:, None] - torch.tensor([0.0, 0.5, 1.0])
    logits = others.scatter(1, y[:, None], true[:, None])
    wanted = logits.scatter(1, y[:, None], -torch.inf).amax(1) - true
    answer = tensor_like(margin(logits, y), true)
    wrong = describe_mismatch(answer, wanted, place="row {}")
    if wrong and close(answer, -wanted):
        return f"the sign is turned round, it should be above 0 where the image fools: {wrong}."
    if wrong and close(answer, wanted.clamp_min(0)):
        return f"the true class must not count among the others, leave it out: {wrong}."
    return wrong and f"the best wrong logit minus the true one: {wrong}."


def _keeps_a_gradient(margin: Attempt, fresh: RandomInputs) -> str | None:
    far = fresh.number(2000, 8000)
    logits = torch.tensor([[far, 0.0, -far / 5]], requires_grad=True)
    (slope,) = gradients_of(margin(logits, torch.tensor([0])).sum(), logits, who="the logits")
    wrong = describe_mismatch(slope, torch.tensor([[-1.0, 1.0, 0.0]]))
    sure = f"a sure model (logit {far:.0f}) flattens it: work on logits, not on probabilities"
    return wrong and f"{sure}; of the slopes, {wrong}."


MARGIN = Exercise(
    "The margin of the logits",
    (_leads_by_so_much, _keeps_a_gradient),
    (
        "Pick the true class's logit of each row with logits.gather(1, y[:, None]).",
        "Put −∞ in its place (scatter) before you take the maximum of the others.",
    ),
    margin,
)

# The straight-through staircase ----------------------------------------------------------------


def _rounds(quantise: Attempt, fresh: RandomInputs) -> str | None:
    levels = fresh.integer(3, 6)
    step = torch.randint(levels, (2, 8), generator=fresh.rng).double()
    x = ((step + fresh.uniform(-0.4, 0.4, 2, 8)) / (levels - 1)).clamp(0, 1)
    wrong = describe_mismatch(quantise(x, levels), step / (levels - 1))
    rule = f"with {levels} levels a pixel becomes the nearest of 0, 1/{levels - 1}, … 1"
    return wrong and f"{rule}; {wrong}."


def _has_slope_one(quantise: Attempt, fresh: RandomInputs) -> str | None:
    x = fresh.uniform(0.01, 0.99, 2, 8).requires_grad_(True)
    answer = quantise(x, fresh.integer(3, 6))
    if not answer.requires_grad:
        return "no gradient comes back at all."
    (slope,) = torch.autograd.grad(answer.sum(), x)
    wrong = describe_mismatch(slope, torch.ones_like(slope))
    own = "" if slope.any() else " (torch.round's own is 0)"
    return wrong and f"the slope should be 1 everywhere{own}; {wrong}."


STRAIGHT = Exercise(
    "A staircase with a gradient",
    (_rounds, _has_slope_one),
    (
        "With n levels the steps are 1 / (n − 1) apart.",
        "`.detach()` hides a part of a formula from differentiation, not from the value.",
    ),
    straight_through,
)
