"""The one primitive: right to finite differences, and without a trace."""

import torch
from torch import nn
from torch.nn import functional as F

from coursekit.gradients import input_gradient
from coursekit.nets import MLP


def network(rng: torch.Generator) -> nn.Module:
    return MLP((6, 12, 3), nn.Tanh, rng).double()


def test_it_agrees_with_finite_differences_in_float64(rng):
    model = network(rng)
    x = torch.rand(4, 6, generator=rng, dtype=torch.float64)
    y = torch.tensor([0, 1, 2, 0])

    def loss(x):
        return F.cross_entropy(model(x), y, reduction="none")

    gradient, h = input_gradient(loss, x), 1e-6
    for i in range(6):
        nudge = h * torch.eye(6, dtype=torch.float64)[i]
        central = (loss(x + nudge) - loss(x - nudge)).detach() / (2 * h)
        torch.testing.assert_close(gradient[:, i], central, rtol=1e-7, atol=1e-9)


def test_each_row_is_the_gradient_of_its_own_example(rng):
    model = network(rng)
    x = torch.rand(4, 6, generator=rng, dtype=torch.float64)
    alone = torch.cat([input_gradient(lambda x: model(x)[:, 0], row[None]) for row in x])
    torch.testing.assert_close(input_gradient(lambda x: model(x)[:, 0], x), alone)


def test_it_leaves_no_trace(rng):
    model = network(rng)
    x = torch.rand(4, 6, generator=rng, dtype=torch.float64)
    before = x.clone()
    gradient = input_gradient(lambda x: model(x).sum(), x)
    assert torch.equal(x, before)
    assert not x.requires_grad
    assert x.grad is None
    assert not gradient.requires_grad
    assert all(p.grad is None for p in model.parameters())


def test_it_works_where_gradients_are_off(rng):
    x = torch.rand(2, 6, generator=rng, dtype=torch.float64)
    with torch.no_grad():
        assert torch.equal(input_gradient(lambda x: (x**2).sum(), x), 2 * x)


def test_the_gradient_can_be_differentiated_again(rng):
    x = torch.rand(2, 6, generator=rng, dtype=torch.float64)
    slope = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    gradient = input_gradient(lambda x: slope * x**3, x, create_graph=True)
    (second,) = torch.autograd.grad(gradient.sum(), slope)
    torch.testing.assert_close(second, (3 * x**2).sum())
