"""Metrics against torchmetrics, closed forms and cases made by hand."""

import math

import pytest
import torch
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore

from coursekit.errors import CourseError
from coursekit.metrics import (
    FIDScorer,
    accuracy,
    chroma,
    features,
    frechet_distance,
    gradient_energy,
    inception_score,
    mode_coverage,
    nearest,
    probabilities,
    robust_accuracy,
)


class Flat(nn.Module):
    """Images as their own features: torchmetrics then compares what we compare."""

    num_features = 12

    def forward(self, x):
        return x.flatten(1)


class Moody(nn.Module):
    """A network that behaves differently in train mode."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(12), nn.Dropout(0.5))
        self.head = nn.Linear(12, 3)

    def features(self, x):
        return self.body(x)

    def forward(self, x):
        return self.head(self.body(x))


@pytest.fixture
def images(rng):
    return torch.rand(60, 3, 2, 2, generator=rng)


# Fréchet distance


@pytest.mark.parametrize("n", [5, 40, 300], ids="{} rows".format)
def test_frechet_distance_is_torchmetrics(n, rng):
    """Also with fewer rows than columns, where the covariances are singular."""
    a = torch.rand(n, 3, 2, 2, generator=rng, dtype=torch.float64)
    b = 0.3 + 0.5 * torch.rand(n + 7, 3, 2, 2, generator=rng, dtype=torch.float64)
    theirs = FrechetInceptionDistance(
        feature=Flat(), normalize=True, input_img_size=(3, 2, 2)
    ).set_dtype(torch.float64)
    theirs.update(a, real=True)
    theirs.update(b, real=False)
    ours = frechet_distance(a.flatten(1), b.flatten(1))
    assert ours == pytest.approx(theirs.compute().item(), rel=1e-5, abs=1e-6)


def test_frechet_distance_of_gaussians_on_a_line(rng):
    """(μₐ − μ_b)² + (σₐ − σ_b)², exactly, whatever the sample."""
    a, b = torch.randn(2, 50, 1, generator=rng, dtype=torch.float64)
    b = 3 * b + 2
    wanted = (a.mean() - b.mean()) ** 2 + (a.std() - b.std()) ** 2
    assert frechet_distance(a, b) == pytest.approx(wanted.item())


def test_frechet_distance_is_a_distance(rng):
    a, b = torch.randn(2, 80, 5, generator=rng)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a))
    shift = frechet_distance(a, a + torch.tensor([3.0, 4.0, 0.0, 0.0, 0.0]))
    assert shift == pytest.approx(25, rel=1e-5)


def test_frechet_distance_sees_a_lost_mode_that_the_mean_does_not(rng):
    """Two piles at ±1 against one point between them: the mean agrees, the covariance does not."""
    piles = torch.tensor([[-1.0], [1.0]]).repeat(50, 1)
    assert frechet_distance(piles, torch.zeros(100, 1)) == pytest.approx(100 / 99)


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (torch.zeros(1, 3), torch.zeros(5, 3), "features_a has 1 rows"),
        (torch.zeros(5, 3), torch.zeros(5, 2), "they must agree"),
        (torch.zeros(5, 3), torch.full((5, 3), torch.nan), "features_b holds a value"),
    ],
)
def test_frechet_distance_refuses(a, b, said):
    with pytest.raises(CourseError, match=said):
        frechet_distance(a, b)


# Inception score


@pytest.mark.filterwarnings("ignore:Metric `InceptionScore` will save", "ignore:std")  # theirs
def test_inception_score_is_torchmetrics(rng):
    logits = 3 * torch.randn(200, 3, 2, 2, generator=rng)
    theirs = InceptionScore(feature=Flat(), splits=1)
    theirs.update(logits)
    ours = inception_score(logits.flatten(1).softmax(1))
    assert ours == pytest.approx(theirs.compute()[0].item(), rel=1e-5)


def test_inception_score_at_its_ends():
    assert inception_score(torch.eye(7).repeat(3, 1)) == pytest.approx(7)
    assert inception_score(torch.full((20, 7), 1 / 7)) == pytest.approx(1)
    assert inception_score(torch.eye(7)[[2] * 20]) == pytest.approx(1)  # one class only


def test_inception_score_is_blind_to_collapse_within_a_class():
    """Seven images, one per class, repeated for ever: the best score there is."""
    assert inception_score(torch.eye(7).repeat(1000, 1)) == pytest.approx(7)


def test_inception_score_refuses_logits(rng):
    with pytest.raises(CourseError, match="logits"):
        inception_score(torch.randn(5, 3, generator=rng))


# A judge judges in eval mode, and is left as it was


@pytest.mark.parametrize("what", [features, probabilities])
def test_the_judge_is_not_swayed_by_batches_and_not_changed_by_judging(what, images):
    judge = Moody().train()
    judge.head.eval()
    before = {name: value.clone() for name, value in judge.state_dict().items()}
    together, apart = what(judge, images, batch=60), what(judge, images, batch=7)
    torch.testing.assert_close(together, apart)
    assert judge.training and judge.body.training and not judge.head.training
    for name, value in judge.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert not together.requires_grad


def test_a_judge_compares_with_its_reference(images):
    network = Moody().eval()
    judge = FIDScorer(network, images[:40])
    wanted = frechet_distance(network.features(images[40:]), network.features(images[:40]))
    assert judge.fid(images[40:]) == pytest.approx(wanted)
    assert judge.reference is judge.reference
    assert judge.inception(images) == pytest.approx(inception_score(network(images).softmax(1)))


def test_accuracy_counts(images):
    judge = Moody()
    logits = judge.eval()(images)
    y = logits.argmax(1)
    y[:15] = (y[:15] + 1) % 3
    assert accuracy(judge.train(), images, y, batch=7) == pytest.approx(0.75)


def test_robust_accuracy_counts_on_what_the_attack_returns(images):
    judge = Moody().eval()
    y = judge(images).argmax(1)
    assert robust_accuracy(judge, images, y, lambda m, x, y: x, batch=7) == 1
    seen = []

    def swap(model, x, y):
        seen.append(len(x))
        return x.flip(0)

    wanted = sum(
        (judge(p.flip(0)).argmax(1) == q).sum()
        for p, q in zip(images.split(7), y.split(7), strict=True)
    )
    assert robust_accuracy(judge, images, y, swap, batch=7) == pytest.approx(wanted.item() / 60)
    assert seen == [7] * 8 + [4]


def test_nothing_to_judge_is_refused(images):
    none, labels = images[:0], torch.zeros(len(images), dtype=torch.int64)
    for call in (
        lambda: accuracy(Moody(), none, torch.zeros(0, dtype=torch.int64)),
        lambda: robust_accuracy(
            Moody(), none, torch.zeros(0, dtype=torch.int64), lambda m, x, y: x
        ),
        lambda: features(Moody(), images, batch=0),
        lambda: robust_accuracy(Moody(), images, labels, lambda m, x, y: x, batch=0),
    ):
        with pytest.raises(CourseError, match=r"empty|batch was 0"):
            call()


# Modes

CENTRES = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])


def test_mode_coverage_by_hand():
    samples = torch.tensor([[0.0, 0.5], [0.9, 0.0], [10.0, 1.0], [10.0, 1.01], [5.0, 5.0]])
    found = mode_coverage(samples, CENTRES, radius=1.0)
    assert found.counts.tolist() == [2, 1, 0]
    assert found.quality == pytest.approx(3 / 5)
    assert found.covered() == 2
    assert found.covered(least=2) == 1
    uneven = 2 / 3 * math.log(2) + 1 / 3 * math.log(1)  # Σ q log(q / ⅓)
    assert found.reverse_kl == pytest.approx(uneven)


def test_mode_coverage_at_its_ends():
    every = mode_coverage(CENTRES, CENTRES, radius=0.1)
    assert (every.covered(), every.quality, every.reverse_kl) == (3, 1, pytest.approx(0))
    one = mode_coverage(CENTRES[[1, 1]], CENTRES, radius=0.1)
    assert (one.covered(), one.quality, one.reverse_kl) == (1, 1, pytest.approx(math.log(3)))
    lost = mode_coverage(CENTRES + 3, CENTRES, radius=0.1)
    assert (lost.covered(), lost.quality) == (0, 0)
    assert math.isnan(lost.reverse_kl)


def test_where_modes_overlap_a_sample_counts_once():
    found = mode_coverage(torch.tensor([[4.9, 0.0]]), CENTRES, radius=20.0)
    assert found.counts.tolist() == [1, 0, 0]


def test_mode_coverage_refuses():
    with pytest.raises(CourseError, match="radius was 0"):
        mode_coverage(CENTRES, CENTRES, radius=0.0)
    with pytest.raises(CourseError, match="samples was empty"):
        mode_coverage(CENTRES[:0], CENTRES, radius=1.0)


def test_nearest_finds_a_copy(images):
    distance, number = nearest(images[[5, 17]] + 1e-4, images, chunk=1)
    assert number.tolist() == [5, 17]
    assert distance.max() < 1e-2


def test_gradient_energy_by_hand():
    """A checkerboard differs by 1 between all neighbours; a flat image nowhere; a blur by less."""
    board = (torch.arange(6)[:, None] + torch.arange(6)) % 2
    sharp = board.float().view(1, 1, 6, 6)
    assert gradient_energy(sharp).item() == pytest.approx(2)
    assert gradient_energy(0.5 * sharp).item() == pytest.approx(0.5)
    assert gradient_energy(torch.ones(1, 1, 6, 6)).item() == 0


def test_chroma_by_hand():
    """Grey has none; pure red all of it; half a picture of pure red half."""
    grey = torch.full((1, 3, 4, 4), 0.3)
    red = torch.zeros(1, 3, 4, 4)
    red[:, 0] = 1
    half = torch.cat([red[..., :2], grey[..., :2]], 3)
    assert chroma(torch.cat([grey, red, half])).tolist() == [0, 1, 0.5]
