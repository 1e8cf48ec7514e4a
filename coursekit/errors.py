"""One kind of error for everything a reader can put right: its message is one plain sentence."""

from collections.abc import Iterable


class CourseError(ValueError):
    """Something the reader can mend. The message names what was wrong and what is allowed.

    Bytes of a file name that are not UTF-8 appear as escapes, so that it can always be printed.
    """

    def __init__(self, sentence: str = ""):
        super().__init__(sentence.encode(errors="backslashreplace").decode())


def choose(argument: str, value: str, allowed: Iterable[str]) -> str:
    """Return `value` if it is one of `allowed`; otherwise say what may be chosen.

    Raises:
        CourseError: `value` is not among `allowed`.
    """
    options = list(allowed)
    if value not in options:
        raise CourseError(f"{argument} was {value!r}; choose one of {', '.join(options)}.")
    return value


def is_text(name: str) -> bool:
    """Whether a file name can be written as UTF-8; Linux allows any bytes."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def require(holds: bool, sentence: str) -> None:
    """Raise a `CourseError` with `sentence` unless `holds`."""
    if not holds:
        raise CourseError(sentence)
