"""What a lecture claims, one printed line a claim: mark, sentence, bracket.

`check` is for mathematics and invariants, which hold for every data set, seed, device and profile.
`finding` is for what was measured on networks that have learnt: `✓ sentence [0.61 ± 0.02, n = 5]`,
or `– sentence [not measured here]`. The sentence is the same in every profile, so that the
regression test can compare it; what stands in the bracket is not compared.
Neither stops the notebook: a student sees which claim failed and reads on. `all_checks_hold()` in
the last cell is what makes a run fail.
"""

from collections.abc import Sequence
from statistics import mean, stdev

from coursekit import lab
from coursekit.errors import require

NOT_MEASURED, NOT_HERE = "not measured here", "did not hold here"
BINDING = {("course", "mnist"), ("smoke", "digits")}  # where a finding that fails fails the run

_seen: dict[str, str] = {}  # claim → "held", "failed", NOT_HERE or NOT_MEASURED
_findings: set[str] = set()


class ClaimFailed(AssertionError):
    """At least one claim of the lecture did not hold."""


class Held(int):
    """A truth value that a notebook does not echo when it ends a cell.

    A trailing semicolon would not do: IPython forgets it where, as in nbval, no history is kept.
    """

    def _ipython_display_(self) -> None:
        """Show nothing: the claim has been printed."""


def check(claim: str, holds: object, measured: object = "") -> Held:
    """Print ✓ or ✗ and the claim, which must hold everywhere; return whether it held.

    Args:
        claim: one line that does not end in a bracket, with no measured number in it.
        holds: anything with a truth value; a tensor of one element will do. NaN does not hold.
        measured: shown in a bracket if the claim fails.

    Raises:
        CourseError: an empty claim, one of more than one line, or one that ends in "]".
    """
    held = _truth(holds)
    return _tell(claim, "held" if held else "failed", "" if held else _one_line(measured))


def finding(claim: str, holds: object | None, measured: object = "") -> Held:
    """Print what was measured on trained networks: ✓ or ✗, the claim, the figure in a bracket.

    A finding that does not hold fails the run where the lecture is stored (profile "course" on
    "mnist") and where it is tested ("smoke" on "digits"). On other data and in other profiles it is
    reported: its bracket ends in "did not hold here".

    Args:
        claim: as for `check`; true of MNIST and of the digits unless it names its data.
        holds: as for `check`; None if the claim could not be measured here.
        measured: a number; a sequence of numbers, one a repetition, shown as mean ± standard error
            and n; or a text. Needed unless `holds` is None.

    Raises:
        CourseError: as `check`, or nothing was measured although `holds` is not None.
    """
    _findings.add(claim)
    if holds is None:
        return _tell(claim, NOT_MEASURED, NOT_MEASURED)
    text, held = _text(measured), _truth(holds)
    require(bool(text), f"measured was empty for the finding {claim!r}; give the figure.")
    at = lab.opened
    if held or (at is not None and (at.profile, at.dataset) in BINDING):
        return _tell(claim, "held" if held else "failed", text)
    return _tell(claim, NOT_HERE, f"{text}; {NOT_HERE}")


def _tell(claim: str, outcome: str, bracket: str) -> Held:
    """Print the line of a claim and remember how it came out."""
    require(bool(claim.strip()) and "\n" not in claim, "A claim is one line of text, not empty.")
    require(not claim.endswith("]"), f"claim was {claim!r}; it may not end in a bracket.")
    mark = {"held": "✓", NOT_MEASURED: "–"}.get(outcome, "✗")
    print(f"{mark} {claim}" + f" [{bracket}]" * bool(bracket))
    _seen[claim] = outcome
    return Held(outcome == "held")


def _truth(holds: object) -> bool:
    return bool(holds) and bool(holds == holds)  # NaN is truthy, and differs from itself


def _text(measured: object) -> str:
    """What stands in the bracket, on one line and without brackets of its own."""
    if isinstance(measured, Sequence) and not isinstance(measured, str):
        values = [float(value) for value in measured]
        if len(values) > 1:
            error = stdev(values) / len(values) ** 0.5
            return f"{mean(values):.4g} ± {error:.2g}, n = {len(values)}"
        measured = values[0] if values else ""
    return f"{measured:.4g}" if isinstance(measured, float) else _one_line(measured)


def _one_line(measured: object) -> str:
    return " ".join(str(measured).split()).replace("[", "(").replace("]", ")")


def all_checks_hold() -> None:
    """Close a lecture: say how its claims came out, and fail if one failed.

    Raises:
        ClaimFailed: names each claim that failed, or says that nothing was checked.
    """
    failed = [claim for claim, outcome in _seen.items() if outcome == "failed"]
    if failed:
        raise ClaimFailed(f"{len(failed)} of {len(_seen)} claims failed: " + "; ".join(failed))
    if not _seen:
        raise ClaimFailed("No claim was checked.")
    if not _findings:
        print(f"All {len(_seen)} claims hold.")
        return
    outcomes = list(_seen.values())
    counts = [f"{outcomes.count(word)} {word}" for word in dict.fromkeys(("held", *outcomes))]
    print(f"None of the {len(_seen)} claims failed. [{', '.join(counts)}]")
