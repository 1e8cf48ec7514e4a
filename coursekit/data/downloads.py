"""The public data sets: what files they are, whether these are the right bytes, how to get them.

torchvision knows where to download them and the checksums of what is downloaded; the checksums
below are those of the unpacked MNIST and Fashion-MNIST files, which torchvision does not check.
It also writes where it reads, so a download that is killed half-way leaves a half file that it
later trusts. Here files are fetched into a folder aside, and one appears under its name only when
it is whole and verified.
"""

import errno
import hashlib
import os
import shutil
import socket
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch

from coursekit.data.dataset import Raw
from coursekit.errors import CourseError, require
from coursekit.progress import silent

TRAIN_X, TRAIN_Y = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_X, TEST_Y = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
PATIENCE = 30  # seconds without an answer from the server
UNPACKED = {
    "MNIST": {
        TRAIN_X: "6bbc9ace898e44ae57da46a324031adb",
        TRAIN_Y: "a25bea736e30d166cdddb491f175f624",
        TEST_X: "2646ac647ad5339dbf082846283269ea",
        TEST_Y: "27ae3e4e09519cfbb04c329615203637",
    },
    "FashionMNIST": {
        TRAIN_X: "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        TRAIN_Y: "9018921c3c673c538a1fc5bad174d6f9",
        TEST_X: "8181f5470baa50b63fa0f6fddb340f0a",
        TEST_Y: "15d484375f8d13e6eb1aabb0c3f46965",
    },
}


@dataclass(frozen=True)
class Source:
    """A public data set.

    Attributes:
        name: what the course calls it.
        kind: the class in `torchvision.datasets`.
        folder: where its files lie below the data root.
        archives: what is downloaded, as paths below the data root.
        megabytes: the size of the download.
        about: one line for the catalogue.
    """

    name: str
    kind: str
    folder: str
    archives: tuple[str, ...]
    megabytes: int
    about: str

    def torchvision(self) -> Any:
        """The class in torchvision, imported when it is needed: it takes a second."""
        import torchvision

        return getattr(torchvision.datasets, self.kind)

    def checksums(self) -> dict[str, str]:
        """Every file of the set, as a path below the data root, with its MD5."""
        files = UNPACKED.get(self.kind) or _cifar_checksums(self.torchvision())
        return {f"{self.folder}/{name}": md5 for name, md5 in files.items()}

    def missing(self, root: Path) -> list[str]:
        """The files that are not there."""
        return [file for file in self.checksums() if not (root / file).is_file()]

    def damaged(self, root: Path) -> list[str]:
        """The files that are there with the wrong bytes in them."""
        return _damaged(root, self.checksums())

    def damaged_archives(self, root: Path) -> list[str]:
        """The archives, brought by hand, that are there with the wrong bytes in them."""
        kind = self.torchvision()
        sums = [md5 for _, md5 in kind.resources] if self.kind in UNPACKED else [kind.tgz_md5]
        return _damaged(root, dict(zip(self.archives, sums, strict=True)))

    def verify(self, root: Path) -> None:
        """
        Raises:
            CourseError: a file is missing, unreadable or damaged.
        """
        missing = self.missing(root)
        require(
            not missing,
            f"{self.name} is not complete in {root}, {_some(missing)} missing; "
            f"get it with `python -m coursekit data get {self.name}`.",
        )
        damaged = self.damaged(root)
        require(
            not damaged,
            f"{self.name}: wrong checksum of {_some(damaged)} in {root}, so the download or copy "
            f"is damaged; replace it with `python -m coursekit data get {self.name}`.",
        )

    def read(self, root: Path) -> Raw:
        """The whole set, once its checksums have been verified.

        Raises:
            CourseError: as `verify`.
        """
        self.verify(root)
        reader: Callable[[Any, Path], Raw] = _read_idx if self.kind in UNPACKED else _read_cifar
        return reader(self.torchvision(), root)


SOURCES = {
    source.name: source
    for source in (
        Source(
            "mnist",
            "MNIST",
            "MNIST/raw",
            tuple(f"MNIST/raw/{file}.gz" for file in UNPACKED["MNIST"]),
            12,
            "70,000 handwritten digits, 28×28 grey (LeCun, Cortes & Burges)",
        ),
        Source(
            "fashion_mnist",
            "FashionMNIST",
            "FashionMNIST/raw",
            tuple(f"FashionMNIST/raw/{file}.gz" for file in UNPACKED["FashionMNIST"]),
            31,
            "70,000 pieces of clothing, 28×28 grey (Xiao, Rasul & Vollgraf 2017)",
        ),
        Source(
            "cifar10",
            "CIFAR10",
            "cifar-10-batches-py",
            ("cifar-10-python.tar.gz",),
            170,
            "60,000 photos of ten kinds of things, 32×32 colour (Krizhevsky 2009)",
        ),
    )
}


def checksum(path: Path) -> str:
    """The MD5 of a file.

    Raises:
        CourseError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, _md5).hexdigest()
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror}.") from None


def _damaged(root: Path, sums: dict[str, str]) -> list[str]:
    found = {file: md5 for file, md5 in sums.items() if (root / file).is_file()}
    return [file for file, md5 in found.items() if checksum(root / file) != md5]


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)  # a check against damage, allowed on FIPS machines


def _some(files: list[str], most: int = 2) -> str:
    rest = len(files) - most
    return ", ".join(files[:most]) + (f" and {rest} more" if rest > 0 else "")


def _cifar_checksums(kind: Any) -> dict[str, str]:
    named = dict([*kind.train_list, *kind.test_list])
    return {**named, kind.meta["filename"]: kind.meta["md5"]}


def _read_idx(kind: Any, root: Path) -> Raw:
    from torchvision.datasets.mnist import read_image_file, read_label_file

    folder = root / kind.__name__ / "raw"
    return Raw(
        read_image_file(str(folder / TRAIN_X)).unsqueeze(1),
        read_label_file(str(folder / TRAIN_Y)),
        read_image_file(str(folder / TEST_X)).unsqueeze(1),
        read_label_file(str(folder / TEST_Y)),
        tuple(name.split(" - ")[0] for name in kind.classes),  # "0 - zero" is called "0" here
    )


def _read_cifar(kind: Any, root: Path) -> Raw:
    """torchvision unpickles these files, which is safe only because `read` verified their bytes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the pickles are older than today's NumPy
        sides = [kind(root, train=train) for train in (True, False)]
    x_train, x_test = (torch.from_numpy(side.data).permute(0, 3, 1, 2) for side in sides)
    y_train, y_test = (torch.tensor(side.targets) for side in sides)
    return Raw(x_train, y_train, x_test, y_test, tuple(sides[0].classes))


def fetch(source: Source, root: Path) -> None:
    """Bring `source` to `root`, or say in one sentence why that failed.

    One line says what is under way, and torchvision shows a bar a file. Archives that were put
    there by hand are unpacked without a network; a damaged one is downloaded anew.

    Raises:
        CourseError: no network, a damaged download, no space, or no right to write.
    """
    try:
        with _aside(root) as folder, _impatient():
            if not _bring_archives(source, root, folder) and not silent():
                note = f"Downloading {source.name} ({source.megabytes} MB) into {root}, once."
                print(note, file=sys.stderr, flush=True)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Python 3.12 warns of how older ones unpack
                source.torchvision()(folder, download=True)
            source.verify(folder)
            for file in source.checksums():
                (root / file).parent.mkdir(parents=True, exist_ok=True)
                os.replace(folder / file, root / file)
    except (OSError, RuntimeError, HTTPException, EOFError) as error:
        raise CourseError(_sentence(source, root, error)) from None


@contextmanager
def _aside(root: Path) -> Iterator[Path]:
    """A folder of our own on the same file system, so that renaming is atomic."""
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".download-", dir=root))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _impatient() -> Iterator[None]:
    """torchvision's downloads have no timeout of their own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _bring_archives(source: Source, root: Path, folder: Path) -> bool:
    """Copy the archives that lie whole in `root`; whether all of them do."""
    damaged = source.damaged_archives(root)
    here = [a for a in source.archives if a not in damaged and (root / a).is_file()]
    for archive in here:
        (folder / archive).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / archive, folder / archive)
    return len(here) == len(source.archives)


def _sentence(source: Source, root: Path, error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number in (errno.ENOSPC, errno.EDQUOT):
        return f"no space left in {root} for {source.name} ({source.megabytes} MB); free some."
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"{source.name} is not in {root}, and that folder cannot be written to; "
            "set COURSEKIT_DATA to one that can."
        )
    remote = isinstance(error, (URLError, ConnectionError, TimeoutError, socket.gaierror))
    if isinstance(error, OSError) and error.filename is not None and not remote:
        return (
            f"{source.name} could not be put below {root}: {error.filename}: {error.strerror}; "
            "set COURSEKIT_DATA to a folder that can be written to."
        )
    reason = "there is no network or the server did not answer"
    if "corrupted" in str(error):
        reason = "what arrived has the wrong checksum"
    state = f"{source.name} is not in {root / source.folder}"
    if damaged := source.damaged_archives(root):
        state = f"{source.name}: wrong checksum of {_some(damaged)} in {root}, so not unpacked,"
    archives = ", ".join(Path(archive).name for archive in source.archives)
    return (
        f"{state} and could not be downloaded because "
        f'{reason}; `dataset = "digits"` needs no network, else run '
        f"`python -m coursekit data get {source.name}` with one, or put {archives} into "
        f"{(root / source.archives[0]).parent} by hand."
    )
