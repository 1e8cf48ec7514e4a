"""Cleaning an executed notebook: what depends on the clock or on one machine goes."""

import copy
import re
from typing import Any

from nbformat import NotebookNode

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
LANGUAGE = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}
KEPT = ("coursekit", "kernelspec")  # metadata of the notebook that its author wrote
TIMINGS = ("papermill", "execution", "ExecuteTime")


def clean(notebook: NotebookNode) -> NotebookNode:
    """A copy as it is to be stored: executed, and the same whenever and wherever it was run.

    Goes: widget state and views (the still picture stays), progress bars, stderr, timings, injected
    parameters, versions of the interpreter, addresses in memory. Streams cut in pieces are joined.
    """
    tidied = without_widgets(notebook)
    own = {key: tidied.metadata[key] for key in KEPT if key in tidied.metadata}
    tidied.metadata = NotebookNode({**own, "language_info": LANGUAGE})
    tidied.cells = [cell for cell in tidied.cells if not _added_by_papermill(cell)]
    for cell in tidied.cells:
        for key in TIMINGS:
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = _joined([o for o in cell.outputs if o.get("name") != "stderr"])
    return tidied


def without_widgets(notebook: NotebookNode) -> NotebookNode:
    """A copy in which each live widget is its still picture, and progress bars are gone."""
    tidied = copy.deepcopy(notebook)
    tidied.metadata.pop("widgets", None)
    for cell in tidied.cells:
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if not _only_a_widget(o)]
            for output in cell.outputs:
                output.get("data", {}).pop(WIDGET_VIEW, None)
    return tidied


def _only_a_widget(output: Any) -> bool:
    data = output.get("data", {})
    return WIDGET_VIEW in data and not any(mime.startswith("image/") for mime in data)


def _added_by_papermill(cell: Any) -> bool:
    tags = cell.metadata.get("tags", [])
    return "injected-parameters" in tags or "papermill-error-cell-tag" in tags


def _joined(outputs: list[Any]) -> list[Any]:
    """Neighbouring pieces of standard output as one, without addresses in memory."""
    joined: list[Any] = []
    for output in outputs:
        for texts, key in ((output, "text"), (output.get("data", {}), "text/plain")):
            if key in texts:
                texts[key] = re.sub(r" at 0x[0-9a-f]{6,}", "", texts[key])
        if joined and output.output_type == joined[-1].output_type == "stream":
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined
