"""Wrong answers to the exercises of 09, and what the graders say of them."""

from exercise_cases import Slip, suite

from coursekit.teaching.exercises import robust as room

BOTH = "alpha * clean + (1 - alpha) * attacked"
ORDER = "model(x).softmax(1), model(x_adv).log_softmax(1)"
CASES = {
    room.MIX: [
        (Slip(BOTH, "clean + attacked"), "it should be"),
        (Slip(BOTH, "alpha * attacked + (1 - alpha) * clean"), r"weights the \*clean\* loss"),
        (Slip("model(x_adv), y)", "model(x_adv), (y + 1) % 3)"), "for α = 0 it should be"),
        (Slip("model(x), y), ", "model(x).softmax(1), y), "), "it should be"),
        (Slip("* attacked", "* attacked.item()"), "both terms, .* at row"),
        (Slip(BOTH, "(" + BOTH + ").detach()"), "no gradient reaches"),
    ],
    room.TRADES: [
        (Slip('"batchmean"', '"mean"'), "batchmean"),
        (Slip('"batchmean"', '"sum"'), "average over the batch"),
        (Slip(ORDER, "model(x_adv).softmax(1), model(x).log_softmax(1)"), "swapped"),
        (Slip("p, log_q = model(x)", "p, log_q = model(x).detach()"), "held fixed"),
        (Slip(".log_softmax(1)", ""), "should be"),
    ],
    room.MARGIN: [
        (Slip("others.amax(1) - true[:, 0]", "true[:, 0] - others.amax(1)"), "turned round"),
        (Slip("scatter(1, y[:, None], -torch.inf)", "clone()"), "must not count"),
        (Slip("logits.gather", "logits.softmax(1).gather"), r"at row \d it is"),
        (Slip("others.amax(1)", "others.clamp_min(-9e9).mean(1)"), r"at row \d it is"),
        (Slip("logits.gather", "(logits := logits.detach()).gather"), "reaches the logits"),
    ],
    room.STRAIGHT: [
        (Slip(".detach()", ""), "round's own is 0"),
        (Slip("(levels - 1)) / (levels - 1)", "levels) / levels"), r"with \d levels .* at row"),
        (Slip("x + (stairs - x).detach()", "x"), r"with \d levels"),
        (Slip("x + (stairs - x).detach()", "stairs.detach()"), "no gradient"),
    ],
}
test_exercises = suite(room, CASES)
