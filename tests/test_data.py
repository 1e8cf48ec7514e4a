"""The embedded digits, the division into parts, and endless batches."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from seeds import seeded

from coursekit import data
from coursekit.data import Batches, Split, gan_splits, mislabelled, real_or_fake
from coursekit.data.dataset import Raw, pixels, preprocess, stratified_split
from coursekit.data.digits import originals, render
from coursekit.data.toys import gaussian, uniform
from coursekit.errors import CourseError


@pytest.fixture(scope="module")
def digits() -> data.Dataset:
    return data.load("digits")


def numbered(n: int, classes: int = 2, copies: int = 1) -> Split:
    """Rows that can be told apart: the pixel of row i is i / n; `copies` rows per original."""
    rows = torch.arange(n)
    origin = rows // copies
    return Split((rows / n).view(n, 1, 1, 1), origin % classes, origin)


def rows_of(split: Split, x: torch.Tensor) -> list[int]:
    return (x.flatten() * len(split)).round().long().tolist()


# ------------------------------------------------------------------------------- the digits


def test_digits_have_the_promised_shape_and_range(digits):
    assert digits.shape == (1, 28, 28)
    assert (len(digits.train), len(digits.test)) == (10_000, 2_000)
    assert digits.classes == tuple("0123456789")
    for split in (digits.train, digits.test):
        assert split.x.dtype == torch.float32 and split.y.dtype == torch.int64
        assert split.x.min() >= 0 and split.x.max() <= 1
        assert split.x.min() < 0.01 and split.x.max() > 0.99  # really black, really white
        share = split.y.bincount(minlength=10) / len(split)
        assert share.min() > 0.08 and share.max() < 0.12  # the originals have 9.7 % to 10.2 %
    assert "10,000 train, 2,000 test, 10 classes, 1×28×28" in str(digits)


def test_digits_are_always_the_same_and_have_256_levels(digits):
    again = data.load("digits")
    assert torch.equal(again.train.x, digits.train.x) and torch.equal(again.test.y, digits.test.y)
    for split in (digits.train, digits.test):
        assert torch.equal(split.x, (255 * split.x).round() / 255)
        assert (split.x == 0).float().mean() > 0.5  # the background is no ink at all


def test_no_test_digit_comes_from_a_training_original(digits):
    train, test = set(digits.train.origin.tolist()), set(digits.test.origin.tolist())
    assert not train & test
    assert train | test == set(range(1797))


def test_the_originals_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images, y = originals()
    assert np.array_equal(images.numpy()[:, 0], bunch.images / 16)
    assert np.array_equal(y.numpy(), bunch.target)


def test_the_embedded_data_do_not_wait_for_scikit_learn():
    code = "import sys, coursekit.data as d; d.load(); d.photo('china.jpg')"
    code += "; print('sklearn' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def test_the_originals_themselves_are_all_different():
    """Otherwise dividing them by number would not divide them by content."""
    from sklearn.datasets import load_digits

    originals = load_digits().data
    assert len({row.tobytes() for row in originals}) == len(originals)


def test_every_row_is_a_rendering_of_the_original_it_names(digits):
    from sklearn.datasets import load_digits

    bunch = load_digits()
    split = digits.test
    assert torch.equal(split.y, torch.as_tensor(bunch.target)[split.origin])
    inner = split.x[..., 3:25, 3:25]  # the part of the canvas that the 8×8 pixels cover
    small = torch.nn.functional.adaptive_avg_pool2d(inner, 8).flatten(1)
    originals = torch.as_tensor(bunch.data, dtype=torch.float32)
    own = torch.cosine_similarity(small, originals[split.origin])
    stranger = torch.cosine_similarity(small, originals[split.origin.roll(1)])
    # Seeds 0 to 4 gave 0.985 to 0.993; chance is one half.
    assert (own > stranger).float().mean() > 0.95


def test_rendering_varies_and_follows_its_generator():
    original = torch.zeros(3, 1, 8, 8)
    original[:, :, 1:7, 3:5] = 1
    images = render(original, seeded(0))
    assert images.shape == (3, 1, 28, 28)
    assert torch.equal(images, render(original, seeded(0)))
    assert not torch.equal(images[0], images[1])
    assert not torch.equal(images, render(original, seeded(1)))


def test_rows_are_in_random_order_so_that_take_is_a_fair_sample(digits):
    few = digits.train.take(1_000)
    assert len(few) == 1_000
    # A multinomial share of one tenth of 1,000 has standard deviation 9.5; six of them are 57.
    assert (few.y.bincount(minlength=10) - 100).abs().max() < 57
    assert len(digits.test.take(10**6)) == len(digits.test)
    with pytest.raises(CourseError, match="n was 0"):
        digits.train.take(0)


# ------------------------------------------------------------------------------- disjoint parts


def test_the_judge_and_its_reference_share_no_original(digits):
    judge, reference = digits.train.split(2)
    assert len(judge) + len(reference) == len(digits.train)
    assert not set(judge.origin.tolist()) & set(reference.origin.tolist())
    assert abs(len(judge) - len(reference)) < 100
    assert (judge.y.bincount() - reference.y.bincount()).abs().max() <= 20


def test_parts_of_parts_stay_disjoint(digits):
    parts = [part for half in digits.train.take(3_000).split(2) for part in half.split(3)]
    origins = [set(part.origin.tolist()) for part in parts]
    assert sum(map(len, origins)) == len(set.union(*origins))
    assert sum(map(len, parts)) == 3_000


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 60), st.integers(1, 4), st.integers(1, 5), st.integers(1, 6))
def test_split_deals_out_every_row_once_and_every_class_evenly(n, classes, copies, k):
    split = numbered(n, classes, copies)
    originals = len(split.origin.unique())
    if k > originals:
        with pytest.raises(CourseError, match=f"k was {k}"):
            split.split(k)
        return
    parts = split.split(k)
    assert sorted(row for part in parts for row in rows_of(split, part.x)) == list(range(n))
    owners = [set(part.origin.tolist()) for part in parts]
    assert sum(map(len, owners)) == originals
    for label in range(classes):
        counts = [len(part.origin[part.y == label].unique()) for part in parts]
        assert max(counts) - min(counts) <= 1


def test_split_without_augmentation_counts_each_row_as_an_original():
    split = numbered(10)
    plain = Split(split.x, split.y)
    a, b = plain.split(2)
    assert (len(a), len(b)) == (5, 5)
    assert sorted(rows_of(split, a.x) + rows_of(split, b.x)) == list(range(10))


def test_no_original_is_in_two_of_the_gan_splits(digits):
    splits = gan_splits(digits)
    parts = splits.train, splits.eval_classifier, splits.fid_reference
    a, b, c = (set(part.origin.tolist()) for part in parts)
    assert not a & b and not a & c and not b & c
    assert len(splits.train) + len(splits.eval_classifier) == len(digits.train)


def test_without_origins_each_row_is_an_original(rng):
    x, y = torch.rand(40, 1, 4, 4, generator=rng), torch.arange(40) % 4
    own = data.Dataset("own", Split(x, y), Split(x[:4], y[:4]), ("a",) * 4)
    splits = gan_splits(own)
    assert splits.train.origin is not None and len(splits.train) == 20
    assert not set(splits.train.origin.tolist()) & set(splits.eval_classifier.origin.tolist())


@pytest.mark.parametrize("rate", [0.0, 0.25, 1.0])
def test_the_share_of_wrong_labels_is_exact(rate, rng):
    split = Split(torch.zeros(400, 1, 4, 4), torch.arange(400) % 4)
    wrong = mislabelled(split, rate, 4, rng)
    assert float((wrong.y != split.y).float().mean()) == rate
    assert wrong.y.min() >= 0 and wrong.y.max() < 4
    assert torch.equal(wrong.x, split.x)
    with pytest.raises(CourseError, match=r"must lie in \[0, 1\]"):
        mislabelled(split, 1.5, 4, rng)
    with pytest.raises(CourseError, match="classes was 1"):
        mislabelled(split, rate, 1, rng)


# ------------------------------------------------------------------------------- batches


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 3))
def test_every_epoch_shows_each_row_exactly_once(n, size, seed):
    split = numbered(n)
    batches = split.batches(size, seeded(seed))
    seen: list[int] = []
    while len(seen) < 3 * n:
        x, y = next(batches)
        assert len(x) == len(y) == size  # also where an epoch ends inside a batch
        assert torch.equal(split.y[rows_of(split, x)], y)
        seen += rows_of(split, x)
    for epoch in range(3):
        assert sorted(seen[epoch * n : (epoch + 1) * n]) == list(range(n))


def test_epochs_are_shuffled_differently_and_follow_the_seed():
    split = numbered(100)
    batches = split.batches(100, seeded(0))
    first, second = next(batches).x, next(batches).x
    assert not torch.equal(first, second)
    assert torch.equal(next(split.batches(100, seeded(0))).x, first)
    assert not torch.equal(next(split.batches(100, seeded(1))).x, first)


def test_batches_do_not_change_with_what_else_is_drawn():
    split, rng = numbered(50), seeded(0)
    disturbed, quiet = split.batches(8, rng), split.batches(8, seeded(0))
    for _ in range(20):
        torch.rand(7, generator=rng)
        assert torch.equal(next(disturbed).x, next(quiet).x)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 30), st.integers(1, 40), st.integers(0, 20))
def test_batches_resume_bit_for_bit(n, size, steps):
    split = numbered(n)
    batches = split.batches(size, seeded(5))
    for _ in range(steps):
        next(batches)
    state = batches.state_dict()
    expected = [next(batches) for _ in range(5)]
    resumed = split.batches(size, seeded(99))
    resumed.load_state_dict(state)
    for want, got in zip(expected, [next(resumed) for _ in range(5)], strict=True):
        assert torch.equal(want.x, got.x) and torch.equal(want.y, got.y)


def test_the_state_survives_a_safe_load(tmp_path):
    batches = numbered(30).batches(7, seeded(0))
    for _ in range(6):
        next(batches)
    torch.save(batches.state_dict(), tmp_path / "state.pt")
    expected = next(batches).x
    resumed = numbered(30).batches(7, seeded(1))
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert torch.equal(next(resumed).x, expected)


def test_batches_say_what_is_wrong():
    with pytest.raises(CourseError, match="size was 0"):
        numbered(5).batches(0, seeded())
    with pytest.raises(CourseError, match="empty"):
        Batches(Split(torch.zeros(0, 1, 1, 1), torch.zeros(0, dtype=torch.int64)), 2, seeded())
    batches = numbered(5).batches(2, seeded())
    for other in (numbered(6), numbered(5, classes=3)):
        with pytest.raises(CourseError, match="drawn from other data"):
            other.batches(2, seeded()).load_state_dict(batches.state_dict())


def test_moving_a_split_moves_all_of_it():
    moved = numbered(4).to("meta")
    assert {moved.x.device.type, moved.y.device.type, moved.origin.device.type} == {"meta"}


# ------------------------------------------------------------------------------- real or fake


def test_half_is_real_and_the_labels_say_which(rng):
    x, is_real = next(real_or_fake(uniform(0, 1).sample, uniform(5, 6).sample, 10, rng))
    assert x.shape == (10, 1)
    assert is_real.tolist() == [1.0] * 5 + [0.0] * 5
    assert ((x.flatten() < 2) == is_real.bool()).all()


def test_fakes_may_be_images_and_keep_their_shape(rng):
    def images(n, rng):
        return torch.rand(n, 1, 4, 4, generator=rng)

    x, is_real = next(real_or_fake(images, images, 7, rng))
    assert x.shape == (7, 1, 4, 4)
    assert is_real.sum() == 3  # of an odd number the fakes get one more


def test_the_same_seed_gives_the_same_batches_and_a_sampler_goes_on():
    def batches(seed):
        rng = seeded(seed)
        return real_or_fake(gaussian().sample, gaussian(3).sample, 6, rng)

    first, again, other = batches(1), batches(1), batches(2)
    x = next(first).x
    assert torch.equal(x, next(again).x)
    assert not torch.equal(x, next(other).x)
    kept = first.state_dict()
    following = next(first).x
    first.load_state_dict(kept)
    assert torch.equal(next(first).x, following)


# ------------------------------------------------------------------------------- preprocessing


def test_a_stratified_split_takes_the_same_share_of_each_class():
    y = torch.tensor([0] * 10 + [1] * 20 + [2] * 5)
    first, second = stratified_split(y, 0.8, seeded())
    assert sorted(first.tolist() + second.tolist()) == list(range(35))
    assert y[first].bincount().tolist() == [8, 16, 4]


def test_pixels_keeps_images_of_the_right_size_untouched_and_averages_larger_ones():
    exact = torch.arange(2 * 28 * 28).remainder(256).to(torch.uint8).view(2, 1, 28, 28)
    assert torch.equal(pixels(exact) * 255, exact.float())
    checkerboard = torch.zeros(1, 3, 128, 128, dtype=torch.uint8)
    checkerboard[..., ::2, ::2] = checkerboard[..., 1::2, 1::2] = 255
    shrunk = pixels(checkerboard)
    assert shrunk.shape == (1, 3, 32, 32)
    # Antialiasing blends white and black to grey; without it whole pixels would survive.
    assert (shrunk[..., 1:-1, 1:-1] - 0.5).abs().max() < 0.01


def test_pixels_crops_to_the_central_square():
    wide = torch.zeros(1, 1, 28, 56, dtype=torch.uint8)
    wide[..., 14:42] = 255
    assert pixels(wide).min() == 1


def test_a_fifth_is_held_out_where_there_is_no_test_set():
    x = torch.arange(20, dtype=torch.uint8).view(20, 1, 1, 1).expand(20, 1, 28, 28)
    raw = Raw(x, torch.arange(20) % 2, None, None, ("a", "b"))
    one, same = (preprocess("x", raw) for _ in range(2))
    assert torch.equal(one.train.x, same.train.x)
    assert (len(one.train), len(one.test)) == (16, 4)
    assert "held out" in str(one)
