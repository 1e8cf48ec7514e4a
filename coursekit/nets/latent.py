"""Floor 0. Ways through latent space."""

import torch
from jaxtyping import Float
from torch import Tensor

from coursekit.errors import require


def slerp(a: Tensor, b: Tensor, t: Tensor | float) -> Tensor:
    """From a to b along the great circle (Shoemake 1985; White 2016): lengths stay what they are.

    Args:
        a, b: vectors of shape (..., d).
        t: the place on the way, 0 at a and 1 at b; a number, or shape (m,) for m places between
            two single vectors.

    Returns:
        Shape (..., d), or (m, d).
    """
    t = torch.as_tensor(t, dtype=a.dtype, device=a.device)[..., None]
    cosine = (a * b).sum(-1, keepdim=True) / (a.norm(dim=-1) * b.norm(dim=-1)).unsqueeze(-1)
    angle = cosine.clamp(-1, 1).arccos()
    arc = (((1 - t) * angle).sin() * a + (t * angle).sin() * b) / angle.sin()
    return torch.where(angle < 1e-4, torch.lerp(a, b, t), arc)


def truncated(n: int, dim: int, rng: torch.Generator, at: float) -> Float[Tensor, "n d"]:
    """Noise from N(0, I) with every coordinate within ± `at` (Brock et al. 2019, §3.1).

    Drawn by the inverse of the distribution function: as if every coordinate that is too far were
    drawn again. On the CPU, shape (n, dim).

    Raises:
        CourseError: `at` is not positive.
    """
    require(at > 0, f"at was {at}; the bound must be positive.")
    reach = torch.special.ndtr(torch.tensor(at, dtype=torch.float64))
    u = torch.rand(n, dim, generator=rng, dtype=torch.float64)
    z = torch.special.ndtri(1 - reach + u * (2 * reach - 1))
    return z.clamp(-at, at).float()
