"""Wrong answers to the exercises of 12, and what the graders say of them."""

from exercise_cases import Slip, suite

from coursekit.teaching.exercises import translation as room

CASES = {
    room.FIELD: [
        (lambda kernels, strides: sum(kernels), "with kernels"),
        (Slip("(field - 1) + kernel", "field + kernel"), "one layer of"),
        (Slip("stride * (field - 1)", "(field - 1)"), "with kernels"),
        (Slip("zip(reversed(kernels), reversed(strides)", "zip(kernels, strides"), "wrong order"),
    ],
    room.CYCLE: [
        (Slip(" + back_and_there", ""), "only one way"),
        (Slip("(back(forth(a)) - a)", "(forth(a) - a)"), "undo each other|it is"),
        (Slip("forth(back(b))", "back(back(b))"), "undo each other"),
        (Slip(".abs().mean()\n    back", ".square().mean()\n    back"), "it is"),
    ],
    room.WARP: [
        (Slip("+ flow[:, 0]", "- flow[:, 0]"), "moved by"),
        (Slip("align_corners=True", "align_corners=False"), "align_corners agree"),
        (lambda frame, flow: room.warped(frame, -flow), "sign is wrong"),
        (lambda frame, flow: room.warped(frame, flow.flip(1)), "not .down, right.|moved by"),
    ],
    room.FLICKER: [
        (lambda moved, later, visible: (moved - later).square().mean(), "hidden pixels"),
        (Slip("squares.sum() / visible.sum()", "squares.mean()"), "by all pixels"),
        (Slip(".square()", ".abs()"), "not squared"),
    ],
}
test_exercises = suite(room, CASES)
