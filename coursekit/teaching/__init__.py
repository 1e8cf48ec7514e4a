"""What makes a notebook a lecture: sources shown, claims checked, guesses revealed.

`show_source` prints a function of the package, `check` and `finding` print a claim, `record` writes
a figure down for the report, `reveal` sets a guess beside a measurement, `show` and `film` put a
picture with its alt text on the page, `interact` is a widget with a still fallback, `Exercise`
grades an attempt.
"""

from coursekit.teaching.checks import all_checks_hold, check, finding
from coursekit.teaching.display import MIME, film, interact, record, reveal, show, show_source
from coursekit.teaching.exercise import Exercise

__all__ = [
    "MIME",
    "Exercise",
    "all_checks_hold",
    "check",
    "film",
    "finding",
    "interact",
    "record",
    "reveal",
    "show",
    "show_source",
]
