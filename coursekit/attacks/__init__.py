"""Attacks: pure functions (model, x, y, …) -> adversarial images, pixels in [0, 1].

One module a family: `pgd` (FGSM, PGD, and PGD inside training), `minimal_norm` (L-BFGS, Carlini &
Wagner, DeepFool), `spatial` (rotation, translation, occlusion), `square` and `hop_skip_jump` (black
box), `fab` (along the boundary), `autoattack` (Auto-PGD, and the standard four in order).
`transforms` helps examples to transfer, `smoothing` certifies a radius, `common` holds what the
attacks share, `saliency` shows what a model attends to.
"""

from coursekit.attacks.autoattack import apgd, auto_attack
from coursekit.attacks.common import AttackResult, Goal, RobustnessWarning
from coursekit.attacks.hop_skip_jump import hop_skip_jump
from coursekit.attacks.minimal_norm import carlini_wagner, deepfool, lbfgs_attack
from coursekit.attacks.pgd import eps_ramp, fgsm, pgd, training_pgd
from coursekit.attacks.saliency import accuracy_and_confidence, saliency
from coursekit.attacks.smoothing import Certificate, certify, predict_smoothed
from coursekit.attacks.spatial import occlusions, rotations_translations, spatial_search
from coursekit.attacks.square import square_attack
from coursekit.attacks.transforms import input_diversity, translation_invariance
from coursekit.gradients import undisturbed

__all__ = [
    "Goal",
    "AttackResult",
    "RobustnessWarning",
    "apgd",
    "auto_attack",
    "Certificate",
    "carlini_wagner",
    "certify",
    "deepfool",
    "eps_ramp",
    "fgsm",
    "hop_skip_jump",
    "input_diversity",
    "rotations_translations",
    "occlusions",
    "lbfgs_attack",
    "accuracy_and_confidence",
    "pgd",
    "predict_smoothed",
    "saliency",
    "spatial_search",
    "square_attack",
    "training_pgd",
    "translation_invariance",
    "undisturbed",
]
