"""AutoAttack from whichever library is installed: a second opinion that is not ours."""

import warnings
from collections.abc import Callable
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from coursekit.attacks.common import undisturbed
from coursekit.errors import CourseError, require
from coursekit.types import Images, Labels


def auto_attack(
    model: nn.Module, x: Images, y: Labels, eps: float, steps: int = 50
) -> tuple[str, Images]:
    """AutoAttack (Croce & Hein 2020) in the L∞ ball, as another library wrote it.

    The authors' `autoattack` runs its standard four; where only the Adversarial Robustness Toolbox
    is installed, its two Auto-PGD attacks run, on the cross-entropy and on the DLR loss.

    Args:
        model: returns logits; left as it was found.
        x, y: images in [0, 1] and their true classes.
        eps: radius of the ball, in units of pixels.
        steps: of each Auto-PGD of the toolbox; the authors' package has its own budget.

    Returns:
        What was run, in words, and the images.

    Raises:
        CourseError: neither library is installed, or `eps` outside [0, 1].
    """
    require(0 <= eps <= 1, f"eps was {eps}; it must lie in [0, 1] (8/255, not 8).")
    runs: dict[str, Callable[..., tuple[str, Tensor]]] = {"autoattack": _authors, "art": _toolbox}
    for name, run in runs.items():
        if find_spec(name):
            with undisturbed(model), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # these libraries use what others have deprecated
                return run(model, x, y, eps, steps)
    raise CourseError("AutoAttack is not installed; adversarial-robustness-toolbox brings one.")


def _authors(model: nn.Module, x: Tensor, y: Tensor, eps: float, _: int) -> tuple[str, Tensor]:
    from autoattack import AutoAttack

    adversary = AutoAttack(model, "Linf", eps=eps, device=x.device, verbose=False)
    return "AutoAttack", adversary.run_standard_evaluation(x, y, bs=250)


def _toolbox(model: nn.Module, x: Tensor, y: Tensor, eps: float, steps: int) -> tuple[str, Tensor]:
    from art.attacks.evasion import AutoProjectedGradientDescent
    from art.estimators.classification import PyTorchClassifier

    shape, classes = tuple(x.shape[1:]), model(x[:1]).shape[1]
    device = "gpu" if x.is_cuda else "cpu"
    loss = nn.CrossEntropyLoss()
    judged = PyTorchClassifier(model, loss, shape, classes, clip_values=(0, 1), device_type=device)
    x_adv, budget = x.clone(), {"eps": eps, "eps_step": 2 * eps, "max_iter": steps}
    for kind in ("cross_entropy", "difference_logits_ratio"):
        left = (model(x_adv).argmax(1) == y).nonzero()[:, 0]
        if len(left):
            run = AutoProjectedGradientDescent(
                judged, loss_type=kind, nb_random_init=1, batch_size=500, verbose=False, **budget
            )
            found = run.generate(x[left].cpu().numpy(), y[left].cpu().numpy())
            x_adv[left] = torch.as_tensor(found).to(x)
    return f"Auto-PGD (ART), {steps} steps on each of two losses", x_adv
