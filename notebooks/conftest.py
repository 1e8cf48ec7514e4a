"""nbval takes no parameters: the profile reaches the notebooks through the environment.

`pytest --nbval-lax --nbval-current-env notebooks` replays each at `smoke`, without progress bars, on
one thread, and trains every model anew.
"""

import os
import tempfile

os.environ.setdefault("COURSEKIT_PROFILE", "smoke")
os.environ.setdefault("COURSEKIT_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["COURSEKIT_PROGRESS"] = "0"
_cache = tempfile.TemporaryDirectory(prefix="coursekit-")
os.environ["COURSEKIT_CACHE"] = _cache.name
