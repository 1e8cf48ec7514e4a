"""Every data set the course knows, by name or by path: load, list, download, verify."""

import difflib
import os
from dataclasses import dataclass
from pathlib import Path

from coursekit.data.dataset import Dataset, Device, Raw, preprocess
from coursekit.data.digits import digits
from coursekit.data.downloads import SOURCES, fetch
from coursekit.data.own_files import read_archive, read_folder
from coursekit.errors import CourseError, is_text, require
from coursekit.lab import data_root

NAMES = ("digits", *SOURCES)


def load(name_or_path: str | Path = "digits", device: Device = "cpu") -> Dataset:
    """A whole data set as tensors on `device`: pixels in [0, 1], NCHW.

    The sides have 28 pixels in grey, 32 in colour. The rows stand in an order that is random and
    always the same.

    Args:
        name_or_path: "digits" (embedded), "mnist", "fashion_mnist" or "cifar10" (downloaded on
            first use, unless their files are in the data root), or the path of the reader's own
            `.npz` file or folder of images, which is sought from here and then below the data
            root. Capitals, hyphens and underscores of a name do not matter.
        device: where the tensors live.

    Raises:
        CourseError: no such data set, or one that cannot be downloaded, read or used.
    """
    name = canonical(str(name_or_path))
    if name == "digits":
        return digits().to(device)
    if name in SOURCES:
        return preprocess(name, _public(name)).to(device)
    path = find_path(name)
    raw = read_folder(path) if path.is_dir() else read_archive(path)
    return preprocess(path.resolve().name.removesuffix(".npz"), raw).to(device)


@dataclass(frozen=True)
class Entry:
    """One line of the catalogue. `state` is "embedded", "present", "incomplete" or "missing"."""

    name: str
    state: str
    where: str
    about: str
    by_hand: str


def catalogue() -> tuple[Entry, ...]:
    """What there is, whether it is here, where its files go and how to bring them by hand."""
    return (
        Entry("digits", "embedded", "scikit-learn", "12,000 renderings of 1,797 digits", ""),
        *(_entry(name, data_root()) for name in SOURCES),
    )


def download(name: str) -> str:
    """Download `name` if its files are not here or damaged, and say what was done.

    Raises:
        CourseError: an unknown name, no network, no space, or a damaged download.
    """
    name = canonical(name)
    if name == "digits":
        return "digits is embedded: there is nothing to download."
    require(name in SOURCES, unknown(name))
    source, root = SOURCES[name], data_root()
    if not source.missing(root) and not source.damaged(root):
        return f"{name} is already in {root / source.folder}; its checksums are right."
    fetch(source, root)
    return f"{name} is now in {root / source.folder}; its checksums are right."


def verify(name_or_path: str | Path) -> str:
    """Verify the checksums of a public set, or read the reader's own; say what was found.

    Raises:
        CourseError: it is missing, incomplete, damaged or cannot be used.
    """
    name = canonical(str(name_or_path))
    if name not in SOURCES:
        return f"{load(name)} All is well."
    SOURCES[name].verify(data_root())
    return f"{name} in {data_root() / SOURCES[name].folder}: all checksums are right."


def canonical(name: str) -> str:
    """The name of a known data set as the course spells it, or `name` itself.

    "Fashion-MNIST" is "fashion_mnist". A folder that is called like a known set is "./MNIST".
    """
    return next((known for known in NAMES if _plain(known) == _plain(name)), name)


def find_path(name: str) -> Path:
    """The file or folder called `name`, sought from here and then below the data root.

    Raises:
        CourseError: there is none, or its name is not UTF-8. The sentence suggests what may have
            been meant.
    """
    for path in (os.path.expanduser(name), os.path.join(data_root(), name)):
        if name.strip() and os.path.exists(path):  # unlike Path.exists, never an error
            require(is_text(os.path.realpath(path)), f"{path} is not UTF-8; rename it.")
            return Path(path)
    raise CourseError(unknown(name))


def unknown(name: str) -> str:
    """The sentence for a name that is no data set, with the nearest one that is."""
    plain = {_plain(known): known for known in NAMES}
    near = [plain[slip] for slip in difflib.get_close_matches(_plain(name), plain, n=1)]
    guess = f"did you mean {near[0]!r}? Choose" if near else "choose"
    return (
        f"dataset was {name!r}; {guess} one of {', '.join(NAMES)}, or the path of an .npz file "
        f"or of a folder with one directory of images per class (sought here and in {data_root()})."
    )


def _plain(name: str) -> str:
    """A name without what is easily mistaken: capitals, hyphens, spaces."""
    return "".join(letter for letter in name.lower() if letter not in "-_ ")


def _public(name: str) -> Raw:
    source, root = SOURCES[name], data_root()
    if source.missing(root):
        fetch(source, root)
    return source.read(root)


def _entry(name: str, root: Path) -> Entry:
    source = SOURCES[name]
    missing, files = len(source.missing(root)), len(source.checksums())
    state = "present" if missing == 0 else "missing" if missing == files else "incomplete"
    archives = ", ".join(Path(archive).name for archive in source.archives)
    by_hand = f"put {archives} into {(root / source.archives[0]).parent}"
    return Entry(name, state, str(root / source.folder), source.about, by_hand)
