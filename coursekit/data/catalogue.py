"""Every data set the course knows, by name or by path."""

from coursekit.data.digits import digits
from coursekit.data.tensors import Dataset, Device
from coursekit.errors import CourseError


def load(
    name_or_path: str = "digits", device: Device = "cpu", seed: int = 0, size: int | None = None
) -> Dataset:
    """A whole data set as tensors on `device`.

    Args:
        name_or_path: "digits", or (soon) a torchvision name or a path.
        device: where the tensors live.
        seed: decides the order of the rows and, for `digits`, every rendering.
        size: side of the images in pixels; None takes the course's 28 (grey) or 32 (colour).
    """
    if name_or_path != "digits":
        raise CourseError(f"dataset was {name_or_path!r}; choose one of digits.")
    return digits(seed).to(device)
