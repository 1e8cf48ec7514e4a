"""Long work can be seen and stopped: within a second, kept, and continued bit for bit."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import jupyter_client
import pytest
import torch
from interrupted import game
from torch import nn

import coursekit
from coursekit.data import toys
from coursekit.objectives import cross_entropy
from coursekit.training import cells, configuration_hash, fit, remember
from coursekit.training import run as running
from coursekit.training.progress import BLOCKS, figures, spark

HERE, ROOT = str(Path(__file__).parent), str(Path(coursekit.__file__).parents[1])


class at:
    """Called once in every update, and so in the middle of one: does `act` at that one."""

    def __init__(self, update, act):
        self.left, self.act = update, act

    def __call__(self):
        self.left -= 1
        if self.left == 0:
            self.act()

    def __repr__(self):
        return "at"  # what an interrupted run and an undisturbed one have in common


def ctrl_c():
    signal.raise_signal(signal.SIGINT)


def same(one, two):
    return all(torch.equal(a[k], b[k]) for a, b in zip(one[0], two[0], strict=True) for k in a)


def kept():
    return [path.name for path in Path(os.environ["COURSEKIT_CACHE"]).glob("*.unfinished*")]


@pytest.fixture(autouse=True)
def _heed_ctrl_c():
    """Whoever starts the tests in the background has Ctrl-C ignored, and that is inherited."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, "not given back"
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("update", [1, 7, 40])
def test_an_interrupt_in_the_middle_of_a_step_waits_for_its_end_and_is_continued(update):
    whole = game(40, at(0, ctrl_c))
    assert kept() == []  # a finished run leaves nothing behind
    with pytest.raises(KeyboardInterrupt, match=rf"the game .* it continues at step {update}\."):
        game(40, at(update, ctrl_c))
    assert len(kept()) == 1
    resumed = game(40, at(0, ctrl_c))  # a step that interrupts nothing, of the same code
    assert same(whole, resumed)
    for name, losses in whole[1].losses.items():
        assert torch.equal(losses, resumed[1].losses[name])
    assert kept() == []


def linear():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.Dropout(0.2), nn.Linear(16, 8))


def test_a_cell_that_is_run_again_with_the_same_objects_continues():
    """As in a notebook whose networks were made in an earlier cell: they are put back first."""

    def trained(stop):
        model, watched = linear(), []
        batches = toys.ring().batches(8, torch.Generator().manual_seed(3))
        start = {k: v.clone() for k, v in model.state_dict().items()}
        pause = at(stop, ctrl_c)

        def objective(model, x, y):
            pause()
            return cross_entropy(model, x, y)

        def cell():
            return fit(model, batches, objective, steps=30, watch=lambda s: {"at": s}, every=4)

        torch.manual_seed(1)
        if stop:
            with pytest.raises(KeyboardInterrupt):
                cell()
            assert all(torch.equal(start[k], v) for k, v in model.state_dict().items())
            assert not model.training
        watched = cell().column("at")
        return model.state_dict(), watched, next(batches).x

    whole, stopped = trained(0), trained(13)
    assert all(torch.equal(v, stopped[0][k]) for k, v in whole[0].items())
    assert whole[1] == stopped[1] == [*range(0, 29, 4), 30]
    assert torch.equal(whole[2], stopped[2])


def test_remember_continues_what_was_interrupted():
    def recalled(stop):
        model, pause = linear(), at(stop, ctrl_c)
        batches = toys.ring().batches(8, torch.Generator().manual_seed(3))

        def objective(model, x, y):
            pause()
            return cross_entropy(model, x, y)

        remember("small", model, lambda: fit(model, batches, objective, steps=20))
        return model.state_dict()

    torch.manual_seed(0)
    with pytest.raises(KeyboardInterrupt):
        recalled(11)
    assert len(kept()) == 1
    resumed = recalled(0)
    assert kept() == []
    (finished,) = Path(os.environ["COURSEKIT_CACHE"]).glob("small-*.pt")
    finished.unlink()
    torch.manual_seed(0)
    whole = recalled(0)
    assert all(torch.equal(whole[k], resumed[k]) for k in whole)


def test_a_step_that_lasts_too_long_is_broken_off_and_everything_put_back(monkeypatch):
    monkeypatch.setattr(running, "SAVE_SECONDS", 0.0)

    def hang():
        ctrl_c()
        time.sleep(30)

    whole, begun = game(12), time.monotonic()
    with pytest.raises(KeyboardInterrupt, match="it continues at step 4"):  # written after step 4
        game(12, at(5, hang))
    assert time.monotonic() - begun < 1 + 0.5  # the twelve steps of `whole` are not in it
    assert same(whole, game(12, at(0, hang)))


def test_an_interrupt_while_the_caller_looks_loses_no_row():
    slow = [True]

    def watch(step):
        if step == 10 and slow:
            slow.clear()
            ctrl_c()
            time.sleep(30)
        return {"at": step}

    whole = game(20, watch=lambda step: {"at": step}, every=5)
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt, match="it continues at step 10"):
        game(20, watch=watch, every=5)
    assert time.monotonic() - begun < 1.5
    resumed = game(20, watch=watch, every=5)
    assert same(whole, resumed)
    assert resumed[1].column("at") == whole[1].column("at") == [0, 5, 10, 15, 20]


def test_after_an_error_the_next_interrupt_is_an_ordinary_one():
    def fail():
        raise RuntimeError("a bug in a cell")

    with pytest.raises(RuntimeError) as held:  # its traceback keeps the broken loop alive
        game(9, at(3, fail))
    with pytest.raises(KeyboardInterrupt) as caught:
        ctrl_c()
    assert str(caught.value) == "" and held.value


def test_without_a_state_to_keep_it_stops_all_the_same():
    pairs = iter(lambda: (torch.zeros(2, 2), torch.zeros(2, dtype=torch.int64)), None)
    pause = at(3, ctrl_c)

    def objective(model, x, y):
        pause()
        return cross_entropy(model, x, y)

    with pytest.raises(KeyboardInterrupt, match="after 3 of 9 steps; it will begin again"):
        fit(nn.Linear(2, 2), pairs, objective, steps=9)
    assert kept() == []


def test_in_a_thread_that_hears_no_signals_a_run_is_as_always():
    found = []
    thread = threading.Thread(target=lambda: found.append(game(5)))
    thread.start()
    thread.join()
    assert same(found[0], game(5))


def test_a_file_that_is_damaged_is_passed_over():
    whole = game(8, at(0, ctrl_c))
    with pytest.raises(KeyboardInterrupt):
        game(8, at(3, ctrl_c))
    path = Path(os.environ["COURSEKIT_CACHE"]) / kept()[0]
    path.write_bytes(path.read_bytes()[:1000])
    assert same(whole, game(8, at(0, ctrl_c)))
    assert kept() == []


NOTEBOOK = """
weight = {weight}
def half(v): return v / {two}
def objective(model, x, y): return [weight * half(v) for v in x]
"""


def test_a_number_changed_in_another_cell_makes_another_run():
    def fingerprint(**values):
        cell = {"__name__": "__main__"}
        exec(NOTEBOOK.format(**({"weight": 1.0, "two": 2} | values)), cell)
        return configuration_hash(objective=cell["objective"])

    assert fingerprint() == fingerprint()
    assert len({fingerprint(), fingerprint(weight=2.0), fingerprint(two=3)}) == 3


# From outside: a process, and a kernel

SCRIPT = """
import sys, time
sys.path.insert(0, sys.argv[1])
from interrupted import game
import torch
try:
    look = lambda step: print("at", step, flush=True) or {}
    parts, history = game(600, lambda: time.sleep(0.004), watch=look, every=100)
except KeyboardInterrupt as error:
    sys.exit(f"stopped: {error}")
print("sum", *[float(v.double().sum()).hex() for part in parts for v in part.values()])
"""


def sums(parts):
    return " ".join(float(v.double().sum()).hex() for part in parts for v in part.values())


def test_a_process_that_is_sent_sigint_stops_within_a_second_and_continues(tmp_path):
    env = os.environ | {"PYTHONPATH": ROOT, "OMP_NUM_THREADS": "1"}
    options = {"env": env, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", SCRIPT, HERE]
    child = subprocess.Popen(command, **options)
    while "at 100" not in child.stdout.readline():
        assert child.poll() is None, "it ended before it could be interrupted"
    begun = time.monotonic()
    child.send_signal(signal.SIGINT)
    while not kept():
        assert time.monotonic() - begun < 1
        time.sleep(0.01)
    _, said = child.communicate(timeout=30)  # Python itself takes a while to leave
    assert child.returncode == 1
    assert said.startswith("stopped: the game was interrupted after 1") and "continues" in said
    again = subprocess.run(command, **options, timeout=60)
    assert again.returncode == 0 and "at 0" not in again.stdout
    assert again.stdout.splitlines()[-1] == "sum " + sums(game(600)[0])


CELL = """
import sys, time
sys.path.insert(0, {here!r})
from interrupted import game
parts, history = game(500, lambda: time.sleep(0.005), watch=lambda step: {{"FID": 1000.0 - step}})
print("sum", *[float(v.double().sum()).hex() for part in parts for v in part.values()])
"""


@pytest.fixture
def kernel(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", ROOT)
    monkeypatch.delenv("COURSEKIT_PROGRESS")
    manager, client = jupyter_client.manager.start_new_kernel(kernel_name="python3")
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def shown(message):
    """What a message puts on the page, as text."""
    content = message["content"]
    state = content.get("data", {}).get("state", {}) if "data" in content else {}
    value = str(state.get("value", "")).replace("\u2007", " ")  # spaces that a page keeps
    return f"{content.get('text', '')}{value}"


def answer(client, asked):
    """What a kernel answers to the request `asked`; a slow one still has earlier ones to answer."""
    while (message := client.get_shell_msg(timeout=60))["parent_header"]["msg_id"] != asked:
        pass
    return message["content"]


def test_a_kernel_that_is_interrupted_stops_within_a_second_and_continues(kernel):
    manager, client = kernel
    # stop_on_error: the kernel is not to drop what is asked of it right after the interrupt
    asked = client.execute(CELL.format(here=HERE), stop_on_error=False)
    page = ""
    while "critic" not in page:  # the bar is on the page: the game is being played
        page += shown(client.get_iopub_msg(timeout=60)) + "\n"
    assert re.search(r"\d+/500, 00:\d\d left, FID \d+, critic [\d.]+ [▁-█]+, generator", page)
    begun = time.monotonic()
    manager.interrupt_kernel()
    reply = answer(client, asked)
    took = time.monotonic() - begun
    assert reply["ename"] == "KeyboardInterrupt"
    assert "run it again, and it continues at step" in reply["evalue"]
    assert took < 1, f"it took {took:.2f} s"
    assert answer(client, client.execute(CELL.format(here=HERE)))["status"] == "ok"
    printed = ""
    while "sum " not in printed:
        printed += shown(client.get_iopub_msg(timeout=30))
    assert sums(game(500)[0]) in printed
    assert "continues at step" in printed


SHELL = """
import os, signal, sys
from pathlib import Path
from IPython.core.interactiveshell import InteractiveShell
sys.path.insert(0, {here!r})
signal.signal(signal.SIGINT, signal.default_int_handler)
shell = InteractiveShell.instance()
CELL = '''
import signal
from interrupted import game
from coursekit.training import cells
cells.WORTH_SECONDS = 0.0
played = [0, 0]
def step(which):
    played[which] += 1
    if which == 1 and played[1] == stop[0]:
        signal.raise_signal(signal.SIGINT)
one, twice, other = game(30, lambda: step(0)), game(30, lambda: step(0)), game(40, lambda: step(1))
sums = [float(v.double().sum()).hex() for part in [*one[0], *other[0]] for v in part.values()]
'''
for at in (11, 0):
    shell.run_cell(f"stop = [{{at}}]")
    done = shell.run_cell(CELL).success
    left = len(list(Path(os.environ["COURSEKIT_CACHE"]).glob("*.unfinished")))
    print("cell", done, *shell.user_ns["played"], left)
print("sum", *shell.user_ns["sums"])
"""


def test_games_that_an_interrupted_cell_had_finished_are_not_played_again():
    """Only the last game goes on; the same game twice in a cell is played twice; nothing stays."""
    env = os.environ | {"PYTHONPATH": ROOT}
    command = [sys.executable, "-c", SHELL.format(here=HERE)]
    said = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
    assert "cell False 60 11 2" in said  # the finished one, and the last, are kept
    assert "cell True 30 29 0" in said  # the repetition, and what was left of the last
    assert f"sum {sums(game(30)[0])} {sums(game(40)[0])}" in said


def test_files_that_nobody_came_back_for_go(monkeypatch):
    heard = []
    events = SimpleNamespace(register=lambda name, call: heard.append((name, call)))
    monkeypatch.setattr(cells, "_shell", lambda: SimpleNamespace(events=events))
    monkeypatch.setattr(cells, "_listening", set())
    monkeypatch.setattr(cells, "WORTH_SECONDS", 0.0)
    cache = Path(os.environ["COURSEKIT_CACHE"])
    cache.mkdir(parents=True, exist_ok=True)
    for name, days in (("old.unfinished", 15), ("new.unfinished", 13), ("old.pt", 15)):
        (cache / name).write_text("")
        os.utime(cache / name, times=2 * (time.time() - 24 * 3600 * days,))
    game(3)
    assert not (cache / "old.unfinished").exists()
    assert (cache / "new.unfinished").exists() and (cache / "old.pt").exists()
    (name, ended) = heard[0]
    assert (name, len(kept())) == ("post_run_cell", 2)
    ended(SimpleNamespace(success=False))
    assert len(kept()) == 2
    game(3)
    ended(SimpleNamespace(success=True))
    assert kept() == ["new.unfinished"]


# What is shown


def test_the_bar_tells_the_time_left_and_the_figures_that_matter(capsys, monkeypatch):
    monkeypatch.setenv("COURSEKIT_PROGRESS", "1")
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.setattr(running, "LOOK_SECONDS", 0.0)
    game(30, lambda: time.sleep(0.01), watch=lambda step: {"FID": 100.0 - step}, every=10)
    said = capsys.readouterr().err
    assert "\n" not in said  # one line, redrawn
    live = said.split("\r")[-3]
    assert re.match(r"the game: +\d+%\|.*\| \d+/30, 00:00 left, FID (100|90|80), critic \d", live)
    assert re.search(r"critic [\d.]+ [▁-█]+, generator [\d.]+ [▁-█]+$", live.strip())


def test_figures_are_means_since_the_last_look_and_numbers_only():
    losses = {"loss": torch.tensor([9.0, 9.0, 2.0, 4.0])}
    row = {"step": 3, "seconds": 1.0, "FID": torch.tensor(41.25), "x": torch.zeros(3), "who": "G"}
    assert figures(losses, 2, row) == "FID 41.2, loss 3 ██▁▃"
    assert figures({}, 0, {}) == ""


def test_a_spark_follows_the_curve():
    assert spark(torch.arange(8.0)) == BLOCKS
    assert spark(torch.arange(8000.0).flip(0)) == BLOCKS[::-1]
    assert spark(torch.ones(100)) == BLOCKS[0] * 8
    assert len(spark(torch.ones(3))) == 3
