"""Classifiers: pixels in, logits out, weights from a generator; a real network and a real photo."""

import os
from pathlib import Path

import pytest
import torch

from coursekit import nets
from coursekit.attacks import fgsm
from coursekit.data import photo
from coursekit.errors import CourseError
from coursekit.nets.classifiers import Residual


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 8, 12)])
def test_every_classifier_takes_every_shape(shape, rng):
    x = torch.rand(4, *shape, generator=rng)
    cnn = nets.StridedCNN(shape, 7, hidden=30, rng=rng)
    for make in (nets.LinearClassifier, nets.PooledCNN, nets.SmallResNet):
        assert cnn(x).shape == make(shape, 7)(x).shape == (4, 7)
    assert cnn.features(x).shape == (4, 30)
    torch.testing.assert_close(cnn.head(cnn.features(x)), cnn(x))


def test_the_first_weights_are_spread_as_wide_as_pytorchs_own(rng):
    """U(−1/√fan_in, 1/√fan_in): 4,000 draws reach its ends, and none lies beyond."""
    layer = nets.LinearClassifier((1, 4, 5), 200, rng)[1]
    end = 20**-0.5
    assert 0.99 * end < layer.weight.abs().max().item() <= end
    assert layer.weight.std().item() == pytest.approx(end / 3**0.5, rel=0.05)
    assert 0.9 * end < layer.bias.abs().max().item() <= end


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 3), (3, 6)], ids=["same", "growing"])
def test_a_residual_block_that_has_nothing_to_add_passes_its_input_on(inputs, outputs, rng):
    block, x = Residual(inputs, outputs), torch.randn(2, inputs, 8, 8, generator=rng)
    for parameter in block.long[-1].parameters():
        torch.nn.init.zeros_(parameter)
    torch.testing.assert_close(block(x), x if inputs == outputs else block.short(x))


def test_an_mlp_has_no_activation_after_its_last_layer(rng):
    model = nets.MLP((3, 8, 1), torch.nn.Sigmoid, rng)
    assert [type(m).__name__ for m in model] == ["Flatten", "Linear", "Sigmoid", "Linear"]
    with pytest.raises(CourseError, match="sizes was"):
        nets.MLP((3,))


def test_normalisation_is_channel_by_channel():
    x = torch.tensor([0.5, 0.2]).view(1, 2, 1, 1)
    expected = torch.tensor([0.0, -2.0]).view(1, 2, 1, 1)
    torch.testing.assert_close(nets.Normalize([0.5, 0.4], [0.2, 0.1])(x), expected)
    with pytest.raises(CourseError, match="std above 0"):
        nets.Normalize([0.5], [0.0])


def test_maxout_is_the_largest_of_its_pieces(rng):
    layer, x = nets.Maxout(6, 4, pieces=3), torch.rand(5, 6, generator=rng)
    w, b = layer.linear.weight.view(4, 3, 6), layer.linear.bias.view(4, 3)
    by_hand = torch.stack([x @ w[:, k].T + b[:, k] for k in range(3)]).amax(0)
    torch.testing.assert_close(layer(x), by_hand)


def test_missing_or_broken_weights_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(CourseError, match=r"squeezenet1_1-b8a52dc0.pth are not in torch.s hub"):
        nets.pretrained("squeezenet1_1")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "squeezenet1_1-b8a52dc0.pth").write_bytes(b"half a file")
    with pytest.raises(CourseError, match="cannot be read"):
        nets.pretrained("squeezenet1_1")


def test_the_panda_becomes_a_lesser_panda():
    """Known: one step of 2/255 gives "lesser panda" at .96."""
    weights = Path(torch.hub.get_dir()) / "checkpoints" / "squeezenet1_1-b8a52dc0.pth"
    picture = Path(os.environ.get("COURSEKIT_DATA", "data")) / "photos" / "panda.jpg"
    if not (weights.exists() and picture.exists()):
        pytest.skip(f"needs {weights.name} below TORCH_HOME and photos/panda.jpg")
    model, classes = nets.pretrained("squeezenet1_1")
    x = photo("panda.jpg")
    before = model(x).softmax(1)
    assert classes[int(before.argmax())] == "giant panda"
    after = model(fgsm(model, x, before.argmax(1), 2 / 255)).softmax(1)
    assert classes[int(after.argmax())] == "lesser panda"
    assert after.max().item() == pytest.approx(0.96, abs=0.01)
