"""Photos: of a package, of the reader's own, in patches that know their place."""

import importlib
import sys
from importlib.util import find_spec

import PIL.Image
import pytest
import torch

from coursekit.data import PatchPositions, Sampler, photo, photos, whole_photo
from coursekit.errors import CourseError


@pytest.fixture
def patches(rng):
    return PatchPositions(torch.rand(2, 3, 64, 96, generator=rng), ("a", "b"), 2, 3, side=24)


@pytest.mark.parametrize("upright", [False, True])
def test_patches_bear_the_class_of_their_middle(upright, rng):
    """Red, green and blue fields: the strongest channel in the middle tells the place."""
    photo = torch.eye(3).repeat_interleave(40, 1)[None, :, None].expand(1, 3, 60, 120)
    photo, shape = (photo.mT, (3, 1)) if upright else (photo, (1, 3))
    patches = PatchPositions(photo.contiguous(), ("flag",), *shape, side=12, zoom=(0.5, 1.5))
    x, place = patches(500, rng)
    told = x[..., 5:7, 5:7].mean((2, 3)).argmax(1)
    assert (told == place).float().mean() > 0.9  # pale tints mislead a few; chance is a third


def test_patches_lie_within_the_photo(rng):
    x, _ = PatchPositions(torch.ones(1, 3, 60, 90), ("white",), side=24)(300, rng)
    assert x.std((2, 3)).max() < 1e-5  # outside there would be black


def test_patches_are_images_and_classes_are_fields(patches, rng):
    x, y = patches(300, rng)
    assert x.shape == (300, 3, 24, 24)
    assert x.min() >= 0
    assert x.max() <= 1
    assert set(y.tolist()) == set(range(12))
    assert len(patches.classes) == 12
    assert patches.classes[7] == "b 1·2"
    assert torch.equal(patches.field(7), patches.photos[1:, :, :32, 32:64])


def test_patches_are_the_same_for_the_same_seed_and_sampler(patches):
    draws = [Sampler(patches, 5, torch.Generator().manual_seed(3)) for _ in range(2)]
    for _ in range(2):
        a, b = (next(batches) for batches in draws)
        assert torch.equal(a.x, b.x)
        assert torch.equal(a.y, b.y)


def test_patches_say_what_does_not_fit(rng):
    photos = torch.rand(2, 3, 64, 96, generator=rng)
    with pytest.raises(CourseError, match="names was"):
        PatchPositions(photos, ("one",))
    with pytest.raises(CourseError, match="do not fit"):
        PatchPositions(photos, ("a", "b"), side=60)


def test_a_whole_photo_and_one_of_your_own(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path))
    x = whole_photo("china.jpg", 432)
    assert x.shape == (1, 3, 288, 432)
    assert 0 <= x.min() < x.max() <= 1
    PIL.Image.new("RGB", (30, 90), (0, 255, 0)).save(tmp_path / "mine.png")
    own = whole_photo(str(tmp_path / "mine.png"), 45)
    assert own.shape == (1, 3, 40, 8)
    torch.testing.assert_close(own[0, :, 0, 0], torch.tensor([0.0, 1.0, 0.0]))
    with pytest.raises(CourseError, match=r"There is no photos/none\.png"):
        whole_photo("none.png")


def test_a_photo_is_turned_upright(tmp_path):
    lying = PIL.Image.new("RGB", (32, 16), (255, 0, 0))
    note = lying.getexif()
    note[0x0112] = 6  # "turn by 90°", as a phone writes it
    lying.save(tmp_path / "phone.jpg", exif=note)
    assert whole_photo(str(tmp_path / "phone.jpg"), 32).shape == (1, 3, 32, 16)


def test_a_photo_is_its_middle(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path))
    with pytest.raises(CourseError, match=r"There is no photos/none\.png"):
        photo("none.png")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "text.png").write_text("no picture")
    with pytest.raises(CourseError, match=r"photos/text\.png cannot be read"):
        photo("text.png")
    picture = PIL.Image.new("RGB", (24, 16), (255, 0, 0))
    picture.paste((0, 0, 255), (4, 0, 20, 16))  # the central square is blue
    picture.save(tmp_path / "photos" / "square.png")
    x = photo("square.png", 8)
    torch.testing.assert_close(x, torch.tensor([0.0, 0, 1]).view(1, 3, 1, 1).expand(1, 3, 8, 8))


@pytest.mark.parametrize("name", ["cat", "coffee", "astronaut", "rocket"])
def test_the_photos_of_scikit_image(name, tmp_path, monkeypatch):
    if not find_spec("skimage"):
        pytest.skip("needs scikit-image")
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path))
    x = photo(name)
    assert x.shape == (1, 3, 224, 224) and x.std() > 0.1
    assert "skimage" not in sys.modules  # importing it takes a second


def test_a_photo_is_found_in_the_package_that_carries_it(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(photos.CARRIED, "cat", ("carrier", "the-carrier", "data/cat.png"))
    with pytest.raises(CourseError, match="'cat' comes with the-carrier, which is not installed"):
        photo("cat")
    (tmp_path / "carrier" / "data").mkdir(parents=True)
    (tmp_path / "carrier" / "__init__.py").write_text("raise ImportError  # never executed")
    importlib.invalidate_caches()
    with pytest.raises(CourseError, match=r"has no data/cat\.png"):
        photo("cat")
    PIL.Image.new("RGB", (16, 16), (0, 255, 0)).save(tmp_path / "carrier" / "data" / "cat.png")
    assert photo("cat", 8)[0, :, 0, 0].tolist() == [0, 1, 0]
    (tmp_path / "photos").mkdir()
    PIL.Image.new("RGB", (16, 16), (0, 0, 255)).save(tmp_path / "photos" / "cat", "png")
    assert photo("cat", 8)[0, :, 0, 0].tolist() == [0, 0, 1]  # the reader's own comes first


def test_more_than_eight_bits_are_refused_and_what_is_transparent_is_white(tmp_path):
    PIL.Image.new("I;16", (16, 16), 30_000).save(tmp_path / "deep.png")
    with pytest.raises(CourseError, match=r"deep\.png has the pixel format I;16"):
        photo(tmp_path / "deep.png")
    with pytest.raises(CourseError, match="side was 0"):
        photo("china.jpg", 0)
    PIL.Image.new("RGBA", (16, 16), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert photo(tmp_path / "clear.png", 8).min() == 1


def test_two_photos_are_always_there(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path))
    for name in ("china.jpg", "flower.jpg"):
        assert photo(name, 32).shape == (1, 3, 32, 32)
        assert photo(name, 32).std() > 0.1
