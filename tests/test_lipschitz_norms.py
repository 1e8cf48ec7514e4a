"""Power iteration, operators, orthogonality: against SVD, PyTorch's own, explicit matrices."""

import pytest
import torch
from torch import nn

from coursekit.errors import CourseError
from coursekit.lipschitz import (
    ScaledCritic,
    adjoint,
    apply_linear,
    clamp_singular_value,
    dual_loss,
    gradient_norm,
    gradient_penalty,
    lipschitz_bound,
    operator_norm,
    orthogonal,
    overlap,
    power_iteration,
    r1_penalty,
    spectral_norms,
    weight_norm,
)
from coursekit.nets import DCGANDiscriminator, MLPDiscriminator, normalise_spectrally

CONVOLUTIONS = [(4, 2, 1, 8), (3, 1, 1, 7), (3, 2, 1, 7), (5, 3, 2, 9), (4, 4, 0, 8), (4, 2, 1, 9)]


def explicit(layer, shape):
    """The matrix of a layer: its columns are where the unit images go."""
    units = torch.eye(torch.Size(shape).numel(), dtype=torch.float64).view(-1, *shape)
    with torch.no_grad():
        return apply_linear(layer.double(), units).flatten(1).T


def convolution(kernel, stride, pad, rng, inputs=2, outputs=5):
    layer = nn.Conv2d(inputs, outputs, kernel, stride, pad)
    nn.init.normal_(layer.weight, generator=rng)
    return layer


def test_power_iteration_is_the_svd(rng):
    W, u = torch.randn(7, 11, generator=rng), torch.randn(7, generator=rng)
    left, sigma, right = torch.linalg.svd(W)
    found, u, v = power_iteration(W, u, 500)
    assert found.item() == pytest.approx(sigma[0].item(), rel=1e-5)
    assert (u @ left[:, 0]).abs().item() == pytest.approx(1, abs=1e-4)
    assert (v @ right[0]).abs().item() == pytest.approx(1, abs=1e-4)


def test_power_iteration_never_overshoots_and_never_falls(rng):
    W, u = torch.randn(7, 11, generator=rng).double(), torch.randn(7, generator=rng).double()
    found = [power_iteration(W, u, k)[0].item() for k in range(1, 30)]
    assert found == sorted(found)
    assert found[-1] <= torch.linalg.svdvals(W)[0].item() + 1e-12


def test_the_error_of_sigma_shrinks_by_the_fourth_power_of_the_ratio(rng):
    """With σ₂ = 0.8 σ₁ by 0.8⁴ a round, since the angle of u shrinks by 0.8²."""
    W, u = torch.diag(torch.tensor([1.0, 0.8, 0.3]).double()), torch.ones(3).double()
    error = [1 - power_iteration(W, u, k)[0].item() for k in (10, 11)]
    assert error[1] / error[0] == pytest.approx(0.8**4, rel=0.01)


def test_the_derivative_of_sigma_is_u_v(rng):
    """Miyato et al. 2018, eq. 10."""
    W = torch.randn(4, 6, generator=rng, dtype=torch.float64, requires_grad=True)
    sigma, u, v = power_iteration(W, torch.ones(4, dtype=torch.float64), 400)
    (found,) = torch.autograd.grad(sigma, W)
    (exact,) = torch.autograd.grad(torch.linalg.matrix_norm(W, 2), W)
    assert torch.allclose(found, torch.outer(u, v)) and torch.allclose(found, exact, atol=1e-6)


def test_one_round_a_pass_is_enough_because_it_is_kept(rng):
    """The weight moves a little each time, and σ is still followed to 1 %."""
    layer = nn.Linear(40, 30)
    normalise_spectrally(layer, rng)
    original = layer.parametrizations.weight.original
    x = torch.randn(2, 40, generator=rng)
    for _ in range(200):
        with torch.no_grad():
            original.add_(1e-3 * torch.randn(original.shape, generator=rng))
        layer(x)
    assert spectral_norms(layer.eval())[""] == pytest.approx(1, abs=0.01)


def test_eval_mode_changes_nothing_and_two_passes_can_be_differentiated(rng):
    critic = MLPDiscriminator((4,), (8,), norm="spectral", rng=rng)
    x = torch.randn(5, 4, generator=rng)
    (critic(x).mean() - critic(x + 1).mean()).backward()  # u must not change under the graph
    before = {name: value.clone() for name, value in critic.eval().state_dict().items()}
    critic(x)
    assert all(torch.equal(before[k], value) for k, value in critic.state_dict().items())


@pytest.mark.parametrize(("kernel", "stride", "pad", "side"), CONVOLUTIONS)
def test_operator_norm_is_that_of_the_explicit_matrix(kernel, stride, pad, side, rng):
    layer = convolution(kernel, stride, pad, rng)
    shape = (2, side, side)
    exact = torch.linalg.matrix_norm(explicit(layer, shape), 2).item()
    assert operator_norm(layer, shape, rounds=3_000) == pytest.approx(exact, rel=1e-4)
    assert weight_norm(layer) <= exact + 1e-9
    assert exact <= overlap(layer) * weight_norm(layer) + 1e-9


@pytest.mark.parametrize(("kernel", "stride", "pad", "side"), CONVOLUTIONS)
def test_the_adjoint_is_adjoint(kernel, stride, pad, side, rng):
    layer = convolution(kernel, stride, pad, rng).double()
    x = torch.randn(1, 2, side, side, generator=rng).double()
    y = torch.randn(apply_linear(layer, x).shape, generator=rng).double()
    left, right = (apply_linear(layer, x) * y).sum(), (x * adjoint(layer, y, (2, side, side))).sum()
    assert left.item() == pytest.approx(right.item(), rel=1e-9)


def test_the_operator_of_a_dense_layer_is_its_weight(rng):
    layer = nn.Linear(9, 4)
    assert operator_norm(layer, (9,), 500) == pytest.approx(weight_norm(layer), rel=1e-6)
    assert overlap(layer) == 1


def test_a_kernel_of_equal_weights_reaches_the_overlap():
    """k = 4, s = 2: each pixel lies in four patches, all of which agree on a grey image."""
    layer = nn.Conv2d(1, 1, 4, stride=2, padding=0, bias=False)
    nn.init.ones_(layer.weight)
    assert overlap(layer) == 2 and weight_norm(layer) == pytest.approx(4)
    assert operator_norm(layer, (1, 64, 64)) == pytest.approx(8, rel=0.01)


def test_no_slope_exceeds_the_product_of_operator_norms(rng):
    critic = DCGANDiscriminator((1, 12, 12), width=4, norm="none", rng=rng)
    nn.init.normal_(critic.body[0].weight, generator=rng)
    bound = 2 * lipschitz_bound(critic.body, (1, 12, 12))  # it begins with 2x − 1
    x = torch.rand(300, 1, 12, 12, generator=rng)
    assert gradient_norm(critic.eval(), x).max() <= bound
    assert lipschitz_bound(critic.body, (1, 12, 12), weight_norm) < bound / 2


def test_a_layer_without_a_known_constant_is_refused():
    with pytest.raises(CourseError, match="BatchNorm2d, whose Lipschitz constant"):
        lipschitz_bound(nn.Sequential(nn.BatchNorm2d(1)), (1, 4, 4))
    with pytest.raises(CourseError, match="groups or dilation"):
        operator_norm(nn.Conv2d(2, 2, 3, groups=2), (2, 5, 5))
    with pytest.raises(CourseError, match="give numbers"):
        operator_norm(nn.Conv2d(2, 2, 3, padding="same"), (2, 5, 5))


@pytest.mark.parametrize("shape", [(3, 8), (8, 3)], ids=["wide", "tall"])
def test_orthogonality_is_free_for_orthogonal_weights_only(shape, rng):
    layer = nn.Linear(shape[1], shape[0])
    nn.init.orthogonal_(layer.weight)
    assert orthogonal(1.0)(layer).item() == pytest.approx(0, abs=1e-9)
    assert orthogonal(1.0, diagonal=False)(layer).item() == pytest.approx(0, abs=1e-9)
    with torch.no_grad():
        layer.weight.mul_(3)  # lengths are free only without the diagonal: (9 − 1)² · 3
    assert orthogonal(1.0)(layer).item() == pytest.approx(64 * 3, rel=1e-4)
    assert orthogonal(1.0, diagonal=False)(layer).item() == pytest.approx(0, abs=1e-6)


def test_orthogonality_written_out(rng):
    layer = nn.Conv2d(2, 3, 3)
    W = layer.weight.detach().flatten(1)
    wanted = sum((float(W[i] @ W[j]) - (i == j)) ** 2 for i in range(3) for j in range(3))
    assert orthogonal(0.5)(layer).item() == pytest.approx(0.5 * wanted, rel=1e-5)
    free = sum(float(W[i] @ W[j]) ** 2 for i in range(3) for j in range(3) if i != j)
    assert orthogonal(0.5, diagonal=False)(layer).item() == pytest.approx(0.5 * free, rel=1e-5)


@pytest.mark.parametrize("shape", [(5, 9), (9, 5), (1, 6)])
def test_the_clamp_cuts_the_first_singular_value_only(shape, rng):
    layer = nn.Linear(shape[1], shape[0])
    nn.init.normal_(layer.weight, generator=rng)
    before = torch.linalg.svdvals(layer.weight.detach())
    clamp_singular_value(limit=1.0)(layer)
    after = torch.linalg.svdvals(layer.weight.detach())
    wanted = torch.cat([before[1:], before.new_ones(1)]).sort(descending=True).values
    assert torch.allclose(after, wanted, atol=1e-4)


def test_the_clamp_by_ratio_and_below_its_limit(rng):
    layer = nn.Linear(9, 5)
    nn.init.normal_(layer.weight, generator=rng)
    before = torch.linalg.svdvals(layer.weight.detach())
    clamp_singular_value(limit=100.0)(layer)
    assert torch.allclose(torch.linalg.svdvals(layer.weight.detach()), before)
    clamp_singular_value(ratio=1.0)(layer)
    after = torch.linalg.svdvals(layer.weight.detach())
    assert torch.allclose(after[:2], before[1].expand(2), atol=1e-4)


def test_settings_that_make_no_sense_are_refused(rng):
    for make in (
        lambda: orthogonal(-1.0),
        lambda: clamp_singular_value(),
        lambda: clamp_singular_value(limit=1.0, ratio=1.0),
        lambda: clamp_singular_value(limit=0.0),
        lambda: ScaledCritic(nn.Identity(), 0.0),
        lambda: power_iteration(torch.eye(2), torch.ones(2), 0),
        lambda: clamp_singular_value(limit=1.0)(DCGANDiscriminator((1, 4, 4), 2, "spectral")),
    ):
        with pytest.raises(CourseError):
            make()


def test_an_amplified_critic_is_as_much_steeper(rng):
    critic = MLPDiscriminator((4,), (8,), rng=rng)
    x = torch.randn(6, 4, generator=rng)
    assert torch.allclose(
        gradient_norm(ScaledCritic(critic, 3.0), x), 3 * gradient_norm(critic, x), atol=1e-6
    )


def test_the_dual_loss_is_minus_what_the_critic_earns(rng):
    critic = MLPDiscriminator((1,), (4,), rng=rng)
    x, is_real = torch.randn(6, 1, generator=rng), torch.tensor([1.0, 0, 1, 0, 0, 1])
    earned = critic(x)[is_real == 1].mean() - critic(x)[is_real == 0].mean()
    assert dual_loss()(critic, x, is_real, rng).item() == pytest.approx(-earned.item(), abs=1e-6)


class Line(nn.Linear):
    """f = m·x as a critic."""

    def forward(self, x, y=None):
        return super().forward(x).squeeze(1)


def test_the_dual_loss_charges_the_penalty(rng):
    """f = 3x at ±1: it earns 3 − (−3) and pays 10·(3 − 1)²."""
    critic = Line(1, 1, bias=False)
    nn.init.constant_(critic.weight, 3.0)
    x, is_real = torch.tensor([[1.0], [-1.0], [1.0], [-1.0]]), torch.tensor([1.0, 0, 1, 0])
    found = dual_loss(gradient_penalty(10.0))(critic, x, is_real, rng)
    assert found.item() == pytest.approx(-6 + 40)


@pytest.mark.parametrize(("one_sided", "end"), [(False, -0.9), (True, 1.1)])
def test_the_two_sided_penalty_has_a_second_well(one_sided, end, rng):
    """Two points at distance 2 and f = m·x from m = −1: −mW + λ(|m| − 1)² has a minimum at
    −(1 − W/2λ) too; one-sided, only the right one at 1 + W/2λ remains."""
    critic = Line(1, 1, bias=False).double()
    nn.init.constant_(critic.weight, -1.0)
    real, fake = torch.ones(8, 1).double(), -torch.ones(8, 1).double()
    penalty = gradient_penalty(10.0, one_sided)
    opt = torch.optim.SGD(critic.parameters(), 0.02)
    for _ in range(400):
        opt.zero_grad()
        earned = critic(real).mean() - critic(fake).mean()
        (penalty(critic, real, fake, None, rng) - earned).backward()
        opt.step()
    assert critic.weight.item() == pytest.approx(end, abs=1e-3)


def test_the_r1_penalty_of_a_linear_critic_is_half_gamma_times_its_squared_weight(rng):
    critic = Line(3, 1)
    x, y = torch.randn(5, 3, generator=rng), torch.zeros(5, dtype=torch.int64)
    found = r1_penalty(0.4)(critic, x, 7 * x, y, rng)
    assert found.item() == pytest.approx(0.2 * critic.weight.square().sum().item())
    found.backward()
    torch.testing.assert_close(critic.weight.grad, 0.4 * critic.weight.detach())
    with pytest.raises(CourseError, match="gamma was -1"):
        r1_penalty(-1)
