"""The files that scikit-learn carries, found without importing it, which takes two seconds."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np


def bundled(*parts: str) -> Path:
    """The path of a file in scikit-learn's `datasets` folder, such as `"images", "china.jpg"`."""
    spec = find_spec("sklearn")
    assert spec and spec.submodule_search_locations  # scikit-learn is one of our requirements
    return Path(spec.submodule_search_locations[0], "datasets", *parts)


def handwritten() -> tuple[np.ndarray, np.ndarray]:
    """What `sklearn.datasets.load_digits` gives: images (1797, 8, 8), 0 to 16, and their labels."""
    table = np.loadtxt(bundled("data", "digits.csv.gz"), delimiter=",")
    return table[:, :-1].reshape(-1, 8, 8), table[:, -1].astype(int)
