"""Runs that finish in a cell of a notebook: kept until all of the cell is done.

A cell often trains several networks. If it is stopped in the third, the first two are still there
when it is run again. Without a notebook a finished run leaves nothing behind.
"""

import sys
import time
from pathlib import Path
from typing import Any

from coursekit.lab import cache_root

WORTH_SECONDS = 1.0  # a shorter run is trained again sooner than it is worth a file
DAYS = 14  # what nobody came back for in that time goes

_finished: set[Path] = set()  # by the cell that is being run
_listening: set[int] = set()  # shells that tell when a cell ends


def keeps(seconds: float) -> bool:
    """Whether a run that took so long is to be kept until its cell is done."""
    return seconds >= WORTH_SECONDS and _shell() is not None


def until_done(path: Path) -> None:
    """The file of a finished run goes when the cell that is being run is done."""
    shell = _shell()
    if id(shell) not in _listening:
        _listening.add(id(shell))
        shell.events.register("post_run_cell", _ended)
        _sweep()
    _finished.add(path)


def finished_here(path: Path) -> bool:
    """Whether this very cell finished that run: then it is asked for twice, and trained twice."""
    return path in _finished


def _ended(result: Any) -> None:
    """A cell is over: once it is done, nothing of it need be continued."""
    if result.success:
        for path in _finished:
            path.unlink(missing_ok=True)
    _finished.clear()


def _sweep() -> None:
    for path in cache_root().glob("*.unfinished"):
        if time.time() - path.stat().st_mtime > DAYS * 24 * 3600:
            path.unlink(missing_ok=True)


def _shell() -> Any:
    """The running IPython, or None; it is not imported for this."""
    module = sys.modules.get("IPython")
    return module.get_ipython() if module else None
