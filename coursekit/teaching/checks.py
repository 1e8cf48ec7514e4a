"""Claims of a lecture, each held by a measurement.

A check prints the same line in every profile, so that the regression test can compare it; numbers
appear only where a claim fails. It does not stop the notebook: a student sees which claim broke and
reads on. `all_checks_hold()` in the last cell is what makes a run fail.
"""

from coursekit.errors import require

_seen: dict[str, bool] = {}


class ClaimFailed(AssertionError):
    """At least one claim of the lecture did not hold."""


class Held(int):
    """A truth value that a notebook does not echo when it ends a cell.

    A trailing semicolon would not do: IPython forgets it where, as in nbval, no history is kept.
    """

    def _ipython_display_(self) -> None:
        """Show nothing: the claim has been printed."""


def check(claim: str, holds: object, measured: object = "") -> Held:
    """Print ✓ or ✗ and the claim; return whether it held.

    Args:
        claim: one line, true in every profile; no measured number in it.
        holds: anything with a truth value; a tensor of one element will do. NaN does not hold.
        measured: shown only if the claim fails.

    Raises:
        CourseError: an empty claim, or one of more than one line.
    """
    require(bool(claim.strip()) and "\n" not in claim, "A claim is one line of text, not empty.")
    held = bool(holds) and bool(holds == holds)  # NaN is truthy, and differs from itself
    _seen[claim] = held
    print(f"✓ {claim}" if held else f"✗ {claim}" + f"  (measured: {measured})" * (measured != ""))
    return Held(held)


def all_checks_hold() -> None:
    """Close a lecture: say how many claims held, and fail if one did not.

    Raises:
        ClaimFailed: names each claim that did not hold, or says that nothing was checked.
    """
    failed = [claim for claim, held in _seen.items() if not held]
    if failed:
        raise ClaimFailed(f"{len(failed)} of {len(_seen)} claims failed: " + "; ".join(failed))
    if not _seen:
        raise ClaimFailed("No claim was checked.")
    print(f"All {len(_seen)} claims hold.")
