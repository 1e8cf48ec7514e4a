import pytest
import torch

from coursekit import lab
from coursekit.errors import CourseError


def test_start_prints_one_line_and_is_frozen(capsys):
    opened = lab.start("smoke", "digits", seed=3, device="cpu")
    assert capsys.readouterr().out.startswith("profile smoke, data digits, seed 3, cpu")
    with pytest.raises(AttributeError):
        opened.seed = 4  # type: ignore[misc]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"profile": "quick"}, ["profile", "'quick'", "smoke, course, full"]),
        ({"device": "tpu"}, ["device", "'tpu'", "auto, cpu, cuda, mps"]),
        ({"seed": -1}, ["seed", "-1"]),
        ({"seed": 2**32}, ["seed", str(2**32), str(2**32 - 1)]),
        ({"precision": "float8"}, ["precision", "'float8'", "float32, bfloat16"]),
    ],
)
def test_a_wrong_argument_gets_one_sentence(arguments, words):
    with pytest.raises(CourseError) as caught:
        lab.start(**arguments)
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_an_absent_device_is_named_with_those_present(name):
    if {"cuda": torch.cuda.is_available(), "mps": torch.mps.is_available()}[name]:
        pytest.skip(f"this machine has {name}")
    with pytest.raises(CourseError, match=rf"'{name}'.*auto, cpu"):
        lab.pick_device(name)


@pytest.mark.parametrize("name", ["cpu:0", "cpu:x", "auto:1", "cuda:", "cuda:x", "cuda:2"])
def test_only_a_gpu_that_is_there_may_be_numbered(name, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert lab.pick_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(CourseError, match=f"device was '{name}'"):
        lab.pick_device(name)


def test_the_environment_overrides_the_parameters_cell(monkeypatch, capsys):
    for key, value in {
        "PROFILE": "smoke",
        "DATASET": "mnist",
        "SEED": "7",
        "DEVICE": "cpu",
    }.items():
        monkeypatch.setenv(f"COURSEKIT_{key}", value)
    opened = lab.start("course", "digits", 0, "cuda")
    assert (opened.profile, opened.dataset, opened.seed) == ("smoke", "mnist", 7)
    assert opened.device == torch.device("cpu")
    monkeypatch.setenv("COURSEKIT_SEED", "seven")
    with pytest.raises(CourseError, match="seed was 'seven'"):
        lab.start()


def test_precision_and_compile_are_handed_on():
    opened = lab.start("smoke", device="cpu", precision="bfloat16", compile=True)
    assert (opened.autocast, opened.compile) == (torch.bfloat16, True)
    opened = lab.start("smoke", device="cpu")
    assert (opened.autocast, opened.compile) == (None, False)


def test_start_sets_the_threads_and_the_seed_of_torch(monkeypatch):
    asked = []
    monkeypatch.setattr("torch.set_num_threads", asked.append)
    monkeypatch.setenv("COURSEKIT_THREADS", "3")
    for seed in (5, 6):
        lab.start("smoke", seed=seed, device="cpu")
        assert torch.initial_seed() == seed
    assert asked == [3, 3]


@pytest.mark.parametrize(
    ("present", "picked"), [("cuda, mps", "cuda"), ("mps", "mps"), ("none", "cpu")]
)
def test_auto_takes_the_fastest_device_that_is_there(monkeypatch, present, picked):
    for name in ("cuda", "mps"):
        monkeypatch.setattr(f"torch.{name}.is_available", lambda name=name: name in present)
    assert lab.pick_device("auto").type == picked


def test_choose_gives_the_budget_of_the_profile():
    budgets = {"smoke": 1, "course": 2, "full": 3}
    for profile, steps in budgets.items():
        assert lab.Lab(profile, "digits", 0, torch.device("cpu")).choose(**budgets) == steps


def test_generators_repeat_within_a_seed_and_differ_between_streams_and_seeds():
    def draw(seed, stream):
        opened = lab.Lab("smoke", "digits", seed, torch.device("cpu"))
        return torch.rand(4, generator=opened.rng(stream)).tolist()

    assert draw(0, 1) == draw(0, 1)
    draws = {tuple(draw(seed, stream)) for seed in range(3) for stream in range(3)}
    assert len(draws) == 9


def test_roots_come_from_the_environment_or_the_project(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path))
    assert lab.data_root() == tmp_path
    monkeypatch.delenv("COURSEKIT_DATA")
    monkeypatch.delenv("COURSEKIT_CACHE")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "coursekit").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert lab.data_root() == tmp_path / "data"
    assert lab.cache_root() == tmp_path / "data" / "cache"


def test_a_relative_root_is_one_folder_wherever_one_stands(monkeypatch, tmp_path):
    """The command line and the notebooks that it starts stand in different folders."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "coursekit").mkdir()
    monkeypatch.setenv("COURSEKIT_DATA", "mine")
    monkeypatch.setenv("COURSEKIT_CACHE", "mine/cache")
    for place in (tmp_path, tmp_path / "notebooks"):
        monkeypatch.chdir(place)
        assert lab.data_root() == tmp_path / "mine"
        assert lab.cache_root() == tmp_path / "mine" / "cache"
    monkeypatch.setenv("COURSEKIT_DATA", "~/mine")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert lab.data_root() == tmp_path / "home" / "mine"


def test_a_root_that_is_not_utf_8_is_one_sentence(monkeypatch):
    monkeypatch.setenv("COURSEKIT_CACHE", "caf\udce9")
    with pytest.raises(CourseError, match=r"COURSEKIT_CACHE was caf\\udce9, which is not UTF-8"):
        lab.cache_root()
