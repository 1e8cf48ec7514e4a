"""Transfer: examples made on one model, tried on another.

`models` divides the images and puts scikit-learn's models and torch networks behind one interface,
with gradients where they have none; `trees` attacks decision trees; `surrogate` makes examples on
ensembles, hyperplanes and a surrogate trained on a black box's answers; `matrix` shows every
source's examples to every target.
"""

from coursekit.transfer.matrix import (
    PAPER,
    TECHNIQUES,
    Transfer,
    across_parts,
    bootstrap,
    transfer_matrix,
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
from coursekit.transfer.trees import Leaves, leaf_path, nearest_leaf, path_pixels

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
    "bootstrap",
    "make_splits",
    "hyperplane_step",
    "hyperplanes",
    "jacobian_augmentation",
    "leaf_path",
    "linear_view",
    "nearest_leaf",
    "path_pixels",
    "substitutes",
    "transfer_matrix",
    "wrong_answers",
]
