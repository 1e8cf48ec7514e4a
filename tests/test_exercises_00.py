"""Wrong answers to the exercise of 00, and what the grader says."""

import torch
from exercise_cases import Slip, suite

from coursekit.teaching.exercises import start as room
from coursekit.theory import bayes

CASES = {
    room.REFUSE: [
        (lambda joint, least: joint.argmax(0), "it should refuse"),
        (
            lambda joint, least: joint.argmax(0).tolist(),
            r"tensor of shape \(30,\), not .* type list",
        ),
        (Slip("joint.sum(0) < least", "(joint / joint.sum(0)).amax(0) < least"), "should refuse"),
        (Slip("joint.sum(0) < least", "joint.sum(0) * least < 0.2"), "refuse"),
        (Slip("joint.sum(0)", "joint.amax(0)"), "large enough|their sum"),
        (Slip("sum(0) < least, -1, joint.argmax(0)", "sum(1) < least, -1, joint.argmax(1)"), "30"),
        (Slip("-1, joint.argmax(0)", "joint.argmax(0), -1"), "at place 0 it is -1"),
        (Slip("joint.argmax(0)", "joint.argmax(0) + 1"), "30 of 30 classes are wrong"),
    ],
}
test_exercises = suite(room, CASES)


def test_the_package_answers_like_the_solution():
    def answer(joint, least):
        likely = bayes.log_evidence(joint.log()) >= torch.tensor(least).log()
        return torch.where(likely, bayes.classify(joint.log()).argmax(0), -1)

    assert all(room.REFUSE.verdict(answer, seed) is None for seed in range(20))
