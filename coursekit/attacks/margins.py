"""PGD on the margin of the logits: a loss that no certainty of the model can flatten."""

import torch
from torch import nn

from coursekit.attacks.goals import Goal, Target, Truth, attack, better
from coursekit.attacks.gradient import climb
from coursekit.errors import require
from coursekit.threats import Threat
from coursekit.types import Images, Logits, PerExample


class MarginGoal(Goal):
    """The same goal, but what rises is by how much its logit leads: max_{k≠y} z_k − z_y."""

    def loss(self, logits: Logits) -> PerExample:
        return self.margin(logits)


@attack
def margin_pgd(
    model: nn.Module,
    x: Images,
    y: Truth,
    threat: Threat,
    steps: int,
    step_size: float | None = None,
    restarts: int = 1,
    target: Target = None,
    rng: torch.Generator | None = None,
) -> Images:
    """PGD with the loss of Carlini & Wagner 2017 (§5.3: f₆), as Madry et al. 2018 (§5) run it.

    The cross-entropy of a sure model is flat, p − onehot(y) ≈ 0, and to multiply the logits makes
    it flat to the last bit. The margin's gradient only scales with the logits, and a direction has
    no scale.

    Args:
        model, x, y, threat, steps, step_size, restarts, target, rng: as for `pgd`.

    Raises:
        CourseError: `steps` or `restarts` below 1, or several restarts without `rng`.
    """
    require(steps >= 1, f"steps was {steps}; it must be at least 1.")
    require(
        restarts == 1 or (restarts > 1 and rng is not None),
        f"restarts was {restarts}; it must be at least 1, and more than one need an rng.",
    )
    goal = MarginGoal(y, target)
    step_size = 2.5 * threat.eps / steps if step_size is None else step_size
    best = climb(model, x, goal, threat, steps, step_size, 0.0, rng)
    for _ in range(restarts - 1):
        best = better(goal, model, best, climb(model, x, goal, threat, steps, step_size, 0.0, rng))
    return best
