"""The ladder of attacks, and the defences that hide a gradient."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from coursekit.errors import CourseError
from coursekit.gradients import input_gradient
from coursekit.metrics import accuracy, attack_suite, worst_case
from coursekit.nets import LinearClassifier, QuantizedInputs, ScaledLogits, quantize


class Threshold(nn.Module):
    """Class 1 where the first pixel is above ½."""

    def forward(self, x):
        bright = x[:, 0, 0, :1] - 0.5
        return torch.cat([-bright, bright], 1)


X = torch.tensor([0.1, 0.4, 0.6, 0.9]).view(4, 1, 1, 1)
Y = torch.tensor([0, 0, 1, 1])
UP, DOWN = (lambda m, x, y: x + 0.2), (lambda m, x, y: x - 0.2)


def test_each_attack_is_judged_by_itself_and_clean_comes_first():
    survived = attack_suite(Threshold(), X, Y, {"up": UP, "down": DOWN})
    assert list(survived) == ["clean", "up", "down"]
    assert survived["clean"].tolist() == [True] * 4
    assert survived["up"].tolist() == [True, False, True, True]
    assert survived["down"].tolist() == [True, True, False, True]


def test_the_worst_case_is_taken_image_by_image():
    survived = attack_suite(Threshold(), X, Y, {"up": UP, "down": DOWN})
    assert worst_case(survived).tolist() == [True, False, False, True]


def test_the_model_is_judged_in_eval_mode_and_left_in_its_own():
    blind_in_training = nn.Sequential(nn.Dropout(1.0), Threshold()).train()
    survived = attack_suite(blind_in_training, X, Y, {"up": lambda m, x, y: x})
    assert survived["clean"].all() and survived["up"].all()
    assert blind_in_training.training


def test_batches_change_nothing():
    whole, single = (attack_suite(Threshold(), X, Y, {"up": UP}, batch=k) for k in (4, 1))
    assert all(torch.equal(whole[name], single[name]) for name in whole)


def test_the_ladder_refuses_what_it_cannot_judge():
    with pytest.raises(CourseError, match="x was empty"):
        attack_suite(Threshold(), X[:0], Y[:0], {})
    with pytest.raises(CourseError, match="'clean'"):
        attack_suite(Threshold(), X, Y, {"clean": UP})
    with pytest.raises(CourseError, match="empty"):
        worst_case({})


def test_loud_logits_decide_alike_and_have_no_gradient(rng):
    net = LinearClassifier((1, 4, 4), 3, rng)
    x = torch.rand(50, 1, 4, 4, generator=rng)
    y = net(x).argmax(1)
    sure = (net(x).topk(2).values.diff().abs() > 0.15).squeeze(1)  # exp(−150) is 0 in float32
    assert sure.any()
    assert torch.equal(ScaledLogits(net)(x).argmax(1), y)
    slope = input_gradient(lambda x: F.cross_entropy(ScaledLogits(net)(x), y, reduction="none"), x)
    assert not slope[sure].any()


def test_a_staircase_is_flat_unless_one_steps_straight_through():
    x = torch.tensor([0.0, 0.2, 0.4, 1.0], requires_grad=True)
    for straight, slope in ((False, 0.0), (True, 1.0)):
        stairs = quantize(x, 3, straight)
        torch.testing.assert_close(stairs.detach(), torch.tensor([0.0, 0.0, 0.5, 1.0]))
        (gradient,) = torch.autograd.grad(stairs.sum(), x)
        assert (gradient == slope).all()


def test_the_quantised_network_is_the_same_with_and_without_a_gradient(rng):
    net = LinearClassifier((1, 4, 4), 3, rng)
    x = torch.rand(20, 1, 4, 4, generator=rng)
    y = torch.zeros(20, dtype=torch.long)
    masked, open_ = QuantizedInputs(net, 8), QuantizedInputs(net, 8, straight_through=True)
    torch.testing.assert_close(masked(x), open_(x))
    assert accuracy(masked, x, y) == accuracy(open_, x, y)


def test_masks_out_of_range_are_refused():
    with pytest.raises(CourseError, match="factor was 0"):
        ScaledLogits(Threshold(), 0)
    with pytest.raises(CourseError, match="levels was 1"):
        QuantizedInputs(Threshold(), 1)
