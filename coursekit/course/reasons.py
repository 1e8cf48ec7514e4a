"""Why a notebook failed, in one plain sentence."""

import errno
import os
import re

from coursekit.errors import CourseError

MEMORY = "Out of memory; try --jobs 1, a smaller --profile or data set, or --device cpu"
DIED = "The kernel died, most often for want of memory; try --jobs 1, or a smaller --profile"
DISK = "The disk is full; make room and run again with --resume"
_MEMORY_SIGNS = ("out of memory", "can't allocate memory", "cannot allocate memory", "bad_alloc")
_DISK_SIGN = os.strerror(errno.ENOSPC).lower()


def sentence(kind: str, message: str) -> str:
    """One line for an error of class `kind` with `message`.

    Errors that were made to be read (`CourseError`, `ClaimFailed`) speak for themselves.
    """
    kind = kind.rpartition(".")[2]
    said = _first_line(message)
    if kind in ("CourseError", "ClaimFailed"):
        return said
    if kind == "DeadKernelError" or "Kernel died" in message:
        return f"{DIED}."
    wide = f"{kind} {message}".lower()
    if kind in ("MemoryError", "OutOfMemoryError") or any(s in wide for s in _MEMORY_SIGNS):
        return f"{MEMORY}."
    if _DISK_SIGN in wide:
        return f"{DISK}."
    return f"{kind}: {said}" if said else f"{kind}."


def too_slow(seconds: int) -> str:
    """For a cell that ran past its time."""
    return f"A cell ran longer than {seconds} s; raise --timeout, or choose a smaller --profile."


def stopped(code: int) -> str:
    """For a process that ended without saying why."""
    if code < 0:
        return f"The notebook's process was stopped by signal {-code}, often for want of memory."
    return f"The notebook's process ended with exit code {code}."


def of_an_exception(error: Exception) -> str | None:
    """For an exception that reached the command line; None if it is a fault of our own."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"{DISK}."
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}."
    said = sentence(type(error).__name__, str(error))
    mendable = isinstance(error, CourseError | OSError) or said == f"{MEMORY}."
    return said if mendable else None


def _first_line(message: str) -> str:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", message).strip()  # without terminal colours
    return plain.splitlines()[0].strip() if plain else ""
