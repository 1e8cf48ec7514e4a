"""The process that one notebook runs in: `python -m coursekit.course.worker FOLDER`.

It reads `job.json` and `input.ipynb` in FOLDER, lets papermill execute the notebook into
`output.ipynb`, and says on standard output, one JSON object a line, how far it is and how it ended.
It lives only as long as its standard input is open, so that no notebook outlives a killed run.
"""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.execute import execute_notebook
from traitlets.config import Config

PATIENCE = 60  # seconds that a kernel may take to start, or to pass a message on, on a busy machine
PAUSE = 2  # seconds between two savings of the notebook while it runs
LONGEST = 90  # bytes of a socket's path: 104 on macOS, 108 on Linux, less the ending


_parent = os.dup(1)  # our standard output, before the kernel could write into it


def say(**news: Any) -> None:
    """One line for the parent process."""
    os.write(_parent, (json.dumps(news) + "\n").encode())


class Telling(NBClientEngine):
    """Papermill's own engine, which also says how many cells are done, and saves less often.

    Papermill writes the whole notebook before and after every cell, which adds up to seconds.
    """

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: NotebookExecutionManager, kernel_name: str, **kwargs: Any
    ) -> None:
        """Papermill calls this to run the cells."""
        complete = nb_man.cell_complete

        def told(cell: Any, cell_index: int | None = None, **more: Any) -> None:
            complete(cell, cell_index=cell_index, **more)
            say(cells=(cell_index or 0) + 1, of=len(nb_man.nb.cells))

        save, saved = nb_man.save, time.monotonic()

        def seldom(**more: Any) -> None:
            nonlocal saved
            if time.monotonic() - saved > PAUSE:
                save(**more)
                saved = time.monotonic()

        nb_man.cell_complete, nb_man.save = told, seldom
        try:
            super().execute_managed_notebook(nb_man, kernel_name, **kwargs)
        finally:
            nb_man.save = save  # papermill saves once more when the notebook has ended


def _sockets(folder: Path) -> Config:
    """Sockets in `folder` for the kernel, if their paths are not too long for this system.

    Kernels that start at once choose free TCP ports and bind them later, so two may choose the same
    one, and the second dies. The names of sockets in a folder of its own belong to one kernel.
    """
    ip = str(folder / "kernel")
    if os.name == "nt" or len(os.fsencode(ip)) > LONGEST:
        return Config()
    return Config({"KernelManager": {"transport": "ipc", "ip": ip}})


def execute(folder: Path) -> list[str]:
    """Run the notebook in `folder`; return class and message of the error, or an empty list."""
    job = json.loads((folder / "job.json").read_text())
    literal = str(folder).replace("{", "{{").replace("}", "}}")  # papermill formats its paths
    try:
        execute_notebook(
            f"{literal}/input.ipynb",
            f"{literal}/output.ipynb",
            parameters=job["parameters"],
            engine_name="telling",
            kernel_name=job["kernel"],
            cwd=job["cwd"],
            progress_bar=False,
            start_timeout=PATIENCE,
            execution_timeout=job["timeout"],
            iopub_timeout=PATIENCE,
            config=_sockets(folder),
        )
    except PapermillExecutionError as error:  # papermill has put it into the notebook
        return [error.ename, error.evalue]
    except Exception as error:
        return [type(error).__name__, str(error)]
    return []


def _end_with_parent() -> None:
    """Wait until the parent closes our standard input, dead or alive; then end, kernel and all."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)  # nbclient shuts the kernel down
    threading.Event().wait(5)
    os._exit(1)  # the kernel notices by itself that its parent is gone


def main() -> None:
    """Run the notebook in the folder named on the command line."""
    os.dup2(2, 1)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    papermill_engines.register("telling", Telling)
    say(error=execute(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
