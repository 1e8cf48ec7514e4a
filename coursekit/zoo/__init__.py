"""Networks that have learnt: recipes, the runs that were made of them, and how to get them back.

`recall(recipe)` answers from the reader's cache, else from `data/zoo`, else it trains;
`record(recipe)` is what is written of a run, `recipe_for(name, data)` the recipe for a data set.
"""

from coursekit.zoo.measures import measure
from coursekit.zoo.recipes import Recipe
from coursekit.zoo.runs import Run, train
from coursekit.zoo.store import Recalled, check, recall, record, replay, stored
from coursekit.zoo.table import RECIPES, recipe_for

__all__ = [
    "RECIPES",
    "Recalled",
    "Recipe",
    "Run",
    "check",
    "measure",
    "recall",
    "recipe_for",
    "record",
    "replay",
    "stored",
    "train",
]
