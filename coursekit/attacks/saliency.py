"""How often and how confidently a model is wrong, and on which pixels its answer depends."""

import torch
from torch import Tensor, nn

from coursekit.gradients import input_gradient, undisturbed
from coursekit.types import Images, Labels


def accuracy_and_confidence(model: nn.Module, x: Images, y: Labels) -> tuple[float, float]:
    """Accuracy, and mean probability of the winning class where it is wrong (NaN: none is)."""
    with undisturbed(model), torch.no_grad():
        answers = torch.cat([model(part).softmax(1) for part in x.split(1000)])
    sure, said = answers.max(1)
    wrong = said != y
    return float((~wrong).float().mean()), float(sure[wrong].mean())


def saliency(model: nn.Module, x: Images, y: Labels) -> Tensor:
    """|∂ logit_y / ∂x|, the largest over the channels, (n, h, w) (Simonyan et al. 2014, §3)."""
    with undisturbed(model):
        gradient = input_gradient(lambda x: model(x).gather(1, y[:, None]), x)
    return gradient.abs().amax(1)
