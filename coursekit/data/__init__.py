"""Data: whole sets as tensors on one device, toy densities, photos, download and verification."""

from coursekit.data import captions, toys
from coursekit.data.dataset import (
    Batch,
    Batches,
    Dataset,
    GanSplits,
    Sampler,
    Split,
    binarise,
    gan_splits,
    mislabelled,
    real_or_fake,
)
from coursekit.data.photos import PatchPositions, photo, whole_photo
from coursekit.data.registry import Entry, catalogue, download, load, verify
from coursekit.data.video import Film, moving_digits, warp, warping_error

__all__ = [
    "Batch",
    "Batches",
    "Dataset",
    "Entry",
    "Film",
    "GanSplits",
    "PatchPositions",
    "Sampler",
    "Split",
    "catalogue",
    "download",
    "gan_splits",
    "load",
    "moving_digits",
    "warp",
    "warping_error",
    "binarise",
    "captions",
    "mislabelled",
    "photo",
    "real_or_fake",
    "toys",
    "verify",
    "whole_photo",
]
