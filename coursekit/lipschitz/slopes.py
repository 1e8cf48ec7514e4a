"""How steep a critic is, and one that is made steeper."""

from torch import Tensor, nn

from coursekit.errors import require
from coursekit.gradients import input_gradient
from coursekit.types import Examples, Labels, PerExample


def slope(f: nn.Module, x: Examples, y: Tensor | None = None, graph: bool = False) -> PerExample:
    """‖∇ₓ f(x)‖₂ of each example, shape (n,); with `graph` it can itself be differentiated."""
    return input_gradient(lambda at: f(at, y), x, create_graph=graph).flatten(1).norm(dim=1)


class Amplified(nn.Module):
    """The critic γ·s(x): its Lipschitz constant is γ times that of s.

    Spectral normalisation fixes the scale of the scores, and not every loss likes that scale.

    Args:
        critic: (x, y) -> scores.
        gain: γ, above 0.

    Raises:
        CourseError: a gain that is not positive.
    """

    def __init__(self, critic: nn.Module, gain: float) -> None:
        super().__init__()
        require(gain > 0, f"gain was {gain}; it must be positive.")
        self.critic, self.gain = critic, float(gain)

    def forward(self, x: Examples, y: Labels | None = None) -> PerExample:
        return self.gain * self.critic(x, y)
