"""Floor 3. The command line, a thin skin over `course`: one room for each group of commands."""

from coursekit.cli import datasets, publish, runs, study, zoo
from coursekit.cli.base import app

__all__ = ["app", "datasets", "publish", "runs", "study", "zoo"]
