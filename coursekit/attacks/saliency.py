"""What surrounds an image, and what in it the model attends to."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.attacks.common import Goal
from coursekit.attacks.spatial import covers
from coursekit.gradients import input_gradient, undisturbed
from coursekit.types import Images, Labels


def accuracy_and_confidence(model: nn.Module, x: Images, y: Labels) -> tuple[float, float]:
    """Accuracy, and mean probability of the winning class where it is wrong (NaN: none is)."""
    with undisturbed(model), torch.no_grad():
        answers = torch.cat([model(part).softmax(1) for part in x.split(1000)])
    sure, said = answers.max(1)
    wrong = said != y
    return float((~wrong).float().mean()), float(sure[wrong].mean())


def loss_landscape(
    model: nn.Module, x: Images, y: Labels, along: Images, across: Images, reach: Tensor
) -> tuple[Tensor, Tensor]:
    """Loss and winning class on the plane x + a·along + b·across around one image.

    Args:
        x: the image, (1, c, h, w); pixels of the plane are clamped to [0, 1].
        y: its class, (1,).
        along, across: directions, (1, c, h, w).
        reach: the values taken by a and by b, (m,).

    Returns:
        Loss (m, m) and class (m, m); rows are b, columns are a.
    """
    b, a = torch.meshgrid(reach.to(x), reach.to(x), indexing="ij")
    shift = a.reshape(-1, 1, 1, 1) * along + b.reshape(-1, 1, 1, 1) * across
    with undisturbed(model), torch.no_grad():
        logits = torch.cat([model(part) for part in (x + shift).clamp(0, 1).split(512)])
    loss = F.cross_entropy(logits, y.expand(len(logits)), reduction="none")
    return loss.view(len(reach), -1), logits.argmax(1).view(len(reach), -1)


def saliency(model: nn.Module, x: Images, y: Labels) -> Tensor:
    """|∂ logit_y / ∂x|, the largest over the channels, (n, h, w) (Simonyan et al. 2014, §3)."""
    with undisturbed(model):
        gradient = input_gradient(lambda x: model(x).gather(1, y[:, None]), x)
    return gradient.abs().amax(1)


def occlusion_map(model: nn.Module, x: Images, y: Labels, side: int = 5, stride: int = 1) -> Tensor:
    """How far y's lead falls when a grey square hides a place, (n, h, w) (Zeiler & Fergus 2014).

    The lead is that of its logit over the next; each pixel shows the mean over all the squares that
    hide it.
    """
    drop, hidden = torch.zeros_like(x[:, 0]), torch.zeros_like(x[0, 0])
    goal = Goal(y)
    with undisturbed(model), torch.no_grad():
        before = goal.margin(model(x))
        for rows, columns, hide in covers((x.shape[1], x.shape[2], x.shape[3]), side, stride):
            drop[:, rows, columns] += (goal.margin(model(hide(x))) - before)[:, None, None]
            hidden[rows, columns] += 1
    return drop / hidden.clamp_min(1)
