"""Floor 0. Ways through latent space."""

import torch
from torch import Tensor


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
