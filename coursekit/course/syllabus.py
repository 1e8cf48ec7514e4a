"""The nine core lectures as they are planned, and what flows from one to the next.

A lecture that is there speaks for itself: its own title and question go before what stands here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from coursekit.course.catalogue import Lecture

START = "00"  # the page that shows the map, and is not on it

PLANNED = {
    "01": ("DeepDream", "What has a trained network learnt to see?"),
    "02": ("GAN theory and D*", "What does the game converge to, and why?"),
    "03": ("Training a GAN", "How is the game played in practice?"),
    "04": ("Conditional GANs", "How do we ask for a class?"),
    "05": ("Mode collapse", "What is missing, and how would you know?"),
    "06": ("Wasserstein and spectral norm", "What does a Lipschitz critic buy?"),
    "07": ("Adversarial examples", "How little does it take to fool a network?"),
    "08": ("Transferability", "Whose examples fool whom?"),
    "09": ("Adversarial training", "Can a network be taught to resist, and at what price?"),
}

# (from, to) -> what the later lecture takes from the earlier one
FLOWS = {
    ("02", "03"): "the game,\nits best D",
    ("03", "04"): "the loop,\nFID",
    ("03", "05"): "one loop,\nits failures",
    ("02", "06"): "JS is flat where W₁ has a slope",
    ("05", "06"): "a critic's\nsteepness",
    ("01", "07"): "gradient of\nthe image",
    ("07", "08"): "attacks,\nbudgets",
    ("08", "09"): "attacks\nfrom outside",
    ("07", "09"): "the strongest image in the ball",
}


@dataclass(frozen=True)
class Stop:
    """A lecture on the map.

    Attributes:
        number: two digits.
        title: plain text.
        question: the question it answers.
        there: whether its notebook is in the course yet.
    """

    number: str
    title: str
    question: str
    there: bool


def stops(lectures: Sequence[Lecture]) -> list[Stop]:
    """Every lecture, by number: those of the catalogue `lectures`, and those still planned."""
    known = {number: Stop(number, *words, there=False) for number, words in PLANNED.items()}
    for entry in lectures:
        if entry.number != START:
            known[entry.number] = Stop(entry.number, entry.title, entry.question, there=True)
    return [known[number] for number in sorted(known)]
