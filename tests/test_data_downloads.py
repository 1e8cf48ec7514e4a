"""MNIST, Fashion-MNIST, CIFAR-10: real files where there are any, small ones on a local server."""

import errno
import functools
import gzip
import hashlib
import http.server
import io
import pickle
import shutil
import socket
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from tiny import sentence

from coursekit import data
from coursekit.course.preflight import dataset_at_hand
from coursekit.data import downloads
from coursekit.data.downloads import SOURCES, UNPACKED
from coursekit.lab import data_root

MNIST, CIFAR10 = torchvision.datasets.MNIST, torchvision.datasets.CIFAR10


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def idx(array: np.ndarray) -> bytes:
    """The file format of MNIST: magic number, dimensions, bytes."""
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return head + array.astype(np.uint8).tobytes()


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """An empty data root, and no way to the outside world."""
    with socket.socket() as probe:  # a port of this machine on which nobody listens
        probe.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{probe.getsockname()[1]}/"
    for name in (
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(MNIST, "mirrors", [closed])
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "mirrors", [closed])
    monkeypatch.setattr(CIFAR10, "url", closed + "cifar-10-python.tar.gz")
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path / "root"))
    return tmp_path / "root"


@pytest.fixture
def small_mnist(root, monkeypatch) -> dict[str, bytes]:
    """Twenty training and ten test images in MNIST's format take the place of the real set."""
    rng = np.random.default_rng(0)
    files = {
        downloads.TRAIN_X: idx(rng.integers(0, 256, (20, 28, 28))),
        downloads.TRAIN_Y: idx(np.arange(20) % 10),
        downloads.TEST_X: idx(rng.integers(0, 256, (10, 28, 28))),
        downloads.TEST_Y: idx(np.arange(10)),
    }
    packed = {name: gzip.compress(content, mtime=0) for name, content in files.items()}
    resources = [(f"{name}.gz", md5(content)) for name, content in packed.items()]
    monkeypatch.setitem(UNPACKED, "MNIST", {name: md5(c) for name, c in files.items()})
    monkeypatch.setattr(MNIST, "resources", resources)
    return files


@pytest.fixture
def server(tmp_path, small_mnist, monkeypatch):
    """A server on this machine with the small set; yields the folder it serves."""
    served = tmp_path / "served"
    served.mkdir()
    for name, content in small_mnist.items():
        (served / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_args):
            pass

    handler = functools.partial(Quiet, directory=str(served))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as service:
        monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{service.server_port}/"])
        threading.Thread(target=service.serve_forever, daemon=True).start()
        yield served
        service.shutdown()


def unpack(files: dict[str, bytes], root: Path) -> None:
    (root / "MNIST" / "raw").mkdir(parents=True)
    for name, content in files.items():
        (root / "MNIST" / "raw" / name).write_bytes(content)


def tree(root: Path) -> set[str]:
    return (
        {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}
        if root.exists()
        else set()
    )


# ------------------------------------------------------------------------------- the real sets


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_real_set(name):
    if SOURCES[name].missing(data_root()):
        pytest.skip(f"{name} is not in COURSEKIT_DATA ({data_root()})")
    whole = data.load(name)
    assert whole.shape == (1, 28, 28)
    assert (len(whole.train), len(whole.test), len(whole.classes)) == (60_000, 10_000, 10)
    assert whole.train.x.min() == 0 and whole.train.x.max() == 1
    assert whole.test.y.bincount().sum() == 10_000
    raw = SOURCES[name].read(data_root())
    assert whole.train.y.bincount().tolist() == raw.y_train.bincount().tolist()
    # The same multiset of images: sums of pixels agree whatever the order.
    assert (whole.test.x.sum((1, 2, 3)) * 255).round().long().sort()[0].tolist() == (
        raw.x_test.long().sum((1, 2, 3)).sort()[0].tolist()
    )
    assert "checksums are right" in data.verify(name)
    assert next(e for e in data.catalogue() if e.name == name).state == "present"


def test_real_colour_images_in_an_archive():
    path = data_root() / "cifar10-small.npz"
    if not path.is_file():
        pytest.skip(f"cifar10-small.npz is not in COURSEKIT_DATA ({data_root()})")
    own = data.load(str(path))
    assert (own.shape, len(own.train), len(own.test)) == ((3, 32, 32), 10_000, 2_000)


# ------------------------------------------------------------------------------- no network


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("call", [data.load, data.download], ids=["load", "download"])
def test_no_network_is_one_sentence_and_leaves_nothing(root, name, call):
    message = sentence(lambda: call(name))
    assert name in message and str(root / SOURCES[name].folder) in message
    assert "no network" in message and f"coursekit data get {name}" in message
    assert '`dataset = "digits"` needs no network' in message
    assert all(Path(archive).name in message for archive in SOURCES[name].archives)
    assert tree(root) == set() and not list(root.glob(".download-*"))


def test_files_that_are_there_need_no_network_and_nothing_is_written(root, small_mnist):
    unpack(small_mnist, root)
    before = {p: p.stat().st_mtime_ns for p in root.rglob("*")}
    for p in before:
        p.chmod(0o555 if p.is_dir() else 0o444)
    small = data.load("mnist")
    assert (len(small.train), len(small.test)) == (20, 10)
    assert small.classes == tuple("0123456789")
    assert "checksums are right" in data.verify("mnist")
    assert "already" in data.download("mnist")
    assert {p: p.stat().st_mtime_ns for p in root.rglob("*")} == before
    for p in before:
        p.chmod(0o755)


def test_order_and_device_hold_for_a_public_set_too(root, small_mnist):
    unpack(small_mnist, root)
    first, other = (data.load("mnist").train.x for _ in range(2))
    assert torch.equal(first, other)
    assert data.load("mnist", device="meta").test.x.device.type == "meta"


def test_archives_brought_by_hand_are_unpacked_without_a_network(root, small_mnist):
    (root / "MNIST" / "raw").mkdir(parents=True)
    for name, content in small_mnist.items():
        packed = gzip.compress(content, mtime=0)
        (root / "MNIST" / "raw" / f"{name}.gz").write_bytes(packed)
    assert len(data.load("mnist").train) == 20


def test_damaged_archives_brought_by_hand_are_named(root, small_mnist):
    (root / "MNIST" / "raw").mkdir(parents=True)
    for name in small_mnist:
        (root / "MNIST" / "raw" / f"{name}.gz").write_bytes(gzip.compress(b"damaged"))
    message = sentence(lambda: data.load("mnist"))
    assert f"wrong checksum of MNIST/raw/{downloads.TRAIN_X}.gz" in message
    assert "and 2 more" in message and "no network" in message


def test_a_damaged_archive_is_downloaded_anew(root, server, small_mnist):
    (root / "MNIST" / "raw").mkdir(parents=True)
    (root / "MNIST" / "raw" / f"{downloads.TEST_Y}.gz").write_bytes(b"damaged")
    assert "is now in" in data.download("mnist")


def test_a_data_root_that_is_a_file_is_one_sentence(root):
    root.write_text("a file")
    message = sentence(lambda: data.load("mnist"))
    assert "could not be put below" in message and str(root) in message
    assert "network" not in message


# ------------------------------------------------------------------------------- download


def test_a_download_arrives_whole_and_readable(root, server, small_mnist):
    assert next(e for e in data.catalogue() if e.name == "mnist").state == "missing"
    assert "is now in" in data.download("mnist")
    assert tree(root) == {f"MNIST/raw/{name}" for name in small_mnist}
    small = data.load("mnist")
    pixels = torch.from_numpy(np.frombuffer(small_mnist[downloads.TRAIN_X][16:], np.uint8).copy())
    assert (small.train.x * 255).round().long().sum() == pixels.long().sum()
    assert next(e for e in data.catalogue() if e.name == "mnist").state == "present"


def test_loading_downloads_on_first_use_and_says_so_once(root, server, small_mnist, monkeypatch):
    said = []
    monkeypatch.setenv("COURSEKIT_PROGRESS", "1")
    monkeypatch.setattr("builtins.print", lambda *text, **_: said.append(" ".join(text)))
    assert len(data.load("mnist").train) == 20
    assert said == [f"Downloading mnist (12 MB) into {root}, once."]
    for file in server.iterdir():
        file.unlink()
    assert len(data.load("mnist").train) == 20 and len(said) == 1


def test_a_download_with_the_wrong_checksum_is_one_sentence(root, server):
    (server / f"{downloads.TEST_Y}.gz").write_bytes(gzip.compress(b"something else"))
    assert "what arrived has the wrong checksum" in sentence(lambda: data.download("mnist"))
    assert tree(root) == set()


def test_a_file_that_is_torn_while_it_is_unpacked_is_not_put_in_place(root, server, monkeypatch):
    """torchvision looks at the archive alone, and what it unpacks can still be torn."""

    class Careless(MNIST):
        def __init__(self, folder, **options):
            super().__init__(folder, **options)
            (Path(folder) / "MNIST" / "raw" / downloads.TEST_Y).write_bytes(b"torn")

    Careless.__name__ = "MNIST"  # torchvision names the folder after the class
    monkeypatch.setattr(torchvision.datasets, "MNIST", Careless)
    assert "wrong checksum" in sentence(lambda: data.download("mnist"))
    assert tree(root) == set()


def test_a_truncated_or_altered_file_is_one_sentence_and_can_be_replaced(root, server, small_mnist):
    unpack(small_mnist, root)
    path = root / "MNIST" / "raw" / downloads.TRAIN_X
    whole = small_mnist[downloads.TRAIN_X]
    for wrong in (whole[:-100], whole[:-1] + b"\x00", b""):
        path.write_bytes(wrong)
        for call in (data.load, data.verify):
            message = sentence(lambda: call("mnist"))  # noqa: B023
            assert "wrong checksum" in message and downloads.TRAIN_X in message
            assert "coursekit data get mnist" in message
    assert "is now in" in data.download("mnist")
    assert path.read_bytes() == whole


def test_a_missing_file_is_named(root, small_mnist):
    unpack(small_mnist, root)
    (root / "MNIST" / "raw" / downloads.TEST_Y).unlink()
    assert next(e for e in data.catalogue() if e.name == "mnist").state == "incomplete"
    assert downloads.TEST_Y in sentence(lambda: data.verify("mnist"))


def test_a_run_completes_a_set_before_its_notebooks_begin(root, server, small_mnist):
    unpack(small_mnist, root)
    (root / "MNIST" / "raw" / downloads.TEST_Y).unlink()
    assert dataset_at_hand("MNIST") == "mnist"
    assert SOURCES["mnist"].missing(root) == []


def test_a_server_that_does_not_answer_is_not_waited_for_for_ever(root, monkeypatch):
    before, waits = socket.getdefaulttimeout(), []

    class Silent(MNIST):
        def __init__(self, _folder, **_options):
            waits.append(socket.getdefaulttimeout())
            raise TimeoutError("timed out")

    monkeypatch.setattr(torchvision.datasets, "MNIST", Silent)
    assert "the server did not answer" in sentence(lambda: data.download("mnist"))
    assert waits == [downloads.PATIENCE] and socket.getdefaulttimeout() == before


def test_a_kill_between_two_files_leaves_only_whole_ones(root, server, small_mnist, monkeypatch):
    replaced, replace = [], downloads.os.replace

    def killed(source, target):
        if replaced:
            raise KeyboardInterrupt
        replaced.append(target)
        replace(source, target)

    monkeypatch.setattr(downloads.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        data.download("mnist")
    assert len(tree(root)) == 1 and not SOURCES["mnist"].damaged(root)
    monkeypatch.setattr(downloads.os, "replace", replace)
    data.download("mnist")
    assert tree(root) == {f"MNIST/raw/{name}" for name in small_mnist}


@pytest.mark.parametrize(
    ("number", "match"), [(errno.ENOSPC, "no space left"), (errno.EROFS, "cannot be written to")]
)
def test_a_full_or_read_only_disk_is_one_sentence(root, monkeypatch, number, match):
    def fails(*_args, **_kwargs):
        raise OSError(number, "refused")

    monkeypatch.setattr(downloads.tempfile, "mkdtemp", fails)
    assert match in sentence(lambda: data.download("mnist"))


def test_an_unreadable_file_is_one_sentence(root, small_mnist, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    unpack(small_mnist, root)
    monkeypatch.setattr("pathlib.Path.open", refuse)
    assert "cannot be read: Permission denied" in sentence(lambda: data.load("mnist"))


# ------------------------------------------------------------------------------- CIFAR-10


@pytest.fixture
def small_cifar(root, monkeypatch) -> dict[str, bytes]:
    """CIFAR-10's own format, with one image of each class to a file."""

    def batch(seed: int) -> bytes:
        pixels = np.random.default_rng(seed).integers(0, 256, (10, 3072), dtype=np.uint8)
        return pickle.dumps({"data": pixels, "labels": list(range(10))}, protocol=2)

    files = {
        name: batch(i) for i, (name, _) in enumerate([*CIFAR10.train_list, *CIFAR10.test_list])
    }
    files["batches.meta"] = pickle.dumps({"label_names": [f"class{i}" for i in range(10)]})
    sums = [[name, md5(content)] for name, content in files.items()]
    monkeypatch.setattr(CIFAR10, "train_list", sums[:5])
    monkeypatch.setattr(CIFAR10, "test_list", sums[5:6])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": sums[6][1]})
    (root / "cifar-10-batches-py").mkdir(parents=True)
    for name, content in files.items():
        (root / "cifar-10-batches-py" / name).write_bytes(content)
    return files


def test_cifar_is_read_channels_first(root, small_cifar):
    small = data.load("cifar10")
    assert (small.shape, len(small.train), len(small.test)) == ((3, 32, 32), 50, 10)
    assert small.classes == tuple(f"class{i}" for i in range(10))
    stored = pickle.loads(small_cifar["test_batch"])["data"].reshape(10, 3, 32, 32)
    back = (small.test.x * 255).round().byte()
    assert {row.numpy().tobytes() for row in back} == {row.tobytes() for row in stored}


def test_the_cifar_archive_brought_by_hand_is_unpacked(root, small_cifar, monkeypatch):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(root / "cifar-10-batches-py", "cifar-10-batches-py")
    shutil.rmtree(root / "cifar-10-batches-py")
    (root / CIFAR10.filename).write_bytes(packed.getvalue())
    monkeypatch.setattr(CIFAR10, "tgz_md5", md5(packed.getvalue()))
    assert len(data.load("cifar10").train) == 50
    (root / CIFAR10.filename).unlink()
    assert "checksums are right" in data.verify("cifar10")


def test_a_damaged_cifar_file_is_never_unpickled(root, small_cifar):
    trap = b"cos\nsystem\n(S'touch trapped'\ntR."  # a pickle that would run a command
    (root / "cifar-10-batches-py" / "data_batch_1").write_bytes(trap)
    assert "wrong checksum of cifar-10-batches-py/data_batch_1" in sentence(
        lambda: data.load("cifar10")
    )
    assert not Path("trapped").exists()


# ------------------------------------------------------------------------------- the catalogue


def test_the_catalogue_says_what_is_where(root):
    entries = {entry.name: entry for entry in data.catalogue()}
    assert list(entries) == ["digits", "mnist", "fashion_mnist", "cifar10"]
    assert entries["digits"].state == "embedded"
    assert entries["cifar10"].state == "missing"
    assert entries["mnist"].where == str(root / "MNIST" / "raw")
    assert f"{downloads.TRAIN_X}.gz" in entries["mnist"].by_hand
    assert "nothing to download" in data.download("digits")
    assert "All is well" in data.verify("digits")
    assert not root.exists()  # looking creates nothing
