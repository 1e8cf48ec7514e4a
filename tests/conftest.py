"""Shapes and types of coursekit are enforced in every test; one thread keeps numbers repeatable."""

import os

from jaxtyping import install_import_hook

os.environ.setdefault("OMP_NUM_THREADS", "1")
# "pep484_tower": an int may stand where a float is asked for, as in `Linf(1)`.
install_import_hook(
    "coursekit", "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
)

import pytest  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(1)
pytest.register_assert_rewrite("exercise_cases")


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(20261120)


@pytest.fixture(autouse=True)
def _quiet_room(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test is moved by the caller's settings, or reads or leaves a trained model behind."""
    for name in ("PROFILE", "DATASET", "SEED", "DEVICE", "THREADS"):
        monkeypatch.delenv(f"COURSEKIT_{name}", raising=False)
    monkeypatch.setenv("COURSEKIT_PROGRESS", "0")
    monkeypatch.setenv("COURSEKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
