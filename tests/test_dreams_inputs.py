"""What dreams are made of: the network of places, and real weights."""

import os
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from coursekit.data import whole_photo
from coursekit.dreams import Objective, channel, count_hooks, dream, layer, objective_grad
from coursekit.errors import CourseError
from coursekit.nets import PatchPositionNet, pretrained
from coursekit.nets.pretrained import _SPECIAL


def test_the_place_network_takes_any_size(rng):
    net = PatchPositionNet(7, rng=rng).eval()
    for shape in ((1, 3, 16, 16), (2, 3, 48, 40)):
        assert net(torch.rand(shape, generator=rng)).shape == (shape[0], 7)
    with pytest.raises(CourseError, match="six stages"):
        PatchPositionNet(7, (4, 5))


def test_its_gradient_carries_no_chequerboard(rng):
    """Averages before a convolution give every pixel of a 2 × 2 block its fair share."""
    net = PatchPositionNet(3, rng=rng).eval()
    ends = Objective(lambda seen: seen.at[net.stages[1]].sum((1, 2, 3)), (net.stages[1],))
    gradient = objective_grad(net, ends, torch.rand(32, 3, 48, 48, generator=rng))[0][
        ..., 8:40, 8:40
    ]
    phases = torch.stack([gradient[..., i::2, j::2].abs().mean() for i in (0, 1) for j in (0, 1)])
    assert phases.max() < 1.1 * phases.min()


# Real weights, by way of made-up files: no network is at hand in the tests. --------------------


def test_what_cannot_be_had_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(CourseError, match="name was 'alexnot'"):
        pretrained("alexnot")
    with pytest.raises(CourseError, match=r"resnet18.*TORCH_HOME.*download=True"):
        pretrained("resnet18")

    def offline(*_args, **_kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(CourseError, match="could not be fetched from http.*: no route to host."):
        pretrained("resnet18", download=True)
    with pytest.raises(CourseError, match="no such file"):
        pretrained("resnet18", tmp_path / "none.pt")


def test_a_hub_folder_that_is_a_file_is_said_and_no_network_is_blamed(tmp_path, monkeypatch):
    (tmp_path / "home").write_text("a file")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "home"))
    with pytest.raises(
        CourseError, match=r"home.checkpoints \(below TORCH_HOME\) could not be made"
    ):
        pretrained("resnet18", download=True)


def test_a_checkpoint_with_more_than_weights_is_told_what_it_holds(tmp_path):
    state = torchvision.models.squeezenet1_1().state_dict()
    torch.save({"state_dict": state, "epoch": 9}, tmp_path / "mine.pth")
    said = r"mine.pth; it holds 'state_dict', 'epoch', and not tensors by their names"
    with pytest.raises(CourseError, match=said):
        pretrained("squeezenet1_1", file=tmp_path / "mine.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(CourseError, match="list.pth; it holds list, and not tensors"):
        pretrained("squeezenet1_1", file=tmp_path / "list.pth")


@pytest.mark.parametrize("name", ["squeezenet1_1", "shufflenet_v2_x0_5"])
def test_a_name_gives_the_network_with_the_weights_of_the_hub_folder(name, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    weights = torchvision.models.get_model_weights(name).DEFAULT
    made = torchvision.models.get_model(name).eval()
    (tmp_path / "checkpoints").mkdir()
    torch.save(made.state_dict(), tmp_path / "checkpoints" / weights.url.rsplit("/", 1)[-1])
    net, classes = pretrained(name)
    x = torch.rand(1, 3, 64, 64)
    preset = weights.transforms()
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (preset.mean, preset.std))
    with torch.no_grad():
        torch.testing.assert_close(net(x), made((x - mean) / std))
    assert not net.training
    assert len(classes) == 1000


def test_a_trunk_gives_the_layers_it_holds_and_names_those_it_lacks(tmp_path):
    whole = torchvision.models.squeezenet1_1().eval()
    trunk = {k: v.half() for k, v in whole.state_dict().items() if k.startswith("features.")}
    torch.save(trunk, tmp_path / "trunk.pt")
    net, _ = pretrained("squeezenet1_1", tmp_path / "trunk.pt", mean=[0.5] * 3, std=[0.5] * 3)
    x = torch.rand(1, 3, 64, 64)
    found = dream(net, x, channel(net[1].features[3], 2), octaves=1, steps=2)
    assert found.image.shape == x.shape
    with pytest.raises(CourseError, match="no weights for classifier"):
        net(x)
    assert count_hooks(net) == 0
    with torch.no_grad():  # half-precision values come back as float32
        mine, theirs = net[1].features((x - 0.5) / 0.5), whole.features((x - 0.5) / 0.5)
    torch.testing.assert_close(mine, theirs, rtol=0.05, atol=0.05)
    del trunk["features.3.squeeze.bias"]
    torch.save(trunk, tmp_path / "holes.pt")
    with pytest.raises(CourseError, match="lacks"):
        pretrained("squeezenet1_1", tmp_path / "holes.pt")
    torch.save({"something": torch.zeros(2)}, tmp_path / "other.pt")
    with pytest.raises(CourseError, match="not those of this network"):
        pretrained("squeezenet1_1", tmp_path / "other.pt")


def test_the_two_that_need_more_words_are_built_as_their_weights_expect():
    for name, words in _SPECIAL.items():
        model = torchvision.models.get_model(name, **words)
        assert model.transform_input
        assert model.AuxLogits is not None if name == "inception_v3" else model.aux1 is not None


def test_squeezenet_dreams_with_its_real_weights():
    file = Path(torch.hub.get_dir()) / "checkpoints" / "squeezenet1_1-b8a52dc0.pth"
    if not file.exists():
        pytest.skip(f"needs {file.name} below TORCH_HOME")
    net, _ = pretrained("squeezenet1_1")
    photo = whole_photo("china.jpg", 160)
    objective = layer(net[1].features[11])
    found = dream(net, photo, objective, octaves=2, steps=3, step_size=0.015)
    with torch.no_grad():  # five seeds of jitter gave factors of 6 to 8
        assert objective(net, found.image) > 2 * objective(net, photo)


def test_the_shared_inception_trunk_dreams():
    file = Path(os.environ.get("COURSEKIT_DATA", "data")) / "weights"
    file = file / "inception_v3_trunk_mixed7a_fp16.pt"
    if not file.exists():
        pytest.skip(f"needs weights/{file.name} in the data folder")
    net, _ = pretrained("inception_v3", file, mean=[0.5] * 3, std=[0.5] * 3)
    photo = whole_photo("china.jpg", 160)
    objective = layer(net[1].Mixed_6a)
    found = dream(net, photo, objective, octaves=1, steps=3, step_size=0.015)
    assert objective(net, found.image) > objective(net, photo)
    with pytest.raises(CourseError, match="no weights for Mixed_7b"):
        net(photo)
    assert isinstance(net[1].fc, nn.Module)
