"""Who may see what. A transfer experiment is void if two of its parties share images."""

from typing import NamedTuple

from coursekit.data import Dataset, Split


class Roles(NamedTuple):
    """Data of the parties: no original stands in two of them.

    Attributes:
        parts: what the models learn from, one part each.
        judged: what is attacked and judged; no model learns from it.
        spare: what the adversary owns who has no model.
    """

    parts: tuple[Split, ...]
    judged: Split
    spare: Split


def deal(data: Dataset, parts: int, size: int, n: int) -> Roles:
    """Deal a data set's images out to the parties of a transfer experiment.

    The training set goes to `parts` models, as in Papernot et al. 2016; half of the test set
    is attacked, half is the adversary's.

    Args:
        parts: how many parts the training set is dealt into.
        size: images that a part keeps at most.
        n: images that are attacked at most.

    Raises:
        CourseError: a number below 1, or more parts than originals.
    """
    judged, spare = data.test.split(2)
    return Roles(tuple(p.take(size) for p in data.train.split(parts)), judged.take(n), spare)
