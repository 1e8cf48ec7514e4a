"""Batches for a discriminator alone: half real, half fake, rightly labelled, repeatable."""

import torch

from coursekit.data.labelled import real_or_fake, resampled
from coursekit.data.toys import gaussian, uniform


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


def test_the_same_seed_gives_the_same_batches_and_a_stream_goes_on():
    def batches(seed):
        rng = torch.Generator().manual_seed(seed)
        return real_or_fake(gaussian().sample, gaussian(3).sample, 6, rng)

    first, again, other = batches(1), batches(1), batches(2)
    x = next(first).x
    assert torch.equal(x, next(again).x)
    assert not torch.equal(x, next(other).x)
    kept = first.state_dict()
    following = next(first).x
    first.load_state_dict(kept)
    assert torch.equal(next(first).x, following)


def test_fixed_rows_are_drawn_again_and_again_with_their_labels(rng):
    x, is_real = torch.arange(5.0)[:, None], torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0])
    drawn, labels = next(resampled(x, is_real, 400, rng))
    assert set(drawn.flatten().tolist()) == {0, 1, 2, 3, 4}
    assert torch.equal(labels, is_real[drawn.flatten().long()])
