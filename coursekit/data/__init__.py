"""Floor 1. Data: whole sets as tensors on the device, toy densities, integrity and download."""

from coursekit.data.catalogue import load
from coursekit.data.tensors import Batch, Batches, Dataset, Split

__all__ = ["Batch", "Batches", "Dataset", "Split", "load"]
