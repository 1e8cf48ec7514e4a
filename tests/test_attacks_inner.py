"""The attack inside training, and PGD on the margin."""

import pytest
import torch
from attacked import Noisy, accuracy, victim
from seeds import seeded
from torch.nn import functional as F

from coursekit.attacks import Goal, RobustnessWarning, eps_ramp, fgsm, pgd, training_pgd
from coursekit.errors import CourseError
from coursekit.nets import LinearClassifier, ScaledLogits
from coursekit.threats import L2, Linf


@pytest.fixture(scope="module")
def scene():
    model, x, y = victim()
    return model.eval(), x[:100], y[:100]


def test_eps_grows_in_a_straight_line_and_stays():
    sizes = [eps_ramp(0.3, 0.4, progress) for progress in (0, 0.1, 0.2, 0.3, 0.4, 0.9)]
    assert sizes == pytest.approx([0, 0.075, 0.15, 0.225, 0.3, 0.3])
    assert eps_ramp(0.3, 0.0, 0.0) == 0.3


def test_inner_steps_go_from_a_random_point_to_the_last(scene):
    model, x, y = scene
    x_adv, ball = Linf(0.2).random_start(x, seeded()), Linf(0.2)
    for _ in range(4):
        at = x_adv.requires_grad_(True)
        (slope,) = torch.autograd.grad(F.cross_entropy(model(at), y, reduction="sum"), at)
        x_adv = ball.project(at.detach() + 0.125 * slope.sign(), x)
    assert torch.equal(training_pgd(0.2, 4)(model, x, y, seeded(), 0.0), x_adv)


def test_trades_begins_beside_the_image(scene):
    """At the image itself the gradient of the KL divergence is zero (Zhang et al. 2019, alg. 1)."""
    model, x, y = scene
    attack = training_pgd(0.2, 1, rel_step=1e-6, random_start=False, noise=0.001)
    moved = attack(model, torch.full_like(x, 0.5), y, seeded(), 0.0) - 0.5
    assert float(moved.std()) == pytest.approx(0.001, rel=0.05)


def test_one_inner_step_without_a_random_start_is_fgsm(scene):
    model, x, y = scene
    attack = training_pgd(0.1, 1, rel_step=1.0, random_start=False)
    assert torch.equal(attack(model, x, y, seeded(), 0.0), fgsm(model, x, y, 0.1))


def test_eps_follows_the_progress_and_nothing_else(scene):
    model, x, y = scene
    attack = training_pgd(0.2, 2, ramp=0.5)
    sizes = [float((attack(model, x, y, seeded(), p) - x).abs().max()) for p in (0.5, 0.25, 0, 0.9)]
    assert sizes == pytest.approx([0.2, 0.1, 0, 0.2], abs=1e-6)


def test_the_inner_attack_leaves_a_training_network_as_it_was():
    """In train mode BatchNorm would take in attacked images, and dropout blur the gradient."""
    model = Noisy().train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    x = torch.rand(8, 1, 8, 8, generator=seeded())
    training_pgd(0.2, 2)(model, x, torch.zeros(8, dtype=torch.long), seeded(), 0.5)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert all(part.training for part in model.modules())


def test_the_margin_goal_rises_with_the_margin():
    logits = torch.tensor([[3.0, 1.0, 0.0], [0.0, 2.0, 5.0]])
    y = torch.tensor([0, 1])
    assert Goal(y, kind="margin").loss(logits).tolist() == [-2.0, 3.0]
    assert Goal(y, 2, "margin").loss(logits).tolist() == [-3.0, 3.0]


def test_margin_pgd_is_about_as_strong_as_pgd(scene):
    model, x, y = scene
    by_loss = accuracy(model, pgd(model, x, y, Linf(0.1), 20, rng=seeded()), y)
    by_margin = accuracy(model, pgd(model, x, y, Linf(0.1), 20, rng=seeded(), loss="margin"), y)
    assert by_margin == pytest.approx(by_loss, abs=0.05)


def test_margin_pgd_does_not_mind_loud_logits(scene):
    """Its direction is a sign: multiplied logits change nothing, but for rounding."""
    model, x, y = scene
    quiet = pgd(model, x, y, Linf(0.1), 5, loss="margin")
    # a power of two: no rounding
    loud = pgd(ScaledLogits(model, 1024), x, y, Linf(0.1), 5, loss="margin")
    assert torch.equal(quiet, loud)
    with pytest.warns(RobustnessWarning, match="exactly zero"):
        flat = pgd(ScaledLogits(model), x, y, Linf(0.1), 5)
    assert accuracy(model, flat, y) > accuracy(model, quiet, y) + 0.2


def test_restarts_of_margin_pgd_only_help(scene):
    model, x, y = scene
    left = [
        accuracy(model, pgd(model, x, y, Linf(0.08), 5, restarts=k, rng=seeded(), loss="margin"), y)
        for k in (1, 4)
    ]
    assert left[1] <= left[0]


def test_settings_out_of_range_are_refused(scene):
    model, x, y = scene
    with pytest.raises(CourseError, match="eps was 8"):
        training_pgd(8, 1)
    with pytest.raises(CourseError, match="ramp was -1"):
        training_pgd(0.1, 1, ramp=-1)
    with pytest.raises(CourseError, match="steps was 0"):
        training_pgd(0.1, 0)
    with pytest.raises(CourseError, match="rel_step was 0"):
        training_pgd(0.1, 1, rel_step=0)
    with pytest.raises(
        CourseError, match="loss was 'DLR'; choose one of cross_entropy, margin, dlr"
    ):
        pgd(model, x, y, Linf(0.1), 1, loss="DLR")


@pytest.mark.parametrize("loss", ["cross_entropy", "margin"])
@pytest.mark.parametrize("threat", [Linf(0.1), L2(0.1)])
def test_by_default_the_steps_lead_two_and_a_half_times_eps_together(loss, threat):
    """On a linear model all steps have one direction: ten of ε/4, the last six at the boundary."""
    model, seen = LinearClassifier((1, 4, 4), 2, seeded()), []
    model.register_forward_hook(lambda _model, shown, _logits: seen.append(shown[0].detach()))
    x, y = torch.full((2, 1, 4, 4), 0.5), torch.tensor([0, 1])
    pgd(model, x, y, threat, 10, loss=loss, early_stop=False)
    far = torch.stack([threat.norm(at - x) for at in seen[2:12]])  # the first looks are the door's
    by_hand = (torch.arange(10) / 4).clamp(max=1) * threat.eps
    torch.testing.assert_close(far, by_hand[:, None].expand(10, 2), rtol=1e-4, atol=1e-6)
