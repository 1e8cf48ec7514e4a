"""What is measured of densities: test NLL in nats with its standard error, bits, Bayes' rule."""

from math import log

import pytest
import torch

from coursekit import nets
from coursekit.data import Dataset, Split
from coursekit.zoo import RECIPES, measures
from coursekit.zoo.figures import binary_test, by_batches, standard_error
from coursekit.zoo.measures import measure_likelihood


def data_of(x, origin=None):
    split = Split(x, torch.arange(len(x)) % 10, origin)
    return Dataset("mine", split, split, tuple("0123456789"))


@pytest.fixture
def data(rng):
    return data_of(torch.rand(30, 1, 4, 6, generator=rng))


def fresh():
    return torch.Generator().manual_seed(1)


def test_the_test_pixels_are_drawn_once_whatever_the_number_of_images(data):
    whole, few = binary_test(data, 30), binary_test(data, 7)
    assert torch.equal(whole.x[:7], few.x) and torch.equal(few.y, data.test.y[:7])
    assert set(whole.x.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(binary_test(data, 30, fresh()).x, whole.x)


def test_an_untrained_fvsbn_costs_log_2_a_pixel(data):
    figures = measure_likelihood(nets.FVSBN((1, 4, 6)), data, None, 20, fresh())
    assert figures.keys() == {"nll"}
    assert figures["nll"]["value"] == pytest.approx(24 * log(2), rel=1e-6)
    assert figures["nll"]["n"] == 20 and figures["nll"]["se"] < 1e-5


def test_a_measured_nll_is_that_of_the_same_images_with_their_standard_error(data, rng):
    model = nets.NADE((1, 4, 6), 5, rng=rng)
    row = measure_likelihood(model, data, None, 30, fresh())["nll"]
    with torch.no_grad():
        wanted = -model.log_prob(binary_test(data, 30).x)
    assert row["value"] == pytest.approx(float(wanted.mean()), rel=1e-5)
    assert row["se"] == pytest.approx(float(wanted.std()) / 30**0.5, rel=1e-4)


def test_of_several_orders_the_joint_is_averaged_and_costs_no_more_than_single_ones(data, rng):
    model = nets.MADE((1, 4, 6), (8,), orders=3, rng=rng)
    with torch.no_grad():
        model.pairs.weight.normal_(generator=rng)
    figures = measure_likelihood(model, data, None, 30, fresh())
    x = binary_test(data, 30).x
    with torch.no_grad():
        single = torch.stack([-model.order_log_prob(x, None, k) for k in range(3)])
    assert figures["nll_one_order"]["value"] == pytest.approx(float(single.mean()), rel=1e-5)
    assert figures["nll"]["value"] < figures["nll_one_order"]["value"] - 0.1


def test_a_conditional_model_is_measured_told_the_class_and_not(data, rng):
    model = nets.MADE((1, 4, 6), (8,), classes=10, rng=rng)
    with torch.no_grad():
        model.shift_logits.normal_(generator=rng)
    figures = measure_likelihood(model, data, None, 30, fresh())
    test = binary_test(data, 30)
    with torch.no_grad():
        each = model.class_log_probs(test.x)
    told = -each[torch.arange(30), test.y].mean()
    assert figures["nll_given_class"]["value"] == pytest.approx(float(told), rel=1e-5)
    mixed = -(each.exp().mean(1)).log().mean()
    assert figures["nll"]["value"] == pytest.approx(float(mixed), rel=1e-4)
    right = float((each.argmax(1) == test.y).float().mean())
    assert figures["class_accuracy"]["value"] == pytest.approx(right)


def test_a_flow_is_measured_on_grey_images_in_bits(data, rng):
    figures = measure_likelihood(nets.RealNVP((1, 4, 6), 4, 2, rng=rng), data, None, 30, fresh())
    ratio = figures["nll"]["value"] / figures["bits_per_dim"]["value"]
    assert ratio == pytest.approx(24 * log(2), rel=1e-6)
    assert 8 < figures["bits_per_dim"]["value"] < 12, "untrained, it is worse than uniform"


def test_renderings_of_one_original_count_as_one_draw(rng):
    values, copies = torch.randn(50, generator=rng), 8
    origin = torch.arange(50).repeat(copies)
    alone = standard_error(values)
    assert standard_error(values.repeat(copies), origin) == pytest.approx(alone, rel=0.03)
    assert standard_error(values.repeat(copies)) < 0.5 * alone


def test_batches_change_nothing(rng):
    x = torch.rand(23, 3, generator=rng)
    assert torch.equal(by_batches(lambda a, b: (a - b).sum(1), x, 2 * x, batch=5), -x.sum(1))


def test_recipes_of_densities_are_measured_as_such():
    for name in ("fvsbn", "made-orders", "realnvp"):
        assert measures.special_measure(RECIPES[f"{name}-digits"]) is measure_likelihood
    assert measures.special_measure(RECIPES["classifier-digits"]) is None
