"""Transfer: examples made on one model, put to another.

`roles` deals the images out, `techniques` puts scikit-learn's models and torch networks behind one
interface, `views` lends them gradients, `trees` walks to another leaf, `crafting` holds the other
attacks, `matrix` asks every target about every source's examples, `substitute` imitates a black
box.
"""

from coursekit.transfer.matrix import (
    PAPER,
    TECHNIQUES,
    Transfer,
    across_parts,
    transfer_matrix,
    wilson,
    wrong_answers,
)
from coursekit.transfer.models import (
    KNN,
    Classifier,
    LinearSVM,
    Logistic,
    Network,
    SmoothKNN,
    Splits,
    Tree,
    hyperplanes,
    linear_view,
    make_splits,
)
from coursekit.transfer.surrogate import (
    Ensemble,
    SurrogateRound,
    hyperplane_step,
    jacobian_augmentation,
    substitutes,
)
from coursekit.transfer.trees import Leaves, leaf_path, nearest_leaf

__all__ = [
    "PAPER",
    "TECHNIQUES",
    "Classifier",
    "Ensemble",
    "Leaves",
    "Logistic",
    "LinearSVM",
    "KNN",
    "Network",
    "Splits",
    "SmoothKNN",
    "SurrogateRound",
    "Transfer",
    "Tree",
    "across_parts",
    "make_splits",
    "hyperplane_step",
    "hyperplanes",
    "jacobian_augmentation",
    "leaf_path",
    "linear_view",
    "nearest_leaf",
    "substitutes",
    "transfer_matrix",
    "wilson",
    "wrong_answers",
]
