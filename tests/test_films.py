"""Films made sharp (lecture 12): translator, objective, batches and measure on exact cases."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from coursekit.data import Dataset, Split, moving_digits
from coursekit.errors import CourseError
from coursekit.nets import FilmTranslator, Generator
from coursekit.zoo.films import film_error, measure_films
from coursekit.zoo.tasks import GIVEN, film_batches, low_resolution, pack, unpack

SHAPE = (1, 28, 28)


def split(n=30):
    rng = torch.Generator().manual_seed(0)
    x = torch.zeros(n, *SHAPE)
    x[:, :, 8:20, 8:20] = 0.2 + 0.8 * torch.rand(n, 1, 12, 12, generator=rng)
    return Split(x, torch.arange(n) % 10)


@pytest.fixture
def film(rng):
    return moving_digits(split(), 12, rng, frames=3, side=28)


class Answering(Generator):
    """Gives what it holds, whatever it is shown."""

    def __init__(self, frames):
        super().__init__()
        self.noise_dim, self.frames = 0, nn.Parameter(frames)

    def forward(self, z, y):
        return self.frames


@pytest.mark.parametrize("previous", [False, True])
def test_a_frame_knows_of_earlier_frames_only_with_a_memory(rng, previous):
    G = FilmTranslator(SHAPE, previous, rng=rng, width=4).eval()
    y = torch.rand(2, 3, 28, 28, generator=rng)
    other = y.clone()
    other[:, 1] = torch.rand(2, 28, 28, generator=rng)
    with torch.no_grad():
        changed = (G(torch.empty(2, 0), y) != G(torch.empty(2, 0), other)).flatten(2).any(2)
    assert changed.tolist() == [[False, True, previous]] * 2


def test_the_memory_is_the_answer_to_the_frame_before(rng):
    G = FilmTranslator(SHAPE, previous=True, rng=rng, width=4).eval()
    y, z = torch.rand(2, 2, 28, 28, generator=rng), torch.empty(2, 0)
    with torch.no_grad():
        first = G.frame(z, torch.cat([y[:, :1], torch.zeros(2, 1, 28, 28)], 1))
        second = G.frame(z, torch.cat([y[:, 1:], first], 1))
        torch.testing.assert_close(G(z, y), torch.cat([first, second], 1))


def test_what_is_packed_is_what_is_unpacked(film):
    coarse, flow, visible = unpack(pack(film))
    assert torch.equal(coarse, low_resolution(film.frames[:, :, 0]))
    assert torch.equal(flow, film.flow) and torch.equal(visible.bool(), film.visible)


def test_the_true_film_costs_nothing_along_its_flow_and_only_the_mask_sees_to_that(film, rng):
    true = film.frames[:, :, 0]
    assert not film.visible.all(), "nothing is hidden here, so the mask is not tried"
    losses = {
        how: float(film_error(*how)(Answering(true), true, pack(film), rng, 0.0).detach())
        for how in ((0.0, True), (1.0, True), (1.0, False))
    }
    assert losses[0.0, True] == 0 and losses[1.0, True] == pytest.approx(0, abs=1e-6)
    assert losses[1.0, False] > 1e-4
    turned = pack(film._replace(flow=-film.flow))
    assert float(film_error(1.0)(Answering(true), true, turned, rng, 0.0).detach()) > 1e-3


def test_both_terms_are_means_and_the_second_has_its_weight(film, rng):
    true = film.frames[:, :, 0]
    grey = torch.full_like(true, 0.5)
    grey[:, 1:] = 0.7  # inside, the same place was 0.5 a frame ago
    still = film._replace(flow=torch.zeros_like(film.flow))
    lost, both = (
        float(film_error(weight)(Answering(grey), true, pack(still), rng, 0.0).detach())
        for weight in (0.0, 3.0)
    )
    assert lost == pytest.approx(float(F.l1_loss(grey, true)), rel=1e-5)
    share = float(still.visible[:, 0].sum() / still.visible.sum())  # the first pair of frames
    assert both - lost == pytest.approx(3 * 0.2 * share, rel=1e-4)


def test_a_weight_below_zero_is_refused():
    with pytest.raises(CourseError, match="flow was -1"):
        film_error(-1)


def test_batches_are_films_of_three_frames(rng):
    x, y = next(film_batches(split(), 5, rng))
    assert x.shape == (5, 3, 28, 28) and y.shape == (5, 9, 28, 28)
    assert torch.equal(unpack(y)[0], low_resolution(x))


def test_the_true_film_measures_as_true(rng):
    data = Dataset("made up", split(), split(), tuple("0123456789"))
    seen = moving_digits(data.test, 6, torch.Generator().manual_seed(4), side=28).frames[:, :, 0]
    found = measure_films(Answering(seen), data, None, 6, torch.Generator().manual_seed(4))
    values = {name: figure["value"] for name, figure in found.items()}
    assert values["warping_error"] == pytest.approx(0, abs=1e-9)
    assert values["absolute_error"] == 0 and values["gradient_energy"] == pytest.approx(1)
    assert values["warping_error_of_input"] > 1e-4


def test_edges_lie_where_neighbours_differ():
    x = torch.tensor([[0.0, 0.0, 0.0], [0.0, 1.0, 0.4], [0.0, 0.9, 0.2]])[None, None]
    expected = torch.tensor([[0.0, 1.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    assert torch.equal(GIVEN["edges"](x)[0, 0], expected)


def test_the_grey_version_is_the_luma():
    pure = torch.eye(3).view(3, 3, 1, 1)
    assert GIVEN["grey"](pure).flatten().tolist() == pytest.approx([0.299, 0.587, 0.114])
    white = GIVEN["grey"](torch.ones(2, 3, 4, 4))
    assert white.shape == (2, 1, 4, 4) and torch.allclose(white, torch.ones(2, 1, 4, 4))
