"""What every attack promises, and the known bugs of other people's attacks."""

import pytest
import torch
from attacked import Noisy, accuracy, victim
from hypothesis import given, settings
from hypothesis import strategies as st
from seeds import seeded
from torch import nn
from torch.nn import functional as F

from coursekit.attacks import (
    AttackResult,
    apgd,
    auto_attack,
    carlini_wagner,
    deepfool,
    fgsm,
    hop_skip_jump,
    lbfgs_attack,
    pgd,
    saliency,
    spatial_search,
    square_attack,
)
from coursekit.errors import CourseError
from coursekit.nets import LinearClassifier, Normalize
from coursekit.threats import L2, Linf, Streams


def images(found):
    """The images of an attack that returns them alone, or with what they cost."""
    return found.x_adv if isinstance(found, AttackResult) else found


ATTACKS = {
    "fgsm": lambda m, x, y, **b: fgsm(m, x, y, 0.1, **b),
    "fgsm targeted": lambda m, x, y, **b: fgsm(m, x, y, 0.1, target=1, **b),
    "pgd": lambda m, x, y, **b: pgd(m, x, y, Linf(0.1), 3, restarts=2, rng=seeded(7), **b),
    "pgd to the end": lambda m, x, y, **b: pgd(
        m, x, y, Linf(0.1), 3, rng=seeded(7), early_stop=False, **b
    ),
    "pgd momentum": lambda m, x, y, **b: pgd(m, x, y, Linf(0.1), 3, momentum=1.0, **b),
    "pgd margin": lambda m, x, y, **b: pgd(
        m, x, y, Linf(0.1), 3, loss="margin", rng=seeded(7), **b
    ),
    "pgd L2 targeted": lambda m, x, y, **b: pgd(m, x, y, L2(0.5), 3, target=2, **b),
    "penalty": lambda m, x, y, **b: images(lbfgs_attack(m, x, y, searches=2, steps=3, **b)),
    "penalty fixed c": lambda m, x, y, **b: images(lbfgs_attack(m, x, y, c=0.1, steps=3, **b)),
    "carlini wagner": lambda m, x, y, **b: images(
        carlini_wagner(m, x, y, searches=2, steps=5, **b)
    ),
    "deepfool": lambda m, x, y, **b: deepfool(m, x, y, steps=5, **b).x_adv,
    "auto pgd": lambda m, x, y, **b: apgd(m, x, y, Linf(0.1), 4, rng=seeded(7), **b).x_adv,
    "auto attack": lambda m, x, y, **b: (
        auto_attack(m, x, y, Linf(0.1), seeded(7), steps=2, queries=8, **b).x_adv
    ),
    "spatial": lambda m, x, y, **b: spatial_search(m, x, y, **b).x_adv,
    "square": lambda m, x, y, **b: square_attack(m, x, y, Linf(0.1), 10, seeded(7), **b).x_adv,
    "hop skip jump": lambda m, x, y, **b: hop_skip_jump(m, x, y, 100, seeded(7), **b).x_adv,
}
LOOKS = {"saliency": lambda m, x, y: saliency(m, x, y)}
either = pytest.mark.parametrize("name", ATTACKS)


@pytest.fixture
def scene():
    torch.manual_seed(3)
    return Noisy(), torch.rand(6, 1, 8, 8), torch.tensor([0, 1, 2, 0, 1, 2])


# --- The model is left as it was found -----------------------------------------------------------


@pytest.mark.parametrize("name", [*ATTACKS, *LOOKS])
@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_left_as_it_was_found(scene, name, training):
    model, x, y = scene
    model.train(training)
    model.drop.train(not training)  # modules need not agree
    state = {k: v.clone() for k, v in model.state_dict().items()}
    modes = [m.training for m in model.modules()]
    wants = [p.requires_grad for p in model.parameters()]
    grads = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
    before = x.clone()
    (ATTACKS | LOOKS)[name](model, x, y)
    assert not x.requires_grad and not any(m._forward_hooks for m in model.modules())
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())
    assert modes == [m.training for m in model.modules()]
    assert wants == [p.requires_grad for p in model.parameters()]
    for old, parameter in zip(grads, model.parameters(), strict=True):
        assert parameter.grad is old or torch.equal(parameter.grad, old)
    assert torch.equal(x, before)


def test_the_model_is_left_as_it_was_found_even_if_it_fails(scene):
    model, x, y = scene
    model.train()
    model.head.register_forward_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fgsm(model, x, y, 0.1)
    assert model.training


@either
def test_every_attack_runs_in_eval_mode(scene, name):
    """In train mode dropout would make two runs differ, and BatchNorm would mix the images."""
    model, x, y = scene
    model.train()
    seen = []
    model.register_forward_hook(lambda m, *_: seen.append(m.training))
    ATTACKS[name](model, x, y)
    assert seen
    assert not any(seen)


@pytest.mark.parametrize("name", ["fgsm", "pgd momentum", "pgd L2 targeted", "carlini wagner"])
def test_an_image_is_attacked_alike_alone_and_in_company(scene, name):
    """Batch statistics in an attack would make each image depend on the others."""
    model, x, y = scene
    model.train()
    together = ATTACKS[name](model, x, y)
    alone = torch.cat([ATTACKS[name](model, x[i : i + 1], y[i : i + 1]) for i in range(len(x))])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-4)


# --- Budgets and pixels --------------------------------------------------------------------------


@either
def test_pixels_stay_in_the_unit_interval(scene, name):
    model, x, y = scene
    x = (2 * x - 0.5).clamp(0, 1)  # a quarter each exactly black and exactly white
    x_adv = ATTACKS[name](model, x, y)
    assert x_adv.shape == x.shape
    assert x_adv.dtype == x.dtype
    assert not x_adv.requires_grad
    assert x_adv.min() >= 0
    assert x_adv.max() <= 1


@settings(max_examples=25, deadline=None)
@given(
    eps=st.floats(0, 0.5),
    seed=st.integers(0, 1000),
    steps=st.integers(1, 4),
    momentum=st.sampled_from([0.0, 0.9]),
    start=st.booleans(),
    norm=st.sampled_from([Linf, L2]),
)
def test_the_budget_is_respected(eps, seed, steps, momentum, start, norm):
    draw = seeded(seed)
    model = LinearClassifier((1, 4, 4), 3, draw)
    x, y = torch.rand(4, 1, 4, 4, generator=draw).round(decimals=1), torch.tensor([0, 1, 2, 0])
    x_adv = pgd(model, x, y, norm(eps), steps, momentum=momentum, rng=draw if start else None)
    assert (norm(eps).norm(x_adv - x) <= eps + 1e-6).all()
    assert x_adv.min() >= 0
    assert x_adv.max() <= 1
    squares = square_attack(model, x, y, Linf(eps), 5, draw).x_adv
    assert (Linf(eps).norm(squares - x) <= eps + 1e-6).all()


def test_fgsm_that_forgets_to_clamp_would_be_seen(scene):
    model, _, y = scene
    black = torch.zeros(6, 1, 8, 8)
    gradient = (fgsm(model, black + 0.5, y, 0.1) - 0.5).sign()
    assert (black + 0.1 * gradient).min() < 0  # there is something to clamp
    assert fgsm(model, black, y, 0.1).min() >= 0


def test_eps_is_in_pixels_although_the_model_normalises():
    """In normalised space ε = .1 with std .25 would be a step of .025."""
    model = nn.Sequential(Normalize([0.4], [0.25]), LinearClassifier((1, 4, 4), 3, seeded(7)))
    x = torch.full((2, 1, 4, 4), 0.5)
    moved = (fgsm(model, x, torch.tensor([0, 1]), 0.1) - x).abs()
    torch.testing.assert_close(moved, torch.full_like(moved, 0.1))


def test_the_clamp_is_not_differentiated():
    """On a linear model the worst image of the ball is known: x + ε·sign(∇), cut to the box.

    Starting at random, half of the black pixels would be held at 0 by a clamp, without gradient;
    an attack that differentiates through it never raises them.
    """
    model = LinearClassifier((1, 8, 8), 2, seeded(7))
    x, y = torch.zeros(3, 1, 8, 8), torch.tensor([0, 1, 0])
    worst = fgsm(model, x, y, 0.2)
    assert 0.3 < (worst > 0).float().mean() < 0.7
    found = pgd(model, x, y, Linf(0.2), 10, rng=seeded(7), early_stop=False)
    torch.testing.assert_close(found, worst)


def test_the_steps_of_pgd_are_their_equation():
    model, x, y = victim()
    x, y, threat = x[:20], y[:20], Linf(0.1)
    walked = [threat.random_start(x, Streams.spawn(len(x), seeded(7)))]
    for _ in range(3):
        at = walked[-1].clone().requires_grad_(True)
        (slope,) = torch.autograd.grad(F.cross_entropy(model(at), y, reduction="sum"), at)
        walked.append(threat.project(walked[-1] + 0.03 * slope.sign(), x))
    ours = pgd(model, x, y, threat, 3, step_size=0.03, rng=seeded(7), early_stop=False)
    assert torch.equal(ours, best_of(model, y, walked[1:]))


def best_of(model, y, points):
    """For each image the point of the highest loss among those that fool, or among all."""
    losses = torch.stack([F.cross_entropy(model(v), y, reduction="none") for v in points])
    fooled = torch.stack([model(v).argmax(1) != y for v in points])
    best = losses.masked_fill(fooled != fooled.any(0), -torch.inf).argmax(0)
    return torch.stack(points)[best, torch.arange(len(y))].detach()


@pytest.mark.parametrize("threat", [Linf(0.5), L2(9.0)])
def test_when_all_are_fooled_nothing_is_left_to_start_again(threat):
    model, x, y = victim()
    wanted, again = (y[:20] + 1) % 10, {"restarts": 3, "rng": seeded(7)}
    x_adv = pgd(model, x[:20], y[:20], threat, 20, target=wanted, **again)
    assert accuracy(model, x_adv, wanted) == 1
    done = pgd(model, x[:5], model(x[:5]).argmin(1), threat, 5, restarts=3, rng=seeded(7))
    assert torch.equal(done, x[:5])  # read as something else from the start


class Ridge(nn.Module):
    """Class 1 wins where the first pixel is within 0.05 of 0.57; the second pixel counts little."""

    def forward(self, x):
        pixels = x.flatten(1)
        wins = 1 - 20 * (pixels[:, 0] - 0.57).abs() + 0.01 * pixels[:, 1]
        return torch.stack([torch.zeros_like(wins), wins], 1)


@pytest.mark.parametrize("early_stop", [True, False])
def test_pgd_keeps_its_best_point_not_its_last(early_stop):
    """Steps of 0.1 lead over the ridge and back: 0.5, 0.6, 0.5; only 0.6 fools."""
    x, y = torch.full((1, 1, 1, 2), 0.5), torch.tensor([0])
    x_adv = pgd(Ridge(), x, y, Linf(0.1), 2, step_size=0.1, early_stop=early_stop)
    assert x_adv.flatten().tolist() == pytest.approx([0.6, 0.6])


def test_an_image_that_is_fooled_costs_no_further_work():
    """Its point is the first that fools, and what the model gets wrong by itself stays as it is."""
    model, x, y = victim()
    shown = []
    hook = model.register_forward_hook(lambda _m, args, _out: shown.append(len(args[0])))
    x_adv = pgd(model, x, y, Linf(0.1), 10, rng=seeded(7))
    hook.remove()
    wrong = model(x).argmax(1) != y
    assert int(wrong.sum()) > 5 and torch.equal(x_adv[wrong], x[wrong])
    assert shown[2:] == sorted(shown[2:], reverse=True)
    assert shown[-1] < len(x) / 2
    assert accuracy(model, x_adv, y) <= accuracy(
        model, pgd(model, x, y, Linf(0.1), 10, rng=seeded(7), early_stop=False), y
    )


# --- One attack against another ------------------------------------------------------------------


@pytest.mark.parametrize("target", [None, 3])
def test_fgsm_is_one_step_of_pgd_bit_for_bit(target):
    model, x, y = victim()
    one = fgsm(model, x, y, 0.1, target)
    every = {"target": target, "early_stop": False}
    assert torch.equal(one, pgd(model, x, y, Linf(0.1), 1, step_size=0.1, **every))
    assert torch.equal(one, pgd(model, x, y, Linf(0.1), 1, momentum=0.9, **every))


@pytest.mark.parametrize("threat", [Linf(0.0), L2(0.0)])
def test_without_a_budget_nothing_moves(threat):
    model, x, y = victim()
    assert torch.equal(pgd(model, x[:50], y[:50], threat, 3, rng=seeded(7)), x[:50])
    assert torch.equal(fgsm(model, x[:50], y[:50], 0.0), x[:50])


@pytest.mark.parametrize(("norm", "eps"), [(Linf, 0.1), (L2, 1.5)])
def test_many_steps_beat_one_and_one_beats_noise(norm, eps):
    model, x, y = victim()
    threat = norm(eps)
    many = accuracy(model, pgd(model, x, y, threat, 20, rng=seeded(7)), y)
    one = accuracy(model, pgd(model, x, y, threat, 1, step_size=eps), y)
    noise = accuracy(model, threat.noise(x, seeded(7)), y)
    assert many < one < noise


def test_restarts_keep_the_example_that_fools_then_the_higher_loss():
    model, x, y = victim()
    draw = seeded(7)
    streams = Streams.spawn(len(x), draw)  # one restart after the other draws from them
    whole = {"rng": streams, "early_stop": False}
    runs = [pgd(model, x, y, Linf(0.15), 1, 0.075, **whole) for _ in range(3)]
    best = pgd(model, x, y, Linf(0.15), 1, 0.075, restarts=3, rng=seeded(7), early_stop=False)
    with torch.no_grad():
        logits = [model(run) for run in [*runs, best]]
    fooled = torch.stack([answer.argmax(1) != y for answer in logits])
    loss = torch.stack([F.cross_entropy(answer, y, reduction="none") for answer in logits])
    assert not torch.equal(runs[0], runs[1]) and (fooled[:3].any(0) != fooled[:3].all(0)).any()
    assert torch.equal(fooled[3], fooled[:3].any(0))
    eligible = loss[:3].masked_fill(fooled[:3] != fooled[3], -torch.inf)
    torch.testing.assert_close(loss[3], eligible.amax(0))


def test_targets_are_reached_one_for_all_or_one_for_each():
    model, x, y = victim()
    x, y = x[:60], y[:60]
    each = (y + 1 + torch.arange(60) % 9) % 10
    x_adv = pgd(model, x, y, L2(6.0), 40, target=each)
    assert accuracy(model, x_adv, each) > 0.95
    same = pgd(model, x, y, L2(6.0), 40, target=torch.full_like(y, 4))
    assert torch.equal(pgd(model, x, y, L2(6.0), 40, target=4), same)


def test_probabilities_in_the_place_of_labels():
    model, x, y = victim()
    certain = F.one_hot(y, 10).float()
    assert torch.equal(fgsm(model, x, certain, 0.1), fgsm(model, x, y, 0.1))
    hard, soft = (square_attack(model, x[:9], t[:9], Linf(0.1), 9, seeded(7)) for t in (y, certain))
    assert torch.equal(hard.x_adv, soft.x_adv)


@either
def test_the_batch_changes_no_result(scene, name):
    """Not the random starts, nor who is fooled when: every image draws from a stream of its own."""
    model, x, y = scene
    sizes = []
    model.register_forward_hook(lambda _m, args, _out: sizes.append(len(args[0])))
    whole = ATTACKS[name](model, x, y)
    for batch in (1, 4):
        del sizes[2:]
        again = ATTACKS[name](model, x, y, batch=batch)
        torch.testing.assert_close(again, whole, rtol=0, atol=1e-4)  # sums round differently
        assert max(sizes[4:]) <= batch  # the first looks of each call are the door's
    with pytest.raises(CourseError, match="batch was 0"):
        ATTACKS[name](model, x, y, batch=0)


def test_the_same_generator_gives_the_same_attack(scene):
    for name in ("pgd", "square", "hop skip jump"):
        assert torch.equal(ATTACKS[name](*scene), ATTACKS[name](*scene))


# --- Mistakes are named --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda m, x, y: fgsm(m, x, y, 8.0), "eps was 8; pixels"),
        (lambda m, x, y: pgd(m, x, y, Linf(0.1), 0), "steps was 0"),
        (lambda m, x, y: pgd(m, x, y, Linf(0.1), 1, restarts=0), "restarts was 0"),
        (
            lambda m, x, y: pgd(m, x, y, Linf(0.1), 1, restarts=3),
            "several starts and a transform draw random numbers",
        ),
        (
            lambda m, x, y: fgsm(m, x, F.one_hot(y)[:5].float(), 0.1),
            "y had shape \\(5, 3\\); it must be \\(6, 3\\)",
        ),
        (lambda m, x, y: fgsm(m, x, y, 0.1, target=y[:5]), "target had 5 rows for 6 images"),
        (lambda m, x, y: lbfgs_attack(m, x, y, c=-1.0), "c was -1.0"),
        (lambda m, x, y: lbfgs_attack(m, x, y, searches=0), "searches was 0"),
        (lambda m, x, y: carlini_wagner(m, x, y, kappa=-1.0), "kappa was -1.0"),
        (lambda m, x, y: spatial_search(m, x, y, []), "transforms was empty"),
        (lambda m, x, y: square_attack(m, x, y, Linf(8.0), 9, seeded(7)), "eps was 8"),
        (lambda m, x, y: square_attack(m, x, y, Linf(0.1), 0, seeded(7)), "queries was 0"),
        (lambda m, x, y: hop_skip_jump(m, x, y, 9, seeded(7)), "queries was 9"),
    ],
)
def test_mistakes_get_one_plain_sentence(scene, call, says):
    with pytest.raises(CourseError, match=says):
        call(*scene)


def test_momentum_adds_up_gradients_of_one_size(scene):
    """Dong et al. 2018, eq. 6 and 7, by hand: each gradient is divided by its own mean size.

    The network is so sure of itself far from its boundary that its gradients differ in size by
    orders of magnitude; added up as they are, the largest would decide alone.
    """
    torch.manual_seed(4)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 30), nn.Tanh(), nn.Linear(30, 3)).double()
    with torch.no_grad():
        model[3].weight *= 20
    _, x, y = scene
    x, eps, steps, mu = x.double(), 0.3, 12, 0.9

    def by_hand(size):
        walker, velocity, points = x, torch.zeros_like(x), []
        for _ in range(steps):
            walker = walker.detach().requires_grad_()
            (slope,) = torch.autograd.grad(
                F.cross_entropy(model(walker), y, reduction="sum"), walker
            )
            velocity = mu * velocity + slope / size(slope)
            walker = walker + 0.1 * velocity.sign()
            walker = torch.minimum(torch.maximum(walker, x - eps), x + eps).clamp(0, 1)
            points.append(walker)
        return best_of(model, y, points)

    ours = pgd(model, x, y, Linf(eps), steps, 0.1, momentum=mu, early_stop=False)
    paper = by_hand(lambda slope: slope.abs().sum((1, 2, 3), keepdim=True))
    torch.testing.assert_close(ours, paper, rtol=0, atol=1e-12)
    assert not torch.allclose(ours, by_hand(lambda slope: 1.0), atol=1e-3)
