"""Wrong answers to the exercises of 01, and what the graders say of them."""

from exercise_cases import Slip, suite

from coursekit.teaching.exercises import dreams

CASES = {
    dreams.STEP: [
        (Slip("x + step_size", "x - step_size"), "downhill"),
        (Slip(".mean((1, 2, 3), keepdim=True)", ".mean()"), "share one scale"),
        (Slip("gradient / size", "gradient.sign() + 0 * size"), "cosine 0.[78].*not its sign"),
        (Slip("gradient / size", "gradient"), r"image \d moves by .* on average, not by"),
        (Slip(").clamp(0, 1)", ")"), r"leave \[0, 1\], by \S+ at image \d, channel"),
        (Slip(".clamp_min(1e-12)", ""), "should stay; at image 0, .* it is nan"),
        (Slip("(x + step_size", "x.copy_(x + step_size"), "overwrites its argument 1"),
        (lambda x, gradient, step_size: x, "does not move along"),
        (lambda x, gradient, step_size: x.mean(), "a tensor of shape"),
    ],
    dreams.JITTER: [
        (Slip("return gradient.roll((-dy, -dx), (2, 3))", "return gradient"), "shift it back"),
        (Slip("gradient.roll((-dy, -dx)", "gradient.roll((dy, dx)"), "instead of back"),
        (Slip("gradient.roll((-dy, -dx)", "gradient.roll((-dx, -dy)"), "dimension 2"),
        (Slip("gradient_of(x.roll((dy, dx), (2, 3)))", "gradient_of(x)"), "image shifted by"),
    ],
    dreams.OCTAVE: [
        (Slip("photo + enlarge(dreamt - small", "enlarge(dreamt"), "every detail .* at image"),
        (Slip("photo + enlarge(dreamt - small", "photo + 0 * enlarge(dreamt"), "missing"),
        (Slip("dreamt - small", "small - dreamt"), "missing"),
        (Slip("dreamt - small", "dreamt"), "every detail"),
        (Slip("photo + enlarge", "photo + 2 * enlarge"), "not added once"),
    ],
    dreams.FIELD: [
        (Slip("(side - 1) * jump", "(side - 1)"), "it should be"),
        (Slip("(side - 1) * jump", "side * jump"), "it should be"),
        (Slip("sees, jump = 1, 1", "sees, jump = 0, 1"), "it should be"),
        (Slip("jump *= stride", "jump += stride"), "it should be"),
        (lambda layers: {2: 5, 3: 10}.get(len(layers), 0), "it should be"),
    ],
}
test_exercises = suite(dreams, CASES)
