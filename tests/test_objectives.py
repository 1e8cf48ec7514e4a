"""Objectives: the value of each formula, and weights that feel exactly its gradient."""

import pytest
import torch
from attacked import Noisy
from seeds import seeded
from torch.nn import functional as F

from coursekit.attacks import fgsm, pgd, training_pgd
from coursekit.errors import CourseError
from coursekit.nets import Inpainter, LinearClassifier
from coursekit.objectives import (
    adversarial,
    augmented,
    augmenting,
    cross_entropy,
    squared_error,
    trades,
)
from coursekit.threats import Linf
from coursekit.zoo.ingredients import OBJECTIVES

SHAPE = (1, 4, 4)


@pytest.fixture
def scene(rng):
    model = LinearClassifier(SHAPE, 3, rng)
    return model, torch.rand(5, *SHAPE, generator=rng), torch.tensor([0, 1, 2, 0, 1])


def still(model, x, y, rng, progress):
    """An attack that does nothing."""
    return x


def test_cross_entropy_takes_logits_so_there_is_no_double_softmax(scene):
    model, x, y = scene
    by_hand = -model(x).softmax(1)[torch.arange(5), y].log().mean()
    torch.testing.assert_close(cross_entropy(model, x, y), by_hand)


def test_the_squared_error_is_that_of_what_is_painted(rng):
    x = torch.rand(3, 1, 8, 8, generator=rng)
    G, top = Inpainter((1, 8, 8), 4, rng=rng).eval(), x[:, :, :4]
    z = G.noise(3, seeded(1))
    by_hand = (G(z, top) - x).square().sum() / x.numel()
    found = squared_error(G, x, top, seeded(1), 0.0)
    torch.testing.assert_close(found, by_hand)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_the_mixed_loss_is_the_weighted_sum(scene, alpha):
    model, x, y = scene

    def attack(model, x, y, rng=None, progress=0.0):
        return fgsm(model, x, y, 0.1)

    clean, attacked = cross_entropy(model, x, y), cross_entropy(model, attack(model, x, y), y)
    mixed = adversarial(attack, alpha)(model, x, y, None, 0.0)
    torch.testing.assert_close(mixed, alpha * clean + (1 - alpha) * attacked)


def test_trades_adds_the_divergence_from_the_clean_answer(scene):
    model, x, y = scene

    def attack(model, x, p, rng=None, progress=0.0):
        torch.testing.assert_close(p, model(x).softmax(1))  # it is told probabilities, not labels
        return (x + 0.1).clamp(0, 1)

    p, q = model(x).softmax(1), model((x + 0.1).clamp(0, 1)).softmax(1)
    divergence = (p * (p / q).log()).sum(1).mean()
    torch.testing.assert_close(
        trades(attack, 3.0)(model, x, y, None, 0.0), cross_entropy(model, x, y) + 3 * divergence
    )


def test_trades_attacks_in_eval_mode_and_learns_in_train_mode(rng):
    """As in the authors' code: dropout and batch statistics are off for the clean probabilities
    too, the running statistics move twice (x, x_adv) and not by the attack."""
    model, x, y = Noisy().train(), torch.rand(6, 1, 8, 8, generator=rng), torch.arange(6) % 3
    with torch.no_grad():
        p_eval = model.eval()(x).softmax(1)
    seen, moves = [], []
    model.train().norm.register_forward_hook(lambda m, *_: moves.append(m.training))

    def attack(model, x, p, rng=None, progress=0.0):
        seen.append(p)
        return (x + 0.1).clamp(0, 1)

    trades(attack, 6.0)(model, x, y, None, 0.0)
    torch.testing.assert_close(seen[0], p_eval)
    assert moves == [False, True, True]
    assert model.training and model.norm.num_batches_tracked == 2


def test_an_attack_that_begins_at_x_is_refused_where_kl_has_no_gradient(scene):
    at_x = training_pgd(0.1, 2, random_start=False)
    with pytest.raises(CourseError, match="begins at x, where the gradient of KL is zero"):
        trades(at_x)
    with pytest.raises(CourseError, match="give it noise=0.001, or random_start=True and rng"):
        trades(training_pgd(0.1, 2))(*scene, None, 0.0)
    rng = seeded(0)
    beside_x = training_pgd(0.1, 2, random_start=False, noise=0.001)
    for attack in (training_pgd(0.1, 2), beside_x):
        assert trades(attack)(*scene, rng, 0.0) > cross_entropy(*scene) + 0.01
    assert OBJECTIVES["trades"](eps=0.1, steps=2).attack == beside_x  # in recipes, unless they say


def test_without_a_perturbation_trades_is_cross_entropy(scene):
    torch.testing.assert_close(trades(still, 6.0)(*scene, None, 0.0), cross_entropy(*scene))


def test_an_attack_on_soft_labels_climbs_the_divergence(scene):
    """TRADES' inner step: the gradient of KL(p ‖ f(x′)), although cross-entropy is ascended."""
    model, x, _ = scene
    p = model(x).softmax(1).detach()
    start = Linf(0.1).random_start(x, seeded(1)).requires_grad_(True)
    F.kl_div(model(start).log_softmax(1), p, reduction="sum").backward()
    by_hand = Linf(0.1).project(start.detach() + 0.05 * start.grad.sign(), x)
    rng = seeded(1)
    assert torch.equal(training_pgd(0.1, 1, rel_step=0.5)(model, x, p, rng, 0.0), by_hand)


def test_the_attack_adds_nothing_to_the_weights_gradient(scene):
    """The inner maximum is held fixed: the weights feel the loss at x_adv and no more."""
    model, x, y = scene

    def attack(model, x, y, rng=None, progress=0.0):
        return pgd(model, x, y, Linf(0.1), steps=3)

    adversarial(attack)(model, x, y, None, 0.0).backward()
    felt = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    F.cross_entropy(model(attack(model, x, y)), y).backward()
    for mine, other in zip(felt, model.parameters(), strict=True):
        torch.testing.assert_close(mine, other.grad)


def test_an_attack_begins_at_the_augmented_image(scene, rng):
    model, x, y = scene
    attack, begun = training_pgd(0.1, 1, rel_step=1.0, random_start=False), []

    def mirrored(x, rng, progress):
        assert progress == 0.25
        begun.append(x.flip(3))
        return begun[-1]

    found = augmenting(mirrored, adversarial(attack))(model, x, y, rng, 0.25)
    exact = F.cross_entropy(model(fgsm(model, x.flip(3), y, 0.1)), y)
    torch.testing.assert_close(found, exact)
    assert len(begun) == 1


def test_trades_reaches_the_weights_through_both_terms(scene):
    model, x, y = scene

    def attack(model, x, p, rng=None, progress=0.0):
        return pgd(model, x, p, Linf(0.1), steps=2, rng=seeded(0))

    trades(attack, 6.0)(model, x, y, None, 0.0).backward()
    weight = model[1].weight
    felt, h = weight.grad[0, 3].item(), 1e-2
    x_adv = attack(model, x, model(x).softmax(1).detach())
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            weight[0, 3] += sign * h
            values.append(trades(lambda *_: x_adv, 6.0)(model, x, y, None, 0.0).item())
            weight[0, 3] -= sign * h
    assert felt == pytest.approx((values[0] - values[1]) / (2 * h), rel=0.02, abs=1e-4)


def test_weights_outside_their_range_are_refused():
    with pytest.raises(CourseError, match="alpha was 1.5"):
        adversarial(still, 1.5)
    with pytest.raises(CourseError, match="beta was -1"):
        trades(still, -1.0)


def test_augmented_is_the_smoothed_cross_entropy_on_changed_images(scene):
    model, x, y = scene
    seen = []

    def brighter(x, rng, progress):
        seen.append((rng, progress))
        return x + 0.1

    rng = torch.Generator()
    loss = augmented(brighter, smoothing=0.2)(model, x, y, rng, 0.5)
    log_p = model(x + 0.1).log_softmax(1)
    by_hand = -0.8 * log_p.gather(1, y[:, None]).mean() - 0.2 * log_p.mean()
    torch.testing.assert_close(loss, by_hand)
    assert seen == [(rng, 0.5)]
    with pytest.raises(CourseError, match=r"smoothing was 1\.5; it must lie in \[0, 1\]"):
        augmented(brighter, smoothing=1.5)
