"""The one primitive of the course: the gradient with respect to the image."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from coursekit.types import Examples


def input_gradient(
    f: Callable[[Tensor], Tensor], x: Examples, *, create_graph: bool = False
) -> Examples:
    """The gradient of `f` with respect to its input: ∇ₓ Σᵢ f(xᵢ).

    DeepDream climbs it, an attack follows it uphill on the loss, the gradient penalty measures
    its length, a saliency map shows it. `f` may return a scalar or one value per example; where
    the examples do not interact, row i of the result is the gradient of f(xᵢ) alone.

    Args:
        f: differentiable, from a batch of shape (n, ...) to a tensor of any shape.
        x: inputs, shape (n, ...). Not modified; no gradient is left on it or on any parameter.
        create_graph: keep the graph, so that the gradient itself can be differentiated.

    Returns:
        A tensor of the shape of `x`.
    """
    x = x.detach().requires_grad_(True)
    with torch.enable_grad():
        return torch.autograd.grad(f(x).sum(), x, create_graph=create_graph)[0]


def scale_to_mean(gradient: Tensor) -> Tensor:
    """The gradient of each example in units of its own mean absolute value (zero stays zero)."""
    size = gradient.flatten(1).abs().mean(1).clamp_min(1e-30)
    return gradient / size.view(-1, *[1] * (gradient.dim() - 1))


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Eval mode while an attack or a dream lasts; then modes and buffers are as they were found.

    In eval mode BatchNorm's running statistics do not drift and dropout is off. Gradients are taken
    with respect to images only, so that no parameter's `.grad` is touched.
    """
    modes = [(module, module.training) for module in model.modules()]
    buffers = [
        (module, name, buffer, buffer.clone())
        for module in model.modules()
        for name, buffer in module.named_buffers(recurse=False)
    ]
    versions = [buffer._version for _, _, buffer, _ in buffers]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
        for (module, name, buffer, before), version in zip(buffers, versions, strict=True):
            setattr(module, name, buffer)
            if buffer._version != version:  # else left alone: a graph may still need it as it is
                with torch.no_grad():
                    buffer.copy_(before)
