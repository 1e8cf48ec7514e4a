"""Networks that have learnt: recipes, the runs that were made of them, and how to get them back.

`recall(recipe)` answers from the reader's cache, else from `data/zoo`, else it trains.
"""

from coursekit.zoo.recipes import RECIPES, Recipe
from coursekit.zoo.runs import Run, measure, train
from coursekit.zoo.store import Recalled, check, recall, replay

__all__ = ["RECIPES", "Recalled", "Recipe", "Run", "check", "measure", "recall", "replay", "train"]
