"""What an executed notebook holds: the line it opened with, its claims, records and pictures."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import PIL.Image
from nbformat import NotebookNode

from coursekit.course.catalogue import code_cells
from coursekit.errors import CourseError
from coursekit.teaching import MIME

OPENED = re.compile(
    r"^profile (?P<profile>\S+), data (?P<dataset>.+), seed (?P<seed>\d+), (?P<device>.+)$"
)


@dataclass(frozen=True)
class Picture:
    """A figure of a notebook: the bytes of its PNG file and what it shows."""

    png: bytes
    alt: str

    @property
    def image(self) -> PIL.Image.Image:
        """The picture itself.

        Raises:
            CourseError: its bytes are no picture.
        """
        try:
            return PIL.Image.open(BytesIO(self.png)).convert("RGB")
        except OSError:
            raise CourseError(
                f"The figure {self.alt!r} is no picture; execute its notebook again."
            ) from None

    @property
    def broad(self) -> bool:
        """Whether it is much wider than high, as rows of panels are."""
        width, height = self.image.size
        return width > 1.9 * height


def opened(notebook: NotebookNode) -> dict[str, str]:
    """What `lab.start` printed: profile, dataset, seed and device; empty if it never ran."""
    for line in _printed(notebook):
        if match := OPENED.match(line):
            return match.groupdict()
    return {}


def claims(notebook: NotebookNode) -> dict[str, bool]:
    """Claim → whether it held, in the order in which they were checked."""
    lines = [line for line in _printed(notebook) if line.startswith(("✓ ", "✗ "))]
    return {line[2:].split("  (measured: ")[0]: line.startswith("✓") for line in lines}


def records(notebook: NotebookNode) -> list[dict[str, Any]]:
    """The figures that the notebook wrote down with `teaching.record`."""
    return [bundle[MIME] for bundle, _ in _bundles(notebook) if MIME in bundle]


def pictures(notebook: NotebookNode) -> list[Picture]:
    """Its figures, in order. Films are left out: their frames are many."""
    return [
        Picture(base64.b64decode(bundle["image/png"]), about.get("image/png", {}).get("alt", ""))
        for bundle, about in _bundles(notebook)
        if "image/png" in bundle
    ]


def descriptions(notebook: NotebookNode) -> list[str]:
    """What each of its figures and films shows, in order."""
    return [
        about.get(mime, {}).get("alt", "")
        for bundle, about in _bundles(notebook)
        for mime in ("image/png", "image/gif")
        if mime in bundle
    ]


def _outputs(notebook: NotebookNode) -> Iterator[Any]:
    for cell in code_cells(notebook):
        yield from cell.outputs


def _printed(notebook: NotebookNode) -> Iterator[str]:
    for output in _outputs(notebook):
        if output.output_type == "stream" and output.name == "stdout":
            yield from output.text.splitlines()


def _bundles(notebook: NotebookNode) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for output in _outputs(notebook):
        if "data" in output:
            yield output.data, output.metadata
