"""The command line: what can go wrong before a run gets one sentence, and nothing is written."""

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny import shelf

from coursekit.__main__ import main
from coursekit.course.doctor import Finding
from coursekit.course.jobs import Outcome
from coursekit.course.preflight import Options
from coursekit.data.downloads import SOURCES

ADDRESS = "tcp://127.0.0.1:9"  # the discard port: nobody listens


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Call the command line among two notebooks; give back exit code, output and error."""
    notebooks = str(shelf(tmp_path / "nb", n02_theory=["1"], n07_attacks=["2"]))
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        shelves = () if arguments[0] in ("data", "report", "doctor") else ("--notebooks", notebooks)
        code = 0
        try:
            main([*arguments, *shelves])
        except SystemExit as stop:
            code = int(stop.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def one_sentence(result, *words):
    """Exit code 1 and one plain sentence that holds `words`."""
    code, _, said = result
    assert code == 1
    assert said.count("\n") == 1 and said.endswith(".\n"), said
    assert "Traceback" not in said
    assert all(word in said for word in words), said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["99"], ["notebook was '99'", "02_theory, 07_attacks"]),
        (["no/such.ipynb"], ["'no/such.ipynb'"]),
        (["--profile", "quick"], ["profile was 'quick'", "smoke, course, full"]),
        (["--dataset", "minst"], ["dataset was 'minst'", "'mnist'"]),
        (["--dataset", "here/mine.npz"], ["'here/mine.npz'"]),
        (["--dataset", ""], ["dataset was ''", "digits, mnist"]),
        (["--device", "tpu"], ["device was 'tpu'", "auto, cpu, cuda, mps"]),
        (["--device", "cpu:x"], ["device was 'cpu:x'", "auto, cpu"]),
        (["--seed", "-1"], ["seed was -1"]),
        (["--seed", str(2**32)], [f"seed was {2**32}", "at most"]),
        (["--seed", str(2**32 - 1), "--seeds", "2"], [f"seed was {2**32}", "at most"]),
        (["--seeds", "0"], ["seeds was 0", "at least 1"]),
        (["--jobs", "0"], ["jobs was 0"]),
        (["--timeout", "0"], ["timeout was 0"]),
        (["--scheduler", ADDRESS], [ADDRESS, "no Dask scheduler answers"]),
    ],
    ids=lambda value: " ".join(value) if value[:1] == ["--"] else None,
)
def test_a_wrong_argument(command, tmp_path, monkeypatch, arguments, words):
    monkeypatch.setattr("coursekit.course.executor.PATIENCE", 1)
    one_sentence(command("run", *arguments), *words)
    assert not list(tmp_path.glob("build/*"))


def test_every_option_of_a_run_arrives(command, monkeypatch):
    asked = []
    monkeypatch.setattr("coursekit.course.runner.run", lambda *told: asked.append(told[:2]) or [])
    options = "--profile full --dataset mnist --seed 3 --seeds 2 --device cpu --jobs 4 --out there"
    command("run", "07", *options.split(), "--scheduler", ADDRESS, "--resume", "--timeout", "9",
            "--junit", "x.xml")  # fmt: skip
    more = (ADDRESS, Path("there"), True, 9, Path("x.xml"))
    wanted = Options("full", "mnist", 3, 2, "cpu", 4, *more)
    assert asked == [(["07"], wanted)]


@pytest.mark.parametrize(("status", "code"), [("failed", 1), ("done", 0), ("kept", 0)])
@pytest.mark.parametrize("name", ["runner.run", "refresh.refresh"])
def test_one_notebook_that_fails_is_exit_code_1(command, monkeypatch, name, status, code):
    ended = [Outcome("02_theory", status, 1.0), Outcome("07_attacks", "done", 1.0)]
    monkeypatch.setattr(f"coursekit.course.{name}", lambda *_: ended)
    assert command(name.split(".")[1])[0] == code


@pytest.mark.parametrize(("state", "code"), [("problem", 1), ("note", 0)])
def test_one_problem_that_the_doctor_finds_is_exit_code_1(command, monkeypatch, state, code):
    found = [Finding("disk", state, "1 MB free here", "make room."), Finding("python", "ok", "")]
    monkeypatch.setattr("coursekit.course.doctor.examine", lambda: found)
    assert command("doctor")[0] == code


def test_an_absent_gpu(command, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    one_sentence(command("run", "--device", "cuda"), "device was 'cuda'", "auto, cpu")


def arrays(**changes):
    """A small data set of the reader's own, with some of its arrays changed."""
    images, labels = np.zeros((20, 28, 28), np.uint8), np.arange(20) % 10
    whole = {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}
    return {**whole, **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {"x_train": np.zeros((20, 784), np.uint8)},
        {"y_train": np.arange(7)},
        {"x_train": np.zeros((20, 28, 28), np.complex64)},
    ],
    ids=["flat", "too few labels", "complex"],
)
def test_a_wrongly_shaped_file(command, tmp_path, changes):
    np.savez(tmp_path / "mine.npz", **arrays(**changes))
    one_sentence(command("run", "--dataset", "mine.npz"), "mine.npz")
    assert not (tmp_path / "build").exists()


@pytest.mark.parametrize("content", [b"", b"not a zip file at all", None])
def test_an_unreadable_or_truncated_file(command, tmp_path, content):
    path = tmp_path / "mine.npz"
    np.savez(path, **arrays())
    path.write_bytes(path.read_bytes()[:1000] if content is None else content)
    one_sentence(command("run", "--dataset", "mine.npz"), "mine.npz")
    one_sentence(command("data", "check", "mine.npz"), "mine.npz")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such device here")
def test_what_is_no_file_is_not_read_for_ever(command):
    one_sentence(command("run", "--dataset", "/dev/zero"), "/dev/zero is no file")


@pytest.mark.parametrize("option", ["--jobs", "--timeout"])
@pytest.mark.parametrize("number", ["0", "-3"])
def test_refresh_wants_numbers_from_one(command, option, number):
    one_sentence(command("refresh", option, number), f"{option[2:]} was {number}", "at least 1")


def test_a_site_that_cannot_be_written_is_one_sentence(tmp_path, capfd):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SystemExit) as caught:
        main(["site", "--out", str(tmp_path / "file" / "site")])
    assert caught.value.code == 1
    said = capfd.readouterr().err
    assert said == f"{tmp_path / 'file' / 'site'}: Not a directory.\n"


def test_a_wrong_checksum(command, tmp_path):
    for file in SOURCES["mnist"].checksums():
        (tmp_path / "data" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / file).write_bytes(b"damaged")
    one_sentence(command("run", "--dataset", "mnist"), "wrong checksum")
    one_sentence(command("data", "check", "mnist"), "wrong checksum")


def test_no_network(command, tmp_path, monkeypatch):
    def unreachable(*_args, **_kwargs):
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    monkeypatch.setattr(socket.socket, "connect", unreachable)
    for arguments in (("run", "--dataset", "mnist"), ("data", "get", "mnist")):
        one_sentence(command(*arguments), "mnist")
    assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file()]


def test_a_missing_kernel(command, monkeypatch):
    monkeypatch.setattr("coursekit.course.preflight.KERNEL", "no-such-kernel")
    one_sentence(command("run"), "no kernel 'no-such-kernel'", "ipykernel install")


def test_a_disk_too_full_to_start(command, tmp_path, monkeypatch):
    monkeypatch.setattr("coursekit.course.preflight.ROOM", 10**9)
    one_sentence(command("run", "--out", "x/y"), "The disk of x/y has", "MB free", "--out")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory.")])
def test_memory_that_ends_in_the_command_itself(command, monkeypatch, error):
    def fails(*_args):
        raise error

    monkeypatch.setattr("coursekit.course.runner.run", fails)
    one_sentence(command("run"), "Out of memory")


def test_a_fault_of_our_own_keeps_its_traceback(command, monkeypatch):
    def fails(*_args):
        raise ZeroDivisionError

    monkeypatch.setattr("coursekit.course.runner.run", fails)
    with pytest.raises(ZeroDivisionError):
        command("run")


def test_an_out_that_is_a_file(command, tmp_path):
    (tmp_path / "build").write_text("mine")
    one_sentence(command("run"), "build")
    assert (tmp_path / "build").read_text() == "mine"


def test_a_junit_file_that_cannot_be_written_is_said_before_the_run(command, tmp_path):
    (tmp_path / "file").write_text("mine")
    one_sentence(command("run", "--junit", "file/x.xml"), "file/x.xml", "could not be written")
    assert not (tmp_path / "build").exists()


def test_two_notebooks_of_one_name_are_refused(command, tmp_path):
    (tmp_path / "mine").mkdir()
    copy = shutil.copy(tmp_path / "nb" / "02_theory.ipynb", tmp_path / "mine")
    for name in ("run", "refresh", "slides"):
        result = command(name, "02", str(copy))
        one_sentence(result, str(copy), str(tmp_path / "nb"), "would both be written as 02_theory")
    assert not (tmp_path / "build").exists()


def test_a_result_never_takes_the_place_of_its_notebook(command, tmp_path):
    path = tmp_path / "nb" / "02_theory.ipynb"
    before = path.read_bytes()
    one_sentence(command("run", "02", "--out", "nb"), f"{path} would be overwritten", "--out")
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["GAN [course]", "x[/b]", ":cat:", "{brace}"])
def test_a_path_is_shown_and_written_as_it_is(command, tmp_path, name):
    code, said, _ = command("work", "02", "--to", str(tmp_path / name))
    assert (code, said) == (0, f"Your copy: {tmp_path / name / '02_theory.ipynb'}\n")
    assert (tmp_path / name / "02_theory.ipynb").is_file()


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"]])
def test_exit_codes_are_told(capsys, arguments):
    with pytest.raises(SystemExit, match="0"):
        main(arguments)
    said = capsys.readouterr().out
    assert "Exit codes: 0" in said
    assert all(f" {code}, " in said for code in (1, 2, 130))


def test_a_report_of_nothing(command):
    one_sentence(command("report", "."), "There are no notebooks")


def test_an_unknown_option_is_a_usage_error(command):
    code, _, said = command("run", "--colour", "blue")
    assert code == 2
    assert "Traceback" not in said


def test_list_shows_the_catalogue(command):
    code, said, _ = command("list")
    assert code == 0
    assert "02   Tiny | <T>  Why?        0.5       4    10" in said


def test_data_list_says_how_to_bring_files_by_hand(command, tmp_path):
    code, said, _ = command("data", "list")
    assert code == 0
    assert "embedded" in said and "missing" in said
    assert "train-images-idx3-ubyte.gz" in said and str(tmp_path / "data") in said


def test_help_is_quick():
    """It must not wait for torch."""
    script = (
        "import sys\nfrom coursekit.__main__ import app\n"
        "try: app(['--help'])\nexcept SystemExit: pass\n"
        "assert not {'torch', 'nbformat', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(
        name in done.stdout
        for name in ("list", "run", "data", "doctor", "refresh", "report", "work")
    )
