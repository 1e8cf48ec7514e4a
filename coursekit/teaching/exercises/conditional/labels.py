"""The exercises of 04 on labels: found by Bayes' rule, and made wrong on purpose."""

import torch
from torch import Tensor
from torch.nn import functional as F

from coursekit.teaching.exercise import Exercise
from coursekit.teaching.grading import Attempt, Fresh, Wrong, close, largest, miss, tensor_like
from coursekit.teaching.solutions import conditional as worked

# Bayes ----------------------------------------------------------------------------------------


def _sums_to_one(bayes: Attempt, fresh: Fresh) -> str | None:
    logs, prior = fresh.normal(6, 4), fresh.masses(4)
    sums = tensor_like(bayes(logs, prior), logs).sum(1)
    wrong = miss(sums, torch.ones_like(sums), place="row {}")
    return wrong and f"each row should sum to 1 over the classes; {wrong}."


def _is_bayes(bayes: Attempt, fresh: Fresh) -> str | None:
    logs, prior = fresh.normal(6, 4), fresh.masses(4)
    wanted = logs.exp() * prior
    answer = bayes(logs, prior)
    if close(answer, logs.exp() / logs.exp().sum(1, keepdim=True)):
        return "it takes all classes to be as likely beforehand; use the prior."
    wrong = miss(answer, wanted / wanted.sum(1, keepdim=True))
    return wrong and f"it is not p(x|y)·p(y) / Σ p(x|y')·p(y'): {wrong}."


def _survives_small_densities(bayes: Attempt, fresh: Fresh) -> str | None:
    near, prior, base = fresh.normal(3, 4), fresh.masses(4), fresh.number(-9000, -3000)
    wanted = near.exp() * prior
    wrong = miss(bayes(near + base, prior), wanted / wanted.sum(1, keepdim=True))
    hint = "densities of images are that small: stay in logarithms"
    return wrong and f"on log-densities near {base:.0f} {wrong}; {hint}."


BAYES = Exercise(
    "A classifier from a conditional generative model",
    (_sums_to_one, _is_bayes, _survives_small_densities),
    (
        "p(y|x) ∝ p(x|y)·p(y): add logarithms, then normalise over y.",
        "Normalising the exponentials of logarithms has a name, and a safe implementation.",
    ),
    worked.bayes,
)


# Wrong labels ---------------------------------------------------------------------------------


def _corrupted(corrupt: Attempt, fresh: Fresh, rate: float) -> tuple[Tensor, Tensor, int]:
    """True labels, what became of them, and the number of classes."""
    k, seed = fresh.integer(4, 7), fresh.integer(0, 10**6)
    y = fresh.labels(4000, k)
    answer, again = (
        tensor_like(corrupt(y.clone(), rate, k, torch.Generator().manual_seed(seed)), y)
        for _ in range(2)
    )
    if not torch.equal(answer, again):
        raise Wrong("two generators with one seed give different labels; draw all from rng.")
    return y, answer, k


def _stays_in_the_set(corrupt: Attempt, fresh: Fresh) -> str | None:
    _, answer, k = _corrupted(corrupt, fresh, 1.0)
    low, high = int(answer.min()), int(answer.max())
    return None if low >= 0 and high < k else f"of {k} classes it makes labels {low} to {high}."


def _spoils_the_right_share(corrupt: Attempt, fresh: Fresh) -> str | None:
    for rate in (0.0, fresh.number(0.2, 0.6), 1.0):
        y, answer, k = _corrupted(corrupt, fresh, rate)
        share = float((answer != y).double().mean())
        if abs(share - rate) > 0.05:  # six standard deviations of a fair draw of 4,000
            lucky = abs(share - rate * (k - 1) / k) < 0.05
            hint = "; a label drawn from all classes is right by chance" if lucky else ""
            return f"at rate {rate:.2f} a share {share:.2f} is wrong{hint}."
        early, late = (answer != y).double().view(2, -1).mean(1).tolist()
        if abs(early - late) > 0.1:  # six standard deviations
            seen = f"of the first half {early:.2f} are wrong, of the second {late:.2f}"
            return f"at rate {rate:.2f} {seen}; every label has a draw of its own."
    return None


def _uses_every_other_class(corrupt: Attempt, fresh: Fresh) -> str | None:
    y, answer, k = _corrupted(corrupt, fresh, 1.0)
    share = (F.one_hot(y, k).T @ F.one_hot(answer, k)) / F.one_hot(y, k).sum(0)[:, None]
    off = (share - 1 / (k - 1)).abs().fill_diagonal_(0)
    far, which = largest(off, "{} becomes {}")
    if far <= 0.09:  # five standard deviations of a fair draw of 570
        return None
    seen = f"{which} with a share of {float(share.flatten()[off.argmax()]):.2f}"
    return f"the other classes should be equally likely: {seen}, not {1 / (k - 1):.2f}."


CORRUPT = Exercise(
    "Labels, a share of which is wrong",
    (_stays_in_the_set, _spoils_the_right_share, _uses_every_other_class),
    (
        "Which rows: torch.rand(len(y), generator=rng) < rate.",
        "A wrong label is the true one moved on by 1 to k − 1 places, round a circle of k.",
    ),
    worked.corrupt,
)
