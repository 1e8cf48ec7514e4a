"""Wrong answers to the exercises of 14, and what the graders say of them."""

from exercise_cases import Slip, suite

from coursekit.teaching.exercises import diffusion as room

CASES = {
    room.NOISY: [
        (lambda x, a, t, eps: a[t][:, None] * x + (1 - a[t][:, None]) * eps, "are variances"),
        (Slip("(1 - signal).sqrt()", "(1 - signal)"), "variance of the noise"),
        (Slip("alpha_bar[t]", "alpha_bar[t - 1]"), "at row"),
        (Slip("+ (1", "- (1"), "at row"),
    ],
    room.POSTERIOR: [
        (Slip("mean / (1 - here)", "mean / (1 - before)"), "the mean is"),
        (Slip("beta * (1 - before) / (1 - here)", "beta"), "the variance is"),
        (Slip("(1 - beta) * before", "before"), "the mean is"),
        (lambda x_0, x_t, beta, before: x_t, "two numbers"),
        (
            Slip("beta * (1 - before) / (1 - here)", "(beta * (1 - before) / (1 - here)) ** 0.5"),
            "standard deviation",
        ),
    ],
    room.DDIM: [
        (Slip(" + (1 - before) ** 0.5 * eps", ""), "the noise is missing"),
        (Slip("(1 - before) ** 0.5", "(1 - here) ** 0.5"), "of the same x_0"),
        (Slip(" / here**0.5", ""), "of the same x_0"),
        (Slip("before**0.5 * x_0", "before * x_0"), "of the same x_0"),
    ],
    room.GUIDED: [
        (lambda c, u, w: (1 + w) * u - w * c, "away from the class"),
        (lambda c, u, w: w * c + (1 - w) * u, "another convention"),
        (Slip("- w", "+ w"), "at row"),
        (lambda c, u, w: c, "at row"),
    ],
}
test_exercises = suite(room, CASES)
