"""Autoregressive models: densities that sum to 1, what each logit may see, and samples."""

from itertools import product
from math import log

import pytest
import torch

from coursekit import nets
from coursekit.errors import CourseError
from coursekit.nets.autoregressive import Autoregressive
from coursekit.objectives import negative_log_likelihood, order_agnostic

SMALL = (1, 3, 4)  # 4,096 binary images
MODELS = {
    "fvsbn": lambda shape, rng: nets.FVSBN(shape, rng=rng),
    "nade": lambda shape, rng: nets.NADE(shape, 7, rng=rng),
    "made": lambda shape, rng: nets.MADE(shape, (17,), rng=rng),
    "made-deep": lambda shape, rng: nets.MADE(shape, (17, 13), rng=rng),
    "made-orders": lambda shape, rng: nets.MADE(shape, (9,), orders=3, rng=rng),
    "made-classes": lambda shape, rng: nets.MADE(shape, (9,), classes=3, rng=rng),
    "pixelcnn": lambda shape, rng: nets.PixelCNN(shape, 6, 2, 5, rng=rng),
    "gated": lambda shape, rng: nets.GatedPixelCNN(shape, 4, 2, 5, rng=rng),
    "row-lstm": lambda shape, rng: nets.RowLSTM(shape, 5, 3, rng=rng),
    "attention": lambda shape, rng: nets.CausalAttention(shape, 8, 2, 2, rng=rng),
}


def random_weights(model: torch.nn.Module, rng: torch.Generator, scale: float = 0.7) -> None:
    """Weights large enough that a wrong connection shows."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(scale * torch.randn(parameter.shape, generator=rng))


@pytest.fixture(params=MODELS)
def model(request, rng) -> Autoregressive:
    made = MODELS[request.param](SMALL, rng).double()
    random_weights(made, rng)
    return made


def every_image(shape=SMALL, dtype=torch.float64):
    d = shape[1] * shape[2]
    return torch.tensor(list(product((0.0, 1.0), repeat=d)), dtype=dtype).view(-1, *shape)


def labels_for(model, n, k=1):
    return torch.full((n,), k) if model.classes else None


def test_the_probabilities_of_all_images_sum_to_one(model):
    x = every_image()
    with torch.no_grad():
        for k in range(max(1, model.classes)):
            total = model.log_prob(x, labels_for(model, len(x), k)).exp().sum()
            assert float(total) == pytest.approx(1, abs=1e-9)


def sees(model, x, i, order=0):
    """Which pixels the logit of pixel i depends on, by its gradient; pixels between 0 and 1."""
    x = x.clone().requires_grad_()
    logit = model.logits(x, labels_for(model, len(x)), order).flatten(1)[:, i].sum()
    (gradient,) = torch.autograd.grad(logit, x, allow_unused=True)
    return torch.zeros(x[0].numel(), dtype=bool) if gradient is None else (
        gradient.flatten(1).abs().amax(0) > 0
    )  # fmt: skip


def test_no_logit_depends_on_its_own_or_a_later_pixel(model, rng):
    x = torch.rand(64, *SMALL, generator=rng, dtype=torch.float64)
    for order, rank in enumerate(model.ranks):
        seen = torch.stack([sees(model, x, i, order) for i in range(12)])
        assert not seen[rank[None, :] >= rank[:, None]].any()
        late = int(rank.argmax())
        assert seen[late].sum() >= 7, "the last pixel sees most of the others"


def test_the_next_logit_is_that_of_the_whole_image(model, rng):
    x = (torch.rand(5, *SMALL, generator=rng, dtype=torch.float64) < 0.5).double()
    for order, rank in enumerate(model.ranks):
        y = labels_for(model, 5)
        logits = model.logits(x, y, order).flatten(1)
        for i in range(12):
            later = (rank >= rank[i]).view(SMALL)
            blank = torch.where(later, 0.0, x)  # what sampling knows at that time
            torch.testing.assert_close(model.next_logit(blank, i, y, order), logits[:, i])


@pytest.mark.parametrize("name", MODELS)
def test_samples_have_the_models_distribution(name, rng):
    """2 × 2 images: 16 frequencies of 20,000 samples against the exact probabilities, by χ²."""
    shape, n = (1, 2, 2), 20_000
    model = MODELS[name](shape, rng).double()
    random_weights(model, rng)
    orders = len(model.ranks)
    x, y = every_image(shape), labels_for(model, 16)
    for order in range(orders):
        drawn = model.sample(n, rng, labels_for(model, n), order=order).flatten(1)
        code = (drawn @ drawn.new_tensor([8, 4, 2, 1])).long()
        found = code.bincount(minlength=16).double()
        with torch.no_grad():
            wanted = n * model.order_log_prob(x, y, order).exp()
        chi2 = float(((found - wanted).square() / wanted.clamp_min(1e-9)).sum())
        assert chi2 < 45, "above the 1e-4 quantile of 15 degrees of freedom"


def test_an_order_and_its_inverse_are_told_apart(rng):
    """A cycle of three: sampled along the ranks themselves, pixels would see the future."""
    model = nets.MADE((1, 1, 3), (12,), orders=1, rng=rng).double()
    model.ranks = torch.tensor([[1, 2, 0]])  # pixel 2 first, then 0, then 1
    random_weights(model, rng, 2.0)
    x = every_image((1, 1, 3))
    with torch.no_grad():
        wanted = model.log_prob(x).exp()
    drawn = model.sample(20_000, rng).flatten(1)
    found = (drawn @ drawn.new_tensor([4, 2, 1])).long().bincount(minlength=8) / 20_000
    assert float((found - wanted).abs().max()) < 0.015


def test_averaged_joints_are_a_density_and_averaged_logits_are_none(rng):
    shape = (1, 2, 3)
    model = nets.MADE(shape, (16,), orders=4, rng=rng).double()
    random_weights(model, rng, 1.5)
    x = every_image(shape)
    with torch.no_grad():
        joints = torch.stack([model.order_log_prob(x, None, k).exp() for k in range(4)])
        torch.testing.assert_close(model.log_prob(x).exp(), joints.mean(0))
        assert float(model.log_prob(x).exp().sum()) == pytest.approx(1, abs=1e-9)
        logits = torch.stack([model.logits(x, None, k) for k in range(4)]).mean(0)
        bernoulli = torch.distributions.Bernoulli(logits=logits)
        total = bernoulli.log_prob(x).flatten(1).sum(1).exp().sum()
    assert abs(float(total) - 1) > 0.01


def test_bayes_rule_with_a_conditional_model(rng):
    model = nets.MADE(SMALL, (9,), classes=3, rng=rng).double()
    random_weights(model, rng)
    x = every_image()[::37]
    with torch.no_grad():
        each = model.class_log_probs(x)
    for k in range(3):
        torch.testing.assert_close(each[:, k], model.log_prob(x, torch.full((len(x),), k)).detach())
    assert (each.argmax(1).bincount(minlength=3) > 0).all()
    with pytest.raises(CourseError, match="asks for classes"):
        model.log_prob(x)
    with pytest.raises(CourseError, match="no classes"):
        nets.MADE(SMALL, (9,), rng=rng).class_log_probs(x.float())


# Masks


def test_mask_a_leaves_out_the_centre_and_mask_b_keeps_it():
    a, b = (nets.MaskedConv2d(kind, 1, 1, 3).mask.int().tolist() for kind in "AB")
    assert a == [[1, 1, 1], [1, 0, 0], [0, 0, 0]]
    assert b == [[1, 1, 1], [1, 1, 0], [0, 0, 0]]
    assert nets.MaskedConv2d("A", 1, 1, 1).mask.sum() == 0, "a 1 × 1 kernel is all centre"
    assert nets.MaskedConv2d("B", 1, 1, 1).mask.sum() == 1
    with pytest.raises(CourseError, match="choose one of A, B"):
        nets.MaskedConv2d("C", 1, 1, 3)
    with pytest.raises(CourseError, match="must be odd"):
        nets.MaskedConv2d("A", 1, 1, 4)


def test_mades_masks_leave_exactly_the_paths_to_later_pixels(rng):
    model = nets.MADE(SMALL, (40, 30), orders=2, rng=rng)
    for order, rank in enumerate(model.ranks):
        paths = torch.eye(12)
        for mask in model.masks(order):
            paths = mask.float() @ paths
        assert torch.equal(paths > 0, rank[None, :] < rank[:, None])


# The blind spot


def unseen(model, shape, at):
    """Pixels before `at` with no influence on its logit, by the gradient, as a map."""
    x = torch.rand(32, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    i = at[0] * shape[2] + at[1]
    before = torch.arange(shape[1] * shape[2]) < i
    return (before & ~sees(model, x, i)).view(shape[1:])


def cone(shape, at, first, later=1):
    """Above, a kernel reaches `first` columns to the right in its first row and `later` more in
    each further one: what lies beyond is blind."""
    row, column = torch.meshgrid(torch.arange(shape[1]), torch.arange(shape[2]), indexing="ij")
    up, right = at[0] - row, column - at[1]
    return (up >= 1) & (right > first + later * (up - 1))


@pytest.mark.parametrize("first", [3, 5])
@pytest.mark.parametrize("at", [(8, 4), (5, 0), (6, 2), (3, 8)])
def test_the_blind_spot_is_the_cone_that_masked_kernels_cannot_reach(first, at, rng):
    shape = (1, 9, 9)
    model = nets.PixelCNN(shape, 16, 10, first, rng=rng).double()  # wide: some units live
    random_weights(model, rng, 0.3)
    predicted = cone(shape, at, first // 2)
    assert torch.equal(unseen(model, shape, at), predicted)
    assert predicted.any() or at == (3, 8)


@pytest.mark.parametrize("at", [(8, 4), (5, 0), (3, 8)])
def test_two_stacks_have_no_blind_spot(at, rng):
    shape = (1, 9, 9)
    model = nets.GatedPixelCNN(shape, 4, 10, 3, rng=rng).double()
    random_weights(model, rng, 0.2)
    assert not unseen(model, shape, at).any()


# Completing


def test_completion_leaves_what_is_given(model, rng):
    x = (torch.rand(6, *SMALL, generator=rng) < 0.5).double()
    mask = torch.rand(6, *SMALL, generator=rng) < 0.5
    done = model.sample(6, rng, labels_for(model, 6), given=x, mask=mask)
    assert torch.equal(done[mask], x[mask]) and set(done.unique().tolist()) <= {0.0, 1.0}
    whole = torch.ones(SMALL, dtype=torch.bool)
    assert torch.equal(model.sample(6, rng, labels_for(model, 6), x, whole), x)


def test_a_completion_is_drawn_from_what_is_given(rng):
    """The second pixel repeats the first: given the first, it follows."""
    model = nets.FVSBN((1, 1, 2))
    with torch.no_grad():
        model.pairs.weight.fill_(40.0)
        model.bias.copy_(torch.tensor([0.0, -20.0]))
    given = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 1, 1, 2)
    mask = torch.tensor([True, False]).view(1, 1, 2)
    assert model.sample(2, rng, given=given, mask=mask).flatten(1).tolist() == [[0, 0], [1, 1]]
    with pytest.raises(CourseError, match="both given and mask"):
        model.sample(2, rng, given=given)
    with pytest.raises(CourseError, match="as many images"):
        model.sample(3, rng, given=given, mask=mask)


def test_sampling_leaves_the_images_that_were_given(rng):
    model = nets.FVSBN((1, 2, 2))
    given = torch.zeros(4, 1, 2, 2)
    model.sample(4, rng, given=given, mask=torch.zeros(1, 2, 2, dtype=torch.bool))
    assert not given.any()


# Counting, objectives, refusals


@pytest.mark.parametrize("d", [16, 64])
def test_parameters_grow_as_the_papers_say(d, rng):
    def count(model):
        return sum(p.numel() for p in model.parameters())

    assert count(nets.FVSBN((1, 4, d // 4))) == d * (d - 1) // 2 + d
    assert count(nets.NADE((1, 4, d // 4), 5, rng=rng)) == 2 * 5 * d + d + 5


def test_an_untrained_fvsbn_gives_every_image_the_same_probability():
    model, x = nets.FVSBN(SMALL), every_image(dtype=torch.float32)
    torch.testing.assert_close(model.log_prob(x), torch.full((4096,), -12 * log(2)))


def test_the_objectives_are_means_over_images_and_orders(rng):
    x, y = (torch.rand(6, *SMALL, generator=rng) < 0.5).float(), torch.arange(6) % 3
    model = nets.MADE(SMALL, (9,), orders=3, rng=rng)
    random_weights(model, rng)
    rows = [model.order_log_prob(x[i : i + 1], None, i % 3) for i in range(6)]
    torch.testing.assert_close(order_agnostic(model, x, y), -torch.cat(rows).mean())
    torch.testing.assert_close(negative_log_likelihood(model, x, y), -model.log_prob(x).mean())
    told = nets.MADE(SMALL, (9,), classes=3, rng=rng)
    random_weights(told, rng)
    assert negative_log_likelihood(told, x, y) != negative_log_likelihood(told, x, y.flip(0))


def test_the_kl_divergence_differs_from_the_objective_by_the_entropy(rng):
    """Maximum likelihood = least KL, exactly, over all images."""
    p = torch.rand(4096, generator=rng, dtype=torch.float64)
    p, x = p / p.sum(), every_image()
    entropy = -(p * p.log()).sum()
    for seed in range(3):
        model = nets.FVSBN(SMALL).double()
        random_weights(model, torch.Generator().manual_seed(seed))
        with torch.no_grad():
            log_q = model.log_prob(x)
        kl = (p * (p.log() - log_q)).sum()
        torch.testing.assert_close(kl, -(p * log_q).sum() - entropy)


def test_colour_and_no_orders_are_refused():
    with pytest.raises(CourseError, match="one channel"):
        nets.FVSBN((3, 4, 4))
    with pytest.raises(CourseError, match="one is the least"):
        nets.MADE(SMALL, orders=0)
    with pytest.raises(CourseError, match="multiple of heads"):
        nets.CausalAttention(SMALL, 6)
