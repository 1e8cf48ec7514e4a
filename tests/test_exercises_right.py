"""No grader cares how a right answer is written: loops, other formulas, float32, NumPy, SciPy."""

import math

import numpy as np
import pytest
import torch
from exercise_cases import RIGHT_SEEDS, exercises_of
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import jensenshannon
from test_exercises import ROOMS
from torch import nn
from torch.nn import functional as F

from coursekit.gradients import input_gradient
from coursekit.teaching.exercises import (
    adversarial,
    conditional,
    diffusion,
    dreams,
    gan_theory,
    gan_training,
    larger,
    latent,
    likelihood,
    mode_collapse,
    robust,
    start,
    transfer,
    translation,
    wasserstein,
)

RIGHT = []  # (exercise, a right answer that is not the worked solution)


def right(exercise):
    return lambda attempt: RIGHT.append((exercise, attempt)) or attempt


# 13


@right(larger.ATTEND)
def place_after_place(q, k, v):
    rows = []
    for i in range(q.shape[2]):
        beta = torch.einsum("nd,ndj->nj", q[:, :, i], k).softmax(1)
        rows.append(torch.einsum("nj,ncj->nc", beta, v))
    return torch.stack(rows, 2)


@right(larger.TRUNCATE)
def one_coordinate_at_a_time(z, at, rng):
    flat = z.clone().flatten()
    for i in range(len(flat)):
        while abs(float(flat[i])) > at:
            flat[i] = torch.randn((), generator=rng)
    return flat.view_as(z)


@right(larger.MODULATE)
def filter_by_filter(weight, s):
    rows = [weight * scale[None, :, None, None] for scale in s]
    return torch.stack([torch.stack([f / f.norm() for f in row]) for row in rows])


@right(larger.WRONG)
def the_last_that_differs(meaning):
    differ = (meaning[:, None] != meaning[None]).any(2)
    numbers = torch.arange(len(meaning)).expand_as(differ)
    return torch.where(differ, numbers, -1).amax(1)


# 00 and 01


@right(start.REFUSE)
def place_by_place(joint, least):
    columns = joint.T
    return torch.tensor([-1 if float(c.sum()) < least else int(c.argmax()) for c in columns])


@right(start.REFUSE)
def as_floats(joint, least):
    said = joint.argmax(dim=0).float()
    said[joint.sum(dim=0) < least] = -1.0
    return said


@right(dreams.STEP)
def image_by_image(x, gradient, step_size):
    scaled = [g / (g.abs().mean() + 1e-8) for g in gradient]
    return torch.stack([(a + step_size * g).clip(0, 1) for a, g in zip(x, scaled, strict=True)])


@right(dreams.JITTER)
def by_indices(gradient_of, x, dy, dx):
    rows = ((torch.arange(x.shape[2]) - dy) % x.shape[2])[:, None]
    columns = (torch.arange(x.shape[3]) - dx) % x.shape[3]
    gradient = gradient_of(x[:, :, rows, columns])
    back = torch.empty_like(gradient)
    back[:, :, rows, columns] = gradient
    return back


@right(dreams.OCTAVE)
def lost_detail(photo, small, dreamt, enlarge):
    size = photo.shape[-2], photo.shape[-1]
    return enlarge(dreamt, size) + (photo - enlarge(small, size))


@right(dreams.FIELD)
def backwards(layers):
    sees = 1
    for side, stride in reversed(layers):
        sees = (sees - 1) * stride + side
    return torch.tensor(sees)


# 02


@right(gan_theory.BEST_DISCRIMINATOR)
def with_logaddexp(log_p, log_q):
    return torch.exp(log_p - torch.logaddexp(log_p, log_q))


@right(gan_theory.BEST_DISCRIMINATOR)
def with_math(log_p, log_q):
    pairs = zip(log_p.tolist(), log_q.tolist(), strict=True)
    return torch.tensor([1 / (1 + math.exp(b - a)) for a, b in pairs])


@right(gan_theory.JENSEN_SHANNON)
def with_scipy(p, q):
    return jensenshannon(p.numpy(), q.numpy()) ** 2


@right(gan_theory.JENSEN_SHANNON)
def with_a_mask_in_float32(p, q):
    p, q = p.float(), q.float()
    m = (p + q) / 2
    return sum((a[a > 0] * (a[a > 0] / m[a > 0]).log()).sum() for a in (p, q)) / 2


@right(gan_theory.GENERATOR_SLOPE)
def slope_with_math(s):
    return torch.tensor([-1 / (1 + math.exp(v)) for v in s.tolist()])


@right(gan_theory.EXTRAGRADIENT)
def with_a_matrix(x, y, rate):
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    here = np.array([x, y])
    return here + rate * turn @ (here + rate * turn @ here)


# 03


@right(gan_training.GENERATOR_LOSS)
def bce(scores):
    return nn.BCEWithLogitsLoss()(scores, torch.ones(len(scores)))


@right(gan_training.GENERATOR_LOSS)
def logsigmoid(scores):
    return -F.logsigmoid(scores).sum() / len(scores)


@right(gan_training.CRITIC_LOSS)
def in_one_batch(G, D, x, z):
    with torch.no_grad():
        fake = G(z)
    real, fooled = D(torch.cat([x, fake])).split(len(x))
    return -(F.logsigmoid(real) + F.logsigmoid(-fooled)).mean()


@right(gan_training.SLERP)
def with_clamped_cosine(a, b, t):
    cosine = F.cosine_similarity(a, b, dim=0).clamp(-1 + 1e-7, 1 - 1e-7)
    w = math.acos(float(cosine))
    return (math.sin((1 - t) * w) * a + math.sin(t * w) * b) / math.sin(w)


@right(gan_training.FRECHET_LINE)
def with_numpy(a, b):
    a, b = a.numpy(), b.numpy()
    return (np.mean(a) - np.mean(b)) ** 2 + (np.std(a) - np.std(b)) ** 2


# 04


@right(conditional.AUXILIARY_LOSS)
def row_by_row(logits, y):
    rows = zip(logits, y, strict=True)
    return -torch.stack([row.log_softmax(0)[label] for row, label in rows]).mean()


@right(conditional.CLASS_NORM)
def with_a_layer(h, gain, shift, y):
    plain = nn.BatchNorm2d(h.shape[1], affine=False)(h)
    return gain[y].unsqueeze(-1).unsqueeze(-1) * plain + shift[y].view(len(y), -1, 1, 1)


@right(conditional.CLASS_NORM)
def channel_by_channel(h, gain, shift, y):
    out = torch.empty_like(h)
    for c in range(h.shape[1]):
        plain = (h[:, c] - h[:, c].mean()) / (h[:, c].var(correction=0) + 1e-5).sqrt()
        out[:, c] = gain[y, c].view(-1, 1, 1) * plain + shift[y, c].view(-1, 1, 1)
    return out


@right(conditional.BAYES)
def bayes_by_hand(logs, prior):
    weight = [[row - max(rows) for row in rows] for rows in logs.tolist()]
    weight = torch.tensor(weight).exp() * prior.float()
    return weight / weight.sum(1, keepdim=True)


@right(conditional.CORRUPT)
def without_itself(y, rate, k, rng):
    others = 1 - F.one_hot(y, k).double()
    wrong = torch.bernoulli(torch.full(y.shape, float(rate)), generator=rng).bool()
    return torch.where(wrong, torch.multinomial(others, 1, generator=rng)[:, 0], y)


@right(conditional.CORRUPT)
def over_the_gap(y, rate, k, rng):
    new, wrong = y.clone(), torch.rand(y.shape, generator=rng) < rate
    drawn = torch.randint(0, k - 1, (int(wrong.sum()),), generator=rng)
    new[wrong] = drawn + (drawn >= y[wrong]).long()
    return new


# 05


@right(mode_collapse.MODES_COVERED)
def nearest_first(samples, centres, radius):
    distance = ((samples[:, None] - centres[None]) ** 2).sum(-1).sqrt()
    near, which = distance.min(1)
    return len(set(which[near < radius].tolist()))


@right(mode_collapse.REVERSE_KL)
def kl_by_hand(counts):
    shares = [c / sum(counts.tolist()) for c in counts.tolist()]
    return sum(q * math.log(q * len(shares)) for q in shares if q)


@right(mode_collapse.PACK)
def every_mth(x, m):
    return torch.cat(x.chunk(m), dim=1)


@right(mode_collapse.PACK)
def one_by_one(x, m):
    return torch.stack([torch.cat(list(x[i : i + m])) for i in range(0, len(x), m)])


@right(mode_collapse.MINIBATCH_STD)
def with_epsilon(x):
    spread = (((x - x.mean(0)) ** 2).mean(0) + 1e-8).sqrt().mean()
    return torch.hstack([x, torch.full((len(x), 1), float(spread))])


@right(mode_collapse.OVERLAP)
def by_convolution(n, kernel, stride):
    ones = torch.ones(1, 1, n), torch.ones(1, 1, kernel)
    return F.conv_transpose1d(*ones, stride=stride)


@right(mode_collapse.OVERLAP)
def by_slices(n, kernel, stride):
    counts = np.zeros((n - 1) * stride + kernel, dtype=int)
    for i in range(n):
        counts[i * stride : i * stride + kernel] += 1
    return counts


# 06


@right(wasserstein.LINE)
def by_assignment(x, y):
    cost = (x[:, None] - y[None]).abs()
    return cost[linear_sum_assignment(cost.numpy())].mean()


@right(wasserstein.PENALTY)
def the_other_way(D, x, fake, rng):
    share = torch.rand(x.size(0), 1, generator=rng)
    at = (share * fake + (1 - share) * x).requires_grad_(True)
    scores = D(at)
    (g,) = torch.autograd.grad(scores, at, torch.ones_like(scores), create_graph=True)
    return ((g.pow(2).sum(1) + 1e-12).sqrt() - 1).pow(2).sum() / len(x)


@right(wasserstein.SIGMA)
def from_a_random_vector(W, rounds):
    u = torch.randn(W.shape[0])
    for _ in range(rounds):
        v = F.normalize(W.T @ u, dim=0)
        u = F.normalize(W @ v, dim=0)
    return (W @ v).norm().item()


@right(wasserstein.SIGMA)
def by_the_square(W, rounds):
    A = W.T @ W
    v = torch.ones(len(A))
    for _ in range(rounds):
        v = A @ v / (A @ v).norm()
    return (v @ A @ v).sqrt()


@right(wasserstein.CRITIC)
def by_sums(real, fake):
    return sum(fake) / len(fake) - sum(real) / len(real)


# 07


@right(adversarial.PROJECTION)
def one_image_at_a_time(x_adv, x, eps):
    kept = []
    for a, b in zip(x_adv, x, strict=True):
        delta, length = a - b, (a - b).norm()
        kept.append((b + (delta * eps / length if length > eps else delta)).clamp(0, 1))
    return torch.stack(kept)


@right(adversarial.PROJECTION)
def with_renorm(x_adv, x, eps):
    return (x + torch.renorm(x_adv - x, 2, 0, eps)).clip(0, 1)


@right(adversarial.SMALLEST)
def row_for_row(w, b, x):
    return torch.tensor([abs(float(row @ w + b)) / float(w.norm(p=1)) for row in x])


@right(adversarial.ROBUST)
def not_fooled_by_any(right):
    return 1 - (~right).any(dim=0).float().mean().item()


@right(adversarial.ROBUST)
def with_loops(right):
    return sum(all(column) for column in right.T.tolist()) / right.shape[1]


# 08


@right(transfer.GRADIENT)
def by_rows(W, b, x, y):
    return torch.stack([W.T @ (W @ a + b).softmax(0) - W[c] for a, c in zip(x, y, strict=True)])


@right(transfer.FOOLED)
def counted(clean, attacked, noisy, y):
    right = clean.eq(y)
    fooled = [((answer != y) & right).sum() for answer in (attacked, noisy)]
    return ((fooled[0] - fooled[1]) / right.sum()).item()


@right(transfer.BOX)
def pixel_by_pixel(x, low, high, margin):
    sides = zip(x.tolist(), low.tolist(), high.tolist(), strict=True)
    return torch.tensor([min(max(v, a + margin), b - margin) for v, a, b in sides])


@right(transfer.AUGMENT)
def down_the_loss(net, x, labels, step):
    at = x.clone().requires_grad_()
    F.cross_entropy(net(at), labels).backward()
    union = torch.vstack((x, (x - step * at.grad.sign()).clip(0, 1)))
    return [union, torch.tensor(len(union))]


@right(transfer.AUGMENT)
def up_the_logit(net, x, labels, step):
    g = input_gradient(lambda v: net(v)[torch.arange(len(v)), labels], x)
    return torch.cat([x, torch.clamp(x + step * g.sign(), 0, 1)]), len(x) + len(labels)


# 09


@right(robust.MIX)
def in_one_pass(model, x, x_adv, y, alpha):
    clean, attacked = model(torch.cat([x, x_adv])).chunk(2)
    loss = nn.CrossEntropyLoss(reduction="none")
    return (alpha * loss(clean, y) + (1 - alpha) * loss(attacked, y)).mean()


@right(robust.TRADES)
def kl_of_softmaxes(model, x, x_adv):
    p, q = model(x).softmax(-1), model(x_adv).softmax(-1)
    return (p * (p.log() - q.log())).sum(1).mean()


@right(robust.MARGIN)
def best_of_two(logits, y):
    value, which = logits.topk(2, dim=1)
    best = torch.where(which[:, 0] == y, value[:, 1], value[:, 0])
    return best - logits[torch.arange(len(y)), y]


@right(robust.MARGIN)
def far_below(logits, y):
    mine = F.one_hot(y, logits.shape[1])
    return (logits - 1e9 * mine).max(1).values - (logits * mine).sum(1)


class Stairs(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, levels):
        return torch.floor(x * (levels - 1) + 0.5) / (levels - 1)

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


@right(robust.STRAIGHT)
def own_backward(x, levels):
    return Stairs.apply(x, levels)


@right(robust.STRAIGHT)
def nearest_of_a_grid(x, levels):
    grid = torch.linspace(0, 1, levels)
    nearest = grid[(x.detach()[..., None] - grid).abs().argmin(-1)]
    return x - x.detach() + nearest


# 10


@right(likelihood.LOG_LIKELIHOOD)
def by_cross_entropy(logits, x):
    lost = F.binary_cross_entropy_with_logits(logits, x.to(logits), reduction="none")
    return -lost.sum((1, 2, 3))


@right(likelihood.LOG_LIKELIHOOD)
def in_numpy(logits, x):
    s, x = logits.numpy(), x.numpy()
    return torch.from_numpy((x * s - np.logaddexp(0, s)).reshape(len(s), -1).sum(1))


@right(likelihood.MASKS)
def one_connection_at_a_time(rank, degree):
    seen = [[int(r < m) for r in rank.tolist()] for m in degree.tolist()]
    told = [[int(m <= r) for m in degree.tolist()] for r in rank.tolist()]
    return torch.tensor(seen), torch.tensor(told)


@right(likelihood.BLIND_SPOT)
def by_loops(h, w, row, column):
    blind = np.zeros((h, w), dtype=bool)
    for r in range(row):
        blind[r, min(w, column + row - r + 1) :] = True
    return torch.from_numpy(blind)


@right(likelihood.MIXTURE)
def by_softmax_of_the_largest(log_p):
    top = log_p.max(0).values
    return top + torch.exp(log_p - top).mean(0).log()


@right(likelihood.BITS)
def each_dimension_first(log_density, d):
    return 8 - (log_density / d).mean().item() / math.log(2)


@right(latent.RATE)
def by_distributions(mean, log_std):
    q = torch.distributions.Normal(mean, log_std.exp().clamp_min(1e-300))
    kl = 0.5 * (mean**2 + q.stddev**2 - 1) - torch.where(log_std < -600, log_std, q.stddev.log())
    return kl.sum(dim=-1).mean().item()


@right(latent.RATE)
def image_after_image(mean, log_std):
    rows = zip(mean.tolist(), log_std.tolist(), strict=True)
    kl = [sum(0.5 * (m * m + math.exp(2 * s) - 1) - s for m, s in zip(*row)) for row in rows]  # noqa: B905
    return sum(kl) / len(kl)


@right(latent.IWAE_BOUND)
def shifted_by_the_largest(log_w):
    top = log_w.amax(0)
    return (top + (log_w - top).exp().mean(0).log()).mean().float()


@right(latent.FREE_BITS)
def by_maximum(kl, floor):
    per_latent = kl.sum(0) / kl.shape[0]
    return sum(torch.maximum(row, torch.as_tensor(floor, dtype=row.dtype)) for row in per_latent)


class Through(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z, e):
        return e.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


@right(latent.QUANTISE)
def with_its_own_backward(z, codebook):
    nearest = ((z[:, None] - codebook[None]) ** 2).sum(-1).argmin(-1)
    return Through.apply(z, codebook[nearest].detach())


# 14


@right(diffusion.NOISY)
def example_by_example(x, alpha_bar, t, eps):
    rows = zip(x, alpha_bar[t], eps, strict=True)
    return torch.stack([math.sqrt(a) * row + math.sqrt(1 - a) * e for row, a, e in rows])


@right(diffusion.POSTERIOR)
def by_precisions(x_0, x_t, beta, before):
    if before == 1:
        return x_0, 0.0
    from_xt, from_x0 = (1 - beta) / beta, 1 / (1 - before)
    variance = 1 / (from_xt + from_x0)
    mean = from_xt * x_t / math.sqrt(1 - beta) + from_x0 * math.sqrt(before) * x_0
    return mean * variance, variance


@right(diffusion.DDIM)
def along_a_line(x_t, eps, here, before):
    a, b = math.sqrt(before / here), math.sqrt(1 - before)
    return a * x_t + (b - a * math.sqrt(1 - here)) * eps


@right(diffusion.GUIDED)
def further_than_the_class(with_class, without, w):
    return torch.lerp(without, with_class, 1 + w)


# 12


@right(translation.FIELD)
def field_by_jumps(kernels, strides):
    jump, field = 1, 1
    for kernel, stride in zip(kernels, strides, strict=True):
        field, jump = field + (kernel - 1) * jump, jump * stride
    return torch.tensor(field)


@right(translation.CYCLE)
def cycle_by_l1_loss(forth, back, a, b):
    return float(F.l1_loss(back(forth(a)), a) + F.l1_loss(forth(back(b)), b))


@right(translation.WARP)
def warp_in_the_units_of_edges(frame, flow):
    h, w = frame.shape[2:]
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    x, y = x + flow[:, 0], y + flow[:, 1]
    grid = torch.stack([(2 * x + 1) / w - 1, (2 * y + 1) / h - 1], -1)
    return F.grid_sample(frame, grid, align_corners=False)


@right(translation.FLICKER)
def flicker_of_chosen_pixels(moved, later, visible):
    return F.mse_loss(moved[visible], later[visible])


@pytest.mark.parametrize(
    ("exercise", "attempt"), RIGHT, ids=[f"{e.title}: {f.__name__}" for e, f in RIGHT]
)
def test_a_right_answer_is_accepted_however_it_is_written(exercise, attempt):
    for seed in RIGHT_SEEDS:
        assert exercise.verdict(attempt, seed) is None, f"seed {seed}"


def test_every_exercise_has_such_an_answer():
    every = {exercise for room in ROOMS for exercise in exercises_of(room).values()}
    assert {exercise for exercise, _ in RIGHT} == every
