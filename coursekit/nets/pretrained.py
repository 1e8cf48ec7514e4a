"""Floor 0. A real ImageNet classifier, where its weights are at hand. Nothing is downloaded."""

from pathlib import Path

import torch
from torch import nn

from coursekit.errors import CourseError
from coursekit.nets.classifiers import Normalize

# Of torchvision's ImageNet training: the mean and spread of each colour, for pixels in [0, 1].
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def squeezenet() -> tuple[nn.Module, tuple[str, ...]]:
    """SqueezeNet 1.1 (Iandola et al. 2016) trained on ImageNet, and the names of its 1,000 classes.

    Pixels in [0, 1] in, logits out: the normalisation is the first layer. In eval mode.

    Raises:
        CourseError: torchvision's weights are not in the hub folder (`TORCH_HOME`), or unreadable.
    """
    from torchvision.models import SqueezeNet1_1_Weights, squeezenet1_1

    weights = SqueezeNet1_1_Weights.IMAGENET1K_V1
    file = Path(torch.hub.get_dir()) / "checkpoints" / weights.url.rsplit("/", 1)[-1]
    model = squeezenet1_1()
    try:
        model.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    except FileNotFoundError:
        raise CourseError(
            f"The ImageNet weights {file.name} are not in torch's hub folder (TORCH_HOME); "
            "torchvision's squeezenet1_1(weights='DEFAULT') brings them."
        ) from None
    except Exception:  # a truncated or foreign file fails in many ways
        raise CourseError(f"The ImageNet weights {file} cannot be read; delete them.") from None
    return nn.Sequential(Normalize(MEAN, STD), model).eval(), tuple(weights.meta["categories"])
