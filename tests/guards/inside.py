"""One notebook, cell after cell, in a process whose `coursekit` is a broken copy of ours.

The process is a fork of one that has imported the libraries and nothing of ours, so that they are
loaded once for all bugs. Where Python cannot fork safely, each process loads them itself.
"""

import contextlib
import importlib
import json
import os
import sys
from pathlib import Path

LIBRARIES = [
    "torch",
    "torch._dynamo",  # the first optimiser imports it
    "IPython.core.interactiveshell",
    "ipywidgets",
    "matplotlib.backends.backend_agg",
    "scipy.optimize",
    "scipy.stats",
    "sklearn.cluster",
    "sklearn.linear_model",
    "sklearn.neighbors",
    "sklearn.svm",
    "sklearn.tree",
    "sympy",
]
PRINTED, FOUND = "printed.txt", "found.json"


def run(copy: str, cells: list[str]) -> None:
    """Execute the cells with the package that lies in `copy`; leave there what came of it.

    `printed.txt` gets all that is printed, `found.json` the error that ended it, if one did:
    the names of its class and of those above it, and its message.
    """
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    os.environ["COURSEKIT_CACHE"] = f"{copy}/cache"
    os.chdir(f"{copy}/notebooks")
    sys.path.insert(0, copy)
    error = None
    with (
        open(f"{copy}/{PRINTED}", "w", encoding="utf-8") as printed,
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
    ):
        package = importlib.import_module("coursekit").__file__
        assert package and package.startswith(copy), f"{package} is not the copy"
        quiet = Config({"HistoryManager": {"enabled": False}})
        shell = InteractiveShell.instance(config=quiet, colors="nocolor")
        shell.displayhook.write_output_prompt = lambda: None  # it would begin the line of a claim
        for source in cells:
            result = shell.run_cell(source, store_history=False)
            stop = result.error_before_exec or result.error_in_exec
            if stop is not None:
                error = [[kind.__name__ for kind in type(stop).__mro__], str(stop)]
                break
    Path(copy, FOUND).write_text(json.dumps(error))
