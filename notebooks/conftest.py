"""nbval takes no parameters: profile and data reach the notebooks through the environment.

`pytest --nbval-lax --nbval-current-env notebooks` replays each at `smoke` on the embedded digits,
without progress bars and on one thread. The stored outputs are those of `course`: `sanitize.cfg`
takes from a claim what may differ, and leaves its sentence and whether it failed.
"""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("COURSEKIT_PROFILE", "smoke")
os.environ.setdefault("COURSEKIT_DATASET", "digits")
os.environ.setdefault("COURSEKIT_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["COURSEKIT_PROGRESS"] = "0"
_cache = tempfile.TemporaryDirectory(prefix="coursekit-")
os.environ["COURSEKIT_CACHE"] = _cache.name


def pytest_configure(config):
    """Sanitise what is compared, unless the command line names a file of its own."""
    if not config.getoption("nbval_sanitize_with", None):
        config.option.nbval_sanitize_with = str(Path(__file__).with_name("sanitize.cfg"))
