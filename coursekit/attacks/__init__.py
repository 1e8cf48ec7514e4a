"""Floor 1. Attacks: pure functions (model, x, y, …) -> adversarial images, pixels in [0, 1].

One module a family: `gradient` (FGSM, PGD), `margins` (PGD on the logits' lead), `inner` (cheap
ones, inside training), `penalty` (Szegedy's L-BFGS, Carlini & Wagner), `spatial` (turn, shift,
cover), `scores` and `decisions` (black box). `goals` holds what they share, `lbfgs` an optimiser in
a box, `views` the loss around an image and what a model attends to.
"""

from coursekit.attacks.autoattack import auto_attack
from coursekit.attacks.common import Goal, Searched
from coursekit.attacks.hop_skip_jump import hop_skip_jump
from coursekit.attacks.minimal_norm import carlini_wagner, penalty_attack
from coursekit.attacks.pgd import MarginGoal, climb, eps_ramp, fgsm, margin_pgd, pgd, training_pgd
from coursekit.attacks.saliency import loss_plane, occlusion_map, outcome, saliency
from coursekit.attacks.spatial import motions, occlusions, spatial_search
from coursekit.attacks.square import square_attack
from coursekit.gradients import undisturbed

__all__ = [
    "Goal",
    "MarginGoal",
    "Searched",
    "auto_attack",
    "carlini_wagner",
    "climb",
    "eps_ramp",
    "fgsm",
    "hop_skip_jump",
    "loss_plane",
    "margin_pgd",
    "motions",
    "occlusion_map",
    "occlusions",
    "penalty_attack",
    "outcome",
    "pgd",
    "saliency",
    "spatial_search",
    "square_attack",
    "training_pgd",
    "undisturbed",
]
