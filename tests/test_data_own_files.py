"""The reader's own data: a good file becomes a data set, a bad one becomes one sentence."""

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import sentence

from coursekit import data
from coursekit.course.jobs import data_digest
from coursekit.data import dataset, own_files
from coursekit.errors import CourseError

RNG = np.random.default_rng(0)


def arrays(n: int = 20, h: int = 10, w: int = 10, channels: int | None = 3, classes: int = 2):
    shape = (n, h, w) if channels is None else (n, h, w, channels)
    x = RNG.integers(0, 256, shape, dtype=np.uint8)
    return x, np.arange(n) % classes


@pytest.fixture
def good() -> dict[str, np.ndarray]:
    (x_train, y_train), (x_test, y_test) = arrays(), arrays(8)
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def saved(tmp_path, **contents):
    np.savez(tmp_path / "own.npz", **contents)
    return tmp_path / "own.npz"


# ------------------------------------------------------------------------------- .npz archives


def test_an_archive_becomes_a_data_set(tmp_path, good):
    path = saved(tmp_path, **good)
    own = data.load(path)
    assert (own.name, own.shape, own.classes) == ("own", (3, 32, 32), ("0", "1"))
    assert (len(own.train), len(own.test)) == (20, 8)
    assert own.train.x.dtype == torch.float32 and own.train.y.dtype == torch.int64
    assert own.train.x.min() >= 0 and own.train.x.max() <= 1
    assert data.verify(str(path)) == f"{own} All is well."


@pytest.mark.parametrize(("channels", "shape"), [(None, (1, 28, 28)), (1, (1, 28, 28))])
def test_grey_archives(tmp_path, channels, shape):
    x, y = arrays(channels=channels)
    own = data.load(saved(tmp_path, x_train=x, y_train=y, x_test=x, y_test=y))
    assert own.shape == shape


def test_pixels_and_labels_stay_together(tmp_path):
    """At the course's own size every row comes back bit for bit, with its label."""
    x = RNG.integers(0, 256, (30, 32, 32, 3), dtype=np.uint8)
    y = np.arange(30) % 3
    own = data.load(saved(tmp_path, x_train=x, y_train=y, x_test=x[:6], y_test=y[:6]))
    rows = {row.tobytes(): label for row, label in zip(x, y, strict=True)}
    back = (own.train.x * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
    assert [rows[row.numpy().tobytes()] for row in back] == own.train.y.tolist()
    assert own.train.y.tolist() != y.tolist()  # in random order


def test_without_a_test_set_a_fifth_is_held_out(tmp_path):
    x, y = arrays(50, channels=None)
    own = data.load(saved(tmp_path, x_train=x, y_train=y))
    assert (len(own.train), len(own.test)) == (40, 10)
    assert own.test.y.bincount().tolist() == [5, 5]
    assert "a fifth of each class is held out" in str(own)
    kept = {row.numpy().tobytes() for row in own.train.x}
    assert not kept & {row.numpy().tobytes() for row in own.test.x}


def test_the_rows_have_one_random_order_and_the_device_holds_them(tmp_path, good):
    path = saved(tmp_path, **good)
    first, other = data.load(path).train, data.load(path).train
    assert torch.equal(first.x, other.x) and not torch.equal(first.y, first.y.sort().values)
    assert data.load(path, device="meta").test.x.device.type == "meta"


def test_a_name_is_sought_below_the_data_root_too(tmp_path, good, monkeypatch):
    saved(tmp_path, **good)
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path))
    assert len(data.load("own.npz").train) == 20


BAD = {
    "no labels": (lambda d: d.pop("y_train"), "lacks y_train"),
    "no test labels": (lambda d: d.pop("y_test"), "lacks y_test"),
    "other keys": (
        lambda d: (d.clear(), d.update(images=np.zeros(3))),
        "lacks x_train and y_train",
    ),
    "float pixels": (
        lambda d: d.update(x_train=d["x_train"] / 255),
        "dtype float64; it must be uint8",
    ),
    "channels first": (
        lambda d: d.update(x_train=d["x_train"].transpose(0, 3, 1, 2)),
        r"shape \(20, 3, 10, 10\)",
    ),
    "four channels": (lambda d: d.update(x_train=np.zeros((20, 8, 8, 4), np.uint8)), "shape"),
    "flat": (lambda d: d.update(x_train=np.zeros((20, 64), np.uint8)), "shape"),
    "empty": (lambda d: d.update(x_train=np.zeros((0, 8, 8), np.uint8)), "not empty"),
    "float labels": (lambda d: d.update(y_train=d["y_train"] * 1.0), "dtype float64; labels"),
    "text labels": (lambda d: d.update(y_train=np.array(["a"] * 20)), "labels must be whole"),
    "one-hot labels": (lambda d: d.update(y_train=np.eye(20, dtype=int)), r"it must be \(n,\)"),
    "negative labels": (lambda d: d.update(y_train=d["y_train"] - 1), "holds label -1"),
    "huge labels": (lambda d: d.update(y_train=d["y_train"] + 2**40), f"holds label {2**40 + 1}"),
    "unknown test label": (lambda d: d.update(y_test=d["y_test"] + 1), "holds label 2, but"),
    "an empty class": (lambda d: d.update(y_train=d["y_train"] * 2), "no example of class 1"),
    "one class": (lambda d: d.update(y_train=d["y_train"] * 0), "only one class"),
    "too few labels": (
        lambda d: d.update(y_train=d["y_train"][:-1]),
        "20 images in x_train and 19",
    ),
    "a class without test images": (
        lambda d: d.update(y_test=d["y_test"] * 0),
        "own has no test image of class 1",
    ),
    "two sizes": (lambda d: d.update(x_test=d["x_test"][:, 1:]), "they must agree"),
    "grey test": (lambda d: d.update(x_test=d["x_test"][..., 0]), "they must agree"),
    "Python objects": (lambda d: d.update(x_train=np.array([{}, None])), "Python objects"),
}


@pytest.mark.parametrize("case", BAD)
def test_each_malformed_archive_is_one_sentence(tmp_path, good, case):
    spoil, match = BAD[case]
    spoil(good)
    path = saved(tmp_path, **good)
    message = sentence(lambda: data.load(path))
    with pytest.raises(CourseError, match=match):
        data.load(path)
    assert path.stem in message


def test_damaged_archives_are_one_sentence(tmp_path, good):
    whole = saved(tmp_path, **good).read_bytes()
    path = tmp_path / "bad.npz"
    path.write_bytes(whole[: len(whole) // 2])
    assert "cut off" in sentence(lambda: data.load(path))
    path.write_bytes(b"")
    assert "cut off" in sentence(lambda: data.load(path))
    flipped = bytearray(whole)
    flipped[whole.index(b"NUMPY") + 1_000] ^= 255  # one byte in the middle of the first image
    path.write_bytes(flipped)
    assert "damaged" in sentence(lambda: data.load(path))
    np.save(tmp_path / "single.npy", good["x_train"])
    assert "no .npz archive" in sentence(lambda: data.load(tmp_path / "single.npy"))


def test_an_unreadable_archive_is_one_sentence(tmp_path, good, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    path = saved(tmp_path, **good)
    monkeypatch.setattr("pathlib.Path.open", refuse)
    assert "cannot be read: Permission denied" in sentence(lambda: data.load(path))


def test_too_few_images_to_hold_any_out(tmp_path):
    x, y = arrays(2, channels=None)
    path = saved(tmp_path, x_train=x, y_train=y)
    assert "too few images" in sentence(lambda: data.load(path))
    x, y = arrays(22, channels=None)
    path = saved(tmp_path, x_train=x, y_train=np.where(np.arange(22) < 2, 0, 1))
    assert "too few images to hold out a fifth of class 0" in sentence(lambda: data.load(path))


# ------------------------------------------------------------------------------- image folders


def paint(path, mode: str = "RGB", size: tuple[int, int] = (40, 40), shade: int = 128, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = shade if mode in ("L", "I;16") else (shade, *[255] * (len(mode) - 1))
    Image.new(mode, size, colour).save(path, **options)


def gallery(top, mode: str = "RGB", per_class: int = 10, classes: tuple[str, ...] = ("cat", "dog")):
    for shade, name in enumerate(classes):
        for i in range(per_class):
            paint(top / name / f"{i}.png", mode, shade=50 + 100 * shade)
    return top


def test_a_folder_becomes_a_data_set(tmp_path):
    own = data.load(gallery(tmp_path / "pets"))
    assert (own.name, own.shape, own.classes) == ("pets", (3, 32, 32), ("cat", "dog"))
    assert (len(own.train), len(own.test)) == (16, 4)
    shade = (own.train.x[:, 0, 0, 0] * 255).round()
    assert torch.equal(shade, 50.0 + 100 * own.train.y)  # pixels and labels stay together


def test_a_folder_may_bring_its_own_test_set(tmp_path):
    gallery(tmp_path / "train", "L")
    gallery(tmp_path / "test", "L", per_class=3)
    own = data.load(tmp_path)
    assert (own.shape, len(own.train), len(own.test), own.note) == ((1, 28, 28), 20, 6, "")


def test_grey_and_colour_together_are_colour(tmp_path):
    gallery(tmp_path, "L")
    paint(tmp_path / "dog" / "0.png", "RGB")
    assert data.load(tmp_path).shape == (3, 32, 32)


def test_more_images_than_are_read_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(own_files, "CHUNK", 7)
    monkeypatch.setattr(dataset, "CHUNK", 3)
    own = data.load(gallery(tmp_path))
    shade = (own.train.x[:, 0, 0, 0] * 255).round()
    assert len(own.train) == 16 and torch.equal(shade, 50.0 + 100 * own.train.y)


def test_a_folder_is_named_after_itself_wherever_one_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(gallery(tmp_path / "pets.v2"))
    assert data.load(".").name == "pets.v2"


def test_hidden_and_other_files_are_passed_over(tmp_path):
    gallery(tmp_path)
    (tmp_path / ".cache").mkdir()
    (tmp_path / "cat" / "notes.txt").write_text("miaow")
    (tmp_path / "cat" / ".hidden.png").write_text("not an image")
    (tmp_path / "licence.txt").write_text("free")
    assert len(data.load(tmp_path).train) == 16


def test_transparency_lies_on_white_and_cameras_may_be_turned(tmp_path):
    gallery(tmp_path, per_class=5)
    for i in range(5):
        Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(tmp_path / "cat" / f"{i}.png")
        turned = Image.Exif()
        turned[0x0112] = 6  # lies on its side
        Image.new("RGB", (40, 40), "black").save(tmp_path / "dog" / f"{i}.png", exif=turned)
    own = data.load(tmp_path)
    assert own.train.x[own.train.y == 0].min() == 1 and own.train.x[own.train.y == 1].max() == 0


def test_a_palette_image_with_transparent_colours(tmp_path):
    gallery(tmp_path, per_class=5)
    image = Image.new("P", (40, 40))
    image.save(tmp_path / "cat" / "0.png", transparency=bytes([0, 255]))
    assert data.load(tmp_path).shape == (3, 32, 32)


def test_each_malformed_folder_is_one_sentence(tmp_path):
    load = lambda: sentence(lambda: data.load(tmp_path))  # noqa: E731
    assert "at least two; it has 0" in load()
    gallery(tmp_path, classes=("cat",))
    assert "at least two; it has 1" in load()
    gallery(tmp_path)
    (tmp_path / "bird").mkdir()
    assert "bird is a class without images" in load()
    (tmp_path / "bird").rmdir()
    odd = tmp_path / "dog" / "odd.png"
    paint(odd, size=(40, 41))
    assert "odd.png 40×41; all images must have one size" in load()
    odd.write_text("not an image")
    assert "odd.png cannot be read: it is damaged or not an image" in load()
    paint(odd, "I;16")
    assert "save it as 8-bit" in load()
    noise = Image.fromarray(RNG.integers(0, 256, (40, 40, 3), dtype=np.uint8))
    noise.save(odd)
    odd.write_bytes(odd.read_bytes()[:2_000])
    assert "odd.png cannot be read" in load()


def test_a_class_without_test_images_is_one_sentence(tmp_path):
    gallery(tmp_path / "train")
    gallery(tmp_path / "test", classes=("cat",))
    assert "no test image of class dog" in sentence(lambda: data.load(tmp_path))


def test_a_test_class_that_train_lacks_is_one_sentence(tmp_path):
    gallery(tmp_path / "train")
    gallery(tmp_path / "test", classes=("cat", "cow"))
    assert "cow is a class that train does not have" in sentence(lambda: data.load(tmp_path))


def test_an_image_in_a_format_that_is_not_read_is_refused_rather_than_passed_over(tmp_path):
    gallery(tmp_path)
    (tmp_path / "dog" / "phone.HEIC").write_bytes(b"heic")
    assert "phone.HEIC has a format that is not read" in sentence(lambda: data.load(tmp_path))


# ------------------------------------------------------------------------------- layouts


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("training", "testing"),
        ("Train", "Test"),
        ("TRAIN", "VALIDATION"),
        ("train", "val"),
        ("train", "valid"),
        ("training_set", "test_set"),
        ("train-images", "test images"),
    ],
)
def test_the_parts_of_a_data_set_have_several_names(tmp_path, train, test):
    gallery(tmp_path / train)
    gallery(tmp_path / test, per_class=3)
    own = data.load(tmp_path)
    assert (own.classes, len(own.train), len(own.test)) == (("cat", "dog"), 20, 6)
    stands_in = f"It has no test folder: {test} is the test set."
    assert own.note == (stands_in if test[0] in "vV" else "")


def test_a_validation_folder_beside_a_test_folder_is_said_to_be_unused(tmp_path):
    for part, n in (("train", 10), ("val", 2), ("test", 3)):
        gallery(tmp_path / part, per_class=n)
    own = data.load(tmp_path)
    assert (len(own.train), len(own.test)) == (20, 6)
    assert own.note == "The test set is test; the images in val are unused."


def test_a_training_folder_alone_has_a_fifth_held_out(tmp_path):
    gallery(tmp_path / "Training")
    own = data.load(tmp_path)
    assert (len(own.train), len(own.test)) == (16, 4) and "a fifth" in own.note


UNCLEAR = {
    "a flat test folder": (
        ["train/cat", "train/dog", "test"],
        "test/0.png lies in no class folder",
    ),
    "an empty test folder": (["train/cat", "train/dog", "test/"], "test holds no class folders"),
    "a flat test folder beside classes": (["cat", "dog", "test"], "has cat, dog beside test"),
    "classes called like parts": (["car", "train", "test"], "has car beside test, train"),
    "two flat parts": (["train", "test"], "train must hold one folder of images per class"),
    "test alone": (["test/cat", "test/dog"], "has test and no train"),
    "the same part twice": (
        ["train/cat", "train/dog", "training/cat", "training/dog"],
        "two are the same part",
    ),
    "an unknown part": (
        ["train/cat", "train/dog", "extra/cat", "extra/dog"],
        "has extra beside train",
    ),
    "unknown parts": (["one/cat", "one/dog", "two/cat", "two/dog"], "lies deeper than its class"),
    "parts within classes": (["cat/train", "cat/test", "dog/train"], "lies deeper than its class"),
    "images beside classes": (["cat", "dog", "."], "0.png lies in no class folder"),
    "images beside parts": (
        ["train/cat", "train/dog", "train", "test/cat", "test/dog"],
        "train/0.png lies in no class folder",
    ),
    "other letters in test": (
        ["train/cat", "train/dog", "test/Cat", "test/dog"],
        "Cat is a class that train does not have",
    ),
}


@pytest.mark.parametrize("case", UNCLEAR)
def test_a_layout_that_is_not_clear_is_refused_in_one_sentence(tmp_path, case):
    places, said = UNCLEAR[case]
    for place in places:
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        for i in range(0 if place.endswith("/") else 6):
            paint(tmp_path / place / f"{i}.png", "L")
    assert said in sentence(lambda: data.load(tmp_path))


# ------------------------------------------------------------------------------- file names


def test_file_names_may_be_any_bytes(tmp_path):
    gallery(tmp_path)
    (tmp_path / "cat" / "0.png").rename(odd := tmp_path / "cat" / "caf\udce9.png")
    assert len(data.load(tmp_path).train) == 16
    assert data_digest(str(tmp_path))  # what a run notes of the reader's files
    odd.write_bytes(b"no image")
    message = sentence(lambda: data.load(tmp_path))
    assert r"caf\udce9.png cannot be read" in message
    message.encode()


def test_names_that_are_shown_must_be_utf_8(tmp_path):
    gallery(tmp_path / "ok", classes=("dog", "caf\udce9"))
    assert "whose name is not UTF-8" in sentence(lambda: data.load(tmp_path / "ok"))
    gallery(tmp_path / "caf\udce9")
    assert "is not UTF-8; rename it" in sentence(lambda: data.load(tmp_path / "caf\udce9"))


# ------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("name", "meant"),
    [("fashion", "fashion_mnist"), ("nmist", "mnist"), ("cifar", "cifar10"), ("digit", "digits")],
)
def test_a_near_miss_is_suggested(name, meant, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path))
    assert f"did you mean '{meant}'?" in sentence(lambda: data.load(name))


def test_capitals_and_hyphens_of_a_known_name_do_not_matter(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path))
    assert data.load("Digits").name == "digits"
    for name in ("Fashion-MNIST", "fashion mnist", "FashionMNIST"):
        assert sentence(lambda: data.verify(name)).startswith("fashion_mnist")  # noqa: B023


@pytest.mark.parametrize("name", ["", "a" * 5000, "nul\0", "~nobody-of-this-name/x"])
def test_what_can_be_no_file_is_an_unknown_name(name):
    assert "choose one of digits" in sentence(lambda: data.load(name)).replace("Choose", "choose")


def test_an_unknown_name_lists_what_there_is():
    for call in (data.load, data.download, data.verify):
        message = sentence(lambda: call("/no/such/place"))  # noqa: B023
        assert "digits, mnist, fashion_mnist, cifar10" in message and "did you mean" not in message
