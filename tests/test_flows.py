"""RealNVP: its inverse, its Jacobian, its density, and the bound for 8-bit images."""

from math import log

import pytest
import torch
from torch.autograd.functional import jacobian

from coursekit import nets
from coursekit.errors import CourseError
from coursekit.objectives import dequantise, dequantised


def flow_of(shape, rng, width=8, depth=6, scale=0.15):
    flow = nets.RealNVP(shape, width, depth, rng=rng).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(scale * torch.randn(parameter.shape, generator=rng))
    return flow


def inputs(shape, n, rng):
    if len(shape) == 1:
        return torch.randn(n, *shape, generator=rng, dtype=torch.float64)
    return 0.05 + 0.9 * torch.rand(n, *shape, generator=rng, dtype=torch.float64)


SHAPES = [(2,), (3,), (1, 4, 4), (1, 4, 6), (3, 4, 2)]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_inverse_undoes_the_flow(shape, rng):
    flow, x = flow_of(shape, rng), inputs(shape, 5, rng)
    z, _ = flow(x)
    assert not torch.allclose(z.flatten(), x.flatten(), atol=0.1)
    torch.testing.assert_close(flow.inverse(z), x, atol=1e-8, rtol=1e-8)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_log_determinant_is_that_of_the_jacobian(shape, rng):
    flow, x = flow_of(shape, rng), inputs(shape, 3, rng)
    _, log_det = flow(x)
    d = x[0].numel()
    for row, found in zip(x, log_det, strict=True):
        J = jacobian(lambda r: flow(r[None])[0].flatten(), row).reshape(d, d)
        torch.testing.assert_close(found, torch.linalg.slogdet(J).logabsdet)


@pytest.mark.parametrize(
    ("shape", "k"), [((4,), 0), ((1, 4, 4), 0), ((3, 2, 2), 1), ((3, 2, 2), 2)]
)
def test_a_couplings_jacobian_is_triangular(shape, k, rng):
    coupling = flow_of(shape, rng).couplings[k]
    inside = (4 * shape[0], *(s // 2 for s in shape[1:])) if len(shape) == 3 else shape
    x = torch.randn(1, *inside, generator=rng, dtype=torch.float64)
    d = x.numel()
    J = jacobian(lambda r: coupling(r)[0].flatten(), x).reshape(d, d)
    kept = coupling.mask.expand(x.shape).flatten() == 1
    order = torch.cat([kept.nonzero(), (~kept).nonzero()]).flatten()
    J = J[order][:, order]
    assert not J.triu(1).any() and J.tril(-1).any()
    k = int(kept.sum())
    assert torch.equal(J[:k, :k], torch.eye(k, dtype=J.dtype)) and 0 < k < d
    torch.testing.assert_close(J.diagonal().log().sum(), coupling(x)[1][0])


def test_every_coordinate_is_moved_by_some_coupling(rng):
    for shape in SHAPES:
        masks = [c.mask.expand(1, *c.mask.shape) for c in flow_of(shape, rng).couplings]
        assert (torch.stack(masks).amin(0) == 0).all() and (torch.stack(masks).amax(0) == 1).all()


def test_a_density_of_the_plane_integrates_to_one(rng):
    flow = flow_of((2,), rng)
    t = torch.linspace(-12, 12, 601, dtype=torch.float64)
    x = torch.cartesian_prod(t, t)
    with torch.no_grad():
        total = flow.log_prob(x).exp().sum() * (t[1] - t[0]) ** 2
    assert float(total) == pytest.approx(1, abs=2e-3)


def test_a_density_of_two_pixel_squares_has_the_logits_constant(rng):
    """Samples of the flow, weighed by 1/q, measure the volume that they fill."""
    flow = nets.RealNVP((1, 2, 2), 4, 2, alpha=0.05, rng=rng).double()  # the identity at first
    x = inputs((1, 2, 2), 1, rng)
    p = 0.05 + 0.9 * x
    z = p.logit()
    gaussian = (-0.5 * z.square() - 0.5 * log(2 * torch.pi)).sum()
    slope = (log(0.9) - p.log() - (1 - p).log()).sum()
    torch.testing.assert_close(flow.log_prob(x)[0], (gaussian + slope).detach())


def test_samples_follow_the_density(rng):
    flow = flow_of((2,), rng, depth=4)
    x = flow.sample(4000, rng)
    inside = (x[:, 0] > 0) & (x[:, 1] > 0)
    t = torch.linspace(0, 12, 601, dtype=torch.float64)
    t = (t[1:] + t[:-1]) / 2
    with torch.no_grad():
        share = float(flow.log_prob(torch.cartesian_prod(t, t)).exp().sum() * 0.02**2)
    assert float(inside.double().mean()) == pytest.approx(share, abs=0.03)
    images = flow_of((1, 4, 4), rng).sample(3, rng)
    assert images.shape == (3, 1, 4, 4) and images.min() >= 0 and images.max() <= 1


# Dequantisation


class Uniform:
    """The density of [0, 1)^d."""

    def log_prob(self, x, y=None):
        assert x.min() >= 0 and x.max() < 1
        return torch.zeros(len(x))


def test_a_uniform_density_costs_eight_bits_a_pixel(rng):
    x, y = torch.randint(256, (5, 1, 4, 4), generator=rng) / 255, torch.zeros(5, dtype=torch.long)
    bits = float(dequantised(Uniform(), x, y, rng, 0.0)) / (16 * log(2))
    assert bits == pytest.approx(8, abs=1e-5)


def test_each_grey_value_has_an_interval_of_its_own(rng):
    grey = torch.arange(256).repeat(50, 1)
    v = dequantise(grey / 255, rng)
    assert torch.equal((256 * v.double()).floor().long().clamp(0, 255), grey) or (
        ((256 * v - grey).min() > -1e-3) and ((256 * v - grey).max() < 1 + 1e-3)
    )
    assert float((256 * v - grey).mean()) == pytest.approx(0.5, abs=0.01)


def test_the_dequantised_loss_bounds_the_discrete_one(rng):
    """A piecewise density on two pixels: the bound lies above −log P, and is tight if q is flat."""

    class Slanted:
        def log_prob(self, x, y=None):
            return (2 * x).log().flatten(1).sum(1)  # the density 2v on [0, 1)

    x = torch.tensor([10.0, 200.0]).view(1, 1, 1, 2) / 255
    exact = -sum(log(((k + 1) / 256) ** 2 - (k / 256) ** 2) for k in (10, 200))
    many = x.expand(20_000, 1, 1, 2)
    y = torch.zeros(len(many), dtype=torch.long)
    bound = float(dequantised(Slanted(), many, y, rng, 0.0))
    assert exact - 1e-3 < bound < exact + 0.01


def test_other_shapes_are_refused():
    for shape in [(1, 3, 4), (3, 4, 5)]:
        with pytest.raises(CourseError, match="even sides"):
            nets.RealNVP(shape)
