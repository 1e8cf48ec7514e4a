"""Diffusion: the forward process, its posterior, sampling, guidance, the loss and the bound."""

from math import log

import pytest
import torch

from coursekit import nets
from coursekit.data import Dataset, Split
from coursekit.errors import CourseError
from coursekit.nets.diffusion import _log_cell, time_embedding
from coursekit.objectives import denoising
from coursekit.training import Ema, adam, fit
from coursekit.zoo import RECIPES
from coursekit.zoo.elective_measures import measure_diffusion
from coursekit.zoo.measures import special_measure
from coursekit.zoo.recipes import build_network

SCHEDULES = {
    "scaled": nets.NoiseSchedule(),
    "unscaled": nets.NoiseSchedule(scale=1.0),
    "paper": nets.NoiseSchedule("linear", 1000, 1.0),
    "cosine": nets.NoiseSchedule("cosine", 50),
}


@pytest.fixture(params=SCHEDULES)
def schedule(request) -> nets.NoiseSchedule:
    return SCHEDULES[request.param]


class Known(nets.DiffusionModel):
    """The exact ε of data from N(m, s²): E[ε | x_t] = √(1 − ᾱ)(x_t − √ᾱ·m)/(ᾱs² + 1 − ᾱ)."""

    def __init__(self, schedule, mean=0.7, std=0.5, shape=(1,)):
        super().__init__()
        self.schedule, self.shape, self.classes, self.bounded = schedule, shape, 0, False
        self.mean, self.std = mean, std
        self.unused = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))

    def forward(self, x_t, t, y=None):
        signal = self.schedule.at(self.schedule.alpha_bar, t, x_t)
        off = x_t - signal.sqrt() * self.mean
        return (1 - signal).sqrt() * off / (signal * self.std**2 + 1 - signal)


class Constant(nets.DiffusionModel):
    """Predicts one number, by class; remembers what it was asked."""

    def __init__(self, schedule, values=(0.0,), classes=0, shape=(3,), bounded=False):
        super().__init__()
        self.schedule, self.shape, self.classes = schedule, shape, classes
        self.bounded, self.values = bounded, torch.tensor(values)
        self.unused = torch.nn.Parameter(torch.zeros(1))
        self.times, self.told = [], []

    def forward(self, x_t, t, y=None):
        self.times.append(t)
        if self.classes:
            y = torch.full((len(x_t),), self.classes) if y is None else y
            self.told.append(y)
        value = self.values[y if self.classes else torch.zeros(len(x_t), dtype=torch.int64)]
        rows = value.to(x_t).view(-1, *[1] * (x_t.dim() - 1))
        return rows.expand_as(x_t) + 0 * self.unused.to(x_t)


def end(steps):
    return list(steps)[-1]


def double(*values):
    return torch.tensor(values, dtype=torch.float64)


# ---- the forward process


def test_the_closed_form_is_the_iterated_chain(schedule):
    mean, variance = 1.0, 0.0
    x_0, noise = double([1.0]), double([1.0])
    for k in range(1, schedule.steps + 1):
        beta = float(schedule.beta[k])
        mean, variance = (1 - beta) ** 0.5 * mean, (1 - beta) * variance + beta
        t = torch.tensor([k])
        assert float(schedule.q_sample(x_0, t, 0 * noise)) == pytest.approx(mean, rel=1e-9)
        assert float(schedule.q_sample(0 * x_0, t, noise)) ** 2 == pytest.approx(variance, rel=1e-9)


def test_the_tables_begin_at_time_0_with_a_clean_image(schedule):
    assert len(schedule.alpha_bar) == len(schedule.beta) == schedule.steps + 1
    assert float(schedule.alpha_bar[0]) == 1 and float(schedule.beta[0]) == 0
    assert float(schedule.alpha_bar_prev[1]) == 1
    torch.testing.assert_close(schedule.alpha_bar_prev[2:], schedule.alpha_bar[1:-1])


def test_unscaled_noise_of_200_steps_leaves_the_image_visible():
    assert float(SCHEDULES["unscaled"].alpha_bar[200]) == pytest.approx(0.132, abs=0.001)
    assert float(SCHEDULES["scaled"].alpha_bar[200]) < 1e-4
    assert float(SCHEDULES["paper"].alpha_bar[1000]) == pytest.approx(4.04e-5, rel=0.01)
    assert float(SCHEDULES["paper"].beta[1]) == pytest.approx(1e-4)
    assert float(SCHEDULES["paper"].beta[1000]) == pytest.approx(0.02)


def test_the_cosine_schedule_is_its_formula_until_it_is_clipped():
    s, t = nets.NoiseSchedule("cosine", 100), torch.arange(100, dtype=torch.float64)
    f = torch.cos((t / 100 + 0.008) / 1.008 * torch.pi / 2).square()
    torch.testing.assert_close(s.alpha_bar[:100], f / f[0])
    assert float(s.beta.max()) == pytest.approx(0.999)


@pytest.mark.parametrize("k", [2, 3, 17, 50])
@pytest.mark.parametrize(("x_0", "x_t"), [(0.8, -0.3), (-1.0, 1.4)])
def test_the_posterior_is_bayes_rule_by_quadrature(schedule, k, x_0, x_t):
    """q(x_{t−1} | x_t, x_0) ∝ q(x_t | x_{t−1})·q(x_{t−1} | x_0), on a grid."""
    beta, before = float(schedule.beta[k]), float(schedule.alpha_bar[k - 1])
    grid = torch.linspace(-8, 8, 400_001, dtype=torch.float64)
    log_p = -(x_t - (1 - beta) ** 0.5 * grid).square() / (2 * beta)
    log_p = log_p - (grid - before**0.5 * x_0).square() / (2 * (1 - before))
    p = (log_p - log_p.max()).exp()
    mean = float((p * grid).sum() / p.sum())
    variance = float((p * (grid - mean).square()).sum() / p.sum())
    t = torch.tensor([k])
    found = float(schedule.posterior_mean(double([x_0]), double([x_t]), t))
    assert found == pytest.approx(mean, abs=1e-6)
    assert float(schedule.posterior_variance[k]) == pytest.approx(variance, rel=1e-5)


def test_prediction_of_x0_and_of_the_noise_invert_the_forward_step(schedule, rng):
    x, eps = torch.randn(2, 6, 3, generator=rng, dtype=torch.float64)
    t = torch.tensor([1, 2, 10, 20, 30, 40])
    x_t = schedule.q_sample(x, t, eps)
    torch.testing.assert_close(schedule.predict_x0(x_t, t, eps), x)
    torch.testing.assert_close(schedule.predict_eps(x_t, t, x), eps)


def test_the_score_of_a_gaussian_is_minus_its_noise_over_its_deviation(schedule, rng):
    model, x = Known(schedule), torch.randn(5, 1, generator=rng, dtype=torch.float64)
    for k in (1, 20, schedule.steps):
        t, signal = torch.full((5,), k), float(schedule.alpha_bar[k])
        exact = -(x - signal**0.5 * 0.7) / (signal * 0.25 + 1 - signal)
        torch.testing.assert_close(schedule.score(model(x, t), t), exact)


# ---- the reverse process


def test_ddim_with_eta_1_has_the_variance_and_the_mean_of_ddpm(schedule, rng):
    for k in (1, 2, 7, schedule.steps):
        wanted = float(schedule.posterior_variance[k])
        assert schedule.ddim_variance(k, k - 1, 1.0) == pytest.approx(wanted, rel=1e-9, abs=1e-15)
        assert schedule.ddim_variance(k, k - 1, 0.5) == pytest.approx(wanted / 4, abs=1e-15)
        assert schedule.ddim_variance(k, 0, 1.0) == 0
    x, model = torch.randn(4, 1, generator=rng, dtype=torch.float64), Known(schedule)
    T = torch.full((4,), schedule.steps)
    first = next(nets.reverse(model, x, torch.Generator().manual_seed(1)))
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(1)).double()
    mean = schedule.posterior_mean(first.x_0, x, T)
    deviation = float(schedule.posterior_variance[schedule.steps]) ** 0.5
    torch.testing.assert_close(first.x, mean + deviation * noise)
    assert first.t == schedule.steps - 1


def test_ddim_with_eta_0_draws_nothing_and_eta_1_does(rng):
    x, model = torch.randn(4, 1, generator=rng).double(), Known(SCHEDULES["scaled"])
    for eta, same in ((0.0, True), (1.0, False)):
        a, b = (torch.Generator().manual_seed(seed) for seed in (1, 2))
        before = a.get_state()
        one, other = (end(nets.reverse(model, x, g, steps=10, eta=eta)).x for g in (a, b))
        assert torch.equal(one, other) is same
        assert torch.equal(before, a.get_state()) is same


@pytest.mark.parametrize("name", ["paper", "scaled"])
def test_the_exact_noise_of_a_gaussian_recovers_it_without_noise(name):
    """With η = 0 the whole way is an affine map of x_T: its slope is the deviation of samples."""
    model, x = Known(SCHEDULES[name]), double([-1.0], [0.0], [1.0])
    low, middle, high = end(nets.reverse(model, x, torch.Generator(), eta=0.0)).x.flatten()
    slack = 0.01 if name == "paper" else 0.04
    assert float(middle) == pytest.approx(0.7, abs=slack)
    assert float(high - low) / 2 == pytest.approx(0.5, abs=slack)
    assert float(high - middle) == pytest.approx(float(middle - low))


def test_the_exact_noise_of_a_gaussian_recovers_it_by_ancestral_sampling(rng):
    model = Known(SCHEDULES["paper"])
    x = model.sample(20_000, rng, batch=20_000)
    assert float(x.mean()) == pytest.approx(0.7, abs=0.02)
    assert float(x.std()) == pytest.approx(0.5, abs=0.02)


def test_the_unscaled_schedule_biases_the_mean_although_the_noise_is_exact():
    model, x = Known(SCHEDULES["unscaled"]), double([-1.0], [0.0], [1.0])
    low, middle, high = end(nets.reverse(model, x, torch.Generator(), eta=0.0)).x.flatten()
    assert float(middle) < 0.6
    assert float(high - low) / 2 > 0.51


def test_no_noise_is_added_in_the_last_step(rng):
    for eta in (0.0, 0.5, 1.0):
        last = end(nets.reverse(Known(SCHEDULES["scaled"]), torch.randn(3, 1), rng, eta=eta))
        assert last.t == 0
        torch.testing.assert_close(last.x, last.x_0)


def test_the_visited_times_go_from_the_last_to_the_first(schedule):
    for steps in (2, 7, schedule.steps):
        times = schedule.times(steps)
        assert len(times) == len(set(times)) == steps
        assert times[0] == schedule.steps and times[-1] == 1
        assert times == sorted(times, reverse=True)
    assert schedule.times() == list(range(schedule.steps, 0, -1))
    model = Constant(schedule)
    states = list(nets.reverse(model, torch.zeros(2, 3), torch.Generator(), steps=7))
    assert [int(t[0]) for t in model.times] == schedule.times(7)
    assert [state.t for state in states] == [*schedule.times(7)[1:], 0]


def test_a_predicted_image_is_clipped_and_its_noise_agrees_with_it(rng):
    model = Constant(SCHEDULES["scaled"], (5.0,), shape=(1, 2, 2), bounded=True)
    for state in nets.reverse(model, torch.randn(3, 1, 2, 2, generator=rng), rng, steps=5, eta=0):
        assert float(state.x_0.abs().max()) <= 1
    x = model.sample(3, rng, steps=5)
    assert x.shape == (3, 1, 2, 2) and 0 <= float(x.min()) <= float(x.max()) <= 1


def test_inpainting_keeps_what_is_given_and_draws_the_rest(rng):
    model = Constant(SCHEDULES["scaled"], shape=(1, 4, 4), bounded=True)
    given = torch.rand(5, 1, 4, 4, generator=rng)
    mask = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    mask[..., :2, :] = True
    made = model.inpaint(given, mask, rng, steps=10)
    assert torch.equal(made[:, :, :2], given[:, :, :2])
    assert not torch.equal(made[:, :, 2:], given[:, :, 2:])
    assert 0 <= float(made.min()) <= float(made.max()) <= 1


def test_inpainting_conditions_on_noisy_versions_of_what_is_given(rng):
    """On the way the known pixels have the mean and the variance of q(x_t | given)."""
    s = SCHEDULES["scaled"]
    model = Constant(s, shape=(1, 4, 4), bounded=True)
    given, mask = torch.full((2000, 1, 4, 4), 0.75), torch.ones(1, 1, 4, 4, dtype=torch.bool)
    for state in nets.reverse(model, torch.zeros(2000, 1, 4, 4), rng, given=given, mask=mask):
        if state.t in (150, 50):
            signal = float(s.alpha_bar[state.t])
            assert float(state.x.mean()) == pytest.approx(signal**0.5 * 0.5, abs=0.02)
            assert float(state.x.var()) == pytest.approx(1 - signal, rel=0.05)


# ---- guidance


def test_guidance_goes_from_no_class_towards_the_class():
    model = Constant(SCHEDULES["scaled"], (2.0, 7.0, 1.0), classes=2)  # the last: no class
    x, t, y = torch.zeros(1, 3), torch.tensor([5]), torch.tensor([0])
    for w, wanted in ((0.0, 2.0), (1.0, 3.0), (3.0, 5.0)):
        eps = nets.guided_eps(model, x, t, y, w).detach()
        assert float(eps[0, 0]) == pytest.approx(wanted)
    assert float(nets.guided_eps(model, x, t, None).detach()[0, 0]) == 1.0


@pytest.mark.parametrize("network", [nets.DiffusionUNet, nets.DiffusionMLP])
def test_no_label_is_a_label_of_its_own_and_time_and_class_matter(network, rng):
    shape = (1, 8, 8) if network is nets.DiffusionUNet else (2,)
    model = network(shape, 16, classes=3, rng=rng).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.2 * torch.randn(p.shape, generator=rng))
    x, t = torch.randn(4, *shape, generator=rng), torch.full((4,), 100)
    none = model(x, t)
    assert torch.equal(none, model(x, t, torch.full((4,), 3)))
    asked = ((t, k) for k in range(3))
    outputs = [none, *(model(x, t, torch.full((4,), k)) for t, k in asked), model(x, t - 99)]
    outputs = [output.detach() for output in outputs]
    for i, a in enumerate(outputs):
        assert a.shape == x.shape
        assert all(float((a - b).abs().max()) > 1e-4 for b in outputs[:i])
    # one example does not look at another: no statistics over the batch
    torch.testing.assert_close(model(x[:1], t[:1]), none[:1], atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_the_class_is_withheld_as_often_as_asked(rng):
    x, y = torch.zeros(4000, 3), torch.zeros(4000, dtype=torch.int64)
    for drop, slack in ((0.0, 0.0), (0.3, 0.03), (1.0, 0.0)):
        model = Constant(SCHEDULES["scaled"], (0.0, 0.0, 0.0), classes=2)
        denoising(drop_label=drop)(model, x, y, rng, 0.0)
        told = model.told[0]
        assert set(told.tolist()) <= {0, 2}
        assert float((told == 2).float().mean()) == pytest.approx(drop, abs=slack)


def test_times_are_embedded_by_waves_from_fast_to_slow():
    rows = time_embedding(torch.tensor([0, 1, 200]), 8)
    assert rows[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert float(rows[1, 0]) == pytest.approx(0.84147, abs=1e-4)  # sin 1
    assert float(rows[2, 3]) == pytest.approx(0.02, abs=1e-4)  # sin(200/10⁴)


# ---- the loss and the bound


@torch.no_grad()
def test_times_are_drawn_over_the_whole_range(rng):
    model = Constant(nets.NoiseSchedule(steps=5, scale=1.0))
    denoising()(model, torch.zeros(5000, 3), torch.zeros(5000, dtype=torch.int64), rng, 0.0)
    counts = model.times[0].bincount(minlength=6)
    assert int(counts[0]) == 0 and len(counts) == 6
    assert all(abs(int(c) - 1000) < 150 for c in counts[1:])


@torch.no_grad()
def test_the_loss_is_the_noise_that_is_left_and_weighted_where_asked(rng):
    s = SCHEDULES["scaled"]
    model, y = Constant(s), torch.zeros(20_000, dtype=torch.int64)
    x = torch.randn(20_000, 3, generator=rng)
    assert float(denoising()(model, x, y, rng, 0.0)) == pytest.approx(1, abs=0.03)
    weighted = float(denoising("vlb")(model, x, y, rng, 0.0))
    assert weighted == pytest.approx(float(s.vlb_weights.sum()), rel=0.15)

    def knows(x_t, t, y=None):  # all x are 0, so x_t tells its noise
        return x_t / (1 - s.at(s.alpha_bar, t, x_t)).sqrt()

    model.forward = knows
    for loss in (denoising(), denoising("vlb")):
        assert float(loss(model, 0 * x, y, rng, 0.0)) < 1e-4


def test_pixels_are_seen_between_minus_one_and_one(rng):
    model = Constant(SCHEDULES["scaled"], shape=(1, 2, 2), bounded=True)
    x = torch.rand(3, 1, 2, 2, generator=rng)
    torch.testing.assert_close(model.normalise(x), 2 * x - 1)
    torch.testing.assert_close(model.denormalise(model.normalise(x)), x)


def test_a_weight_is_the_divergence_of_two_steps_per_squared_error(schedule, rng):
    """KL between Gaussians of one variance, ‖μ̃ − μ_θ‖²/2σ², both means from a noise."""
    x_0, eps, other = torch.randn(3, 4, 5, generator=rng, dtype=torch.float64)
    for k in (2, 3, 20, schedule.steps):
        t = torch.full((4,), k)
        x_t = schedule.q_sample(x_0, t, eps)
        means = [
            schedule.posterior_mean(schedule.predict_x0(x_t, t, e), x_t, t) for e in (eps, other)
        ]
        variance = float(schedule.posterior_variance[k])
        kl = (means[0] - means[1]).square().sum(1) / (2 * variance)
        wanted = float(schedule.vlb_weights[k]) * (eps - other).square().sum(1)
        torch.testing.assert_close(kl, wanted, rtol=1e-6, atol=1e-9)


def test_the_bound_counts_every_step_once(rng):
    """A model that predicts no noise errs by ‖ε‖²: Σ w_t·d in all, whatever the draws."""
    s = nets.NoiseSchedule(steps=20, scale=2.0)
    model = Constant(s, shape=(1, 2, 2), bounded=True)
    x = torch.rand(6000, 1, 2, 2, generator=rng)
    for draws in (1, 4, 19):
        found = nets.variational_bound(model, x, rng, draws=draws)["steps"]
        wanted = 4 * float(s.vlb_weights[2:].sum())
        error = float(found.std()) / len(x) ** 0.5
        assert float(found.mean()) == pytest.approx(wanted, abs=4 * error)
        assert error < 0.05 * wanted


def test_the_prior_term_is_a_divergence_of_gaussians(rng):
    s, x = nets.NoiseSchedule(steps=10, scale=1.0), torch.rand(3, 1, 2, 2, generator=rng)
    x = (255 * x).round() / 255
    found = nets.variational_bound(Constant(s, shape=(1, 2, 2), bounded=True), x, rng)["prior"]
    signal = float(s.alpha_bar[10])
    q = torch.distributions.Normal(signal**0.5 * (2 * x - 1), (1 - signal) ** 0.5)
    wanted = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0))
    torch.testing.assert_close(found, wanted.flatten(1).sum(1))


@pytest.mark.parametrize("deviation", [0.002, 0.02, 0.5])
@pytest.mark.parametrize("mean", [-1.0, -0.31, 0.0, 0.999, 1.3])
def test_the_grey_values_of_the_decoder_sum_to_one(mean, deviation):
    grey = (2 * torch.arange(256.0) / 255 - 1).view(-1, 1, 1, 1)
    p = _log_cell(grey, torch.full_like(grey, mean), deviation).double().exp()
    assert float(p.sum()) == pytest.approx(1, abs=1e-4)


def test_the_bound_of_the_exact_model_is_close_to_its_entropy_from_above(rng):
    """Images of independent grey values, uniform: log 256 nats a pixel at best, 8 bits.

    What is above them is the price of σ_t² = β̃_t, which is too small in the first steps, where
    so broad a density looks flat, and p(x_{t−1} | x_t) has almost the variance β_t.
    """

    class Flat(Constant):
        """The exact ε for x_0 uniform on the 256 grey values, pixel by pixel."""

        def forward(self, x_t, t, y=None):
            grey = 2 * torch.arange(256.0) / 255 - 1
            signal = self.schedule.at(self.schedule.alpha_bar, t, x_t)[..., None]
            off = (x_t[..., None] - signal.sqrt() * grey).square()
            p = (-off / (2 * (1 - signal))).softmax(-1)
            return self.schedule.predict_eps(x_t, t, (p * grey).sum(-1))

    model = Flat(SCHEDULES["scaled"], shape=(1, 2, 2), bounded=True)
    x = torch.randint(256, (1000, 1, 2, 2), generator=rng) / 255
    found = nets.variational_bound(model, x, rng, draws=20)
    terms = torch.stack(list(found.values())).sum(0)
    bits = float(terms.mean()) / (4 * log(2))
    assert 8 < bits < 9.5


# ---- what the zoo measures


@pytest.mark.parametrize("classes", [0, 10])
def test_the_figures_of_a_run_are_samples_and_a_bound_that_adds_up(classes, rng):
    pixels = torch.rand(2, 40, 1, 8, 8, generator=rng)
    data = Dataset("mine", *(Split(x, torch.arange(40) % 10) for x in pixels), tuple("0123456789"))
    model = nets.DiffusionUNet((1, 8, 8), 8, classes, rng=rng).eval()
    reader = nets.StridedCNN((1, 8, 8), 10, rng=rng).eval()
    fresh = torch.Generator().manual_seed(1)
    figures = measure_diffusion(model, data, reader, 30, fresh)
    parts = [figures[f"bits_{name}"]["value"] for name in ("prior", "steps", "decoder")]
    assert figures["bits_per_dim"]["value"] == pytest.approx(sum(parts), rel=1e-5)
    assert all(figures[f"bits_{name}"]["se"] >= 0 for name in ("prior", "steps", "decoder"))
    assert all(row["n"] == 30 and row["tolerance"] > 0 for row in figures.values())
    assert ("class_accuracy_guided" in figures) is bool(classes)
    assert ("frechet_distance_guided" in figures) is bool(classes)
    again = measure_diffusion(model, data, reader, 30, torch.Generator().manual_seed(1))
    assert figures == again


def test_the_recipes_are_one_run_each_of_four_kinds():
    names = ("ddpm", "ddpm-vlb", "ddpm-unscaled", "ddpm-classes")
    for data in ("digits", "mnist"):
        runs = [RECIPES[f"{name}-{data}"] for name in names]
        assert len({run.key for run in runs}) == 4
        assert all(run.ema and special_measure(run) is measure_diffusion for run in runs)
        made = [build_network(run, "network", None, None) for run in runs]
        ends = [float(model.schedule.alpha_bar[-1]) for model in made]
        assert ends[2] > 0.1 > 1e-3 > max(ends[0], ends[1], ends[3])
        assert [model.classes for model in made] == [0, 0, 0, 10]
        assert all(sum(p.numel() for p in model.parameters()) < 300_000 for model in made)


# ---- training


def test_a_network_learns_points_and_the_average_follows(rng):
    """N(2, 0.25): after a short training samples have its mean."""
    model = nets.DiffusionMLP((1,), 32, rng=rng)
    ema = Ema(model, 0.9)
    x = 2 + 0.25 * torch.randn(4000, 1, generator=rng)

    def batches():
        while True:
            rows = torch.randint(len(x), (256,), generator=rng)
            yield x[rows], torch.zeros(256, dtype=torch.int64)

    fit(model, batches(), denoising(), steps=300, rng=rng, optimizer=adam(5e-3), ema=ema)
    assert ema.updates == 300
    drawn = ema.model.sample(1000, rng, steps=50)
    assert float(drawn.mean()) == pytest.approx(2, abs=0.1)
    first = next(iter(model.parameters()))
    assert not torch.equal(first, next(iter(ema.model.parameters())))


def test_the_mode_is_put_back_after_sampling(rng):
    model = nets.DiffusionUNet((1, 8, 8), 8, rng=rng).train()
    model.sample(2, rng, steps=2)
    assert model.training
    a, b = (model.sample(3, torch.Generator().manual_seed(5), steps=3) for _ in range(2))
    assert torch.equal(a, b)


ERRORS = {
    "choose 2 to 200": lambda m, g: m.sample(2, g, steps=1),
    "eta was 1.5": lambda m, g: m.sample(2, g, eta=1.5),
    "guidance was -1": lambda m, g: m.sample(2, g, guidance=-1),
    "guidance leads towards a class": lambda m, g: m.sample(2, g, guidance=1.0),
    "one for each sample": lambda m, g: m.sample(2, g, torch.zeros(3, dtype=torch.int64)),
    "name was 'square'": lambda m, g: nets.NoiseSchedule("square"),
    "has at least 2": lambda m, g: nets.NoiseSchedule(steps=1),
    "keep all β": lambda m, g: nets.NoiseSchedule(scale=60.0),
    "weighting was 'best'": lambda m, g: denoising("best"),
    "drop_label was 2": lambda m, g: denoising(drop_label=2),
    "draw at least 1": lambda m, g: nets.variational_bound(m, torch.zeros(1, 1, 2, 2), g, draws=0),
    "multiple of 8": lambda m, g: nets.DiffusionUNet((1, 8, 8), 12),
    "both given and mask": lambda m, g: list(
        nets.reverse(m, torch.zeros(1, 2), g, given=torch.zeros(1, 2))
    ),
}


@pytest.mark.parametrize("said", ERRORS)
def test_a_reader_s_mistake_is_one_sentence(said, rng):
    with pytest.raises(CourseError, match=said):
        ERRORS[said](nets.DiffusionMLP(), rng)
