"""A course on DeepDream, GANs and adversarial examples: the code that its notebooks import.

`import coursekit as ck` gives the rooms (`ck.nets`, `ck.attacks`, …); each is imported when it is
first used (PEP 562), so that the command line does not wait for torch.
"""

from importlib import import_module
from types import ModuleType

ROOMS = (
    "attacks", "data", "dreams", "errors", "gan_losses", "gradients", "io", "lab", "lipschitz",
    "metrics", "nets", "objectives", "plots", "progress", "teaching", "theory", "threats",
    "training", "transfer", "types", "zoo",
)  # fmt: skip


def __getattr__(name: str) -> ModuleType:
    if name in ROOMS:
        return import_module(f"coursekit.{name}")
    raise AttributeError(f"coursekit has no room {name!r}; there are: {', '.join(ROOMS)}.")


def __dir__() -> list[str]:
    return sorted(ROOMS)
