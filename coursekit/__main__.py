"""`python -m coursekit --help`."""

import sys
from collections.abc import Sequence

from coursekit.cli import app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command. Whatever a reader can mend ends in one sentence and exit code 1."""
    try:
        app(arguments)
    except Exception as error:
        from coursekit.course.executor import exception_message

        if (sentence := exception_message(error)) is None:
            raise  # a fault of our own keeps its traceback
        print(sentence, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
