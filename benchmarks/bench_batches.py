"""How many images a second reach the device: one tensor against PyTorch's DataLoader.

python benchmarks/bench_batches.py [--dataset digits] [--device cpu] [--rounds 7] [--seconds 0.5]
"""

import argparse
import io
from collections.abc import Iterator

import torch
from PIL import Image
from side_by_side import Contender, machine, race, table
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset
from torchvision.transforms.functional import to_pil_image, to_tensor

from coursekit.data import Split, load


class Pictures(Dataset[tuple[Tensor, int]]):
    """The usual way: PNG files (here in memory), decoded by PIL whenever one is asked for."""

    def __init__(self, split: Split):
        self.files = [encoded(image) for image in split.x.cpu()]
        self.labels = split.y.tolist()

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        return to_tensor(Image.open(io.BytesIO(self.files[row]))), self.labels[row]


def encoded(image: Tensor) -> bytes:
    file = io.BytesIO()
    to_pil_image(image).save(file, "png")
    return file.getvalue()


def endless(loader: DataLoader) -> Iterator[tuple[Tensor, Tensor]]:
    while True:
        yield from loader


def contender(batches: Iterator[tuple[Tensor, Tensor]], device: str, count: int) -> Contender:
    """Bring `count` batches to the device."""

    def work() -> int:
        images = 0
        for _ in range(count):
            x, y = next(batches)
            x, y = x.to(device), y.to(device)
            images += len(y)
        return images

    return work


def contenders(split: Split, device: str, size: int) -> dict[str, Contender]:
    """Everyone shuffles anew in each epoch and delivers float32 images and int64 labels."""
    rows = TensorDataset(split.x.cpu(), split.y.cpu())
    pictures = Pictures(split)
    loaders = {
        "DataLoader(TensorDataset)": DataLoader(rows, size, shuffle=True),
        "DataLoader(PNG by PIL)": DataLoader(pictures, size, shuffle=True),
        "DataLoader(PNG by PIL), 2 workers": DataLoader(
            pictures, size, shuffle=True, num_workers=2, persistent_workers=True
        ),
    }
    ours = split.batches(size, torch.Generator().manual_seed(0))
    everyone = {"coursekit Batches": contender(ours, device, 50)}
    for name, loader in loaders.items():
        everyone[name] = contender(endless(loader), device, 5)
    return everyone


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--size", type=int, default=64, help="images in a batch")
    parser.add_argument("--images", type=int, default=10_000, help="images in an epoch")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5)
    options = parser.parse_args()
    train = load(options.dataset, device=options.device).train.take(options.images)
    everyone = contenders(train, options.device, options.size)
    speeds = race(everyone, options.rounds, options.seconds)
    print(f"{options.dataset}: {len(train):,} images of shape {tuple(train.x.shape[1:])}, ", end="")
    print(f"batches of {options.size} on {options.device}.\n{machine()}.\n")
    print(table(speeds, "DataLoader(TensorDataset)", "images"))


if __name__ == "__main__":
    main()
