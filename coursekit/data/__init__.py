"""Floor 1. Data: whole sets as tensors on the device, toy densities, integrity and download."""

from coursekit.data import toys
from coursekit.data.catalogue import Entry, catalogue, check, get, load
from coursekit.data.photos import photo, whole_photo
from coursekit.data.roles import Roles, mislabelled, roles
from coursekit.data.streams import Batch, Stream
from coursekit.data.tensors import Batches, Dataset, Split
from coursekit.data.windows import Windows

__all__ = [
    "Batch",
    "Batches",
    "Dataset",
    "Entry",
    "Roles",
    "Split",
    "Stream",
    "Windows",
    "catalogue",
    "check",
    "get",
    "load",
    "mislabelled",
    "photo",
    "roles",
    "toys",
    "whole_photo",
]
