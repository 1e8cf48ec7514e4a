"""Input diversity and translation invariance: values by hand, and PGD that uses them."""

import pytest
import torch
from attacked import victim
from seeds import seeded
from torch import nn
from torch.nn import functional as F

from coursekit.attacks import input_diversity, pgd, translation_invariance
from coursekit.errors import CourseError
from coursekit.gradients import input_gradient
from coursekit.threats import Linf, Streams


def streams(n, seed=0):
    return Streams.spawn(n, seeded(seed))


@pytest.mark.parametrize("shape", [(1, 10, 10), (3, 8, 12)])
def test_images_are_shrunk_and_padded(shape):
    """Each is one of the images that `interpolate` and `pad` make; all of them come up."""
    x = torch.rand(1, *shape, generator=seeded(0)) + 0.1
    _, height, width = shape
    made = []
    for h in range(round(0.7 * height), height + 1):
        w = round(h * width / height)
        small = F.interpolate(x, (h, w), mode="nearest")
        for top in range(height - h + 1):
            for left in range(width - w + 1):
                made.append(F.pad(small, (left, width - w - left, top, height - h - top)))
    shown = input_diversity(0.7, p=1.0)(x.expand(600, *shape), streams(600))
    same = torch.stack([(shown == each).flatten(1).all(1) for each in made])
    assert same.any(0).all()
    assert same.any(1).all()


def test_the_share_p_of_the_images_is_changed_and_the_heights_are_even():
    x = torch.ones(2000, 1, 10, 10)
    shown = input_diversity(0.7, p=0.5)(x, streams(2000))
    heights = shown[:, 0].amax(2).sum(1)
    counts = torch.tensor([int((heights == h).sum()) for h in (7, 8, 9, 10)])
    expected = torch.tensor([250.0, 250.0, 250.0, 1250.0])  # of those changed a quarter has 10
    assert counts.sum() == 2000
    assert (counts - expected).abs().max() < 5 * 250**0.5
    torch.testing.assert_close(input_diversity(0.7, p=0.0)(x, streams(2000)), x)
    torch.testing.assert_close(input_diversity(1.0, p=1.0)(x, streams(2000)), x)


def test_a_pixel_feels_the_gradient_of_all_the_pixels_that_show_it():
    x = torch.rand(5, 2, 10, 10, generator=seeded(0))
    weight = torch.rand(2, 10, 10, generator=seeded(1))
    f = lambda x: (input_diversity(0.5, 1.0)(x, streams(5)) * weight).flatten(1).sum(1)  # noqa: E731
    gradient = input_gradient(f, x)
    torch.testing.assert_close((gradient * x).flatten(1).sum(1), f(x))  # f is linear
    assert (gradient == 0).any()  # what is left out is not felt


def test_an_image_is_changed_alike_in_every_batch():
    x, rng = torch.rand(6, 1, 9, 9, generator=seeded(0)), streams(6)
    together = input_diversity(0.6)(x, streams(6))
    some = torch.tensor([4, 1])
    assert torch.equal(input_diversity(0.6)(x[some], rng.rows(some)), together[some])


def test_a_gradient_is_blurred_with_the_gaussian_of_the_paper():
    """Around a single pixel stands the kernel itself, exp(−(i² + j²) / 2σ²) with the sum 1."""
    gradient = torch.zeros(2, 3, 9, 9)
    gradient[0, 1, 4, 4] = 2.0
    gradient[1, 2, 0, 0] = 1.0
    blurred = translation_invariance(5, sigma=1.5)(gradient)
    i = torch.arange(-2, 3)
    kernel = torch.exp(-(i[:, None] ** 2 + i**2) / (2 * 1.5**2))
    kernel = kernel / kernel.sum()
    expected = torch.zeros_like(gradient)
    expected[0, 1, 2:7, 2:7] = 2 * kernel
    expected[1, 2, :3, :3] = kernel[2:, 2:]
    torch.testing.assert_close(blurred, expected)


def test_the_kernel_of_the_authors_ends_at_three_standard_deviations():
    gradient = torch.zeros(1, 1, 15, 15)
    gradient[0, 0, 7, 7] = 1.0
    line = translation_invariance()(gradient)[0, 0, 7]
    torch.testing.assert_close(line[0] / line[7], torch.tensor(-4.5).exp())
    assert torch.equal(translation_invariance(1)(gradient), gradient)


def test_pgd_takes_both(rng):
    """The point it finds is in the ball, fools without the transform, and repeats itself."""
    model, x, y = victim()
    aids = {"transform": input_diversity(), "gradient_filter": translation_invariance(5)}
    found = [pgd(model, x[:40], y[:40], Linf(0.1), 10, rng=seeded(0), **aids) for _ in range(2)]
    assert torch.equal(*found)
    assert (found[0] - x[:40]).abs().max() <= 0.1 + 1e-6
    before, after = ((model(x).argmax(1) == y[:40]).float().mean() for x in (x[:40], found[0]))
    assert after < before - 0.2


def test_the_average_over_shifts_is_the_gradient_through_a_blurring_model():
    """Dong et al. 2019, eq. 7: for a linear model the blurred gradient is exactly that average."""
    weight = torch.rand(1, 7, 7, generator=seeded(0))
    model = lambda x: (x * weight).flatten(1).sum(1)  # noqa: E731
    x = torch.rand(1, 1, 7, 7, generator=seeded(1))
    kernel = nn.Conv2d(1, 1, 3, padding=1, bias=False).requires_grad_(False)
    spot = torch.zeros(1, 1, 3, 3)
    spot[0, 0, 1, 1] = 1
    kernel.weight.copy_(translation_invariance(3, sigma=1.0)(spot))
    blurred = translation_invariance(3, sigma=1.0)(input_gradient(model, x))
    torch.testing.assert_close(blurred, input_gradient(lambda x: model(kernel(x)), x))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: input_diversity(0.0), "low was 0.0"),
        (lambda: input_diversity(p=1.5), "p was 1.5"),
        (lambda: translation_invariance(4), "kernel was 4; it must be odd"),
        (lambda: translation_invariance(5, 0.0), "sigma was 0.0; it must be above 0"),
    ],
)
def test_what_is_out_of_range_is_refused(make, sentence):
    with pytest.raises(CourseError, match=sentence):
        make()
